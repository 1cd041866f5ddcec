package clients

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// finding is a source of the client "listed", which can be asked for the others that it holds.
type finding struct {
	scripted
	mutex   sync.Mutex
	hidden  map[string]*Registration
	failure error
	delay   time.Duration
	asked   map[string]int
	total   atomic.Int64
}

// newFinding is a source that finds "hidden".
func newFinding() *finding {
	f := &finding{hidden: map[string]*Registration{"hidden": {Client: rule.Client{ID: "hidden"}}}, asked: map[string]int{}}
	f.say(&Snapshot{Clients: registered("listed"), Revision: "1"}, nil)
	return f
}

// answerAfter makes the source slow.
func (f *finding) answerAfter(delay time.Duration) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.delay = delay
}

// Lookup implements [Finder].
func (f *finding) Lookup(ctx context.Context, id string) (*Registration, error) {
	f.total.Add(1)
	f.mutex.Lock()
	f.asked[id]++
	found, failure, delay := f.hidden[id], f.failure, f.delay
	f.mutex.Unlock()
	if !sleep(ctx, delay) {
		return nil, ctx.Err()
	}
	return found, failure
}

// asking is a feed of the source that has loaded.
func asking(t *testing.T, source Source, limits LookupLimits) (*Live, *Chain) {
	t.Helper()
	live := NewLive("hub", source, LiveSettings{Lookups: limits})
	if err := live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return live, NewChain(live.Feed)
}

// standing is what a chain says about an ID.
func standing(chain *Chain, id string) rule.Standing {
	_, standing := chain.Directory().Find(id)
	return standing
}

func TestAsk(t *testing.T) {
	source := newFinding()
	live, chain := asking(t, source, LookupLimits{PerMinute: 60})
	for _, c := range []struct {
		id            string
		before, after rule.Standing
		asked         int
	}{
		{"listed", rule.Known, rule.Known, 0},
		{"hidden", rule.Askable, rule.Known, 1},
		{"nobody", rule.Askable, rule.Absent, 1},
		{"a/b", rule.Unjudged, rule.Unjudged, 0},
		{"..", rule.Unjudged, rule.Unjudged, 0},
		{"", rule.Unjudged, rule.Unjudged, 0},
		{"a b", rule.Unjudged, rule.Unjudged, 0},
	} {
		if got := standing(chain, c.id); got != c.before {
			t.Errorf("%q before: %v, want %v", c.id, got, c.before)
		}
		for range 3 {
			chain.Ask(t.Context(), []string{c.id})
		}
		if got := standing(chain, c.id); got != c.after {
			t.Errorf("%q after: %v, want %v", c.id, got, c.after)
		}
		if source.asked[c.id] != c.asked {
			t.Errorf("%q was asked for %d times, want %d", c.id, source.asked[c.id], c.asked)
		}
	}
	if got, want := live.State().Lookups, (Lookups{Found: 1, Absent: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	// What was learned ends with the next load, even if that brings nothing new.
	if err := live.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"hidden", "nobody"} {
		if got := standing(chain, id); got != rule.Askable {
			t.Errorf("%s after a load: %v", id, got)
		}
	}
}

// TestAskFailure expects that nothing is learned from a failure, and that the next request may ask again.
func TestAskFailure(t *testing.T) {
	source := newFinding()
	source.failure = errors.New("503")
	live, chain := asking(t, source, LookupLimits{PerMinute: 60})
	chain.Ask(t.Context(), []string{"nobody"})
	if got := standing(chain, "nobody"); got != rule.Askable {
		t.Errorf("after a failure: %v", got)
	}
	source.failure = nil
	chain.Ask(t.Context(), []string{"nobody"})
	if got := standing(chain, "nobody"); got != rule.Absent {
		t.Errorf("after an answer: %v", got)
	}
	if got, want := live.State().Lookups, (Lookups{Failed: 1, Absent: 1}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}

// TestAskForAnother expects that an answer about another client counts for nothing.
func TestAskForAnother(t *testing.T) {
	source := newFinding()
	source.hidden["new"] = &Registration{Client: rule.Client{ID: "other"}}
	source.hidden["alias"] = &Registration{Client: rule.Client{ID: "other"}, Aliases: []string{"alias"}}
	_, chain := asking(t, source, LookupLimits{PerMinute: 60})
	chain.Ask(t.Context(), []string{"new", "alias"})
	if got := standing(chain, "new"); got != rule.Askable {
		t.Errorf("new: %v", got)
	}
	if got := standing(chain, "alias"); got != rule.Known {
		t.Errorf("alias: %v", got)
	}
}

// TestAskInDoubt expects that a 404 proves nothing where the list is empty, partial or too old.
func TestAskInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, snapshot := range map[string]*Snapshot{"empty": {}, "partial": {Clients: registered("listed"), Partial: true}} {
			source := newFinding()
			source.say(snapshot, nil)
			_, chain := asking(t, source, LookupLimits{PerMinute: 60})
			chain.Ask(t.Context(), []string{"nobody", "hidden"})
			if got := standing(chain, "nobody"); got != rule.Unjudged {
				t.Errorf("%s: %v", name, got)
			}
			if got := standing(chain, "hidden"); got != rule.Known {
				t.Errorf("%s: %v", name, got)
			}
		}
		live, chain := asking(t, newFinding(), LookupLimits{PerMinute: 60})
		time.Sleep(DefaultMaxStale + time.Second)
		live.change(func(*delivery) {})
		chain.Ask(t.Context(), []string{"nobody", "hidden"})
		if state := live.State().State; state != TooOld {
			t.Errorf("state %s", state)
		}
		for id, want := range map[string]rule.Standing{"listed": rule.Known, "nobody": rule.Unjudged, "hidden": rule.Known} {
			if got := standing(chain, id); got != want {
				t.Errorf("too old: %s: %v, want %v", id, got, want)
			}
		}
	})
}

