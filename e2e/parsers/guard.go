package parsers

import (
	"path/filepath"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// The endpoints that the guard and all parsers know.
const (
	authorizePath = "/oauth2/auth"
	tokenPath     = "/oauth2/token"
)

// bodyLimit is the number of bytes of a body that the guard gets to see.
var bodyLimit = scan.DefaultLimits.Body

// Guard judges requests in the profile rfc6749, with the clients of the vectors. It is not safe for concurrent use.
type Guard struct {
	engine    *validators.Engine
	directory rule.Directory
	memory    rule.Case
	unlimited scan.Parameters
}

// NewGuard makes a guard.
func NewGuard() (*Guard, error) {
	config := validators.Config{Endpoints: map[rule.Endpoint][]string{rule.Authorize: {authorizePath}, rule.Token: {tokenPath}}}
	config.Profile, config.RequestObjects = rule.RFC6749, rule.RequestObjectsUnknown
	engine, err := validators.New(config)
	if err != nil {
		return nil, err
	}
	root, err := packages.Folder()
	if err != nil {
		return nil, err
	}
	clients, err := vectors.LoadClients(filepath.Join(root, "..", "validators", "testdata", "clients.json"))
	if err != nil {
		return nil, err
	}
	return &Guard{engine: engine, directory: &vectors.Directory{Clients: clients}}, nil
}

// Judgement is what the guard says of a request, and how it reads it.
type Judgement struct {
	// Passes says that no rule refuses.
	Passes bool
	// Rules are the IDs of the rules that refuse.
	Rules []string
	// Reading is how the guard reads the request; its pairs are the recognised parameters that have a value.
	Reading Reading
	// Relevant are the parameters that must mean the same to everybody.
	Relevant scan.Names
	// Several are those of them that may legally have several values, and do.
	Several scan.Names
}

// Judge judges a request.
func (g *Guard) Judge(forwarded *Forwarded) Judgement {
	request := forwarded.judged()
	route := g.engine.Route(request.Path)
	verdict := g.engine.Decide(&g.memory, &request, route, g.directory)
	judgement := Judgement{Passes: verdict.Decision != validators.Reject}
	for _, finding := range verdict.Findings {
		if finding.Mode == rule.Enforce {
			judgement.Rules = append(judgement.Rules, finding.Rule.ID)
		}
	}
	if route.Tag == 0 || route.Ambiguous {
		return judgement
	}
	endpoint := rule.Endpoint(route.Tag)
	judgement.Reading.Endpoint = endpoint.String()
	parameters := &g.memory.Parameters
	if parameters.Signs&scan.Unread != 0 {
		parameters = g.readAll(forwarded, endpoint)
	}
	judgement.Relevant = rule.RelevantNames(endpoint)
	if g.memory.OwnForm {
		// Of the server's own login and consent forms the guard judges what could lead its answer astray.
		judgement.Relevant = scan.NamesOf(scan.ClientID, scan.RedirectURI, scan.ResponseType)
	}
	for _, name := range scan.AllNames() {
		if !judgement.Relevant.Has(name) || !parameters.Present.Has(name) {
			continue
		}
		judgement.Reading.Pairs = append(judgement.Reading.Pairs, Pair{name.String(), strings.Clone(parameters.Get(name))})
		if repeatable.Has(name) && (parameters.Repeated.Has(name) || parameters.In[scan.Query].Has(name) && parameters.In[scan.Body].Has(name)) {
			judgement.Several |= scan.NamesOf(name)
		}
	}
	return judgement
}

// repeatable are the parameters that may occur more than once: RFC 8707, RFC 8693, UMA 2.0, and a parameter of JetBrains Hub, which is unknown to other servers.
var repeatable = scan.NamesOf(scan.Resource, scan.Audience, scan.Permission, scan.RequestCredentials)

// readAll reads a request without limits, so that what is refused for its length can be compared.
func (g *Guard) readAll(forwarded *Forwarded, endpoint rule.Endpoint) *scan.Parameters {
	const all = 1 << 24
	body := forwarded.Body
	if forwarded.Method == "GET" || !rule.ParseContentType(forwarded.Header["Content-Type"]).Form {
		body = ""
	}
	g.unlimited.Scan(forwarded.Query, body, rule.RelevantNames(endpoint), &scan.Limits{Query: all, Body: all, Parameters: 60_000, Value: all})
	return &g.unlimited
}
