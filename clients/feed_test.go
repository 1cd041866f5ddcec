package clients

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// scripted is a source that answers as it is told.
type scripted struct {
	mutex    sync.Mutex
	snapshot *Snapshot
	err      error
	asked    int
}

func (s *scripted) Load(context.Context) (*Snapshot, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked++
	return s.snapshot, s.err
}

func (s *scripted) say(snapshot *Snapshot, err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.snapshot, s.err = snapshot, err
}

// watch collects what an observer is told.
func watch(feed *Feed) *[]State {
	told := new([]State)
	feed.SetObserver(func(state State, change Change) {
		if change.Notable() {
			*told = append(*told, state)
		}
	})
	return told
}

func TestFeedBeforeItsFirstSuccess(t *testing.T) {
	source := &scripted{err: errors.New("no such place")}
	feed := NewFeed("file", source, time.Minute)
	told := watch(feed)
	if feed.Directory() != nil || feed.State() != (State{Name: "file", State: NeverLoaded}) || feed.Name() != "file" {
		t.Errorf("new: %+v", feed.State())
	}
	if err := feed.Load(t.Context()); err == nil || feed.Directory() != nil {
		t.Errorf("after a failure: %v, %v", err, feed.Directory())
	}
	state := feed.State()
	if state.State != NeverLoaded || state.LastError != "no such place" || state.LastAttempt.IsZero() || !state.LastSuccess.IsZero() {
		t.Errorf("after a failure: %+v", state)
	}
	source.say(nil, nil)
	if err := feed.Load(t.Context()); !errors.Is(err, errNothing) {
		t.Errorf("a source that returns nothing: %v", err)
	}
	source.say(&Snapshot{Clients: registered("a", "a")}, nil)
	if err := feed.Load(t.Context()); err == nil || feed.Directory() != nil {
		t.Errorf("two clients of one ID: %v", err)
	}
	source.say(&Snapshot{Clients: registered("a"), Partial: true}, nil)
	if err := feed.Load(t.Context()); err != nil || feed.Directory().Len() != 1 {
		t.Errorf("got %v", err)
	}
	if state := feed.State(); state.State != Fresh || state.Clients != 1 || !state.Partial || state.LastError != "" || state.LastSuccess.IsZero() {
		t.Errorf("after a success: %+v", state)
	}
	if len(*told) != 4 {
		t.Errorf("told %+v", *told)
	}
}

func TestCorruptFileKeepsTheLastGoodDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.json")
	write(t, path, `[{"client_id":"a"}]`)
	feed := NewFeed("file", &File{Path: path}, time.Minute)
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := feed.Directory()
	told := watch(feed)

	write(t, path, `[{"client_id":"a"},`)
	for range 3 {
		if err := feed.Load(t.Context()); err == nil {
			t.Fatal("no error")
		}
	}
	state := feed.State()
	if feed.Directory() != good || state.State != Failing || state.Clients != 1 || !strings.Contains(state.LastError, path) ||
		!strings.Contains(state.LastError, "line 1") || !state.LastAttempt.After(state.LastSuccess) {
		t.Errorf("got %+v", state)
	}
	if len(*told) != 1 || (*told)[0].State != Failing {
		t.Errorf("one failure must be told once, whatever the number of polls: %+v", *told)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := feed.Load(t.Context()); err == nil || feed.Directory() != good || len(*told) != 2 {
		t.Errorf("another error: %v, told %+v", err, *told)
	}

	write(t, path, `[{"client_id":"a"}]`)
	if err := feed.Load(t.Context()); err != nil || feed.Directory() != good {
		t.Errorf("the old content is back: %v", err)
	}
	if len(*told) != 3 || (*told)[2].State != Fresh || (*told)[2].LastError != "" {
		t.Errorf("told %+v", *told)
	}
}

func TestFileReplacedByRenameIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.json")
	write(t, path, `[{"client_id":"a"}]`)
	age(t, path, time.Hour)
	feed := NewFeed("file", &File{Path: path}, time.Minute)
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := watch(feed)
	old := feed.Directory()
	write(t, path+".new", `[{"client_id":"b"}]`)
	age(t, path+".new", time.Hour)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, standing := feed.Directory().Find("b"); standing != rule.Known || len(*told) != 1 {
		t.Errorf("standing %v, told %+v", standing, *told)
	}
	if _, standing := old.Find("a"); standing != rule.Known {
		t.Error("the directory that a request still holds has changed")
	}
}

func TestIdenticalRewriteIsNoChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.json")
	write(t, path, `[{"client_id":"a"}]`)
	sources := map[string]Source{"file": &File{Path: path}, "static": Static{{ClientID: "a"}}}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			feed := NewFeed(name, source, time.Minute)
			if err := feed.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			told, before := watch(feed), feed.Directory()
			write(t, path, `[{"client_id":"a"}]`)
			if err := feed.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			if feed.Directory() != before || len(*told) != 0 {
				t.Errorf("told %+v", *told)
			}
		})
	}
}

