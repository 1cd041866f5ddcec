package comparison

import (
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

// TestResume expects that a run goes on only with figures of the same kind, and measures only what is missing.
func TestResume(t *testing.T) {
	results := func(change func(*Results)) *Results {
		r := &Results{
			Revision: "abc", Machine: measure.Description{Processors: 2}, Versions: map[string]string{"caddy": "v2"}, Seconds: 2, Connections: 32,
			Conformance: make(map[string]map[string]conformance.Result),
		}
		change(r)
		return r
	}
	options := Options{
		Rounds: 3, Pairs: 20, EqualPairs: 8, Duration: 2 * time.Second, WarmUp: time.Second, Peers: peers.All()[:2],
		Progress: func(string, ...any) {},
	}
	fresh := run{options: options, results: results(func(*Results) {})}
	if err := fresh.resume(nil); err != nil || fresh.results.Pairs != 0 {
		t.Errorf("without figures: %v", err)
	}
	whole := fresh.estimate()
	if err := fresh.resume(results(func(r *Results) { r.Pairs = 20; r.EqualPairs = 8; r.Rounds = 1 })); err != nil || fresh.results.Pairs != 20 {
		t.Errorf("with the same: %v", err)
	}
	// Two rounds of two peers with four requests of three seconds are left.
	if rest := fresh.estimate(); rest != time.Minute || whole <= rest {
		t.Errorf("%s for all, %s for the rest", whole, rest)
	}
	for name, change := range map[string]func(*Results){
		"commit":      func(r *Results) { r.Revision = "def" },
		"machine":     func(r *Results) { r.Machine.Processors = 4 },
		"versions":    func(r *Results) { r.Versions["caddy"] = "v3" },
		"duration":    func(r *Results) { r.Seconds = 4 },
		"connections": func(r *Results) { r.Connections = 64 },
		"programs":    func(r *Results) { r.TwoPrograms = true },
	} {
		r := run{options: options, results: results(func(*Results) {})}
		if err := r.resume(results(change)); err == nil {
			t.Errorf("another %s is no error", name)
		}
	}
}