// TestAskFlood lets many requests with invented IDs come, and counts what reaches the source in any minute.
func TestAskFlood(t *testing.T) {
	for _, limit := range []int{1, 2, 3, 10, 60} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := newFinding()
				_, chain := asking(t, source, LookupLimits{PerMinute: limit})
				var times []time.Time
				for i := range 5 * 60 {
					before := source.total.Load()
					for j := range 20 {
						chain.Ask(t.Context(), []string{fmt.Sprintf("invented-%d-%d", i, j)})
					}
					for range source.total.Load() - before {
						times = append(times, time.Now())
					}
					time.Sleep(time.Second)
				}
				for i := range times {
					if j := i + limit; j < len(times) && times[j].Sub(times[i]) < time.Minute {
						t.Fatalf("%d questions within %v", limit+1, times[j].Sub(times[i]))
					}
				}
				// A spared question may be asked later, so some must get through.
				if len(times) < 2*limit {
					t.Errorf("only %d questions in five minutes", len(times))
				}
			})
		})
	}
}

// TestAskSlowly expects one question for many requests with the same ID, and that none of them waits longer than the limit.
func TestAskSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newFinding()
		source.answerAfter(time.Second)
		live, chain := asking(t, source, LookupLimits{PerMinute: 60, Timeout: 2 * time.Second})
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { chain.Ask(t.Context(), []string{"hidden"}) })
		}
		group.Wait()
		if source.asked["hidden"] != 1 || standing(chain, "hidden") != rule.Known {
			t.Errorf("asked %d times: %v", source.asked["hidden"], standing(chain, "hidden"))
		}
		source.answerAfter(time.Hour)
		began := time.Now()
		chain.Ask(t.Context(), []string{"nobody"})
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("waited %v", waited)
		}
		// A request that ends takes nothing away from the others.
		source.answerAfter(time.Second)
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		chain.Ask(short, []string{"gone"})
		time.Sleep(2 * time.Second)
		if got := standing(chain, "gone"); got != rule.Absent {
			t.Errorf("the answer is lost: %v", got)
		}
		if got, want := live.State().Lookups, (Lookups{Found: 1, Failed: 1, Absent: 1}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}

// TestAnswersAreBounded fills the memory for answers.
func TestAnswersAreBounded(t *testing.T) {
	a := new(answers)
	for i := range maxAnswers + 10 {
		// Copying all maps would take too long here, so the next ones are added in place.
		if len(a.absent) == maxAnswers || a.absent == nil {
			a = a.and(fmt.Sprint(i), nil)
			continue
		}
		a.absent[fmt.Sprint(i)] = struct{}{}
	}
	if len(a.absent)+len(a.found) > maxAnswers {
		t.Errorf("%d answers are kept", len(a.absent)+len(a.found))
	}
}

// TestAskSeveralSources expects that the first source that knows ends the question.
func TestAskSeveralSources(t *testing.T) {
	first, second := newFinding(), newFinding()
	one, _ := asking(t, first, LookupLimits{PerMinute: 60})
	two, _ := asking(t, second, LookupLimits{PerMinute: 60})
	plain := fed(t, "file", &Snapshot{Clients: registered("written")})
	chain := NewChain(plain, one.Feed, two.Feed)
	chain.Ask(t.Context(), []string{"hidden", "nobody"})
	if first.asked["hidden"] != 1 || second.asked["hidden"] != 0 || second.asked["nobody"] != 1 {
		t.Errorf("asked %v and %v", first.asked, second.asked)
	}
	for id, want := range map[string]rule.Standing{"written": rule.Known, "hidden": rule.Known, "nobody": rule.Absent, "other": rule.Askable, "a b": rule.Unjudged} {
		if got := standing(chain, id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}

// TestWithoutLookups expects that a source that is not asked leaves no question open.
func TestWithoutLookups(t *testing.T) {
	_, chain := asking(t, newFinding(), LookupLimits{})
	if got := standing(chain, "nobody"); got != rule.Absent {
		t.Errorf("%v", got)
	}
}
