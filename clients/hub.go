package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// hubPage is a page of GET <Hub>/api/rest/services ("HUB REST API, Services, Get All Services").
type hubPage struct {
	Skip     int          `json:"skip"`
	Total    *int         `json:"total"`
	Services []hubService `json:"services"`
}

// hubService is what the guard reads of a service. The member secret is not among it, so it is never decoded.
type hubService struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Key          string    `json:"key"`
	AliasIDs     hubTexts  `json:"aliasIds"`
	Aliases      hubNames  `json:"aliases"`
	HomeURL      *string   `json:"homeUrl"`
	BaseURLs     *[]string `json:"baseUrls"`
	RedirectURIs []string  `json:"redirectUris"`
	Trusted      *bool     `json:"trusted"`
}

// maxJoined is how many redirect URIs of one service are joined with how many bases. With more nothing is said about its redirect URIs; Hub itself checks them.
const maxJoined = 10_000

// hubTexts is an array of strings. Newer versions of Hub's documentation do not name the member any more, so another form is no error; it only means that the
// aliases are not known.
type hubTexts struct {
	values []string
	odd    bool
}

// UnmarshalJSON never fails.
func (t *hubTexts) UnmarshalJSON(data []byte) error {
	t.values = nil
	t.odd = json.Unmarshal(data, &t.values) != nil
	if t.odd {
		t.values = nil
	}
	return nil
}

// hubNames is the member aliases. Hub's "JSON Scheme" has it as an array of objects with the member id; strings are taken for names.
type hubNames struct {
	names, ids []string
	// odd says that there is no array; nameless says that an alias came without its ID.
	odd, nameless bool
}

// UnmarshalJSON never fails.
func (n *hubNames) UnmarshalJSON(data []byte) error {
	*n = hubNames{}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil {
		n.odd = true
		return nil
	}
	for _, raw := range list {
		var name string
		var alias struct {
			ID string `json:"id"`
		}
		switch {
		case json.Unmarshal(raw, &name) == nil:
			n.names = append(n.names, name)
		case json.Unmarshal(raw, &alias) == nil && alias.ID != "":
			n.ids = append(n.ids, alias.ID)
		default:
			n.nameless = true
		}
	}
	return nil
}

// parseHub reads a services page that somebody saved.
func parseHub(data []byte) (*Snapshot, error) {
	var page hubPage
	if err := decode(data, &page); err != nil {
		return nil, err
	}
	// An error answer of Hub is an object too; without this check it would be a Hub without services.
	if page.Services == nil {
		return nil, errors.New(`the object has no member "services"; expected a services page of JetBrains Hub, ` +
			`or an array of RFC 7591 records (put a single record in [ ])`)
	}
	// A page is the whole list only if it begins at the first service and holds as many as Hub counted. Whoever asked for a few
	// hundred of many services must not see the other ones refused.
	return page.snapshot(page.Skip != 0 || page.Total == nil || *page.Total != len(page.Services))
}

// snapshot turns the services of a page into clients. Partial says that there are more services than these.
func (p *hubPage) snapshot(partial bool) (*Snapshot, error) {
	snapshot := &Snapshot{Clients: make([]Registration, 0, len(p.Services)), Services: true, Partial: partial}
	bases, keyed := p.basesGiven(), false
	for i := range p.Services {
		service := &p.Services[i]
		if service.ID == "" {
			return nil, fmt.Errorf(`service %d of the page (name %s): id is missing or empty; ask Hub for the field "id"`, i+1, quote(service.Name))
		}
		snapshot.Clients = append(snapshot.Clients, service.registration(bases))
		keyed = keyed || service.Key != ""
		// An alias that cannot be read may be the ID, or the name, that a request uses.
		snapshot.Partial = snapshot.Partial || service.AliasIDs.odd || service.Aliases.nameless
		snapshot.Unnamed = snapshot.Unnamed || service.Name == "" || service.Aliases.odd
	}
	// Some services always have a key. If none has, Hub was not asked for keys, and a scope may use them all the same.
	snapshot.Unnamed = snapshot.Unnamed || !keyed
	return snapshot, nil
}

// basesGiven reports whether Hub was asked for both members that relative redirect URIs are joined with.
func (p *hubPage) basesGiven() bool {
	home, bases := false, false
	for i := range p.Services {
		home = home || p.Services[i].HomeURL != nil
		bases = bases || p.Services[i].BaseURLs != nil
	}
	return home && bases
}

// registration turns a service into a client. Hub says nothing about how it authenticates: one that is not trusted may have a secret.
func (s *hubService) registration(basesGiven bool) Registration {
	registration := Registration{
		Client:       rule.Client{ID: s.ID, Name: s.Name, Trust: trustOf(s.Trusted), RedirectURIs: s.redirectURIs(basesGiven)},
		Aliases:      slices.Concat(s.AliasIDs.values, s.Aliases.ids),
		ServiceNames: s.Aliases.names,
	}
	if s.Key != "" {
		registration.ServiceNames = append(registration.ServiceNames, s.Key)
	}
	return registration
}

// redirectURIs is the set that Hub computes, or nil if it cannot be known. Hub's "Manage Authentication Endpoints": an absolute redirect URI
// counts as it is, a relative one is joined with the home URL and each base URL.
func (s *hubService) redirectURIs(basesGiven bool) []redirecturi.Registered {
	if s.RedirectURIs == nil {
		return nil
	}
	// If Hub was not asked for all bases, some of the joined URIs are missing, and refusing those would break the client.
	if !basesGiven {
		for _, uri := range s.RedirectURIs {
			if redirecturi.Inspect(uri)&redirecturi.Relative != 0 {
				return nil
			}
		}
	}
	home, bases := "", []string(nil)
	if s.HomeURL != nil {
		home = *s.HomeURL
	}
	if s.BaseURLs != nil {
		bases = *s.BaseURLs
	}
	// Old Hubs let anybody register a service, and the joined URIs are as many as the product of both.
	if (1+len(bases))*len(s.RedirectURIs) > maxJoined {
		return nil
	}
	computed := redirecturi.Computed(home, bases, s.RedirectURIs)
	// Redirect URIs that nothing could be joined with are not "none registered".
	if len(computed) == 0 && len(s.RedirectURIs) > 0 {
		return nil
	}
	return computed
}
