// Package registration finds out from access logs which clients and redirect URIs an authorization server accepts.
package registration

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/summary"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

// Registry is what the logs say about clients. It is bounded, and pieces of logs may be merged in their order.
type Registry struct {
	Clients map[string]*Client
	// Requests counts authorization requests, Proven those that were answered with a code or token, Unattributed such answers to requests that do not name a client.
	Requests, Proven, Unattributed int64
	// Answers says that some response showed where it redirects to: without that nothing can be proven.
	Answers bool
	// Left counts requests of clients, or with redirect URIs, that were left out because there were too many.
	Left int64
}

// Client is what the logs say about one client.
type Client struct {
	Requests, Proven int64
	URIs             map[string]*URI
	// ResponseTypes counts those of the requests that were answered with a code or token.
	ResponseTypes map[string]int64
}

// URI is what the logs say about one redirect URI of a client. It is kept as it was sent, since it is compared so, but without query and fragment.
type URI struct {
	// Requests counts requests with it, Refused those that were answered with a status from 400, Proven those that were answered with a code or token sent there.
	Requests, Refused, Proven int64
	// Query says that it was sent with a query or fragment, which may hold secrets and is not kept.
	Query bool
	summary.Period
}

// The bounds.
const (
	maxClients = 5000
	maxURIs    = 200
	maxLength  = 1000
	maxTypes   = 20
)

// hidden stands for the query or fragment of a URI.
const hidden = "?…"

// New is a registry of nothing.
func New() *Registry { return &Registry{Clients: make(map[string]*Client)} }

func (r *Registry) client(id string) *Client {
	c := r.Clients[id]
	if c == nil {
		c = &Client{URIs: make(map[string]*URI), ResponseTypes: make(map[string]int64)}
		r.Clients[strings.Clone(id)] = c
	}
	return c
}

func (c *Client) uri(address string) *URI {
	u := c.URIs[address]
	if u == nil {
		u = new(URI)
		c.URIs[strings.Clone(address)] = u
	}
	return u
}

// Request is an authorization request with its response. ClientID and RedirectURI are decoded, and empty if they are not there exactly once.
type Request struct {
	ClientID, RedirectURI, ResponseType, Location string
	Status                                        int
	When                                          summary.Moment
}

// Add adds a request.
func (r *Registry) Add(q Request) {
	r.Requests++
	r.Answers = r.Answers || q.Location != ""
	granted := carriesGrant(q.Location)
	if q.ClientID == "" || len(q.ClientID) > maxLength || len(q.RedirectURI) > maxLength {
		if granted {
			r.Unattributed++
		}
		return
	}
	c := r.client(q.ClientID)
	c.Requests++
	if q.RedirectURI == "" {
		return
	}
	address, query := cut(q.RedirectURI)
	key := address
	if query {
		key += hidden // or else a request with a query would cast doubt on the URI without
	}
	u := c.uri(key)
	u.Requests++
	u.See(q.When)
	u.Query = query
	if q.Status >= 400 {
		u.Refused++
	}
	// The server itself sent the code or token there: whoever writes requests into the log cannot make it do that.
	if to, _ := cut(q.Location); granted && to == address {
		r.Proven++
		c.Proven++
		u.Proven++
		if len(c.ResponseTypes) < maxTypes && plainWords(q.ResponseType) {
			c.ResponseTypes[strings.Clone(q.ResponseType)]++
		}
	}
}

// cut splits a URI before its query or fragment.
func cut(uri string) (address string, more bool) {
	if end := strings.IndexAny(uri, "?#"); end >= 0 {
		return uri[:end], true
	}
	return uri, false
}

// grants are the parameters of a successful response that only the authorization server can make up: RFC 6749 sections 4.1.2 and 4.2.2, OpenID Connect Core section 3.2.2.5.
var grants = []string{"code=", "access_token=", "id_token="}

