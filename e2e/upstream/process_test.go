package upstream

import (
	"os"
	"strings"
	"testing"
	"time"
)

// shell is a program that is a shell script.
func shell(script string) program {
	return program{command: []string{"sh", "-c", script}, install: "install a shell"}
}

// one is a configuration with one issuer.
var one = Config{Issuers: []string{"https://127.0.0.1"}}

// listens is what a program does that starts as it should.
const listens = `read line; echo '{"addresses":["127.0.0.1:1"]}'; `

func TestProgramThatDoesNotStart(t *testing.T) {
	missing := shell("")
	missing.command[0] = "no-such-command"
	for name, p := range map[string]program{
		"missing": missing, "ends": shell("exit 3"), "chatty": shell("echo ready"), "one address too few": shell(`echo '{"addresses":[]}'; read line`),
	} {
		if server, err := p.run(one.complete()); err == nil || !strings.Contains(err.Error(), p.install) {
			t.Errorf("%s: %v, %v", name, server, err)
		}
	}
}

func TestProgramThatCrashes(t *testing.T) {
	server, err := shell(listens + "exit 3").run(one.complete())
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); server.Alive() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not end")
		}
	}
	for what, err := range map[string]error{"Alive": server.Alive(), "Stop": server.Stop()} {
		if err == nil || !strings.Contains(err.Error(), "exit status 3") {
			t.Errorf("%s tells %v", what, err)
		}
	}
}

func TestProgramThatIsStopped(t *testing.T) {
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	config := one
	config.Log = log
	server, err := shell(listens + "echo out; echo error >&2; read line; exit 0").run(config.complete())
	if err != nil {
		t.Fatal(err)
	}
	if server.Alive() != nil || server.Addresses[0] != "127.0.0.1:1" {
		t.Errorf("%v, %q", server.Alive(), server.Addresses)
	}
	if err := server.Stop(); err != nil {
		t.Error(err)
	}
	if server.Alive() == nil {
		t.Error("it is still alive")
	}
	text, err := os.ReadFile(log.Name())
	if err != nil || !strings.Contains(string(text), "out\n") || !strings.Contains(string(text), "error\n") {
		t.Errorf("the log is %q, %v", text, err)
	}
}