func TestContentWithoutRevisionIsAlwaysNew(t *testing.T) {
	feed := NewFeed("other", &scripted{snapshot: &Snapshot{Clients: registered("a")}}, 0)
	told := watch(feed)
	for range 2 {
		if err := feed.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(*told) != 2 {
		t.Errorf("told %+v", *told)
	}
}

// In a bubble of synctest the test fails if a goroutine is left when it ends.
func TestRunPollsAndStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &scripted{snapshot: &Snapshot{Clients: registered("a"), Revision: "1"}}
		feed := NewFeed("hub", source, time.Minute)
		started := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		go feed.Run(ctx)
		synctest.Wait()
		if feed.Directory().Len() != 1 || !feed.State().LastSuccess.Equal(started) {
			t.Errorf("nothing was loaded at once: %+v", feed.State())
		}
		source.say(&Snapshot{Clients: registered("a", "b"), Revision: "2"}, nil)
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		if feed.Directory().Len() != 1 {
			t.Error("polled too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if feed.Directory().Len() != 2 || !feed.State().LastSuccess.Equal(started.Add(time.Minute)) {
			t.Errorf("not polled: %+v", feed.State())
		}
		source.say(nil, errors.New("down"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if state := feed.State(); state.State != Failing || state.LastError != "down" || !state.LastSuccess.Equal(started.Add(time.Minute)) ||
			!state.LastAttempt.Equal(started.Add(2*time.Minute)) {
			t.Errorf("got %+v", state)
		}
		cancel()
		synctest.Wait()
		asked := source.asked
		time.Sleep(time.Hour)
		if source.asked != asked {
			t.Error("polled after its end")
		}
	})
}

func TestRunOfASourceThatNeverChangesReturns(t *testing.T) {
	feed := NewFeed("static", Static{{ClientID: "a"}}, 0)
	feed.Run(t.Context())
	if feed.Directory().Len() != 1 {
		t.Error("not loaded")
	}
}

// blocking waits until it is cancelled.
type blocking struct{}

func (blocking) Load(ctx context.Context) (*Snapshot, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestEndOfAConfigurationIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		feed := NewFeed("hub", blocking{}, time.Minute)
		told := watch(feed)
		ctx, cancel := context.WithCancel(t.Context())
		go feed.Run(ctx)
		synctest.Wait()
		cancel()
		synctest.Wait()
		if state := feed.State(); state.LastError != "" || len(*told) != 0 {
			t.Errorf("got %+v, told %+v", state, *told)
		}
		limited, done := context.WithTimeout(t.Context(), time.Second)
		defer done()
		if err := feed.Load(limited); !errors.Is(err, context.DeadlineExceeded) || feed.State().LastError == "" {
			t.Errorf("a time-out is a failure: %v, %+v", err, feed.State())
		}
	})
}

func TestObserverOfTheNewConfigurationTakesOver(t *testing.T) {
	source := &scripted{err: errors.New("first")}
	feed := NewFeed("file", source, time.Minute)
	var old, current atomic.Int32
	feed.SetObserver(func(State, Change) { old.Add(1) })
	_ = feed.Load(t.Context())
	feed.SetObserver(func(State, Change) {
		// An observer may ask the feed.
		if feed.State().LastError != "" {
			current.Add(1)
		}
	})
	source.say(nil, errors.New("second"))
	_ = feed.Load(t.Context())
	feed.SetObserver(nil)
	source.say(nil, errors.New("third"))
	_ = feed.Load(t.Context())
	if old.Load() != 1 || current.Load() != 1 {
		t.Errorf("old %d, new %d", old.Load(), current.Load())
	}
}

func TestReadersWhileTheContentChanges(t *testing.T) {
	source := &scripted{snapshot: &Snapshot{Clients: registered("a", "b")}}
	feed := NewFeed("file", source, time.Minute)
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	chain := NewChain(feed, NewFeed("never", source, 0))
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				directory := chain.Directory()
				_, a := directory.Find("a")
				_, c := directory.Find("c")
				// Either list holds one of them; a mixture would hold both or none.
				if (a == rule.Known) == (c == rule.Known) {
					t.Errorf("a %v, c %v", a, c)
					return
				}
				feed.State()
				feed.SetObserver(func(State, Change) {})
			}
		})
	}
	for i := range 200 {
		source.say(&Snapshot{Clients: registered([]string{"a", "c"}[i%2], "b")}, nil)
		if err := feed.Load(t.Context()); err != nil {
			t.Error(err)
		}
	}
	cancel()
	readers.Wait()
}
