package command_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command"
	"github.com/oauthguard/caddy-oauth-guard/internal/trafficlog"
)

// asCaddy makes of the test program a Caddy, for tests of what only a process has: an exit status, signals, memory.
const asCaddy = "OAUTH_GUARD_TEST_AS_CADDY"

func TestMain(m *testing.M) {
	if os.Getenv(asCaddy) != "" {
		os.Unsetenv(asCaddy)
		caddycmd.Main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// caddy is a command of the guard as a process of its own.
func caddy(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	return process(t, append([]string{"oauth-guard"}, args...)...)
}

// process is Caddy as a process of its own.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	started := exec.Command(program, args...)
	home := t.TempDir()
	started.Env = append(os.Environ(), asCaddy+"=1", "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home, "STORE="+filepath.Join(home, "store"))
	return started
}

// status is the exit status of a command.
func status(t *testing.T, err error) int {
	t.Helper()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &ended):
		return ended.ExitCode()
	}
	t.Fatal(err)
	return -1
}

// TestExitStatus asks a real process, since scripts do.
func TestExitStatus(t *testing.T) {
	for _, test := range []struct {
		name  string
		stdin string
		args  []string
		want  int
	}{
		{"passes", "", []string{"check", "--config", "testdata/hub.caddyfile", goodURL}, 0},
		{"fails", "", []string{"check", "--config", "testdata/nothing.caddyfile", goodURL}, 1},
		{"refused", "", []string{"check", "--config", "testdata/hub.caddyfile", wrongURL}, 2},
		{"refused, from a pipe", "GET /api/rest/oauth2/auth?client_id=tracker\nHost: hub.example.com\n", []string{"check", "--config", "testdata/hub.caddyfile", "-"}, 2},
		{"undecidable", "", []string{"check", "--config", "testdata/live.caddyfile", goodURL}, 3},
		{"no way around", "", []string{"check", "--config", "testdata/hub.caddyfile"}, 0},
		{"a way around", "", []string{"check", "--config", "testdata/around.caddyfile"}, 2},
		{"replay", "", []string{"replay", "--config", "testdata/hub.caddyfile", "testdata/caddy.log"}, 0},
		{"replay of nothing", "", []string{"replay", "testdata/nothing.log"}, 1},
		{"no such rule", "", []string{"rules", "nothing.at.all"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			command := caddy(t, test.args...)
			command.Stdin = strings.NewReader(test.stdin)
			output, err := command.CombinedOutput()
			if got := status(t, err); got != test.want {
				t.Errorf("exit status %d, want %d:\n%s", got, test.want, output)
			}
			if bytes.Contains(output, []byte("\x1b[")) {
				t.Errorf("colours without a terminal: %q", output)
			}
		})
	}
}

