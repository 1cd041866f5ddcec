package measure

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const line = "4242 (a (b) c) S 17 4242 4242 0 -1 4194560 100 200 3 4 150 50 30 20 20 0 5 0 1000 1 2"
	got, err := parseStat([]byte(line))
	if want := (process{id: 4242, parent: 17, spent: 2500 * time.Millisecond}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, line := range []string{"", "1 (a", "1 (a) S 1", "x (a) S 1 1 1 0 -1 0 0 0 0 0 1 1 1 1"} {
		if got, err := parseStat([]byte(line)); err == nil {
			t.Errorf("%q is %+v, want an error", line, got)
		}
	}
}

func TestParseMachine(t *testing.T) {
	got, err := parseMachine("cpu  100 10 50 1000 40 5 5 20 7 0\ncpu0 1 2 3\n")
	if want := (Machine{Total: 12300 * time.Millisecond, Busy: 1900 * time.Millisecond}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := parseMachine("intr 1 2"); err == nil {
		t.Error("no error for a file without processors")
	}
}

// TestTree lets a grandchild work, whose time must count, also after it has ended.
func TestTree(t *testing.T) {
	before, err := Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("sh", "-c", "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; true").Run(); err != nil {
		t.Fatal(err)
	}
	after, err := Tree(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if after-before < 2*tick {
		t.Errorf("%s were spent, want the time of the grandchild", after-before)
	}
	machine, err := ReadMachine()
	if err != nil || machine.Busy <= 0 || machine.Busy > machine.Total {
		t.Errorf("the machine says %+v, %v", machine, err)
	}
	if _, err := Tree(1 << 30); err == nil {
		t.Error("no error for a process that does not exist")
	}
}
