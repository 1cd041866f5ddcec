package clients

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// NewDirectory makes a directory of a snapshot. It copies what it needs, but for lists of words such as grant types, which must not change afterwards. A client
// without an ID and two clients of one ID are errors, the latter naming the ID; so are more than 4 GiB of clients.
func NewDirectory(snapshot *Snapshot) (*Directory, error) {
	d := &Directory{
		count:    len(snapshot.Clients),
		services: snapshot.Services,
		partial:  snapshot.Partial,
		unnamed:  snapshot.Unnamed,
	}
	text, err := d.addClients(snapshot.Clients)
	if err != nil {
		return nil, err
	}
	d.records = len(text)
	for i := range snapshot.Clients {
		client := &snapshot.Clients[i]
		text = d.addAliases(text, client)
		text = d.addOrigins(text, client)
		if d.services {
			text = d.addNames(text, client)
		}
		if uint64(len(text)) > maxText {
			return nil, errTooMuch
		}
	}
	// Appending leaves room that nobody needs any more.
	if cap(text) > len(text)+len(text)/16 {
		text = append(make([]byte, 0, len(text)), text...)
	}
	d.text = scan.Text(text)
	d.recent = make([]atomic.Pointer[found], min(maxRecent, len(d.ids.slots)))
	return d, nil
}

var errTooMuch = errors.New("the clients take more than 4 GiB; leave out those that are gone")

// recordOverhead is what most records take beside their strings.
const recordOverhead = 10

// addClients begins the text with the records.
func (d *Directory) addClients(list []Registration) ([]byte, error) {
	size := 0
	for i := range list {
		size += len(list[i].ID) + len(list[i].Name) + recordOverhead
		for _, uri := range list[i].RedirectURIs {
			size += len(uri.URI) + 1
		}
	}
	d.ids = newIndex(len(list))
	w := writer{text: make([]byte, 0, size), lists: newIndex(len(list)), known: make(map[string]int)}
	for i := range list {
		client := &list[i].Client
		if client.ID == "" {
			return nil, errors.New("a client has no client_id; give each one the identifier that it sends")
		}
		record := len(w.text)
		w.record(client)
		if uint64(len(w.text)) > maxText {
			return nil, errTooMuch
		}
		// With two records of one ID, which redirect URIs count would depend on their order.
		if !d.ids.add(scan.Text(w.text), record) {
			return nil, fmt.Errorf("two clients have the client_id %s; leave one of them", quote(client.ID))
		}
	}
	d.terms = w.terms
	return w.text, nil
}

// addAliases lets a client be found by its aliases. Old Hubs let anybody register a service, so a claimed alias must neither
// take the place of a real ID nor make the whole list invalid; one that two clients claim says nothing.
func (d *Directory) addAliases(text []byte, client *Registration) []byte {
	if len(client.Aliases) == 0 {
		return text
	}
	slot, _ := d.ids.find(scan.Text(text), client.ID)
	owner := uint32(d.ids.entry(slot))
	for _, alias := range client.Aliases {
		if _, taken := d.ids.find(scan.Text(text), alias); alias == "" || taken {
			continue
		}
		claim := len(text)
		text = binary.LittleEndian.AppendUint32(appendKey(text, alias), owner)
		if d.aliases.add(scan.Text(text), claim) {
			continue
		}
		text = text[:claim]
		earlier, _ := d.aliases.find(scan.Text(text), alias)
		at := cursor{scan.Text(text), d.aliases.entry(earlier)}
		at.key()
		if binary.LittleEndian.Uint32(text[at.at:]) != owner {
			binary.LittleEndian.PutUint32(text[at.at:], disputed)
		}
	}
	return text
}

// disputed is the owner of an alias that several clients claim.
const disputed = math.MaxUint32

func (d *Directory) addOrigins(text []byte, client *Registration) []byte {
	for _, uri := range client.RedirectURIs {
		origin, plain := plainOrigin(uri.URI)
		if !plain {
			origin = redirecturi.Origin(uri.URI)
		}
		if origin != "" {
			text = addWord(text, &d.origins, origin)
		}
	}
	return text
}

func (d *Directory) addNames(text []byte, client *Registration) []byte {
	text = d.addName(text, client.ID)
	text = d.addName(text, client.Name)
	for _, alias := range client.Aliases {
		text = d.addName(text, alias)
	}
	for _, name := range client.ServiceNames {
		text = d.addName(text, name)
	}
	return text
}

func (d *Directory) addName(text []byte, name string) []byte {
	if name == "" {
		return text
	}
	return addWord(text, &d.names, string(fold(nil, []byte(name))))
}

// addWord adds a word to an index of words.
func addWord(text []byte, words *index, word string) []byte {
	if _, known := words.find(scan.Text(text), word); known {
		return text
	}
	entry := len(text)
	text = appendKey(text, word)
	words.add(scan.Text(text), entry)
	return text
}
