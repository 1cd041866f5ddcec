package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// record is one request that a real client sent to a real server.
type record struct {
	ID      string      `json:"id"`
	Server  string      `json:"server"`
	Kind    string      `json:"kind"`
	Method  string      `json:"method"`
	Target  string      `json:"target"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
	Tag     string      `json:"tag"`
}

// raw is the request as it went over the wire.
func (r *record) raw() string {
	text := r.Method + " " + r.Target + " HTTP/1.1\r\n"
	for _, field := range r.Headers {
		text += field[0] + ": " + field[1] + "\r\n"
	}
	return text + "\r\n" + r.Body
}

func loadCorpus(t *testing.T) []record {
	t.Helper()
	file, err := os.Open("testdata/corpus/real_requests.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var records []record
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// corpusServers describe the servers of the corpus: where their endpoints are, and who is registered there.
var corpusServers = map[string]struct{ endpoints, clients string }{
	"oidc-provider": {
		endpoints: "endpoint authorize /auth\nendpoint token /token\nendpoint userinfo /me\nendpoint par /request\nendpoint device /device/auth\n" +
			"endpoint introspection /token/introspection\nendpoint revocation /token/revocation",
		clients: client("app", "http://127.0.0.1:8400/cb") + client("apppost", "http://127.0.0.1:8400/cb") + client("jwtc", "http://127.0.0.1:8400/cb") +
			client("pub", "http://127.0.0.1:8400/cb") + client("spa", "http://127.0.0.1:8500/cb") + client("odd:id/with space+plus", "http://127.0.0.1:8400/cb"),
	},
	"doorkeeper-5.5": {
		endpoints: "endpoint authorize /oauth/authorize\nendpoint token /oauth/token\nendpoint resource /me",
		clients:   client("app", "http://127.0.0.1:8400/cb"),
	},
	"osin-1.0.1": {
		endpoints: "endpoint authorize /authorize\nendpoint token /token\nendpoint resource /info",
		clients:   client("1234", "http://127.0.0.1:8400/cb"),
	},
	"django-oauth-toolkit-1.7": {
		endpoints: "endpoint authorize /o/authorize/\nendpoint token /o/token/\nendpoint resource /me",
		clients:   client("app", "http://127.0.0.1:8400/cb"),
	},
	"hydra-2.3": {
		endpoints: "endpoint authorize /oauth2/auth\nendpoint token /oauth2/token\nendpoint userinfo /userinfo",
		clients:   client("app", "http://127.0.0.1:8400/cb") + client("apppost", "http://127.0.0.1:8400/cb"),
	},
	"dex": {
		endpoints: "endpoint authorize /dex/auth/mock\nendpoint token /dex/token\nendpoint userinfo /dex/userinfo",
		clients:   client("app", "http://127.0.0.1:8400/cb"),
	},
	"go-oauth2-4.5": {
		endpoints: "endpoint authorize /oauth/authorize\nendpoint token /oauth/token\nendpoint resource /test",
		clients:   client("app", "http://127.0.0.1:8400/cb"),
	},
	"hub-stub": {
		endpoints: "", // those of the profile hub
		clients:   client("ring app/1", "http://127.0.0.1:8500/app?keep=1&x=%20y"),
	},
}

// hubEndpoints are the endpoints of a Hub for other profiles than hub. They demand a token at a resource, so the pages that everybody may read, such as the
// public settings, are left out.
const hubEndpoints = "endpoint authorize /api/rest/oauth2/auth\nendpoint token /api/rest/oauth2/token\n" +
	"endpoint userinfo /api/rest/oauth2/userinfo\nendpoint resource /api/rest/users/*"

// agedRules are rules about time: the records are older than the assertions and proofs in them last.
const agedRules = "rule *.expired report\nrule dpop.iat.out_of_window report\n"

func client(id, redirectURI string) string {
	return fmt.Sprintf("client %q {\n\tredirect_uris %q\n}\n", id, redirectURI)
}

// otherRecords are the records that no valid exchange consists of, with the rule that refuses each by profile; "" passes. The server refused most of them for
// something that only it can know.
var otherRecords = map[string]map[string]string{
	"r0094": {"hub": "", "rfc6749": ""}, // authorization_pending
	"r0095": {"hub": "", "rfc6749": ""}, // authorization_pending
	"r0290": {"hub": "", "rfc6749": ""}, // the server has no password grant
	"r0298": {"hub": "token.method.unsupported", "rfc6749": "token.method.unsupported"},
	"r0398": {"hub": "", "rfc6749": ""}, // an unknown token
	"r0519": {"hub": "", "rfc6749": ""}, // the server does not know this resource
	"r0520": {"hub": "", "rfc6749": ""}, // the server does not know this resource
	"r0568": {"hub": "", "rfc6749": ""}, // the server has another secret
}

// announced are the rules that the documentation of a profile announces as stricter than the standards.
func announced(t *testing.T, profile string) []string {
	t.Helper()
	parsed, err := rule.ParseProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	if parsed == rule.OAuth21 || parsed == rule.FAPI2 {
		for _, r := range validators.Stricter(parsed) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// TestCorpus sends what real clients sent: every valid request must arrive as it would without the guard, but for what a profile announces to refuse.
func TestCorpus(t *testing.T) {
	records := loadCorpus(t)
	recording := newUpstream(t)
	twin := freeAddress(t)
	sites := site(twin, recording.proxy())
	guarded := make(map[string]string)
	refusing := make(map[string]map[string]int)
	for _, known := range rule.Profiles() {
		profile := known.String()
		refusing[profile] = make(map[string]int)
		for name, server := range corpusServers {
			address := freeAddress(t)
			guarded[address] = profile + " " + name
			endpoints := server.endpoints
			if endpoints == "" && profile != "hub" {
				endpoints = hubEndpoints
			}
			// The placeholder for the rule goes into the answer, so that the test sees which one refused.
			lines := "profile " + profile + "\n" + endpoints + "\n" + agedRules + "clients static {\n" + server.clients + "}\n"
			sites += site(address, "header >X-Rule {http.oauth_guard.rule}\nheader >X-Decision {http.oauth_guard.decision}\n"+guard(lines)+recording.proxy())
		}
	}
	load(t, "", sites)
	seen := make(map[string]bool)
	for address, what := range guarded {
		profile, server, _ := strings.Cut(what, " ")
		p := &pair{guarded: address, twin: twin, upstream: recording}
		for _, r := range records {
			if r.Server != server {
				continue
			}
			seen[r.ID] = true
			t.Run(profile+"/"+r.ID, func(t *testing.T) {
				strict := announced(t, profile)
				if strict != nil {
					got := send(t, address, r.raw())
					if refused := got.header.Get("X-Rule"); got.header.Get("X-Decision") == "reject" && slices.Contains(strict, refused) {
						p.refused(t, r.raw())
						refusing[profile][refused]++
						return
					}
				}
				refusal, listed := otherRecords[r.ID]["rfc6749"]
				if profile == "hub" {
					refusal, listed = otherRecords[r.ID]["hub"]
				}
				valid := strings.HasPrefix(r.Tag, "valid")
				if listed == valid {
					t.Fatalf("tag %q: a record is either valid or listed with its rule", r.Tag)
				}
				if refusal == "" {
					p.passes(t, r.raw())
				} else if got := p.refused(t, r.raw()).header.Get("X-Rule"); got != refusal {
					t.Errorf("refused by %s, want %s", got, refusal)
				}
			})
		}
	}
	if len(seen) != len(records) || len(records) < 264 {
		t.Errorf("%d of %d records were sent", len(seen), len(records))
	}
	for profile, rules := range refusing {
		t.Logf("%s refuses beyond the standards: %v", profile, rules)
	}
}
