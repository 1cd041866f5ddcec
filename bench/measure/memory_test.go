package measure

import (
	"os"
	"testing"
)

func TestResident(t *testing.T) {
	if got, err := Resident(os.Getpid()); err != nil || got < 1<<20 || got > 1<<34 {
		t.Errorf("%d bytes, %v", got, err)
	}
	if _, err := Resident(1 << 30); err == nil {
		t.Error("no error for a process that does not exist")
	}
}
