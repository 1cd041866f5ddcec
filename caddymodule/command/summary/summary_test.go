package summary

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// request draws one request to an endpoint.
func request(t *rapid.T) *Request {
	r := &Request{
		Endpoint: rapid.SampledFrom([]string{"authorize", "token"}).Draw(t, "endpoint"), Served: rapid.Bool().Draw(t, "served"),
		When: Moment(rapid.Int64Range(0, 1).Draw(t, "known") * rapid.Int64Range(1_700_000_000, 1_800_000_000).Draw(t, "when")), Example: func() string { return "GET /auth" },
	}
	if rapid.Bool().Draw(t, "has client") {
		r.HasClient, r.Client, r.Unregistered = true, fmt.Sprintf("app%d", rapid.IntRange(0, 9).Draw(t, "client")), "https://a.example/"
		r.Registered = rapid.Bool().Draw(t, "registered")
	}
	if rapid.IntRange(0, 9).Draw(t, "hidden") == 0 {
		r.NotJudged = "the log does not hold the body"
	}
	for i, mode := range []string{"report", "enforce", "enforce"} {
		if rapid.IntRange(0, 3).Draw(t, "fires") == 0 {
			r.Findings = append(r.Findings, Finding{fmt.Sprintf("rule%d.redirect_uri.unregistered", i), mode})
		}
	}
	return r
}

// TestPieces counts a log whole, and in pieces that travel as JSON: both are equal, and add up.
func TestPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, merged, piece := New(), New(), New()
		for range rapid.IntRange(1, 80).Draw(t, "requests") {
			r := request(t)
			whole.Count(r)
			piece.Count(r)
			if rapid.IntRange(0, 4).Draw(t, "cut") == 0 {
				merged.Merge(piece)
				piece = New()
				text, err := json.Marshal(merged)
				if err != nil {
					t.Fatal(err)
				}
				merged = New()
				if err := json.Unmarshal(text, merged); err != nil {
					t.Fatal(err)
				}
			}
		}
		merged.Merge(piece)
		if diff := cmp.Diff(whole, merged); diff != "" {
			t.Fatalf("(-whole +pieces):\n%s", diff)
		}
		var sum, timed Verdicts
		for _, e := range merged.Endpoints {
			sum.merge(e.Verdicts)
		}
		if sum.Refused+sum.Reported > sum.Judged || sum.Broken > sum.Refused {
			t.Fatalf("%+v", sum)
		}
		for _, p := range merged.Timeline.Pieces {
			timed.merge(*p)
		}
		if timed.Judged > sum.Judged {
			t.Fatalf("%+v over time, %+v in all", timed, sum)
		}
		decided := int64(0)
		for _, r := range merged.Rules {
			decided += r.Decided
		}
		if decided != sum.Refused {
			t.Fatalf("%d decided, %d refused", decided, sum.Refused)
		}
	})
}

// TestBounds floods a summary: it stays small, counts everything, and keeps registered clients.
func TestBounds(t *testing.T) {
	s := New()
	total := int64(0)
	for round := range 5 {
		piece := New()
		for i := range maxClients {
			piece.Count(&Request{
				Endpoint: "authorize", Client: fmt.Sprintf("flood-%d-%d", round, i), HasClient: true, Served: true, Unregistered: fmt.Sprint(round, i), When: Moment(1_700_000_000 + int64(round*maxClients+i)*3600),
				Findings: []Finding{{"authorize.redirect_uri.unregistered", "enforce"}}, Example: func() string { return "" },
			})
			total++
		}
		piece.Count(&Request{Endpoint: "authorize", Client: "app", HasClient: true, Registered: true})
		s.Merge(piece)
	}
	r := s.Rules["authorize.redirect_uri.unregistered"]
	if len(s.Clients) > maxClients || len(r.Clients) > maxRuleClients || len(s.Unregistered) > maxUnregistered || len(s.Timeline.Pieces) > maxPieces {
		t.Errorf("%d clients, %d of the rule, %d URIs, %d pieces of time", len(s.Clients), len(r.Clients), len(s.Unregistered), len(s.Timeline.Pieces))
	}
	if s.Clients["app"] == nil || s.Clients["app"].Judged != 5 {
		t.Errorf("the registered client: %+v", s.Clients["app"])
	}
	counted, uris := s.OtherClients.Judged, s.OtherUnregistered
	for _, c := range s.Clients {
		counted += c.Judged
	}
	for _, count := range s.Unregistered {
		uris += count
	}
	if counted != total+5 || uris != total || r.Fired != total {
		t.Errorf("%d requests by client, %d by URI, %d by rule, want %d", counted, uris, r.Fired, total)
	}
	ofRule := r.OtherClients
	for _, count := range r.Clients {
		ofRule += count
	}
	if ofRule != total {
		t.Errorf("%d requests of the rule by client, want %d", ofRule, total)
	}
}

func TestMoment(t *testing.T) {
	for _, when := range []time.Time{{}, time.Unix(-5, 0), time.Unix(0, 0), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if m := At(when); m != 0 || m.String() != "" {
			t.Errorf("%s is %d", when, m)
		}
	}
	m := At(time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)))
	if m.String() != "2026-01-02 02:04:05" {
		t.Error(m.String())
	}
	text, err := json.Marshal([]Moment{m, 0})
	if err != nil || string(text) != `["2026-01-02T02:04:05Z",null]` {
		t.Errorf("%s, %v", text, err)
	}
	var back []Moment
	if err := json.Unmarshal(text, &back); err != nil || back[0] != m || back[1] != 0 {
		t.Errorf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`["yesterday"]`), &back); err == nil {
		t.Error("no error")
	}
}

// TestTimeline widens the pieces, and loses nothing of thirty years.
func TestTimeline(t *testing.T) {
	var line Timeline
	const count = 20_000
	for i := range int64(count) {
		line.add(Moment(1_000_000_000+i*47_000), Verdicts{Judged: 1})
	}
	judged := int64(0)
	for start, p := range line.Pieces {
		if start%line.Width != 0 {
			t.Fatalf("a piece begins at %d", start)
		}
		judged += p.Judged
	}
	if judged != count || len(line.Pieces) > maxPieces {
		t.Errorf("%d of %d in %d pieces of %d seconds", judged, count, len(line.Pieces), line.Width)
	}
}