// writeLog makes up a log, and returns its name, that of the clients, and what is in it.
func writeLog(t *testing.T, format trafficlog.Format, size int64) (log, clients string, counted *trafficlog.Count) {
	t.Helper()
	folder := t.TempDir()
	log, clients = filepath.Join(folder, "access.log"), filepath.Join(folder, "clients.json")
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	counted, err = trafficlog.Write(file, format, size, 7)
	if err = errors.Join(err, file.Close(), os.WriteFile(clients, trafficlog.Clients(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return log, clients, counted
}

// TestKilled kills a replay, without warning, and lets it go on: the report is that of a replay that was not killed.
func TestKilled(t *testing.T) {
	log, clients, _ := writeLog(t, trafficlog.Caddy, 24<<20)
	whole, err := caddy(t, "replay", "--json", "--clients", clients, log).Output()
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "state")
	arguments := []string{"replay", "--json", "--clients", clients, "--workers", "1", "--resume", state, "--save-every", "1ms", log}
	kills := 0
	for round := 0; ; round++ {
		command := caddy(t, arguments...)
		var out bytes.Buffer
		command.Stdout = &out
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(state)
		for kills < 3 {
			if now, err := os.ReadFile(state); err == nil && !bytes.Equal(now, before) {
				kills++
				_ = command.Process.Kill()
				break
			}
			time.Sleep(time.Millisecond)
		}
		if err := command.Wait(); err == nil {
			if kills == 0 {
				t.Error("it was never killed")
			}
			if diff := cmp.Diff(string(whole), out.String()); diff != "" {
				t.Errorf("after %d kills (-whole +resumed):\n%s", kills, diff)
			}
			break
		}
		if round > 10 {
			t.Fatal("it does not end")
		}
	}
	info, err := os.Stat(state)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: others can read the state", info, err)
	}
	if leftovers, _ := filepath.Glob(filepath.Join(filepath.Dir(state), ".state-*")); len(leftovers) > kills {
		t.Errorf("left behind: %q", leftovers)
	}
	if output, err := caddy(t, "replay", "--profile", "oauth21", "--endpoint", "authorize=/a", "--resume", state, log).CombinedOutput(); err == nil || !bytes.Contains(output, []byte("remove the file to begin anew")) {
		t.Errorf("another guard: %v\n%s", err, output)
	}
}

// memoryFactor is how many times more memory the program of the test takes than that of users: the race detector keeps its own account of every byte.
var memoryFactor int64 = 1

// TestMemory reads a log, and one that is six times as large: both stay far below 200 MB. make bench-replay does the same with a gigabyte.
func TestMemory(t *testing.T) {
	most := make(map[int64]int64)
	for _, size := range []int64{10 << 20, 60 << 20} {
		log, clients, _ := writeLog(t, trafficlog.Combined, size)
		command := caddy(t, "replay", "--clients", clients, log)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		usage, is := command.ProcessState.SysUsage().(*syscall.Rusage)
		if !is {
			t.Fatal("the system does not tell the memory of a process")
		}
		most[size] = usage.Maxrss // KiB on Linux
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("resident: %v KiB", most)
	if most[60<<20] > memoryFactor*120<<10 {
		t.Errorf("%d KiB for 60 MiB", most[60<<20])
	}
}

// TestCounts compares what replay counts with what was put into the log, in each format.
func TestCounts(t *testing.T) {
	for _, format := range []trafficlog.Format{trafficlog.Caddy, trafficlog.Combined, trafficlog.HAProxy} {
		log, clients, counted := writeLog(t, format, 4<<20)
		did := run(t, "", "replay", "--json", "--clients", clients, log)
		if did.status != 0 {
			t.Fatal(did.stderr)
		}
		var view struct {
			Lines     int64 `json:"lines"`
			Elsewhere int64 `json:"requests_elsewhere"`
			Total     struct {
				Refused  int64 `json:"refused"`
				Reported int64 `json:"reported"`
				Judged   int64 `json:"judged"`
			} `json:"total"`
			Rules []struct {
				ID    string `json:"id"`
				Fired int64  `json:"fired"`
			} `json:"rules"`
		}
		if err := json.Unmarshal([]byte(did.stdout), &view); err != nil {
			t.Fatal(err)
		}
		if view.Lines != counted.Lines || view.Elsewhere != counted.Elsewhere {
			t.Errorf("%s: %d lines, %d elsewhere, want %d and %d", format, view.Lines, view.Elsewhere, counted.Lines, counted.Elsewhere)
		}
		faults := int64(0)
		want := make(map[string]int64)
		for i, fault := range trafficlog.Faults {
			faults += counted.Faults[i]
			want[fault.Rule] += counted.Faults[i]
		}
		if got := view.Total.Refused + view.Total.Reported; got != faults {
			t.Errorf("%s: %d requests with findings, want %d", format, got, faults)
		}
		fired := make(map[string]int64)
		for _, r := range view.Rules {
			fired[r.ID] = r.Fired
		}
		for id, count := range want {
			if fired[id] < count {
				t.Errorf("%s: %s fired %d times, want %s", format, id, fired[id], "at least "+strconv.FormatInt(count, 10))
			}
		}
	}
}

// TestRunningClients asks a running Caddy, over TCP and over a Unix socket, and one that does not run.
func TestRunningClients(t *testing.T) {
	folder, err := os.MkdirTemp("", "oauth-guard") // a path short enough for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp := listener.Addr().String()
	_ = listener.Close()
	for _, test := range []struct{ name, address string }{{"tcp", tcp}, {"socket", "unix/" + filepath.Join(folder, "admin.sock")}} {
		t.Run(test.name, func(t *testing.T) {
			if did := run(t, "", "clients", "--address", test.address); did.status != command.Failed || !strings.Contains(did.stderr, "--address "+test.address) {
				t.Errorf("nothing runs: status %d, %s", did.status, did.stderr)
			}
			config := filepath.Join(t.TempDir(), "Caddyfile")
			clients, err := filepath.Abs("testdata/clients.json")
			text := "{\n\tadmin " + test.address + "\n}\nhttp://127.0.0.1:0 {\n\toauth_guard {\n\t\tclients file " + clients + "\n\t}\n\trespond ok\n}\n"
			if err = errors.Join(err, os.WriteFile(config, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
			server := process(t, "run", "--config", config, "--adapter", "caddyfile")
			var log bytes.Buffer
			server.Stderr = &log
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
			var did outcome
			for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				if did = run(t, "", "clients", "--json", "--address", test.address); did.status == 0 && strings.Contains(did.stdout, "tracker") {
					break
				}
			}
			offline := run(t, "", "clients", "--json", "--clients", "testdata/clients.json")
			if diff := cmp.Diff(offline.stdout, did.stdout); diff != "" {
				t.Errorf("(-offline +running):\n%s\n%s\n%s", diff, did.stderr, log.String())
			}
			if did := run(t, "", "clients", "--address", test.address, "wiki"); did.status != 0 || !strings.Contains(did.stdout, "https://wiki.example/oauth/callback") {
				t.Errorf("one client: status %d\n%s%s", did.status, did.stdout, did.stderr)
			}
			if did := run(t, "", "clients", "--address", test.address, "../sources"); did.status != command.Failed || !strings.Contains(did.stderr, "no source knows a client ../sources") {
				t.Errorf("no such client: status %d\n%s%s", did.status, did.stdout, did.stderr)
			}
		})
	}
	if did := run(t, "", "clients", "--address", tcp, "--clients", "testdata/clients.json"); did.status != command.Failed {
		t.Error("two places at once: no error")
	}
}
