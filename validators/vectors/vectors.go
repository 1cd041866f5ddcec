// Package vectors reads the test vectors of the rules: JSON files that any language can use. The format is described in docs/vectors.md.
package vectors

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// File is one file of vectors: testdata/<rule id>.json.
type File struct {
	// Rule is the ID of the rule.
	Rule string `json:"rule"`
	// Vectors are the requests.
	Vectors []Vector `json:"vectors"`
}

// Vector is one request, and whether the rule fires for it.
type Vector struct {
	// Name says what is special about the request.
	Name string `json:"name"`
	// Source names where the request comes from, if not from the rule's own source.
	Source string `json:"source,omitempty"`
	// Fires says that the rule must fire; else it is a near miss that must pass, without an enforced finding of any other rule.
	Fires bool `json:"fires"`
	// Profile limits the vector to one profile; without it, it holds in all.
	Profile string `json:"profile,omitempty"`
	// Directory says which clients are registered: "" those of clients.json, "none", "unjudged", or "services" for those of clients.json as the
	// complete list of a Hub.
	Directory string `json:"directory,omitempty"`
	// Transport says how the request came: "" over TLS, "http", or "loopback".
	Transport string `json:"transport,omitempty"`
	// Time is when the request came, as RFC 3339. Without it the time is not known, and the rules that need it do not fire.
	Time string `json:"time,omitempty"`
	// Origin is the scheme and host that the client asked for; without it https://server.example.
	Origin string `json:"origin,omitempty"`
	// Certificate is the client's certificate of a TLS connection that ends at the guard: DER as base64, or "none". Without it nothing is known of one.
	Certificate string `json:"certificate,omitempty"`
	// RequestObjects is the option request_objects; without it that of the profile.
	RequestObjects string `json:"request_objects,omitempty"`
	// BodyState overrides what was read of the body: "broken" or "too_long".
	BodyState string `json:"body_state,omitempty"`
	// Also lists other rules that a near miss may fire on.
	Also []string `json:"also,omitempty"`
	// Error and Status are those of the answer, if the vector states them.
	Error  string `json:"error,omitempty"`
	Status int    `json:"status,omitempty"`
	// Request is the request: the request line without version, the header lines, an empty line, and the lines of the body, joined by CRLF. Every
	// code point up to U+00FF is one byte.
	Request []string `json:"request"`
}

// Load reads every vector file below the folder.
func Load(folder string) (map[string]File, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*", "testdata", "*.json"))
	if err != nil {
		return nil, err
	}
	files := make(map[string]File)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var file File
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&file); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if want := file.Rule + ".json"; filepath.Base(name) != want {
			return nil, fmt.Errorf("%s: must be named %s", name, want)
		}
		files[file.Rule] = file
	}
	return files, nil
}

// Parse makes the request of a vector.
func (v *Vector) Parse() (rule.Request, error) {
	method, target, found := strings.Cut(latin1(v.Request[0]), " ")
	if !found {
		return rule.Request{}, fmt.Errorf("%s: the request line needs a method and a target", v.Name)
	}
	path, query, _ := strings.Cut(target, "?")
	request := rule.Request{Method: method, Path: path, Query: query, Header: http.Header{}, Transport: rule.Secure}
	if err := v.surroundings(&request); err != nil {
		return rule.Request{}, fmt.Errorf("%s: %w", v.Name, err)
	}
	lines := v.Request[1:]
	for i, line := range lines {
		if line == "" {
			request.Body = latin1(strings.Join(lines[i+1:], "\r\n"))
			request.BodyState = rule.BodyRead
			break
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return rule.Request{}, fmt.Errorf("%s: header line %q has no colon", v.Name, line)
		}
		http.Header(request.Header).Add(name, strings.Trim(latin1(value), " "))
	}
	switch v.BodyState {
	case "broken":
		request.BodyState = rule.BodyBroken
	case "too_long":
		request.BodyState = rule.BodyTooLong
	}
	switch v.Transport {
	case "http":
		request.Transport = rule.PlainHTTP
	case "loopback":
		request.Transport = rule.PlainLoopback
	}
	return request, nil
}

