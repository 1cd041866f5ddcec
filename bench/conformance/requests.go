package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// List is requests for one site.
type List struct {
	// Title names the list.
	Title string
	// Site is what a peer must be configured for.
	Site peers.Site
	// Requests are sent to it.
	Requests []Request
}

// Lists returns all requests: those of the vectors, and those of the corpus. The root is the folder of the checkout.
func Lists(root string) ([]List, error) {
	fromVectors, err := vectorList(root)
	if err != nil {
		return nil, err
	}
	fromCorpus, err := corpusList(root)
	return []List{fromVectors, fromCorpus}, err
}

// Paths of the endpoints of the vectors.
const (
	AuthorizePath = "/oauth2/auth"
	TokenPath     = "/oauth2/token"
)

// VectorSite is the site of the vectors.
func VectorSite(root string) (peers.Site, error) {
	clients, err := peers.ReadClients(filepath.Join(root, "validators", "testdata", "clients.json"))
	return peers.Site{Authorize: []string{AuthorizePath}, Token: []string{TokenPath}, Clients: clients}, err
}

// left are vectors that are not asked, with the reason.
var left = map[string]string{
	"wire.query.raw_byte: a blank":                       "a blank ends the request target",
	"authorize.redirect_uri.scheme: a registered script": "no peer lets a script be registered",
	"path.ambiguous: cleaning leads into the resource":   "no peer is configured for protected resources",
	"path.ambiguous: case leads into the resource":       "no peer is configured for protected resources",
}

// common are the rules that every peer was configured to check, as well as it can. The others are for information: nobody would write all of them by hand.
var common = regexp.MustCompile(`^(` +
	`authorize\.(client_id\.(missing|repeated|unknown)|redirect_uri\.(missing|repeated|unregistered|none_registered)|` +
	`(state|scope|response_mode|extension)\.repeated|response_type\.(missing|malformed|unsupported|repeated)|` +
	`code_challenge\.malformed|code_challenge_method\.(orphan|unsupported)|method\.unsupported)|` +
	`token\.(client_id\.(missing|unknown)|(parameter|extension)\.repeated|authorization\.malformed|authentication\.multiple|` +
	`grant_type\.(missing|unsupported)|(code|refresh_token|username|password)\.missing|redirect_uri\.unregistered|code_verifier\.malformed|` +
	`parameter\.in_query|method\.unsupported)|` +
	`wire\.(content_type\.unsupported|percent_encoding\.malformed))$`)

// IsCommon says whether every peer was configured to check the rule.
func IsCommon(id string) bool { return common.MatchString(id) }

// vectorList makes the list of the vectors: of every rule that the profile rfc6749 enforces at the authorization or token endpoint, what fires it because of the request
// alone, and the near misses.
func vectorList(root string) (List, error) {
	list := List{Title: "test vectors"}
	var err error
	if list.Site, err = VectorSite(root); err != nil {
		return list, err
	}
	files, err := vectors.Load(filepath.Join(root, "validators"))
	if err != nil {
		return list, err
	}
	catalogue := validators.Catalogue()
	for i := range catalogue {
		r := &catalogue[i]
		if r.Modes.In(rule.RFC6749) != rule.Enforce || !r.Endpoints.Has(rule.Authorize) && !r.Endpoints.Has(rule.Token) {
			continue
		}
		for j := range files[r.ID].Vectors {
			v := &files[r.ID].Vectors[j]
			name := r.ID + ": " + v.Name
			if left[name] != "" {
				continue
			}
			if ask, err := asked(v); err != nil || !ask {
				if err != nil {
					return list, err
				}
				continue
			}
			request := Request{Name: name, Valid: !v.Fires, Common: v.Fires && IsCommon(r.ID), Message: func(host string) string {
				// The answer to a browser is a page, and only JSON has a code to compare.
				return v.Message("Host: "+host, "Accept: application/json")
			}}
			if v.Fires {
				request.Error = r.Error
				if v.Error != "" {
					request.Error = v.Error
				}
				if request.Error == rule.RedirectURIError {
					request.Error = "invalid_request"
				}
			}
			list.Requests = append(list.Requests, request)
		}
	}
	if len(list.Requests) < 100 {
		return list, fmt.Errorf("%d vectors in %s are too few to show anything", len(list.Requests), root)
	}
	return list, nil
}

