package clients

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

// Hub is the source of the services of a live JetBrains Hub, which it reads through Hub's REST API. It is safe for concurrent use; its fields must not change any more
// once it is in use.
type Hub struct {
	// BaseURL is the address of the Hub, such as https://hub.example.com, or https://www.example.com/hub for one that is part of YouTrack. The services lie at
	// <BaseURL>/api/rest/services.
	BaseURL string
	// Client carries the requests; nil means one with the defaults of Go. Whatever it says, redirects are not followed, since the token would go along.
	Client *http.Client
	// Token returns the token of Hub that a request carries. It is asked each time, so that a new token works at once. Blanks around a token do not count. No
	// function, or an empty token, means requests without Authorization.
	Token func(context.Context) (string, error)
	// Timeout bounds one whole Load, however many pages it takes; other requests take at most 10 seconds of it. Default: 30 seconds, which is 200 pages of a
	// slow Hub.
	Timeout time.Duration
	// MaxServices is how many services the Hub may have. With more, Load fails: a list that was cut short would look like the whole one. Default: 100,000.
	MaxServices int
	// PageSize is how many services are asked for at once. A Hub may send fewer. Default: 500, so that nearly every Hub needs one request, whose answer cannot
	// change midway, of some hundred kilobytes.
	PageSize int

	mutex sync.Mutex
	// last is the last complete list, if the Hub gives its pages names by which to ask whether they changed.
	last *hubMemory
}

// The defaults of a [Hub].
const (
	defaultHubTimeout  = 30 * time.Second
	defaultMaxServices = 100_000
	defaultPageSize    = 500
)

// singleTimeout bounds a request that is not part of a list.
const singleTimeout = 10 * time.Second

// serviceFields are the members that the guard reads. The secret is not among them. Unless asked for, objects inside of objects come without all members.
const serviceFields = "id,key,name,aliasIds,aliases(id),homeUrl,baseUrls,redirectUris,trusted"

// ErrNotAsked is the error for an ID that a Hub is not asked for, so that nothing can be said about it. IDs consist of 1 to 128 letters, digits, dots, hyphens and underscores,
// and are not "." or "..".
var ErrNotAsked = errors.New("an ID of this form is not asked for")

// Validate reports what is wrong with the address of the Hub.
func (h *Hub) Validate() error {
	_, err := addressOf(kindHub, h.BaseURL)
	return err
}

// CloseIdleConnections closes connections that nobody needs any more, unless the client is that of the whole program.
func (h *Hub) CloseIdleConnections() {
	if h.Client != nil {
		h.Client.CloseIdleConnections()
	}
}

// Load reads all services that the owner of the token may see. If services come and go meanwhile, it reads them once more; if that does not help either, the snapshot is
// partial. It is partial as well if the Hub counts more services than it sends, and if it sends none, since each Hub is a service of its own.
func (h *Hub) Load(ctx context.Context) (*Snapshot, error) { return h.LoadSince(ctx, "") }

// LoadSince is Load, unless the content still is that of the revision: then it returns neither a snapshot nor an error. If the Hub sends ETag or Last-Modified, an
// unchanged list is not transferred again, except once an hour.
func (h *Hub) LoadSince(ctx context.Context, revision string) (*Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(max(0, h.Timeout), defaultHubTimeout))
	defer cancel()
	s, err := h.session(ctx)
	if err != nil {
		return nil, err
	}
	first, unchanged, err := s.changed(ctx, h.remembered(revision))
	if err != nil || unchanged {
		return nil, err
	}
	list, err := s.list(ctx, first, "")
	if err != nil {
		return nil, err
	}
	if list.torn {
		// Hub's default order is not documented; this order is, and Hub's own pages use it.
		again, err := s.list(ctx, nil, "name")
		if refusal, told := errors.AsType[*HubError](err); err == nil {
			list = again
		} else if !told || refusal.Status != http.StatusBadRequest {
			return nil, err
		}
	}
	snapshot, err := list.snapshot()
	if err != nil {
		return nil, s.fail(err)
	}
	h.remember(list, snapshot.Revision)
	if snapshot.Revision == revision {
		return nil, nil
	}
	return snapshot, nil
}

