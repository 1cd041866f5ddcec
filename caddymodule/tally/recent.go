package tally

import (
	"sync"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// The bounds of what is kept about the latest findings.
const (
	// MaxRecent is how many requests with findings are kept.
	MaxRecent = 500
	// maxFired is how many rules are named of each.
	maxFired = 12
)

// Finding is one request on which some rule fired.
type Finding struct {
	// Time is when it was judged.
	Time time.Time `json:"time"`
	// Endpoint, Decision, Rule, Error and Status are as in the log.
	Endpoint string `json:"endpoint"`
	Decision string `json:"decision"`
	// Would is what would have been decided if the guard were not in report mode, if that is something else.
	Would  string `json:"would,omitempty"`
	Rule   string `json:"rule"`
	Error  string `json:"error,omitempty"`
	Status int    `json:"status"`
	// Findings are the rules that fired, each with its mode.
	Findings []Fired `json:"findings"`
	// ClientID and ClientName are those of the client, if it is registered.
	ClientID   string `json:"client_id,omitempty"`
	ClientName string `json:"client_name,omitempty"`
	// RedirectURI is the redirect URI if the rule is about it and the client is registered, without all that may hold a secret.
	RedirectURI string `json:"redirect_uri,omitempty"`
	// RequestID is what the log calls the request.
	RequestID string `json:"request_id,omitempty"`
}

// Fired is one rule that fired.
type Fired struct {
	Rule string `json:"rule"`
	Mode string `json:"mode"`
	// Would is the mode that the rule would have if the guard were not in report mode, if that is another one.
	Would string `json:"would,omitempty"`
}

// kept is a request as it is kept, which allocates nothing.
type kept struct {
	time            time.Time
	endpoint        rule.Endpoint
	decision, would validators.Decision
	rule            *rule.Rule
	code            string
	status          int
	fired           [maxFired]firedRule
	count           int
	id, name        string
	redirectURI     string
	requestID       string
}

// firedRule is a rule by its place in the catalogue.
type firedRule struct {
	index       uint16
	mode, would rule.Mode
}

// recent holds the latest requests with findings.
type recent struct {
	mutex sync.Mutex
	ring  []kept
	total uint64
}

func (r *recent) add(v *validators.Verdict, now time.Time, id, name, redirectURI, requestID string) {
	k := kept{
		time: now, endpoint: v.Endpoint, decision: v.Decision, would: v.Would(), rule: v.Rule, code: v.Error, status: v.Status,
		count: min(len(v.Findings), maxFired), id: id, name: name, redirectURI: redirectURI, requestID: requestID,
	}
	for i := range k.count {
		f := &v.Findings[i]
		k.fired[i] = firedRule{uint16(f.Index), f.Mode, f.Would}
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if len(r.ring) < MaxRecent {
		r.ring = append(r.ring, k)
	} else {
		r.ring[r.total%MaxRecent] = k
	}
	r.total++
}

// Recent are the latest requests with findings, at most as many as asked for, the newest first, and how many there were since the tally began.
func (t *Tally) Recent(limit int) (latest []Finding, total uint64) {
	r := &t.recent
	r.mutex.Lock()
	defer r.mutex.Unlock()
	latest = make([]Finding, min(limit, len(r.ring)))
	for i := range latest {
		latest[i] = r.ring[(r.total-1-uint64(i))%MaxRecent].finding()
	}
	return latest, r.total
}

func (k *kept) finding() Finding {
	f := Finding{
		Time: k.time.UTC(), Endpoint: k.endpoint.String(), Decision: k.decision.String(), Rule: k.rule.ID, Error: k.code, Status: k.status,
		Findings: make([]Fired, k.count), ClientID: k.id, ClientName: k.name, RedirectURI: k.redirectURI, RequestID: k.requestID,
	}
	if k.would != k.decision {
		f.Would = k.would.String()
	}
	for i := range f.Findings {
		from := &k.fired[i]
		f.Findings[i] = Fired{Rule: validators.Catalogue()[from.index].ID, Mode: from.mode.String()}
		if from.would != from.mode {
			f.Findings[i].Would = from.would.String()
		}
	}
	return f
}