// plain are the members of a vector that is about the request alone. Others describe the connection or the configuration, which are the same here for all.
var plain = []string{"name", "source", "fires", "profile", "directory", "also", "error", "status", "request"}

// elsewhere are the paths of endpoints that no peer is configured for.
var elsewhere = regexp.MustCompile(`^/(api|oauth2/(par|device_authorization|bc-authorize|revoke|introspect|register|logout|userinfo))\b`)

// asked says whether a vector is about the request alone, at the endpoints that all peers are configured for. A near miss that other rules may refuse says nothing.
func asked(v *vectors.Vector) (bool, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return false, err
	}
	for member := range members {
		if !slices.Contains(plain, member) {
			return false, nil
		}
	}
	// What fires without knowledge of the clients is wrong with it too.
	otherClients := v.Directory != "" && (v.Directory != "none" || !v.Fires)
	if otherClients || v.Profile != "" && v.Profile != rule.RFC6749.String() || !v.Fires && len(v.Also) > 0 {
		return false, nil
	}
	return !elsewhere.MatchString(strings.Fields(v.Request[0])[1]), nil
}

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

// corpusSite is all servers of the corpus as one: their endpoints, and who is registered there.
func corpusSite() peers.Site {
	callback := []string{"http://127.0.0.1:8400/cb"}
	site := peers.Site{
		Authorize: []string{"/auth", "/oauth/authorize", "/authorize", "/o/authorize/", "/oauth2/auth", "/dex/auth/mock", "/api/rest/oauth2/auth"},
		Token:     []string{"/token", "/oauth/token", "/o/token/", "/oauth2/token", "/dex/token"},
		Clients: []peers.Client{
			{ID: "spa", RedirectURIs: []string{"http://127.0.0.1:8500/cb"}},
			{ID: "ring app/1", RedirectURIs: []string{"http://127.0.0.1:8500/app?keep=1&x=%20y"}},
		},
	}
	for _, id := range []string{"app", "apppost", "jwtc", "pub", "odd:id/with space+plus", "1234"} {
		site.Clients = append(site.Clients, peers.Client{ID: id, RedirectURIs: callback})
	}
	return site
}

// corpusList makes the list of what real clients sent to authorization and token endpoints. All of it is valid.
func corpusList(root string) (List, error) {
	list := List{Title: "requests of real clients", Site: corpusSite()}
	file, err := os.Open(filepath.Join(root, "caddymodule", "integration", "testdata", "corpus", "real_requests.jsonl"))
	if err != nil {
		return list, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return list, err
		}
		path, _, _ := strings.Cut(r.Target, "?")
		endpoint := slices.Contains(list.Site.Authorize, path) || slices.Contains(list.Site.Token, path)
		if !strings.HasPrefix(r.Tag, "valid") || !endpoint || r.Kind != "authorize" && r.Kind != "token" {
			continue
		}
		// Assertions expire, so a recorded one is not valid any more.
		if strings.Contains(r.Body, "client_assertion=") {
			continue
		}
		message := r.Method + " " + r.Target + " HTTP/1.1\r\n"
		for _, field := range r.Headers {
			message += field[0] + ": " + field[1] + "\r\n"
		}
		message += "\r\n" + r.Body
		list.Requests = append(list.Requests, Request{Name: r.ID + ": " + r.Server, Valid: true, Message: func(string) string { return message }})
	}
	if len(list.Requests) < 50 {
		return list, fmt.Errorf("%d records in %s are too few to show anything", len(list.Requests), file.Name())
	}
	return list, lines.Err()
}
