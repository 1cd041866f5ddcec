package fleet_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// config is how an instance begins.
type config struct {
	// hub is the base URL of the Hub.
	hub string
	// storage is what stands behind the option storage in the Caddyfile.
	storage string
	// refresh is the interval in which the Hub is read.
	refresh time.Duration
	// source and guard are further lines of the blocks of both.
	source, guard string
	// quiet leaves out the lines about single requests, which a flood would make too many.
	quiet bool
	// wrapper is a command that runs the program, in a restricted surrounding. Empty means none.
	wrapper []string
	// user is who runs it; nil means the user of the test.
	user *syscall.Credential
}

// caddyfile is the configuration of an instance, as an operator writes it. The site answers what the guard lets pass, and says what the guard decided.
func (i *instance) caddyfile(c config) string {
	exclude := ""
	if c.quiet {
		exclude = "exclude http.handlers.oauth_guard admin.api"
	}
	return fmt.Sprintf(`{
	admin %s
	auto_https off
	persist_config off
	skip_install_trust
	grace_period 2s
	storage %s
	log default {
		output stderr
		format json
		%s
	}
}
http://%s {
	bind 127.0.0.1
	metrics /metrics
	header {
		>Guard-Decision {http.oauth_guard.decision}
		>Guard-Rule {http.oauth_guard.rule}
	}
	oauth_guard {
		clients hub %s {
			token {file../token}
			refresh %s
			%s
		}
		unknown_client reject
		%s
	}
	respond /api/* passed
}
`, i.admin, c.storage, exclude, i.address, c.hub, c.refresh, c.source, c.guard)
}

// files is Caddy's storage in a folder.
func files(folder string) string { return fmt.Sprintf("file_system %q", filepath.ToSlash(folder)) }

// instance is a Caddy process. It can be ended and started again.
type instance struct {
	t testing.TB
	// name tells it from others of the test.
	name string
	// address and admin are where the site and the admin endpoint listen.
	address, admin string
	// folder holds its files; token is the one with the token of the Hub.
	folder, token string
	config        config

	command *exec.Cmd
	stdin   io.Closer
	// ended is closed when the process is gone.
	ended chan struct{}

	mutex sync.Mutex
	// written is all that it logged, over all processes.
	written bytes.Buffer
}

// newInstance prepares an instance; it is ended with the test, which then looks for secrets in what it wrote.
func newInstance(t testing.TB, name string, c config) *instance {
	t.Helper()
	i := &instance{t: t, name: name, folder: t.TempDir(), config: c}
	var err error
	for _, address := range []*string{&i.address, &i.admin} {
		*address, err = front.FreeAddress()
		must(t, err)
	}
	i.token = filepath.Join(i.folder, "token")
	i.setToken(readToken)
	t.Cleanup(func() {
		if i.command != nil {
			i.kill()
		}
		i.searchLog()
		if t.Failed() {
			t.Logf("what %s logged last:\n%s", name, i.tail(20))
		}
	})
	return i
}

// setToken replaces the token of the Hub, at once as whole, as tools that rotate tokens do.
func (i *instance) setToken(token string) {
	i.t.Helper()
	fresh := i.token + ".new"
	must(i.t, os.WriteFile(fresh, []byte(token+"\n"), 0o644))
	must(i.t, os.Rename(fresh, i.token))
}

// start runs the process until it serves.
func (i *instance) start() {
	i.t.Helper()
	must(i.t, i.launch())
	const patience = 60 * time.Second
	for begin := time.Now(); ; time.Sleep(pause) {
		response, err := http.Get("http://" + i.address + "/")
		if err == nil {
			must(i.t, response.Body.Close())
			return
		}
		select {
		case <-i.ended:
			i.t.Fatalf("%s did not start:\n%s", i.name, i.tail(20))
		default:
		}
		if time.Since(begin) > patience {
			i.t.Fatalf("%s does not serve after %s: %v", i.name, patience, err)
		}
	}
}

// launch starts the process.
func (i *instance) launch() error {
	file := filepath.Join(i.folder, "Caddyfile")
	if err := os.WriteFile(file, []byte(i.caddyfile(i.config)), 0o644); err != nil {
		return err
	}
	line := append(append([]string{}, i.config.wrapper...), caddyProgram, "run", "--config", file)
	command := exec.Command(line[0], line[1:]...)
	// Caddy keeps some things of its own in the home of the user.
	command.Env = append(os.Environ(), "HOME="+i.folder, "XDG_DATA_HOME="+i.folder, "XDG_CONFIG_HOME="+i.folder, "REPORT_TOKEN="+reportToken)
	// Instances share what they read if the token is written in the same way.
	command.Dir = i.folder
	command.SysProcAttr = &syscall.SysProcAttr{Credential: i.config.user}
	var err error
	if i.stdin, err = command.StdinPipe(); err != nil {
		return err
	}
	stderr, err := command.StderrPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	i.command, i.ended = command, ended
	go func() {
		defer close(ended)
		lines := bufio.NewReader(stderr)
		for {
			line, err := lines.ReadBytes('\n')
			i.mutex.Lock()
			i.written.Write(line)
			i.mutex.Unlock()
			if err != nil {
				break
			}
		}
		_ = command.Wait()
	}()
	return nil
}

// kill ends the process as a crash of the machine would.
func (i *instance) kill() {
	i.t.Helper()
	_ = i.command.Process.Kill()
	i.gone(10 * time.Second)
}

// stop ends the process as an operator would, and waits for it.
func (i *instance) stop() {
	i.t.Helper()
	must(i.t, i.command.Process.Signal(syscall.SIGTERM))
	i.gone(30 * time.Second)
}

func (i *instance) gone(patience time.Duration) {
	i.t.Helper()
	select {
	case <-i.ended:
	case <-time.After(patience):
		i.t.Errorf("%s did not end within %s", i.name, patience)
	}
	_ = i.stdin.Close()
	i.command = nil
}

// log is all that was logged.
func (i *instance) log() string {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.written.String()
}

// tail is the end of the log.
func (i *instance) tail(count int) string {
	lines := strings.SplitAfter(i.log(), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "")
}