// surroundings fills in what is known of a request beside its bytes.
func (v *Vector) surroundings(request *rule.Request) (err error) {
	request.Scheme, request.Host, _ = strings.Cut(cmp.Or(v.Origin, Origin), "://")
	if v.Time != "" {
		if request.Time, err = time.Parse(time.RFC3339, v.Time); err != nil {
			return err
		}
	}
	request.EndsTLS = v.Certificate != ""
	if v.Certificate != "" && v.Certificate != "none" {
		request.Certificate, err = base64.StdEncoding.DecodeString(v.Certificate)
	}
	return err
}

// Origin is that of the server of the vectors, and its issuer identifier.
const Origin = "https://server.example"

// Message writes the request as HTTP/1.1. The fields come before those of the vector; a body gets a Content-Length unless a field says how it is framed.
func (v *Vector) Message(fields ...string) string {
	method, target, _ := strings.Cut(latin1(v.Request[0]), " ")
	body, hasBody := "", false
	for i, line := range v.Request[1:] {
		if line == "" {
			body, hasBody = latin1(strings.Join(v.Request[i+2:], "\r\n")), true
			break
		}
		fields = append(fields, latin1(line))
	}
	framed := slices.ContainsFunc(fields, func(field string) bool {
		name, _, _ := strings.Cut(strings.ToLower(field), ":")
		return name == "content-length" || name == "transfer-encoding"
	})
	if hasBody && !framed {
		fields = append(fields, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	return method + " " + target + " HTTP/1.1\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n" + body
}

// latin1 turns code points into bytes.
func latin1(s string) string {
	bytes := make([]byte, 0, len(s))
	for _, r := range s {
		bytes = append(bytes, byte(r))
	}
	return string(bytes)
}

// Directory is a small directory for tests.
type Directory struct {
	Clients  map[string]*rule.Client
	Unjudged bool
	Services bool
}

// Find implements [rule.Directory].
func (d *Directory) Find(id string) (*rule.Client, rule.Standing) {
	if d.Unjudged {
		return nil, rule.Unjudged
	}
	if client := d.Clients[id]; client != nil {
		return client, rule.Known
	}
	return nil, rule.Absent
}

// Service implements [rule.Directory].
func (d *Directory) Service(element string) (known, complete bool) {
	if !d.Services {
		return false, false
	}
	return d.Clients[element] != nil, true
}

// LoadClients reads a file of RFC 7591 records.
func LoadClients(name string) (map[string]*rule.Client, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var records []struct {
		ID            string    `json:"client_id"`
		RedirectURIs  *[]string `json:"redirect_uris"`
		ResponseTypes []string  `json:"response_types"`
		GrantTypes    []string  `json:"grant_types"`
		AuthMethod    string    `json:"token_endpoint_auth_method"`
		Scope         string    `json:"scope"`
		Trusted       *bool     `json:"trusted"`
		Pushed        bool      `json:"require_pushed_authorization_requests"`
		LogoutTargets []string  `json:"post_logout_redirect_uris"`

		Keys                   json.RawMessage `json:"jwks"`
		RequestURIs            []string        `json:"request_uris"`
		RequestObjectAlgorithm string          `json:"request_object_signing_alg"`
		SignedRequests         bool            `json:"require_signed_request_object"`
		DPoPBound              bool            `json:"dpop_bound_access_tokens"`
	}
	if err := json.Unmarshal(text, &records); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	clients := make(map[string]*rule.Client)
	for _, record := range records {
		client := &rule.Client{ID: record.ID, ResponseTypes: record.ResponseTypes, GrantTypes: record.GrantTypes, AuthMethod: record.AuthMethod, Operator: true,
			PushedRequests: record.Pushed, PostLogoutRedirectURIs: record.LogoutTargets, Keys: record.Keys, RequestURIs: record.RequestURIs,
			RequestObjectAlgorithm: record.RequestObjectAlgorithm, SignedRequests: record.SignedRequests, DPoPBound: record.DPoPBound}
		if record.RedirectURIs != nil {
			client.RedirectURIs = []redirecturi.Registered{}
			for _, uri := range *record.RedirectURIs {
				client.RedirectURIs = append(client.RedirectURIs, redirecturi.Registered{URI: uri})
			}
		}
		if record.Scope != "" {
			client.Scopes = strings.Fields(record.Scope)
		}
		if record.Trusted != nil {
			client.Trust = rule.Untrusted
			if *record.Trusted {
				client.Trust = rule.Trusted
			}
		}
		clients[client.ID] = client
	}
	return clients, nil
}
