// Package program builds the programs of the bench from this checkout, and keeps them running.
package program

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Tags are the build tags of a Caddy as xcaddy builds it.
const Tags = "-tags=nobadger,nomysql,nopgx"

// module is the path of the module that the commands must run in.
const module = "github.com/oauthguard/caddy-oauth-guard/bench"

// Folder finds the folder of the bench; its parent is the checkout.
func Folder() (string, error) {
	output, err := goCommand("", "list", "-m", "-json").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w: run this in the folder bench of the checkout", err)
	}
	var found struct{ Path, Dir string }
	if err := json.Unmarshal(output, &found); err != nil {
		return "", err
	}
	if found.Path != module {
		return "", fmt.Errorf("this is the module %s: run the command in the folder bench of the checkout", found.Path)
	}
	return found.Dir, nil
}

func goCommand(folder string, arguments ...string) *exec.Cmd {
	command := exec.Command("go", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS="+Tags)
	return command
}

// Build builds the command cmd/<name> of the bench into a folder, with the flags of xcaddy, and returns the path of the program.
func Build(bench, name, folder string) (string, error) {
	program := filepath.Join(folder, name)
	command := goCommand(bench, "build", "-trimpath", "-ldflags=-w -s", "-o", program, "./cmd/"+name)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/%s: %w\n%s", name, err, output)
	}
	return program, nil
}

// BuildTest builds the tests of a package as a program, in the folder of its module. The guide is the file of a profile that guides the compiler, or off. The layout is a number by which the linker
// chooses the order of the functions; zero means its own.
func BuildTest(module, name, program, guide string, layout int) error {
	if output, err := goCommand(module, "test", "-c", "-pgo="+guide, fmt.Sprintf("-ldflags=-randlayout=%d", layout), "-o", program, name).CombinedOutput(); err != nil {
		return fmt.Errorf("go test -c %s: %w\n%s", name, err, output)
	}
	return nil
}

// Benchmarks runs benchmarks of the package validators, whose tests were built as a program, and returns what they print.
func Benchmarks(ctx context.Context, root, tests, names string, flags ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, tests, append([]string{"-test.run=^$", "-test.bench=" + names}, flags...)...)
	command.Dir = filepath.Join(root, "validators") // where their data is
	output, err := command.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("benchmarks of validators: %w\n%s", err, output)
	}
	return output, nil
}

// Revision is the commit of the checkout, with "modified" if files differ from it; "" if git does not know.
func Revision(bench string) string {
	git := func(arguments ...string) (string, error) {
		command := exec.Command("git", arguments...)
		command.Dir = filepath.Dir(bench)
		output, err := command.Output()
		return strings.TrimSpace(string(output)), err
	}
	revision, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return ""
	}
	// What this command writes itself does not count.
	if changed, err := git("status", "--porcelain", "--untracked-files=no", "--", ":!docs"); err != nil || changed != "" {
		revision += ", modified"
	}
	return revision
}

// Upstream is the running server behind the peers.
type Upstream struct {
	// Address is where it listens, ID that of the process.
	Address string
	ID      int

	command *exec.Cmd
	ended   chan struct{}
}

// StartUpstream builds the program of cmd/upstream into a folder, and runs it.
func StartUpstream(ctx context.Context, bench, folder string) (*Upstream, error) {
	program, err := Build(bench, "upstream", folder)
	if err != nil {
		return nil, err
	}
	u := &Upstream{ended: make(chan struct{})}
	u.command = exec.Command(program)
	u.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	output, err := u.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaint bytes.Buffer
	u.command.Stderr = &complaint
	started := make(chan error)
	go func() {
		// The signal comes when the thread ends that started the process, so the thread stays.
		runtime.LockOSThread()
		defer close(u.ended)
		err := u.command.Start()
		started <- err
		if err == nil {
			_, _ = u.command.Process.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	u.ID = u.command.Process.Pid
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(output).ReadString('\n')
		line <- strings.TrimSpace(text)
		_, _ = io.Copy(io.Discard, output)
	}()
	select {
	case u.Address = <-line:
	case <-ctx.Done():
	}
	if u.Address == "" {
		u.Stop()
		return nil, fmt.Errorf("the upstream does not say where it listens: %v\n%s", ctx.Err(), complaint.String())
	}
	return u, nil
}

// Stop ends the process.
func (u *Upstream) Stop() {
	_ = u.command.Process.Kill()
	<-u.ended
}
