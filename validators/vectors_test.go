package validators

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/proofs"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// testServices is where the Hub of the vectors has its services.
const testServices = "/api/rest/services"

// testEndpoints are the endpoints of the vectors.
var testEndpoints = map[rule.Endpoint][]string{
	rule.Authorize:     {"/oauth2/auth"},
	rule.Token:         {"/oauth2/token"},
	rule.PAR:           {"/oauth2/par"},
	rule.Device:        {"/oauth2/device_authorization"},
	rule.Backchannel:   {"/oauth2/bc-authorize"},
	rule.Revocation:    {"/oauth2/revoke"},
	rule.Introspection: {"/oauth2/introspect"},
	rule.Registration:  {"/oauth2/register"},
	rule.Logout:        {"/oauth2/logout"},
	rule.Userinfo:      {"/oauth2/userinfo"},
	rule.Resource:      {"/api/*"},
}

func testDirectory(t testing.TB, kind string) rule.Directory {
	t.Helper()
	if kind == "none" {
		return nil
	}
	clients, err := vectors.LoadClients("testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	return &vectors.Directory{Clients: clients, Unjudged: kind == "unjudged", Services: kind == "services"}
}

func testConfig(profile rule.Profile) Config {
	config := Config{Endpoints: testEndpoints, Services: testServices}
	config.Profile, config.Issuer, config.Signatures = profile, vectors.Origin, proofs.Signatures{}
	config.RequestObjects = map[rule.Profile]rule.RequestObjects{
		rule.RFC6749: rule.RequestObjectsUnknown, rule.OAuth21: rule.RequestObjectsUnknown, rule.FAPI2: rule.RequestObjectsUsed,
	}[profile]
	return config
}

// requestObjects is what the server of a vector does with request objects.
func requestObjects(t testing.TB, vector *vectors.Vector, profile rule.Profile) rule.RequestObjects {
	t.Helper()
	if vector.RequestObjects == "" {
		return testConfig(profile).RequestObjects
	}
	parsed, err := rule.ParseRequestObjects(vector.RequestObjects)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func newEngine(t testing.TB, config Config) *Engine {
	t.Helper()
	engine, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func decide(engine *Engine, request rule.Request, directory rule.Directory) Verdict {
	return engine.Decide(new(rule.Case), &request, engine.Route(request.Path), directory)
}

func findingIDs(v Verdict) (all, enforced []string) {
	for _, f := range v.Findings {
		all = append(all, f.Rule.ID)
		if f.Mode == rule.Enforce {
			enforced = append(enforced, f.Rule.ID)
		}
	}
	return all, enforced
}

// TestVectors runs every vector with its rule enforced: it fires or misses as the vector says, and a near miss passes every other rule as well.
func TestVectors(t *testing.T) {
	files, err := vectors.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Catalogue() {
		fires, misses := 0, 0
		for _, vector := range files[r.ID].Vectors {
			request, err := vector.Parse()
			if err != nil {
				t.Fatalf("%s: %v", r.ID, err)
			}
			for _, profile := range rule.Profiles() {
				if vector.Profile != "" && vector.Profile != profile.String() {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", r.ID, vector.Name, profile), func(t *testing.T) {
					config := testConfig(profile)
					config.RequestObjects = requestObjects(t, &vector, profile)
					config.Overrides = []Override{{Pattern: r.ID, Mode: rule.Enforce}}
					if vector.Fires && r.Costly {
						// What the profile refuses beyond the standard would come first.
						config.Overrides = slices.Insert(config.Overrides, 0, Override{Pattern: "*", Mode: rule.Off})
					}
					verdict := decide(newEngine(t, config), request, testDirectory(t, vector.Directory))
					all, enforced := findingIDs(verdict)
					if slices.Contains(all, r.ID) != vector.Fires {
						t.Fatalf("fires = %v, want %v; findings %v", !vector.Fires, vector.Fires, all)
					}
					if others := slices.DeleteFunc(slices.Clone(enforced), func(id string) bool { return slices.Contains(vector.Also, id) || stricter(id, profile) }); !vector.Fires && len(others) > 0 {
						t.Errorf("the near miss is refused by %v", others)
					}
					if vector.Fires && verdict.Decision != Reject {
						t.Errorf("decision %v, want reject", verdict.Decision)
					}
					if vector.Fires && verdict.Rule.ID != r.ID && stricter(verdict.Rule.ID, profile) {
						return // what the profile refuses beyond the standard came first
					}
					if vector.Error != "" && verdict.Error != vector.Error {
						t.Errorf("error %q, want %q by %v", verdict.Error, vector.Error, enforced)
					}
					if vector.Status != 0 && verdict.Status != vector.Status {
						t.Errorf("status %d, want %d", verdict.Status, vector.Status)
					}
				})
			}
			if vector.Fires {
				fires++
			} else {
				misses++
			}
		}
		if fires == 0 || misses == 0 {
			t.Errorf("%s: %d vectors fire and %d nearly miss; each rule needs one of both", r.ID, fires, misses)
		}
	}
	for id := range files {
		if _, found := Lookup(id); !found {
			t.Errorf("%s.json: there is no such rule", id)
		}
	}
}

// stricter reports whether a profile enforces a rule that rfc6749 does not: such rules refuse what is a good example of something else.
func stricter(id string, profile rule.Profile) bool {
	return profile != rule.Hub && slices.ContainsFunc(Stricter(profile), func(r *rule.Rule) bool { return r.ID == id })
}

// TestReportNeverBlocks proves for every rule and vector that a guard in report mode passes the request.
func TestReportNeverBlocks(t *testing.T) {
	files, err := vectors.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	for id, file := range files {
		for _, vector := range file.Vectors {
			request, err := vector.Parse()
			if err != nil {
				t.Fatal(err)
			}
			for _, profile := range rule.Profiles() {
				config := testConfig(profile)
				config.RequestObjects = requestObjects(t, &vector, profile)
				config.ReportOnly = true
				config.Overrides = []Override{{Pattern: "*", Mode: rule.Enforce}}
				verdict := decide(newEngine(t, config), request, testDirectory(t, vector.Directory))
				if verdict.Decision == Reject || verdict.Answer != NoAnswer {
					t.Errorf("%s: %s: refused by %s in report mode", id, vector.Name, verdict.Rule.ID)
				}
			}
		}
	}
}

// TestCatalogue checks what every entry of the catalogue owes its readers.
func TestCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Catalogue() {
		switch {
		case seen[r.ID]:
			t.Errorf("%s: twice in the catalogue", r.ID)
		case strings.Count(r.ID, ".") == 0 || strings.ToLower(r.ID) != r.ID:
			t.Errorf("%s: not a dotted lower-case name", r.ID)
		case r.Title == "" || r.Why == "" || r.Source == "" || r.Check == nil || r.Endpoints == 0:
			t.Errorf("%s: title, why, source, check and endpoints are required", r.ID)
		case r.Error == "" && r.Delivery != rule.Bare:
			t.Errorf("%s: without an error code only a bare challenge can be sent", r.ID)
		case r.Description == "" || strings.ContainsAny(r.Description, "\"\\\r\n\t"):
			t.Errorf("%s: description %q is empty or not in the alphabet of RFC 6749 section 5.2", r.ID, r.Description)
		}
		seen[r.ID] = true
	}
}
