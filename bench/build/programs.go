package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Profile is the file below the checkout with the profile that guides the compiler in xcaddy.sh.
const Profile = "caddymodule/caddy.pgo"

// xcaddy is the command that xcaddy.sh runs, in the same version.
const xcaddy = "github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.5"

// flags are those that xcaddy builds with. Its variable replaces them, so whoever adds one repeats them.
const flags = "-ldflags '-w -s' -trimpath -tags nobadger,nomysql,nopgx"

// Program is a way to build Caddy.
type Program struct {
	// Name is its word in the data, Title its name in the document.
	Name, Title string
	// Guarded says that the guard is in it, and in its configuration. Profiled says that the compiler has the profile.
	Guarded, Profiled bool
}

// Programs are those that are compared. The first one is what everybody has.
func Programs() []Program {
	return []Program{
		{"stock", "stock Caddy", false, false},
		{"guarded", "with the guard", true, false},
		{"guarded-profile", "with the guard and the profile, as `./xcaddy.sh` builds it", true, true},
		{"stock-profile", "stock Caddy, with the same profile", false, true},
	}
}

// Build builds a program from the checkout into a folder, as a user would, and says how long that took.
func (p Program) Build(ctx context.Context, root, folder string) (file string, took time.Duration, err error) {
	file = filepath.Join(folder, p.Name)
	command := exec.CommandContext(ctx, "./xcaddy.sh")
	command.Env = append(os.Environ(), "OUTPUT="+file, "GOFLAGS=", "GOWORK=off")
	if !p.Profiled {
		command.Env = append(command.Env, "PGO_PROFILE=off")
	}
	if !p.Guarded {
		version, err := caddyVersion(ctx, root)
		if err != nil {
			return "", 0, err
		}
		command = exec.CommandContext(ctx, "go", "run", xcaddy, "build", version, "--output", file)
		command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		if p.Profiled {
			command.Env = append(command.Env, fmt.Sprintf("XCADDY_GO_BUILD_FLAGS=%s '-pgo=%s'", flags, filepath.Join(root, Profile)))
		}
	}
	command.Dir = root
	begin := time.Now()
	if output, err := command.CombinedOutput(); err != nil {
		return "", 0, fmt.Errorf("building %s: %w\n%s", p.Title, err, output)
	}
	return file, time.Since(begin), nil
}

// caddyVersion is the version of Caddy that the checkout requires.
func caddyVersion(ctx context.Context, root string) (string, error) {
	command := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", "github.com/caddyserver/caddy/v2")
	command.Dir, command.Env = root, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	return string(output[:len(output)-1]), nil
}
