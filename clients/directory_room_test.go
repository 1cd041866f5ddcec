package clients

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// decider decides by a directory, as the handler does.
type decider struct{ engine *validators.Engine }

func newDecider(t *testing.T) decider {
	t.Helper()
	config := validators.Config{Endpoints: map[rule.Endpoint][]string{rule.Authorize: {"/oauth2/auth"}, rule.Token: {"/oauth2/token"}, rule.Resource: {"/api/*"}}}
	config.Profile = rule.RFC6749
	engine, err := validators.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return decider{engine}
}

func (d decider) decide(c *rule.Case, request rule.Request, directory rule.Directory) validators.Verdict {
	return d.engine.Decide(c, &request, d.engine.Route(request.Path), directory)
}

func authorizeBy(id, redirectURI string) rule.Request {
	return rule.Request{Method: "GET", Path: "/oauth2/auth", Query: "response_type=code&state=abc&client_id=" + id + "&redirect_uri=" + redirectURI}
}

// tokenBy authenticates with a header, which a colon in the ID gives several readings.
func tokenBy(basic string) rule.Request {
	return rule.Request{Method: "POST", Path: "/oauth2/token", Body: "grant_type=authorization_code&code=abc", BodyState: rule.BodyRead, Header: map[string][]string{
		"Authorization": {"Basic " + basic}, "Content-Type": {"application/x-www-form-urlencoded"},
	}}
}

// TestDecisionsAllocateNothing decides about one client of many after the other, none of which was found before.
func TestDecisionsAllocateNothing(t *testing.T) {
	const runs = 2000
	snapshot := manyClients(2 * maxKept)
	for i := range snapshot.Clients {
		// What records can say in other ways than most do.
		client := &snapshot.Clients[i]
		switch i % 4 {
		case 1:
			client.Name, client.Scopes = "A client with a name", []string{"read", fmt.Sprint("scope-", i%7)}
		case 2:
			client.RedirectURIs = append(client.RedirectURIs, redirecturi.Registered{URI: "https://second.example/" + strings.Repeat("x", 100)})
			client.RequestURIs, client.PostLogoutRedirectURIs = []string{"https://app.example/request"}, []string{"https://app.example/", "https://app.example/out"}
		case 3:
			client.Keys = []byte(`{"keys":[]}`)
		}
	}
	decider, c := newDecider(t), new(rule.Case)
	var requests []rule.Request
	for i := range snapshot.Clients[:runs+10] {
		client := &snapshot.Clients[i]
		if i/4%2 == 0 {
			requests = append(requests, authorizeBy(client.ID, client.RedirectURIs[0].URI))
		} else {
			requests = append(requests, tokenBy(base64.StdEncoding.EncodeToString([]byte(client.ID+":secret"))))
		}
	}
	few, many := fed(t, "few", &Snapshot{Clients: registered("app")}), fed(t, "many", snapshot)
	for name, directory := range map[string]rule.Directory{"one source": NewChain(many).Directory(), "two sources": NewChain(few, many).Directory()} {
		next := 0
		allocations := testing.AllocsPerRun(runs, func() {
			v := decider.decide(c, requests[next], directory)
			if v.Client == nil || v.Client.ID != snapshot.Clients[next].ID || v.Decision == validators.Reject {
				t.Fatalf("%+v", v)
			}
			next++
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations", name, allocations)
		}
	}
	if many.Directory().kept != nil {
		t.Error("the directory is small, and keeps clients")
	}
}

// TestVerdictsDuringReuse holds verdicts, each with the client that was made for it, and strings of earlier ones, while directories are replaced.
func TestVerdictsDuringReuse(t *testing.T) {
	decider := newDecider(t)
	whileReplaced(t, func(reader int, current *atomic.Pointer[Directory], done *atomic.Bool) {
		type held struct {
			memory  rule.Case
			verdict validators.Verdict
			id      string
			// name, uri and copied are strings of the client that the memory was used for before, and a copy of them.
			name, uri, copied string
		}
		all := make([]held, 300)
		for i := reader; !done.Load(); i += 7 {
			h := &all[i/7%len(all)]
			if client := h.verdict.Client; client != nil {
				if err := ofOneVersion(client, h.id); err != nil {
					t.Error(err)
					return
				}
				if h.copied != "" && h.copied != h.name+h.uri {
					t.Errorf("what was kept has become %q and %q, and was %s", h.name, h.uri, h.copied)
					return
				}
				h.name, h.uri, h.copied = client.Name, client.RedirectURIs[0].URI, client.Name+client.RedirectURIs[0].URI
			}
			h.id = largeID(i)
			h.verdict = decider.decide(&h.memory, authorizeBy(h.id, "https://app.example/"), current.Load())
			if h.verdict.Client == nil || h.verdict.Decision != validators.Reject {
				t.Errorf("%s: %+v", h.id, h.verdict)
				return
			}
		}
	})
}

// TestMemoryOfDecisionsLetsGo: memory that decided about clients of a directory does not keep it once it decides about something else, not even what only some requests need: room for the second
// of two clients that one header names. The second directory is of few clients, and keeps them itself.
func TestMemoryOfDecisionsLetsGo(t *testing.T) {
	const both = "Y2xpZW50LTAwMDAwMTpzdWZmaXg6c2VjcmV0" // client-000001:suffix:secret
	decider, c := newDecider(t), new(rule.Case)
	for _, count := range []int{12_000, 2_000} {
		var builder Builder
		func() {
			snapshot := largeVersion(1)
			snapshot.Clients[2].ID = "client-000001:suffix"
			snapshot.Clients[3].Name = strings.Repeat("n", reusable)
			snapshot.Clients = snapshot.Clients[:count]
			directory, err := builder.Build(snapshot)
			if err != nil {
				t.Fatal(err)
			}
			decider.decide(c, tokenBy(both), directory)
			clients := c.Authentication().Clients()
			if len(clients) != 2 || clients[0].ID != "client-000001" || clients[1].ID != "client-000001:suffix" || clients[0].RedirectURIs[0] == clients[1].RedirectURIs[0] {
				t.Fatalf("the header names %+v", clients)
			}
		}()
		if runtime.GC(); builder.outstanding() != 1 {
			t.Error("the memory of the directory came back too early")
		}
		decider.decide(c, rule.Request{Method: "GET", Path: "/api/users"}, nil)
		for deadline := time.Now().Add(10 * time.Second); builder.outstanding() > 0; time.Sleep(10 * time.Millisecond) {
			if runtime.GC(); time.Now().After(deadline) {
				t.Fatalf("the memory of the directory of %d clients does not come back", count)
			}
		}
		runtime.KeepAlive(c)
	}
}
