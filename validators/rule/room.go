package rule

import "github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"

// RoomFinder is implemented by a [Directory] that holds too many clients to keep all of them as rules read them.
type RoomFinder interface {
	// FindIn is Find, but may make the client in the room, and then returns that one. It is valid until the room is used again; its strings are not part of the room, and stay what they are.
	FindIn(clientID string, room *Room) (*Client, Standing)
}

// Room is memory for one client, which a decision lends to a directory. The zero value is ready. It is not safe for concurrent use.
type Room struct {
	client Client
	// terms are those that the client was made with last.
	terms *Client

	// RedirectURIs, PostLogoutRedirectURIs and RequestURIs are memory for the lists of the client.
	RedirectURIs           []redirecturi.Registered
	PostLogoutRedirectURIs []string
	RequestURIs            []string
}

// Client begins a client: it has the terms, and neither ID, name, keys nor URIs, which alone may be set afterwards. Most clients share their terms with many others, and are made of the
// same ones as the one before, so that nothing is copied; terms must not change any more.
func (r *Room) Client(terms *Client) *Client {
	if r.terms != terms {
		r.client, r.terms = *terms, terms
	}
	r.client.ID, r.client.Name, r.client.Keys = "", "", nil
	r.client.RedirectURIs, r.client.PostLogoutRedirectURIs, r.client.RequestURIs = nil, nil, nil
	return &r.client
}

// maxKept is for how many URIs a list of a room keeps its memory. Few clients have as many.
const maxKept = 64

// empty forgets what is of one client alone: the strings are pieces of a directory, which would stay in memory.
func (r *Room) empty() {
	if r.terms != nil {
		r.Client(r.terms)
	}
	r.RedirectURIs, r.PostLogoutRedirectURIs, r.RequestURIs = emptied(r.RedirectURIs), emptied(r.PostLogoutRedirectURIs), emptied(r.RequestURIs)
}

func emptied[T any](list []T) []T {
	if cap(list) > maxKept {
		return nil
	}
	clear(list)
	return list[:0]
}

// rooms are those that were lent for the clients of one request. Several readings of it may name as many clients.
type rooms struct {
	list []*Room
	lent int
}

// find asks a directory, and lends it room.
func (r *rooms) find(directory RoomFinder, id string) (*Client, Standing) {
	if r.lent == len(r.list) {
		r.list = append(r.list, new(Room))
	}
	room := r.list[r.lent]
	client, standing := directory.FindIn(id, room)
	if client == &room.client {
		r.lent++
	}
	return client, standing
}

// empty takes all rooms back.
func (r *rooms) empty() {
	for ; r.lent > 0; r.lent-- {
		r.list[r.lent-1].empty()
	}
}
