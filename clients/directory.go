package clients

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Directory is an immutable set of registered clients, safe for concurrent use without a lock. It implements [rule.Directory].
type Directory struct {
	// list are the clients in the order of the snapshot.
	list []rule.Client
	// clients are found by ID and by alias; nil stands for an alias that several clients claim.
	clients map[string]*rule.Client
	// names are the folded words by which a scope may name a service.
	names map[string]struct{}
	// origins are the web origins of all redirect URIs.
	origins map[string]struct{}
	count   int
	// services, partial and unnamed are those of the snapshot.
	services, partial, unnamed bool
	// aged says that the snapshot is too old to say that a client is not registered.
	aged bool
	// answers are those of a source that can be asked for one client; nil if it cannot.
	answers *answers
}

// answers are what a source said about single clients since the snapshot. It is immutable.
type answers struct {
	found  map[string]*rule.Client
	absent map[string]struct{}
}

// with is the same directory with other answers.
func (d *Directory) with(answers *answers) *Directory {
	changed := *d
	changed.answers = answers
	return &changed
}

// age is the same directory when its snapshot is too old.
func (d *Directory) age() *Directory {
	changed := *d
	changed.aged = true
	return &changed
}

// NewDirectory makes a directory of a snapshot, which must not change afterwards. A client without an ID and two clients of one ID are
// errors, the latter naming the ID.
func NewDirectory(snapshot *Snapshot) (*Directory, error) {
	d := &Directory{
		clients:  make(map[string]*rule.Client, len(snapshot.Clients)),
		origins:  make(map[string]struct{}),
		count:    len(snapshot.Clients),
		services: snapshot.Services,
		partial:  snapshot.Partial,
		unnamed:  snapshot.Unnamed,
	}
	list := make([]rule.Client, len(snapshot.Clients))
	d.list = list
	for i := range snapshot.Clients {
		client := &list[i]
		*client = snapshot.Clients[i].Client
		if client.ID == "" {
			return nil, errors.New("a client has no client_id; give each one the identifier that it sends")
		}
		// With two records of one ID, which redirect URIs count would depend on their order.
		if _, known := d.clients[client.ID]; known {
			return nil, fmt.Errorf("two clients have the client_id %s; leave one of them", quote(client.ID))
		}
		d.clients[client.ID] = client
		for _, uri := range client.RedirectURIs {
			if origin := redirecturi.Origin(uri.URI); origin != "" {
				d.origins[origin] = struct{}{}
			}
		}
	}
	for i := range snapshot.Clients {
		d.addAliases(&list[i], snapshot.Clients[i].Aliases)
	}
	if d.services {
		d.names = make(map[string]struct{}, 3*len(list))
		for i := range snapshot.Clients {
			d.addNames(&snapshot.Clients[i])
		}
	}
	return d, nil
}

// addAliases lets a client be found by its aliases. Old Hubs let anybody register a service, so a claimed alias must neither
// take the place of a real ID nor make the whole list invalid; one that two clients claim says nothing.
func (d *Directory) addAliases(client *rule.Client, aliases []string) {
	for _, alias := range aliases {
		if alias == "" {
			continue
		}
		owner, taken := d.clients[alias]
		switch {
		case !taken:
			d.clients[alias] = client
		case owner != nil && owner != client && owner.ID != alias:
			d.clients[alias] = nil
		}
	}
}

func (d *Directory) addNames(registration *Registration) {
	d.addName(registration.ID)
	d.addName(registration.Name)
	for _, alias := range registration.Aliases {
		d.addName(alias)
	}
	for _, name := range registration.ServiceNames {
		d.addName(name)
	}
}

func (d *Directory) addName(name string) {
	if name != "" {
		d.names[string(fold(nil, []byte(name)))] = struct{}{}
	}
}

