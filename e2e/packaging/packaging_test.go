package packaging_test

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// output runs a command, and fails unless it succeeds.
func output(t *testing.T, name string, arguments ...string) string {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Env = append(os.Environ(), "XDG_CONFIG_HOME="+built.folder, "XDG_DATA_HOME="+built.folder)
	text, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, text)
	}
	return string(text)
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(documents + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestService lets systemd judge the unit, with the program at a place where it is.
func TestService(t *testing.T) {
	unit := strings.ReplaceAll(read(t, "caddy.service"), "/usr/local/bin/caddy", program(t))
	name := filepath.Join(t.TempDir(), "caddy.service")
	if err := os.WriteFile(name, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := output(t, "systemd-analyze", "verify", name); text != "" {
		t.Errorf("systemd-analyze verify says\n%s", text)
	}
	// The threshold is in tenths: at most 2.0 of 10.
	output(t, "systemd-analyze", "security", "--offline=true", "--threshold=20", name)
	if strings.Contains(unit, "--environ\n") || strings.Contains(unit, "run --environ") {
		t.Error("the unit writes the environment into the log, tokens included")
	}
}

// TestSystemCalls compares what a Caddy with a guard asks of the kernel with what the unit lets pass.
func TestSystemCalls(t *testing.T) {
	allowed := map[string]bool{}
	unit := read(t, "caddy.service")
	for _, match := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(@[a-z-]+)$`).FindAllStringSubmatch(unit, -1) {
		for _, call := range expand(t, match[2]) {
			allowed[call] = match[1] == ""
		}
	}
	if len(allowed) < 200 {
		t.Fatalf("only %d system calls are known", len(allowed))
	}
	folder := t.TempDir()
	trace := filepath.Join(folder, "trace")
	config := filepath.Join(folder, "Caddyfile")
	text := fmt.Sprintf("{\n\tadmin off\n\tskip_install_trust\n\tstorage file_system %s\n}\nhttps://localhost:0 {\n\tbind 127.0.0.1\n\ttls internal\n"+
		"\tlog {\n\t\toutput file %s\n\t}\n\toauth_guard {\n\t\tclients file %s\n\t\tclients hub http://127.0.0.1:9 {\n\t\t\trefresh 1s\n\t\t}\n\t}\n}\n",
		filepath.Join(folder, "store"), filepath.Join(folder, "access.log"), absolute(t, root+"/docs/examples/hub-services.json"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("strace", "-f", "-qq", "-o", trace, program(t), "run", "--config", config)
	command.Env = append(os.Environ(), "XDG_CONFIG_HOME="+folder, "XDG_DATA_HOME="+folder)
	// The signal goes to Caddy, since strace lets none interrupt it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log strings.Builder
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	// Once it has asked the Hub, it has done everything that it does.
	asked := func() bool {
		content, err := os.ReadFile(trace)
		return err == nil && strings.Contains(string(content), "sin_port=htons(9)")
	}
	for begin := time.Now(); !asked() && time.Since(begin) < time.Minute; time.Sleep(100 * time.Millisecond) {
	}
	if err := errors.Join(syscall.Kill(-command.Process.Pid, syscall.SIGINT), command.Wait()); err != nil || !asked() {
		t.Fatalf("Caddy under strace: %v\n%s", err, log.String())
	}
	content, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^\d+ +([a-z_0-9]+)\(`).FindAllStringSubmatch(string(content), -1) {
		if calls[match[1]] = true; !allowed[match[1]] {
			t.Errorf("the unit does not allow %s", match[1])
		}
	}
	if !calls["bind"] || !calls["connect"] || !calls["renameat"] {
		t.Errorf("only these system calls were seen: %v", calls)
	}
}

// expand lists the system calls of a set of systemd.
func expand(t *testing.T, set string) (calls []string) {
	t.Helper()
	for line := range strings.Lines(output(t, "systemd-analyze", "syscall-filter", set)) {
		switch line = strings.TrimSpace(line); {
		case line == "" || line == set || line[0] == '#':
		case line[0] == '@':
			calls = append(calls, expand(t, line)...)
		default:
			calls = append(calls, line)
		}
	}
	return calls
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	full, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

const lint = `import { validate } from 'dockerfile-utils';
import { readFileSync } from 'node:fs';
const problems = validate(readFileSync(0, 'utf8'));
for (const { range, message } of problems) console.log(range.start.line + 1 + ': ' + message);
`

// TestDockerfile lints the Dockerfile, and looks for what a linter does not know.
func TestDockerfile(t *testing.T) {
	text := read(t, "Dockerfile")
	if problems := lintDockerfile(t, text); problems != "" {
		t.Errorf("the linter says\n%s", problems)
	}
	if problems := lintDockerfile(t, text+"CMD [\"x\"]\nEXPOSE x\n"); strings.Count(problems, "\n") < 2 {
		t.Errorf("the linter finds only %q in a Dockerfile with two mistakes", problems)
	}
	var instructions []string
	for line := range strings.Lines(text) {
		instructions = append(instructions, strings.TrimSpace(line))
	}
	for _, want := range []string{"USER 65532:65532", "FROM scratch", `ENTRYPOINT ["/usr/bin/caddy"]`, "COPY --from=build /image/ /", "COPY --from=build --chown=65532:65532 /writable/ /"} {
		if !slices.Contains(instructions, want) {
			t.Errorf("there is no %s", want)
		}
	}
	module, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))
	if want := "FROM golang:" + version[1] + "-"; !strings.Contains(text, want) {
		t.Errorf("the image is built with another Go than %s of go.mod", version[1])
	}
	if !strings.Contains(output(t, program(t), "list-modules"), "\nhttp.handlers.oauth_guard\n") {
		t.Error("the program of the image has no guard")
	}
	file, err := elf.Open(program(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the program needs the libraries %v (%v), which the image does not have", libraries, err)
	}
}

func lintDockerfile(t *testing.T, text string) string {
	t.Helper()
	node, err := packages.Node()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := packages.Folder()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(node, "--input-type=module", "--eval", lint)
	command.Dir, command.Stdin = folder, strings.NewReader(text)
	problems, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(problems)
}

// TestCompletion asks bash for words, with the script that Caddy writes.
func TestCompletion(t *testing.T) {
	folder := t.TempDir()
	script := filepath.Join(folder, "caddy.bash")
	if err := os.WriteFile(script, []byte(output(t, program(t), "completion", "bash")), 0o600); err != nil {
		t.Fatal(err)
	}
	// What the script takes from the package bash-completion.
	const prelude = `_get_comp_words_by_ref() { cur=${COMP_WORDS[COMP_CWORD]}; prev=${COMP_WORDS[COMP_CWORD-1]}; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
__ltrim_colon_completions() { :; }
compopt() { :; }
_filedir() { COMPREPLY+=(FILES); }
`
	for _, test := range []struct{ line, want string }{
		{"oauth-guard ch", "check"},
		{"oauth-guard check --conf", "--config"},
		{"oauth-guard check --profile f", "fapi2"},
		{"oauth-guard rules authorize.redirect_uri.unreg", "authorize.redirect_uri.unregistered"},
	} {
		words := strings.Fields(test.line)
		line := fmt.Sprintf("%s source '%s'; COMP_TYPE=9; COMP_WORDS=('%s' %s); COMP_CWORD=%d; COMP_LINE=\"${COMP_WORDS[*]}\"; COMP_POINT=${#COMP_LINE}; __start_caddy; printf '%%s\\n' \"${COMPREPLY[@]}\"",
			prelude, script, program(t), test.line, len(words))
		if have := output(t, "bash", "-c", line); !strings.HasPrefix(have, test.want) {
			t.Errorf("%s: offers %q, want %s", test.line, have, test.want)
		}
	}
	for _, shell := range []string{"zsh", "fish", "powershell"} {
		if !strings.Contains(output(t, program(t), "completion", shell), "__complete") {
			t.Errorf("the script for %s asks Caddy for nothing", shell)
		}
	}
}

// TestManualPages lets Caddy write its manual, and reads the pages of the guard.
func TestManualPages(t *testing.T) {
	folder := t.TempDir()
	output(t, program(t), "manpage", "--directory", folder)
	for _, name := range []string{"", "-check", "-replay", "-learn", "-rules", "-clients"} {
		text, err := os.ReadFile(filepath.Join(folder, "caddy-oauth-guard"+name+".8"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, section := range []string{".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH EXAMPLE"} {
			if !strings.Contains(string(text), section) {
				t.Errorf("the page of oauth-guard%s has no %s", name, section)
			}
		}
	}
}
