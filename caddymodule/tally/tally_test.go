package tally

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

var start = time.Date(2026, time.March, 2, 9, 30, 0, 0, time.UTC)

// finding is a finding of the rule at that place of the catalogue.
func finding(index int, mode, would rule.Mode) rule.Finding {
	return rule.Finding{Rule: &validators.Catalogue()[index], Index: index, Mode: mode, Would: would}
}

// verdict is a verdict with findings, as the engine would make it.
func verdict(endpoint rule.Endpoint, client *rule.Client, findings ...rule.Finding) *validators.Verdict {
	v := &validators.Verdict{Endpoint: endpoint, Client: client, Findings: findings}
	for _, f := range findings {
		if v.Rule == nil || v.Decision != validators.Reject && f.Mode == rule.Enforce {
			v.Rule = f.Rule
		}
		if v.Decision = max(v.Decision, validators.Report); f.Mode == rule.Enforce {
			v.Decision = validators.Reject
		}
	}
	return v
}

// take counts a verdict as the handler does.
func take(t *Tally, v *validators.Verdict, now time.Time) {
	t.Count(v)
	if len(v.Findings) > 0 {
		t.Note(v, now, "", "")
	}
}

// TestCounts compares the counts with those of a plain list of all verdicts.
func TestCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tally := New(start)
		var all []*validators.Verdict
		for i := range rapid.IntRange(0, 60).Draw(t, "requests") {
			var client *rule.Client
			if id := rapid.IntRange(0, 4).Draw(t, "client"); id > 0 {
				client = &rule.Client{ID: "client" + strconv.Itoa(id), Name: "Client " + strconv.Itoa(id)}
			}
			var findings []rule.Finding
			for index := range 6 {
				switch rapid.IntRange(0, 5).Draw(t, "finding") {
				case 0:
					findings = append(findings, finding(index, rule.Enforce, rule.Enforce))
				case 1:
					findings = append(findings, finding(index, rule.Report, rule.Enforce))
				case 2:
					findings = append(findings, finding(index, rule.Report, rule.Report))
				}
			}
			v := verdict(rule.Endpoint(rapid.IntRange(1, 3).Draw(t, "endpoint")), client, findings...)
			all = append(all, v)
			take(tally, v, start.Add(time.Duration(i)*time.Second))
		}
		check(t, tally.Counts(), all)
		latest, total := tally.Recent(10)
		found := uint64(0)
		for i := len(all) - 1; i >= 0; i-- {
			if len(all[i].Findings) == 0 {
				continue
			}
			if found < 10 && latest[found].Rule != all[i].Rule.ID {
				t.Fatalf("finding %d: %+v, want %s", found, latest[found], all[i].Rule.ID)
			}
			found++
		}
		if total != found || uint64(len(latest)) != min(found, 10) {
			t.Fatalf("%d of %d findings, want %d", len(latest), total, found)
		}
	})
}

// check counts the verdicts in the simplest way.
func check(t *rapid.T, got Counts, all []*validators.Verdict) {
	decisions := map[string]Decisions{}
	rules := map[string]RuleCounts{}
	clients := map[string][3]uint64{}
	for _, v := range all {
		d := decisions[v.Endpoint.String()]
		switch v.Decision {
		case validators.Pass:
			d.Pass++
		case validators.Report:
			d.Report++
		case validators.Reject:
			d.Reject++
		}
		decisions[v.Endpoint.String()] = d
		if len(v.Findings) == 0 {
			continue
		}
		id := ""
		if v.Client != nil {
			id = v.Client.ID
		}
		c := clients[id]
		c[map[bool]int{true: 0, false: 1}[v.Decision == validators.Reject]]++
		if v.Decision == validators.Report && v.Would() == validators.Reject {
			c[2]++
		}
		clients[id] = c
		for _, f := range v.Findings {
			r := rules[f.Rule.ID]
			switch {
			case f.Mode == rule.Enforce:
				r.Refused++
			case f.Would == rule.Enforce:
				r.WouldRefuse++
				fallthrough
			default:
				r.Reported++
			}
			if v.Client == nil {
				r.Unregistered++
			}
			rules[f.Rule.ID] = r
		}
	}
	gotDecisions := map[string]Decisions{}
	for _, e := range got.Endpoints {
		gotDecisions[e.Endpoint] = e.Decisions
	}
	gotRules := map[string]RuleCounts{}
	for _, r := range got.Rules {
		gotRules[r.Rule] = RuleCounts{Refused: r.Refused, Reported: r.Reported, WouldRefuse: r.WouldRefuse, Unregistered: r.Unregistered}
	}
	gotClients := map[string][3]uint64{}
	for _, c := range append(got.Clients, got.Unregistered) {
		if c.Requests() > 0 {
			gotClients[c.ClientID] = [3]uint64{c.Refused, c.Reported, c.WouldRefuse}
		}
	}
	for _, difference := range []string{cmp.Diff(decisions, gotDecisions), cmp.Diff(rules, gotRules), cmp.Diff(clients, gotClients)} {
		if difference != "" {
			t.Fatalf("(-want +got):\n%s", difference)
		}
	}
	for _, r := range got.Rules {
		n := 0
		for _, c := range got.Clients {
			for _, of := range c.Rules {
				if of.Rule == r.Rule {
					n++
				}
			}
		}
		if n != r.Clients {
			t.Fatalf("%s: %d clients, want %d", r.Rule, r.Clients, n)
		}
	}
}

