package clients

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// fed is a feed that holds a snapshot; nil means that it has not loaded.
func fed(t testing.TB, name string, snapshot *Snapshot) *Feed {
	t.Helper()
	feed := NewFeed(name, &scripted{snapshot: snapshot}, 0)
	if snapshot != nil {
		if err := feed.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return feed
}

func TestChainFind(t *testing.T) {
	a, b := &Snapshot{Clients: registered("a")}, &Snapshot{Clients: registered("b")}
	partial, empty := &Snapshot{Clients: registered("p"), Partial: true}, &Snapshot{}
	tests := []struct {
		name  string
		feeds []*Snapshot
		id    string
		want  rule.Standing
	}{
		{"one feed, known", []*Snapshot{a}, "a", rule.Known},
		{"one feed, absent", []*Snapshot{a}, "x", rule.Absent},
		{"one feed that never loaded", []*Snapshot{nil}, "x", rule.Unjudged},
		{"one empty feed", []*Snapshot{empty}, "x", rule.Unjudged},
		{"the second knows", []*Snapshot{a, b}, "b", rule.Known},
		{"none knows", []*Snapshot{a, b}, "x", rule.Absent},
		{"known behind one that never loaded", []*Snapshot{nil, b}, "b", rule.Known},
		{"known before one that never loaded", []*Snapshot{a, nil}, "a", rule.Known},
		{"unknown beside one that never loaded", []*Snapshot{a, nil}, "x", rule.Unjudged},
		{"unknown beside an empty one", []*Snapshot{empty, b}, "x", rule.Unjudged},
		{"unknown beside a partial one", []*Snapshot{partial, b}, "x", rule.Unjudged},
		{"known behind a partial one", []*Snapshot{partial, b}, "b", rule.Known},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var feeds []*Feed
			for _, snapshot := range test.feeds {
				feeds = append(feeds, fed(t, "feed", snapshot))
			}
			client, standing := NewChain(feeds...).Directory().Find(test.id)
			if standing != test.want || (client != nil) != (standing == rule.Known) {
				t.Errorf("got %v, %v; want %v", client, standing, test.want)
			}
			inRoom, standing := NewChain(feeds...).Directory().(rule.RoomFinder).FindIn(test.id, new(rule.Room))
			if standing != test.want || !cmp.Equal(inRoom, client) {
				t.Errorf("in room got %v, %v; want %v, %v", inRoom, standing, client, test.want)
			}
		})
	}
}

func TestFirstFeedThatKnowsWins(t *testing.T) {
	first := &Snapshot{Clients: []Registration{{Client: rule.Client{ID: "a", Name: "first"}}}}
	second := &Snapshot{Clients: []Registration{{Client: rule.Client{ID: "a", Name: "second"}}}}
	if client, _ := NewChain(fed(t, "1", first), fed(t, "2", second)).Directory().Find("a"); client.Name != "first" {
		t.Errorf("got %s", client.Name)
	}
}

func TestChainWithoutFeeds(t *testing.T) {
	// An interface that holds a nil pointer is not nil, and the rules ask it.
	for _, chain := range []*Chain{nil, NewChain()} {
		if directory := chain.Directory(); directory != nil {
			t.Errorf("got %T", directory)
		}
		if chain.RegisteredOrigin("https://a") {
			t.Error("origin")
		}
	}
}

func TestChainService(t *testing.T) {
	hub := func(id string, change func(*Snapshot)) *Snapshot {
		snapshot := &Snapshot{Clients: registered(id), Services: true}
		if change != nil {
			change(snapshot)
		}
		return snapshot
	}
	whole, other := hub("one", nil), hub("two", nil)
	partial := hub("one", func(s *Snapshot) { s.Partial = true })
	unnamed := hub("one", func(s *Snapshot) { s.Unnamed = true })
	records := &Snapshot{Clients: registered("two")}
	tests := []struct {
		name            string
		feeds           []*Snapshot
		element         string
		known, complete bool
	}{
		{"a whole Hub", []*Snapshot{whole}, "two", false, true},
		{"two whole Hubs", []*Snapshot{whole, other}, "TWO", true, true},
		{"records do not count", []*Snapshot{records, whole}, "two", false, true},
		{"records only", []*Snapshot{records, records}, "two", false, false},
		{"a partial Hub", []*Snapshot{whole, partial}, "two", false, false},
		{"a Hub without names", []*Snapshot{unnamed, other}, "two", true, false},
		{"one that never loaded may be a Hub", []*Snapshot{whole, nil}, "two", false, false},
		{"none loaded", []*Snapshot{nil}, "two", false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var feeds []*Feed
			for _, snapshot := range test.feeds {
				feeds = append(feeds, fed(t, "feed", snapshot))
			}
			if known, complete := NewChain(feeds...).Directory().Service(test.element); known != test.known || complete != test.complete {
				t.Errorf("known %v, complete %v", known, complete)
			}
		})
	}
}

func TestChainFollowsItsFeedsButNotWithinARequest(t *testing.T) {
	source := &scripted{snapshot: &Snapshot{Clients: registered("a")}}
	feed := NewFeed("1", source, 0)
	chain := NewChain(feed, fed(t, "2", &Snapshot{Clients: registered("b")}))
	early := chain.Directory()
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, standing := early.Find("a"); standing != rule.Unjudged {
		t.Errorf("the request that began before sees %v", standing)
	}
	if _, standing := chain.Directory().Find("a"); standing != rule.Known {
		t.Errorf("the next request sees %v", standing)
	}
}

func TestChainRegisteredOrigin(t *testing.T) {
	withOrigin := &Snapshot{Clients: []Registration{{Client: rule.Client{ID: "a", RedirectURIs: []redirecturi.Registered{{URI: "https://app.example/cb"}}}}}}
	chain := NewChain(fed(t, "1", nil), fed(t, "2", withOrigin))
	if !chain.RegisteredOrigin("https://app.example") || chain.RegisteredOrigin("https://other.example") {
		t.Error("wrong")
	}
}

func TestChainAllocatesNothingPerRequest(t *testing.T) {
	one := fed(t, "1", &Snapshot{Clients: registered("a")})
	two := fed(t, "2", &Snapshot{Clients: registered("b"), Services: true})
	for _, chain := range []*Chain{NewChain(one), NewChain(one, two)} {
		chain.Directory()
		if allocations := testing.AllocsPerRun(100, func() {
			directory := chain.Directory()
			directory.Find("b")
			directory.Find("x")
			directory.Service("b")
			chain.RegisteredOrigin("https://a")
		}); allocations != 0 {
			t.Errorf("%v allocations", allocations)
		}
	}
}

func BenchmarkChainFind(b *testing.B) {
	chain := NewChain(fed(b, "1", manyClients(10)), fed(b, "2", &Snapshot{Clients: registered("b")}))
	b.ReportAllocs()
	for b.Loop() {
		if client, _ := chain.Directory().Find("b"); client == nil {
			b.Fatal("not found")
		}
	}
}