// Find returns the client of that ID or alias and [rule.Known]; else nil, with [rule.Absent] if the directory holds all clients, [rule.Unjudged] if it
// is empty, partial or too old, or several clients claim the ID as alias, and [rule.Askable] if its source was not asked for this ID yet. It allocates
// nothing.
func (d *Directory) Find(clientID string) (*rule.Client, rule.Standing) {
	client, found := d.clients[clientID]
	if client != nil {
		return client, rule.Known
	}
	if d.answers != nil && !found {
		if client := d.answers.found[clientID]; client != nil {
			return client, rule.Known
		}
		if _, absent := d.answers.absent[clientID]; !absent {
			if asksFor(clientID) {
				return nil, rule.Askable
			}
			// Without its source's word nobody can say that a list which may not show everything lacks a client.
			return nil, rule.Unjudged
		}
	}
	// An empty list is more likely a mistake than a server without clients, and would refuse everybody.
	if found || d.partial || d.aged || d.count == 0 {
		return nil, rule.Unjudged
	}
	return nil, rule.Absent
}

// Service reports whether an element of a scope names a service by ID, alias, key or name. complete is true only if the directory is of a
// whole Hub with all names. Neither case nor percent escapes count: Hub's own clients escape names, since a name may hold
// blanks and a scope is split at them.
func (d *Directory) Service(element string) (known, complete bool) {
	if !d.services {
		return false, false
	}
	return d.named(element), d.knowsServices()
}

// knowsServices reports whether an unknown word of a scope is one that the Hub does not know either.
func (d *Directory) knowsServices() bool {
	return d.services && !d.partial && !d.unnamed && !d.aged && d.count > 0
}

// named allocates nothing for elements of the usual length.
func (d *Directory) named(element string) bool {
	const usual = 128
	var plain, folded [usual]byte
	word := append(plain[:0], element...)
	if _, known := d.names[string(fold(folded[:0], word))]; known || strings.IndexByte(element, '%') < 0 {
		return known
	}
	_, known := d.names[string(fold(folded[:0], unescape(word)))]
	return known
}

// RegisteredOrigin reports whether some client has a redirect URI of that web origin, written as in the Origin header. It allocates nothing.
func (d *Directory) RegisteredOrigin(origin string) bool {
	_, registered := d.origins[origin]
	return registered
}

// All iterates over the clients, each once: those that were delivered, then those that were asked for since.
func (d *Directory) All() iter.Seq[*rule.Client] {
	return func(yield func(*rule.Client) bool) {
		for i := range d.list {
			if !yield(&d.list[i]) {
				return
			}
		}
		if d.answers == nil {
			return
		}
		for id, client := range d.answers.found {
			if id == client.ID && !yield(client) {
				return
			}
		}
	}
}

// Len is the number of clients, each counted once however many aliases it has.
func (d *Directory) Len() int { return d.count }

// Partial reports whether the directory does not hold all clients, so that an unknown ID is [rule.Unjudged].
func (d *Directory) Partial() bool { return d.partial }

// fold appends a word in a form that is equal for all spellings that differ in case only, as [strings.EqualFold] sees it.
func fold(to, word []byte) []byte {
	for i := 0; i < len(word); {
		if c := word[i]; c < utf8.RuneSelf {
			// Of all characters that differ from an ASCII letter in case only, the capital one is the smallest.
			if c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			to = append(to, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(word[i:])
		if r == utf8.RuneError {
			to = append(to, word[i:i+size]...)
		} else {
			to = utf8.AppendRune(to, smallest(r))
		}
		i += size
	}
	return to
}

// smallest is the first of the characters that differ in case only.
func smallest(r rune) rune {
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	return first
}

// unescape decodes percent escapes in place; malformed ones stay.
func unescape(word []byte) []byte {
	out := word[:0]
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c == '%' && i+2 < len(word) {
			const digits = "0123456789abcdef"
			high := bytes.IndexByte([]byte(digits), lower(word[i+1]))
			low := bytes.IndexByte([]byte(digits), lower(word[i+2]))
			if high >= 0 && low >= 0 {
				c = byte(high<<4 | low)
				i += 2
			}
		}
		out = append(out, c)
	}
	return out
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
