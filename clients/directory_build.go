package clients

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// NewDirectory makes a directory of a snapshot. It copies what it needs. A client without an ID and two clients of one ID are errors, the latter naming the ID; so are more than 4 GiB
// of clients. Who makes one directory after the other should use a [Builder].
func NewDirectory(snapshot *Snapshot) (*Directory, error) { return new(Builder).Build(snapshot) }

// Build is [NewDirectory] in memory that is used again.
func (b *Builder) Build(snapshot *Snapshot) (*Directory, error) {
	b.building.Lock()
	defer b.building.Unlock()
	size := sizeOfText(snapshot)
	if snapshot.Each != nil && b.length > 0 {
		size = b.length // what comes one by one most likely is about as long as before
	}
	m := b.take(size)
	d, err := b.build(m, snapshot)
	if err != nil {
		// What was begun is of no use to anybody.
		b.give(m)
		return nil, err
	}
	b.length = len(m.text)
	b.lend(m)
	return d, nil
}

var errTooMuch = errors.New("the clients take more than 4 GiB; leave out those that are gone")

// recordOverhead is what most records take beside their strings.
const recordOverhead = 10

// sizeOfText is about how long the text of a directory becomes.
func sizeOfText(snapshot *Snapshot) int {
	size := snapshot.Size
	for i := range snapshot.Clients {
		client := &snapshot.Clients[i]
		size += len(client.ID) + len(client.Name) + recordOverhead
		for _, uri := range client.RedirectURIs {
			size += len(uri.URI) + 1
		}
	}
	return size
}

// build fills the memory.
func (b *Builder) build(m *memory, snapshot *Snapshot) (*Directory, error) {
	d := &Directory{services: snapshot.Services, partial: snapshot.Partial, unnamed: snapshot.Unnamed}
	d.ids = indexIn(m.slots[idIndex], len(snapshot.Clients))
	d.aliases, d.origins, d.names = indexIn(m.slots[aliasIndex], 0), indexIn(m.slots[originIndex], 0), indexIn(m.slots[nameIndex], 0)
	w := writer{text: m.text[:0], lists: indexIn(b.lists, len(snapshot.Clients)), known: make(map[string]int), further: b.further[:0]}
	err := snapshot.each(func(client *Registration) error { return d.add(&w, client) })
	if err == nil {
		err = d.complete(&w)
	}
	b.lists, b.further = w.lists.slots, w.further
	if err == nil {
		d.ids.fit(scan.Text(w.text))
	}
	m.slots = [indexCount][]uint64{d.ids.slots, d.aliases.slots, d.origins.slots, d.names.slots}
	if err != nil {
		return nil, err
	}
	// Appending leaves room that nobody needs any more.
	if cap(w.text) > len(w.text)+len(w.text)/8+reusable/8 {
		fitting := make([]byte, 0, len(w.text)+len(w.text)/16)
		preferLargePages(fitting)
		w.text = append(fitting, w.text...)
	}
	m.text = w.text
	d.text, d.terms = scan.Text(w.text), w.terms
	if len(d.ids.slots) <= maxKept {
		d.kept = make([]atomic.Pointer[rule.Client], len(d.ids.slots))
	}
	return d, nil
}

// add writes the record of a client.
func (d *Directory) add(w *writer, client *Registration) error {
	if client.ID == "" {
		return errors.New("a client has no client_id; give each one the identifier that it sends")
	}
	record := len(w.text)
	w.record(&client.Client)
	if uint64(len(w.text)) > maxText {
		return errTooMuch
	}
	// With two records of one ID, which redirect URIs count would depend on their order.
	if !d.ids.add(scan.Text(w.text), record) {
		return fmt.Errorf("two clients have the client_id %s; leave one of them", quote(client.ID))
	}
	w.note(client, record)
	d.count++
	return nil
}

// complete adds what clients are found by beside their IDs, when all IDs are known.
func (d *Directory) complete(w *writer) error {
	d.records = len(w.text)
	for at := (cursor{scan.Text(w.text), 0}); at.at < d.records; {
		id, name := at.key(), at.key()
		if d.services {
			w.text = addName(addName(w.text, &d.names, id), &d.names, name)
		}
		at.number()
		if length := at.number(); length > 0 {
			at.take(length - 1)
		}
		eachURI(&at, nil)
		eachURI(&at, nil)
		eachURI(&at, func(uri string) {
			origin, plain := plainOrigin(uri)
			if !plain {
				origin = redirecturi.Origin(uri)
			}
			if origin != "" {
				w.text = addWord(w.text, &d.origins, origin)
			}
		})
		if uint64(len(w.text)) > maxText {
			return errTooMuch
		}
	}
	for at := (cursor{scan.Text(w.further), 0}); at.at < len(w.further); {
		owner := uint32(at.number())
		for range at.number() {
			alias := at.key()
			w.text = d.addAlias(w.text, alias, owner)
			if d.services {
				w.text = addName(w.text, &d.names, alias)
			}
		}
		for range at.number() {
			if name := at.key(); d.services {
				w.text = addName(w.text, &d.names, name)
			}
		}
		if uint64(len(w.text)) > maxText {
			return errTooMuch
		}
	}
	return nil
}

// addAlias lets a client be found by an alias. Old Hubs let anybody register a service, so a claimed alias must neither
// take the place of a real ID nor make the whole list invalid; one that two clients claim says nothing.
func (d *Directory) addAlias(text []byte, alias string, owner uint32) []byte {
	if _, taken := d.ids.find(scan.Text(text), alias); alias == "" || taken {
		return text
	}
	claim := len(text)
	text = binary.LittleEndian.AppendUint32(appendKey(text, alias), owner)
	if d.aliases.add(scan.Text(text), claim) {
		return text
	}
	text = text[:claim]
	earlier, _ := d.aliases.find(scan.Text(text), alias)
	at := cursor{scan.Text(text), d.aliases.entry(earlier)}
	at.key()
	if binary.LittleEndian.Uint32(text[at.at:]) != owner {
		binary.LittleEndian.PutUint32(text[at.at:], disputed)
	}
	return text
}

// disputed is the owner of an alias that several clients claim.
const disputed = math.MaxUint32

func addName(text []byte, names *index, name string) []byte {
	if name == "" {
		return text
	}
	const usual = 128
	var folded [usual]byte
	return addWord(text, names, scan.Text(fold(folded[:0], scan.Bytes(name))))
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

// note keeps by what else a client is known until all IDs are known.
func (w *writer) note(client *Registration, record int) {
	if len(client.Aliases) == 0 && len(client.ServiceNames) == 0 {
		return
	}
	w.further = binary.AppendUvarint(w.further, uint64(record))
	for _, list := range [...][]string{client.Aliases, client.ServiceNames} {
		w.further = binary.AppendUvarint(w.further, uint64(len(list)))
		for _, word := range list {
			w.further = appendKey(w.further, word)
		}
	}
}
