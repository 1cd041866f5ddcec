package rule

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
)

// making is a directory that makes each client in the room.
type making struct{ someClients }

func (d making) FindIn(id string, room *Room) (*Client, Standing) {
	known, standing := d.Find(id)
	if standing != Known {
		return nil, standing
	}
	client := room.Client(&Client{AuthMethod: known.AuthMethod})
	client.ID = known.ID
	room.RedirectURIs = append(room.RedirectURIs[:0], known.RedirectURIs...)
	client.RedirectURIs = room.RedirectURIs
	return client, Known
}

// TestRoomForEachReading: of several clients that the readings of one header name, each has room of its own, and keeps what it is until the request is judged.
func TestRoomForEachReading(t *testing.T) {
	directory := making{someClients{}}
	for i := range 4 {
		id := strings.TrimPrefix(strings.Repeat(":a", i+1), ":")
		directory.someClients[id] = &Client{ID: id, AuthMethod: fmt.Sprint("method ", i), RedirectURIs: []redirecturi.Registered{{URI: "https://app.example/" + id}}}
	}
	options, c := &Options{}, new(Case)
	for _, credentials := range []string{"a:a:a:a:secret", "a:secret", "a:a:secret", "unknown:secret", "a:a:a:a:secret"} {
		c.Open(&Request{Method: "POST", Header: map[string][]string{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))}}}, Token, options, directory)
		c.Scan()
		want := []*Client{}
		for id := credentials; strings.Contains(id, ":"); {
			id = id[:strings.LastIndexByte(id, ':')]
			if client := directory.someClients[id]; client != nil {
				want = append([]*Client{client}, want...)
			}
		}
		if diff := cmp.Diff(want, c.Authentication().Clients(), cmp.Transformer("client", func(c *Client) Client { return *c })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", credentials, diff)
		}
	}
}

// TestEmptyRoom: what is of one client alone is gone when the room is empty, and long lists do not stay.
func TestEmptyRoom(t *testing.T) {
	var room Room
	client := room.Client(&Client{ID: "terms have no ID", AuthMethod: "none"})
	if diff := cmp.Diff(&Client{AuthMethod: "none"}, client); diff != "" {
		t.Error(diff)
	}
	room.RedirectURIs = append(room.RedirectURIs, redirecturi.Registered{URI: "https://app.example/"})
	room.RequestURIs = make([]string, maxKept+1)
	client.ID, client.Name, client.Keys, client.RedirectURIs, client.RequestURIs = "a", "b", []byte("c"), room.RedirectURIs, room.RequestURIs
	list := room.RedirectURIs
	room.empty()
	if diff := cmp.Diff(&Client{AuthMethod: "none"}, client); diff != "" || list[0].URI != "" || room.RequestURIs != nil || cap(room.RedirectURIs) == 0 {
		t.Errorf("%+v, %v: %s", room, list, diff)
	}
}