// TestBounds sends more of everything than is kept.
func TestBounds(t *testing.T) {
	tally := New(start)
	const many = 100_000
	for i := range many {
		client := &rule.Client{ID: "c" + strconv.Itoa(i)}
		take(tally, verdict(rule.Token, client, finding(i%100, rule.Report, rule.Report), finding(100+i%20, rule.Enforce, rule.Enforce)), start)
		if watched, unknown := tally.Watch(client.ID, uint64(i), start); unknown {
			watched.Stricter(client, []rule.Finding{finding(i%100, rule.Enforce, rule.Enforce)}, start)
		}
	}
	counts := tally.Counts()
	if counts.TotalClients != MaxClients || counts.OtherClients.Refused != many-MaxClients {
		t.Errorf("%d clients, %d requests of others", counts.TotalClients, counts.OtherClients.Refused)
	}
	if latest, total := tally.Recent(many); len(latest) != MaxRecent || total != many || latest[0].ClientID != "c99999" || latest[MaxRecent-1].ClientID != "c99500" {
		t.Errorf("%d of %d findings", len(latest), total)
	}
	// One client with all rules, and then others with all rules: the sum of all entries is bounded, and nothing is lost.
	crowded := New(start)
	for i := range 2000 {
		for index := range len(validators.Catalogue()) {
			take(crowded, verdict(rule.Token, &rule.Client{ID: "c" + strconv.Itoa(i)}, finding(index, rule.Report, rule.Report)), start)
		}
	}
	entries, findings := 0, uint64(0)
	for _, c := range crowded.Counts().Clients {
		entries += len(c.Rules)
		findings += c.OtherFindings
		for _, r := range c.Rules {
			findings += r.Reported
		}
	}
	if entries != maxEntries || findings != uint64(2000*len(validators.Catalogue())) {
		t.Errorf("%d entries, %d findings", entries, findings)
	}
	// What is dropped makes room.
	crowded.Sweep(func(id string, _ time.Time) bool { return id != "c7" })
	if counts := crowded.Counts(); counts.TotalClients != 1 || crowded.entries.Load() != int64(len(counts.Clients[0].Rules)) {
		t.Errorf("%d clients, %d entries", counts.TotalClients, crowded.entries.Load())
	}
}

func TestSweep(t *testing.T) {
	tally := New(start)
	for i := range 10 {
		take(tally, verdict(rule.Token, &rule.Client{ID: strconv.Itoa(i)}, finding(0, rule.Enforce, rule.Enforce)), start.Add(time.Duration(i)*time.Hour))
	}
	if _, unknown := tally.Watch("0", 1, start.Add(100*time.Hour)); !unknown {
		t.Error("the shape is known")
	}
	tally.Sweep(func(_ string, last time.Time) bool { return last.Before(start.Add(5 * time.Hour)) })
	if counts := tally.Counts(); counts.TotalClients != 6 || counts.Rules[0].Refused != 10 {
		t.Errorf("%d clients, %d refused", counts.TotalClients, counts.Rules[0].Refused)
	}
	if c, _ := tally.clients.Load().find("0"); c == nil {
		t.Error("the client that was seen last is gone")
	}
}

// TestWatch expects that every shape is asked about once in an hour, and that two shapes that are taken for one are not in the next hours.
func TestWatch(t *testing.T) {
	tally := New(start)
	asked := map[uint64]bool{}
	for hour := range 8 {
		now := start.Add(time.Duration(hour) * time.Hour)
		for shape := range uint64(20) {
			for range 3 {
				if _, unknown := tally.Watch("a", shape, now); unknown {
					asked[shape] = true
				}
			}
			if _, again := tally.Watch("a", shape, now); again {
				t.Errorf("shape %d is asked about again", shape)
			}
		}
		if _, unknown := tally.Watch("a", 0, now.Add(59*time.Second)); unknown {
			t.Error("the first shape is forgotten")
		}
	}
	if len(asked) != 20 {
		t.Errorf("only the shapes %v are asked about", asked)
	}
	watched, _ := tally.Watch("b", 1, start)
	watched.Stricter(&rule.Client{ID: "b", Name: "B"}, []rule.Finding{finding(3, rule.Enforce, rule.Enforce), finding(4, rule.Report, rule.Report)}, start)
	counts := tally.Counts()
	want := []ClientRule{{Rule: validators.Catalogue()[3].ID, Last: start}}
	if counts.TotalClients != 1 || counts.Clients[0].ClientName != "B" || !cmp.Equal(counts.Clients[0].OAuth21, want) {
		t.Errorf("%+v", counts.Clients)
	}
}

