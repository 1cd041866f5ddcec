package clients

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Metadata is what an authorization server says about itself (RFC 8414 section 2, OpenID Connect Discovery 1.0 section 3). An absent member says nothing; the
// defaults that the standards give for a few of them are left to whoever reads it.
type Metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`
	UserinfoEndpoint      string `json:"userinfo_endpoint,omitempty"`
	JWKSURI               string `json:"jwks_uri,omitempty"`
	RegistrationEndpoint  string `json:"registration_endpoint,omitempty"`
	RevocationEndpoint    string `json:"revocation_endpoint,omitempty"`
	IntrospectionEndpoint string `json:"introspection_endpoint,omitempty"`
	EndSessionEndpoint    string `json:"end_session_endpoint,omitempty"`
	// DeviceAuthorizationEndpoint is of RFC 8628 section 4.
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint,omitempty"`
	// PushedAuthorizationRequestEndpoint is of RFC 9126 section 5.
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"`

	ScopesSupported                   []string `json:"scopes_supported,omitempty"`
	ResponseTypesSupported            []string `json:"response_types_supported,omitempty"`
	ResponseModesSupported            []string `json:"response_modes_supported,omitempty"`
	GrantTypesSupported               []string `json:"grant_types_supported,omitempty"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	CodeChallengeMethodsSupported     []string `json:"code_challenge_methods_supported,omitempty"`

	// AuthorizationResponseIssParameterSupported is of RFC 9207 section 3.
	AuthorizationResponseIssParameterSupported *bool `json:"authorization_response_iss_parameter_supported,omitempty"`
	RequirePushedAuthorizationRequests         *bool `json:"require_pushed_authorization_requests,omitempty"`
	RequestParameterSupported                  *bool `json:"request_parameter_supported,omitempty"`
	RequestURIParameterSupported               *bool `json:"request_uri_parameter_supported,omitempty"`
	// ClientIDMetadataDocumentSupported says that a client_id may be an https URL.
	ClientIDMetadataDocumentSupported *bool `json:"client_id_metadata_document_supported,omitempty"`

	// Location is where the metadata was read.
	Location string `json:"-"`
}

// MetadataReader reads the metadata of an authorization server without any token.
type MetadataReader struct {
	// URL is the address of the server: its issuer identifier, or how the guard reaches it.
	URL string
	// Issuer is the issuer identifier, if it is not the URL, for example because the guard reaches the server by an internal address. Default: the URL.
	Issuer string
	// Client carries the requests; nil means one with the defaults of Go. Redirects are not followed.
	Client *http.Client
	// Timeout bounds the whole reading. Default: 10 seconds.
	Timeout time.Duration

	// hub also looks where JetBrains Hub has its second copy.
	hub bool
}

// IssuerError says that metadata was found, but that it is of another issuer.
type IssuerError struct {
	// Location is where the metadata was read.
	Location string
	// Want are the issuers that it may name; Got is the one that it names.
	Want []string
	Got  string
}

// Error says what to do about it.
func (e *IssuerError) Error() string {
	return fmt.Sprintf("%s names the issuer %s instead of %s; if that is right, set it as the issuer", e.Location, quote(e.Got), quote(e.Want[0]))
}

// Metadata reads the metadata of the Hub, of which it has up to two copies. No token is sent.
func (h *Hub) Metadata(ctx context.Context) (*Metadata, error) {
	reader := MetadataReader{URL: h.BaseURL, Client: h.Client, Timeout: min(cmp.Or(max(0, h.Timeout), defaultHubTimeout), singleTimeout), hub: true}
	return reader.Read(ctx)
}

// maxMetadata bounds a metadata document, in bytes. Real ones have a few thousand.
const maxMetadata = 256 << 10

// wellKnown is a place where metadata may lie.
type wellKnown struct {
	location string
	// issuers are those that the metadata may name.
	issuers []string
}

// Read reads the metadata from the first place that has it: that of OpenID Connect, for a Hub its second one, and that of RFC 8414. If there is none, the error holds what
// each place answered.
func (r *MetadataReader) Read(ctx context.Context) (*Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(max(0, r.Timeout), singleTimeout))
	defer cancel()
	address, err := addressOf(kindServer, r.URL)
	if err != nil {
		return nil, err
	}
	s := &session{kind: kindServer, address: address, client: withoutRedirects(r.Client), limit: maxMetadata}
	var failure error
	for _, place := range r.places(address) {
		metadata, err := s.metadata(ctx, place)
		if err == nil {
			return metadata, nil
		}
		if failure != nil {
			err = fmt.Errorf("%w; %w", failure, err)
		}
		failure = err
		// Whoever gave no answer here gives none there.
		if _, silent := errors.AsType[*shortError](err); silent || ctx.Err() != nil {
			break
		}
	}
	return nil, failure
}

func (r *MetadataReader) places(address string) []wellKnown {
	const openID, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	// The issuer "https://a/" and "https://a" have their metadata at the same place, so both may be meant.
	issuers := func(path string) []string {
		if r.Issuer != "" {
			return []string{r.Issuer}
		}
		return []string{address + path, address + path + "/"}
	}
	places := []wellKnown{{address + openID, issuers("")}}
	if r.hub {
		const second = restPath + "/oauth2"
		places = append(places, wellKnown{address + second + openID, slices.Concat(issuers(""), issuers(second))})
	}
	// RFC 8414 section 3.1 puts the well-known part between host and path.
	if u, err := url.Parse(address); err == nil {
		places = append(places, wellKnown{u.Scheme + "://" + u.Host + oauth + u.EscapedPath(), issuers("")})
	}
	return places
}

func (s *session) metadata(ctx context.Context, place wellKnown) (*Metadata, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place.location, nil)
	if err != nil {
		return nil, s.fail(err)
	}
	a, err := s.do(request)
	if err != nil {
		return nil, err
	}
	metadata := &Metadata{Location: place.location}
	if err := s.decode(a, metadata); err != nil {
		return nil, err
	}
	if metadata.Issuer == "" {
		return nil, s.fail(fmt.Errorf("%s names no issuer", place.location))
	}
	// RFC 8414 section 3.3 and OpenID Connect Discovery 1.0 section 4.3: the issuer must be identical to the one that was asked, else the metadata must not be used.
	if !slices.Contains(place.issuers, metadata.Issuer) {
		return nil, s.fail(&IssuerError{Location: place.location, Want: place.issuers, Got: metadata.Issuer})
	}
	if err := metadata.validate(s); err != nil {
		return nil, err
	}
	return metadata, nil
}

// validate makes sure that what is used as an address is one.
func (m *Metadata) validate(s *session) error {
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint, "userinfo_endpoint": m.UserinfoEndpoint,
	} {
		u, err := url.Parse(endpoint)
		if endpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsFunc(endpoint, unprintable)) {
			return s.fail(fmt.Errorf("%s: %s is not an http or https URL: %s", m.Location, name, quote(endpoint)))
		}
	}
	return nil
}

func unprintable(c rune) bool { return c < '!' || c > '~' }