// Lookup reads one service. It returns neither a service nor an error if the Hub itself, not something on the way to it, says that there is none of that ID. The ID of
// the service may be another one, to which the one that was asked for is an alias.
func (h *Hub) Lookup(ctx context.Context, id string) (*Registration, error) {
	if !asksFor(id) {
		return nil, ErrNotAsked
	}
	ctx, cancel := h.brief(ctx)
	defer cancel()
	s, err := h.session(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := s.get(ctx, "/services/"+id, "fields="+serviceFields, nil)
	if refusal, told := errors.AsType[*HubError](err); told && refusal.Status == http.StatusNotFound && refusal.hubsOwn {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var service hubService
	if err := s.decode(answer, &service); err != nil {
		return nil, err
	}
	page := hubPage{Services: []hubService{service}}
	snapshot, err := page.snapshot(false)
	if err != nil {
		return nil, s.fail(err)
	}
	registration := &snapshot.Clients[0]
	// Hub answers some words, such as "me", with a service of another ID, and may find services by their key as well. Whether it would at the authorization endpoint
	// is not known.
	if registration.ID != id && !slices.Contains(registration.Aliases, id) {
		return nil, s.fail(fmt.Errorf("asked for the service %s, it answered with %s, which has no such alias", quote(id), quote(registration.ID)))
	}
	return registration, nil
}

// ReportUntrusted adds a redirect URI to the list from which the administrator of the Hub approves new ones. It takes a token that may change the service, so it should be
// called on a Hub of its own with that token. triedFrom says where the URI was seen; empty says nothing.
func (h *Hub) ReportUntrusted(ctx context.Context, serviceID, redirectURI, triedFrom string) error {
	if !asksFor(serviceID) {
		return ErrNotAsked
	}
	ctx, cancel := h.brief(ctx)
	defer cancel()
	s, err := h.session(ctx)
	if err != nil {
		return err
	}
	body, err := json.Marshal(untrustedRedirectURI{
		RedirectURI: redirectURI,
		TriedFrom:   triedFrom,
		// Hub's documentation says "calendar"; this is how JAXB and Jackson write one.
		TriedAt: time.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
	})
	if err != nil {
		return s.fail(err)
	}
	return s.post(ctx, "/services/"+serviceID+"/untrustedredirecturis", body)
}

// untrustedRedirectURI is the object of Hub's documentation.
type untrustedRedirectURI struct {
	RedirectURI string `json:"redirectURI"`
	TriedFrom   string `json:"triedFrom,omitempty"`
	TriedAt     string `json:"triedAt"`
}

// brief is a context for a single request.
func (h *Hub) brief(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, min(cmp.Or(max(0, h.Timeout), defaultHubTimeout), singleTimeout))
}

// session is a Hub with the token of the moment.
func (h *Hub) session(ctx context.Context) (*session, error) {
	address, err := addressOf(kindHub, h.BaseURL)
	if err != nil {
		return nil, err
	}
	s := &session{
		kind:        kindHub,
		address:     address,
		client:      withoutRedirects(h.Client),
		pageSize:    cmp.Or(max(0, h.PageSize), defaultPageSize),
		maxServices: cmp.Or(max(0, h.MaxServices), defaultMaxServices),
	}
	if h.Token != nil {
		token, err := h.Token(ctx)
		if err != nil {
			return nil, s.fail(fmt.Errorf("token: %w", err))
		}
		if s.token, err = cleanToken(token); err != nil {
			return nil, s.fail(fmt.Errorf("token: %w", err))
		}
	}
	return s, nil
}

// A cache in front of a Hub that is wrong about what changed must not be believed for ever.
const trustUnchanged = time.Hour

// hubMemory is how to ask whether a list is still the same.
type hubMemory struct {
	revision string
	pages    []*condition
	read     time.Time
}

// remembered is how to ask whether the list is still that of the revision; nil if that cannot be asked.
func (h *Hub) remembered(revision string) []*condition {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.last == nil || revision == "" || h.last.revision != revision || time.Since(h.last.read) > trustUnchanged {
		return nil
	}
	return h.last.pages
}

func (h *Hub) remember(list *hubList, revision string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.last = nil
	if !list.torn && !slices.Contains(list.pages, nil) {
		h.last = &hubMemory{revision: revision, pages: list.pages, read: time.Now()}
	}
}

// revision is a hash of what a snapshot says. Neither the order of clients nor of what is inside of them counts.
func (s *Snapshot) revision() (string, error) {
	sums := make([]string, 0, len(s.Clients)+1)
	for i := range s.Clients {
		client := s.Clients[i]
		client.RedirectURIs = slices.Clone(client.RedirectURIs)
		slices.SortFunc(client.RedirectURIs, func(a, b redirecturi.Registered) int { return cmp.Compare(a.URI, b.URI) })
		client.Aliases, client.ServiceNames = slices.Sorted(slices.Values(client.Aliases)), slices.Sorted(slices.Values(client.ServiceNames))
		encoded, err := json.Marshal(client)
		if err != nil {
			return "", err
		}
		sums = append(sums, revisionOf(encoded))
	}
	slices.Sort(sums)
	var content bytes.Buffer
	fmt.Fprintf(&content, "%t %t %t", s.Services, s.Partial, s.Unnamed)
	for _, sum := range sums {
		raw, err := hex.DecodeString(sum)
		if err != nil {
			return "", err
		}
		content.Write(raw)
	}
	return revisionOf(content.Bytes()), nil
}