func TestSeries(t *testing.T) {
	tally := New(start)
	now := start
	for second := range 100 {
		for range second % 7 {
			tally.Count(verdict(rule.Token, nil))
		}
		tally.Count(verdict(rule.Token, nil, finding(0, rule.Enforce, rule.Enforce)))
		tally.Sample(now)
		now = now.Add(time.Second)
	}
	short, long := tally.Series(now)
	if short.Width != 2*time.Second || len(short.Pieces) != shortSlots-1 || !short.End.Equal(start.Add(98*time.Second)) {
		t.Fatalf("%v, %d pieces until %v", short.Width, len(short.Pieces), short.End)
	}
	// The last whole piece is of the seconds 96 and 97.
	if last := short.Pieces[len(short.Pieces)-1]; last != (Decisions{Pass: 96%7 + 97%7, Reject: 2}) {
		t.Errorf("last piece: %+v", last)
	}
	if first := long.Pieces[len(long.Pieces)-1]; first.Reject != 60 {
		t.Errorf("first minute: %+v", first)
	}
	// After a time without anybody who samples, the pieces of that time are empty, and what was counted meanwhile is in the newest.
	tally.Count(verdict(rule.Token, nil))
	now = now.Add(30 * time.Minute)
	tally.Sample(now)
	tally.Sample(now.Add(-time.Hour)) // a clock that goes back does no harm
	if short, _ = tally.Series(now); sum(short).Sum() != 0 {
		t.Errorf("%+v", short)
	}
	tally.Sample(now.Add(2 * time.Second))
	if short, _ = tally.Series(now); sum(short) != (Decisions{Pass: 1}) {
		t.Errorf("%+v", sum(short))
	}
}

func sum(s Series) (total Decisions) {
	for _, piece := range s.Pieces {
		total = total.plus(piece)
	}
	return total
}

// TestConcurrent counts from many sides, while it is read and swept.
func TestConcurrent(t *testing.T) {
	tally := New(start)
	var group sync.WaitGroup
	const workers, each = 8, 2000
	for worker := range workers {
		group.Go(func() {
			for i := range each {
				client := &rule.Client{ID: fmt.Sprint(i % 50)}
				take(tally, verdict(rule.Authorize, client, finding(worker, rule.Report, rule.Enforce)), start)
				if watched, unknown := tally.Watch(client.ID, uint64(i), start); unknown {
					watched.Stricter(client, []rule.Finding{finding(0, rule.Enforce, rule.Enforce)}, start)
				}
				if i%500 == 0 {
					tally.Sample(start.Add(time.Duration(i) * time.Second))
					tally.Sweep(func(id string, _ time.Time) bool { return id == "none" })
					tally.Counts()
					tally.Recent(10)
				}
			}
		})
	}
	group.Wait()
	counts, requests := tally.Counts(), uint64(0)
	for _, c := range counts.Clients {
		requests += c.WouldRefuse
	}
	if requests != workers*each || counts.Endpoints[0].Report != workers*each || counts.TotalClients != 50 {
		t.Errorf("%d requests of %d clients: %+v", requests, counts.TotalClients, counts.Endpoints)
	}
}

// TestHotPath counts and watches without allocating.
func TestHotPath(t *testing.T) {
	tally, v := New(start), verdict(rule.Authorize, nil)
	tally.Watch("a", 1, start)
	if allocations := testing.AllocsPerRun(100, func() {
		tally.Count(v)
		if _, unknown := tally.Watch("a", 1, start); unknown {
			t.Error("the shape is unknown")
		}
	}); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func BenchmarkHotPath(b *testing.B) {
	tally, v := New(start), verdict(rule.Authorize, nil)
	tally.Watch("0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d", 1, start)
	b.ReportAllocs()
	for b.Loop() {
		tally.Count(v)
		tally.Watch("0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d", 1, start)
	}
}

func BenchmarkNote(b *testing.B) {
	tally, v := New(start), verdict(rule.Authorize, &rule.Client{ID: "a"}, finding(3, rule.Enforce, rule.Enforce))
	b.ReportAllocs()
	for b.Loop() {
		tally.Count(v)
		tally.Note(v, start, "", "")
	}
}