// carriesGrant reports whether a redirection carries an authorization code or a token, in its query or fragment. An error carries neither (RFC 6749 section 4.1.2.1): what looks like one
// beside it is a piece of the state, which whoever made the request wrote.
func carriesGrant(location string) bool {
	i := strings.IndexAny(location, "?#")
	if i < 0 {
		return false
	}
	granted := false
	for pair := range strings.FieldsFuncSeq(location[i+1:], func(r rune) bool { return strings.ContainsRune("&#?", r) }) {
		if strings.HasPrefix(pair, "error=") {
			return false
		}
		for _, name := range grants {
			if value, is := strings.CutPrefix(pair, name); is && value != "" {
				granted = true
			}
		}
	}
	return granted
}

func plainWords(text string) bool {
	return text != "" && len(text) < 40 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_ ") == ""
}

// Merge adds what another registry knows of the logs behind those of this one.
func (r *Registry) Merge(other *Registry) {
	r.Requests += other.Requests
	r.Proven += other.Proven
	r.Unattributed += other.Unattributed
	r.Left += other.Left
	r.Answers = r.Answers || other.Answers
	for id, from := range other.Clients {
		to := r.client(id)
		to.Requests += from.Requests
		to.Proven += from.Proven
		for name, count := range from.ResponseTypes {
			to.ResponseTypes[name] += count
		}
		for address, u := range from.URIs {
			into := to.uri(address)
			into.Requests += u.Requests
			into.Refused += u.Refused
			into.Proven += u.Proven
			into.Query = u.Query
			into.See(u.First)
			into.See(u.Last)
		}
		r.Left += trim(to.URIs, maxURIs, func(u *URI) (int64, int64) { return u.Proven, u.Requests })
	}
	r.Left += trim(r.Clients, maxClients, func(c *Client) (int64, int64) { return c.Proven, c.Requests })
}

// trim leaves out what is proven and requested least, when there is too much, and returns how many requests that were.
func trim[V any](from map[string]V, limit int, weigh func(V) (proven, requests int64)) (left int64) {
	if len(from) <= limit {
		return 0
	}
	keys := slices.SortedFunc(maps.Keys(from), func(a, b string) int {
		provenA, requestsA := weigh(from[a])
		provenB, requestsB := weigh(from[b])
		switch {
		case provenA != provenB && provenA > provenB, provenA == provenB && requestsA > requestsB:
			return -1
		case provenA != provenB || requestsA != requestsB:
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, key := range keys[limit/2:] {
		_, requests := weigh(from[key])
		left += requests
		delete(from, key)
	}
	return left
}

// refusedShare is which part of requests must have been refused to make that a doubt: everybody forgets a password.
const refusedShare = 4

// Doubts are the reasons for a person to look at a redirect URI; none if it is proven and ordinary. Certain says that it may be written as registered: the doubts are only worth a look.
func (u *URI) Doubts(address string) (doubts []string, certain bool) {
	certain = true
	add := func(fatal bool, text string) {
		doubts = append(doubts, text)
		certain = certain && !fatal
	}
	if u.Proven == 0 {
		add(true, "no response with a code or token was seen")
	}
	if u.Query {
		add(true, "it was sent with a query or fragment, which is not shown")
	}
	address = strings.TrimSuffix(address, hidden)
	flaws := redirecturi.Inspect(address)
	if flaws&^redirecturi.Insecure != 0 || redact.URI(address) != address {
		add(true, "it is not written as a redirect URI should be")
	}
	if u.Proven == 1 {
		add(false, "seen once")
	}
	if u.Refused*refusedShare > u.Requests {
		add(false, fmt.Sprintf("%d requests with it were refused", u.Refused))
	}
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	switch {
	case flaws&redirecturi.Insecure != 0:
		add(false, "http")
	case scheme == "http":
		add(false, "loopback")
	case scheme != "https":
		add(false, "a scheme of its own")
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") && host[i:] != ":443" && scheme == "https" {
		add(false, "an odd port")
	}
	return doubts, certain
}
