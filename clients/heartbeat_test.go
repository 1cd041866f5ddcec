package clients

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const archiveHeartbeat = archiveBase + "heartbeat.json"

func TestHeartbeatIsStored(t *testing.T) {
	store := newArchiveStore()
	archive := archiveIn(store)
	if _, err := archive.Heartbeat(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is stored: %v", err)
	}
	sent := Heartbeat{
		Term: 3, Holder: newHolder(), Number: 7, Instance: "host/1", Locked: true, Attempted: archiveTime, Error: strings.Repeat("ä", maxHeartbeatError), LeaveAlone: true,
	}
	stored, err := archive.Beat(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	found, err := archiveIn(store).Heartbeat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if difference := cmp.Diff(stored, found); difference != "" {
		t.Errorf("(-stored, +found):\n%s", difference)
	}
	if found.Kind != heartbeatKind || found.Format != heartbeatFormat || found.Key != "a" || found.Time.IsZero() || len(found.Error) > maxHeartbeatError || !strings.HasPrefix(sent.Error, found.Error) {
		t.Errorf("%+v", found)
	}
	if n := len(store.get(archiveHeartbeat)); n > maxHeartbeat {
		t.Errorf("%d bytes", n)
	}
}

// Of two instances that believe to fetch, the one with the higher term, or by chance, keeps the role, and what it stored.
func TestHeartbeatDecidesWhoFetches(t *testing.T) {
	for name, test := range map[string]struct {
		stored, next Heartbeat
		overtaken    bool
	}{
		"a later term":      {Heartbeat{Term: 2, Holder: "a"}, Heartbeat{Term: 1, Holder: "b"}, true},
		"an earlier term":   {Heartbeat{Term: 1, Holder: "b"}, Heartbeat{Term: 2, Holder: "a"}, false},
		"the same, higher":  {Heartbeat{Term: 2, Holder: "b"}, Heartbeat{Term: 2, Holder: "a"}, true},
		"the same, lower":   {Heartbeat{Term: 2, Holder: "a"}, Heartbeat{Term: 2, Holder: "b"}, false},
		"its own":           {Heartbeat{Term: 2, Holder: "a", Number: 5}, Heartbeat{Term: 2, Holder: "a", Number: 6}, false},
		"released, but new": {Heartbeat{Term: 3, Holder: "a", Released: true}, Heartbeat{Term: 2, Holder: "b"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			archive := archiveIn(newArchiveStore())
			before, err := archive.Beat(t.Context(), test.stored)
			if err != nil {
				t.Fatal(err)
			}
			other, err := archive.Beat(t.Context(), test.next)
			if errors.Is(err, ErrOvertaken) != test.overtaken {
				t.Errorf("%v", err)
			}
			found, err := archive.Heartbeat(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if test.overtaken && (other != before || found != before) || !test.overtaken && found.Holder != test.next.Holder {
				t.Errorf("returned %+v, stored %+v", other, found)
			}
		})
	}
}

// What is no heartbeat is none, and is replaced. A heartbeat of a later release is one.
func TestHeartbeatThatIsNone(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"cut":             `{"kind":"oauth_guard heartbeat","format":1,"key":"a","te`,
		"JSON":            `[]`,
		"a manifest":      `{"kind":"oauth_guard clients","format":1,"key":"a","term":1}`,
		"another source":  `{"kind":"oauth_guard heartbeat","format":1,"key":"b","term":1}`,
		"no term":         `{"kind":"oauth_guard heartbeat","format":1,"key":"a"}`,
		"a term too high": `{"kind":"oauth_guard heartbeat","format":1,"key":"a","term":18446744073709551615}`,
		"a long one":      `{"kind":"oauth_guard heartbeat","format":1,"key":"a","term":1,"error":"` + strings.Repeat("x", maxHeartbeat) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			store := newArchiveStore()
			store.put(archiveHeartbeat, []byte(text))
			archive := archiveIn(store)
			if _, err := archive.Heartbeat(t.Context()); refusalOf(err) != RefusedForeign {
				t.Errorf("%v", err)
			}
			if _, err := archive.Beat(t.Context(), Heartbeat{Term: 1, Holder: "a"}); err != nil {
				t.Errorf("%v", err)
			}
			if _, err := archive.Heartbeat(t.Context()); err != nil {
				t.Errorf("%v", err)
			}
		})
	}
	store := newArchiveStore()
	store.put(archiveHeartbeat, []byte(`{"kind":"oauth_guard heartbeat","format":2,"key":"a","term":9,"holder":"z","number":4,"more":[1]}`))
	if found, err := archiveIn(store).Heartbeat(t.Context()); err != nil || found.Term != 9 || found.Number != 4 {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := archiveIn(store).Beat(t.Context(), Heartbeat{Term: 8}); !errors.Is(err, ErrOvertaken) {
		t.Errorf("%v", err)
	}
}

func TestHeartbeatOfAStorageThatFails(t *testing.T) {
	for _, call := range []string{"load", "store"} {
		store := newArchiveStore()
		store.fail(fs.ErrPermission, call)
		if _, err := archiveIn(store).Beat(t.Context(), Heartbeat{Term: 1}); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), archiveHeartbeat) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// TestErrorsOfTheSameKind expects one line in the log for errors that differ only in what is another one each time.
func TestErrorsOfTheSameKind(t *testing.T) {
	for _, test := range []struct {
		compare func(a, b string) bool
		a, b    string
		same    bool
	}{
		{sameTrouble, "store oauth_guard/clients/0f/chunks/00001763-ab12.0000: open /srv/.x-8123: no space left on device", "store oauth_guard/clients/0f/chunks/00001764-cd34.0003: open /srv/.x-77: no space left on device", true},
		{sameTrouble, "store x: no space left on device", "store x: read-only file system", false},
		{sameTrouble, "store x: no space left on device", "", false},
		{sameError, "read tcp 127.0.0.1:4242->127.0.0.1:80: connection reset by peer", "read tcp 127.0.0.1:4243->127.0.0.1:80: connection reset by peer", true},
		{sameError, "read tcp 127.0.0.1:4242->127.0.0.1:80: connection reset by peer", "read tcp 127.0.0.1:4243->127.0.0.1:81: connection reset by peer", false},
		{sameError, "401", "403", false},
		{sameError, "line 1", "line 2", false},
		{sameError, "401", "", false},
	} {
		if test.compare(test.a, test.b) != test.same {
			t.Errorf("%q and %q: not %v", test.a, test.b, test.same)
		}
	}
	live := NewLive("hub", source("a"), LiveSettings{})
	told := 0
	live.SetObserver(func(_ State, change Change) {
		if change.Storage {
			told++
		}
	})
	for _, text := range []string{"temporary 17: full", "temporary 18: full", "temporary 19: full"} {
		live.note(storing, errors.New(text))
	}
	if state := live.State(); told != 1 || state.StorageError != "temporary 17: full" {
		t.Errorf("told %d times: %q", told, state.StorageError)
	}
	live.note(storing, nil)
	if state := live.State(); told != 2 || state.StorageError != "" {
		t.Errorf("told %d times: %q", told, state.StorageError)
	}
}
