package clients

import (
	"encoding/binary"
	"iter"
	"strings"
	"sync/atomic"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// Directory is an immutable set of registered clients, safe for concurrent use without a lock. It implements [rule.Directory].
//
// However many clients there are, the garbage collector has next to nothing to walk: they stand in one text, without a pointer. Of a small directory those that were found are also kept as
// rules read them; of a large one they are made in room that is lent for one decision.
type Directory struct {
	// text holds the records of all clients in the order of the snapshot, and behind them the origins, names and aliases. It does not change, and its memory is not used again, as long as
	// anybody has a piece of it: see [Builder].
	text string
	// records is where the records end.
	records int
	// ids find clients, aliases the claims to further IDs: an alias, and in four bytes which record claims it.
	ids, aliases index
	// origins are the web origins of all redirect URIs, names the folded words by which a scope may name a service.
	origins, names index
	// terms are what clients have beside their names, keys and URIs, see [writer].
	terms []*rule.Client
	// kept are the clients that were found, by their slots among the IDs; nil if there are too many slots.
	kept  []atomic.Pointer[rule.Client]
	count int
	// services, partial and unnamed are those of the snapshot.
	services, partial, unnamed bool
	// aged says that the snapshot is too old to say that a client is not registered.
	aged bool
	// answers are those of a source that can be asked for one client; nil if it cannot.
	answers *answers
}

// maxKept is up to how many slots among the IDs clients are kept as rules read them: those of 5000 clients, about.
const maxKept = 8192

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

// Find returns the client of that ID or alias and [rule.Known]; else nil, with [rule.Absent] if the directory holds all clients, [rule.Unjudged] if it
// is empty, partial or too old, or several clients claim the ID as alias, and [rule.Askable] if its source was not asked for this ID yet. It allocates
// nothing if there are at most 5000 clients and this one was found before; in a larger directory it makes the client anew, which [Directory.FindIn] spares. Who keeps a string of the client for
// longer than a request should clone it, since a piece of a directory keeps all of it in memory.
func (d *Directory) Find(clientID string) (*rule.Client, rule.Standing) {
	return d.FindIn(clientID, nil)
}

// FindIn implements [rule.RoomFinder]. It allocates nothing if the lists of the room are long enough, or, in a small directory, if the client was found before. Without room it is Find.
func (d *Directory) FindIn(clientID string, room *rule.Room) (*rule.Client, rule.Standing) {
	if slot, known := d.ids.find(d.text, clientID); known {
		return d.client(slot, room), rule.Known
	}
	if claim, known := d.alias(clientID); known {
		at := cursor{d.text, d.aliases.entry(claim)}
		at.key()
		owner := binary.LittleEndian.Uint32([]byte(at.take(4)))
		if owner == disputed {
			return nil, rule.Unjudged
		}
		slot, _ := d.ids.find(d.text, keyAt(d.text, int(owner)))
		return d.client(slot, room), rule.Known
	}
	if d.answers != nil {
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
	if d.partial || d.aged || d.count == 0 {
		return nil, rule.Unjudged
	}
	return nil, rule.Absent
}

// alias finds the claim to an alias. Most lists have none.
func (d *Directory) alias(clientID string) (claim int, known bool) {
	if d.aliases.count == 0 {
		return 0, false
	}
	return d.aliases.find(d.text, clientID)
}

// client is the client of a slot among the IDs, in the room if it is not kept.
func (d *Directory) client(slot int, room *rule.Room) *rule.Client {
	if d.kept != nil {
		place := &d.kept[slot]
		client := place.Load()
		if client == nil {
			// Others may do the same at the same time; whoever is last, all read the same record.
			client, _ = read(d.text, d.ids.entry(slot), d.terms, new(rule.Room))
			place.Store(client)
		}
		return client
	}
	if room == nil {
		room = new(rule.Room)
	}
	client, _ := read(d.text, d.ids.entry(slot), d.terms, room)
	return client
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
	if _, known := d.names.find(d.text, scan.Text(fold(folded[:0], word))); known || strings.IndexByte(element, '%') < 0 {
		return known
	}
	_, known := d.names.find(d.text, scan.Text(fold(folded[:0], unescape(word))))
	return known
}

// RegisteredOrigin reports whether some client has a redirect URI of that web origin, written as in the Origin header. It allocates nothing.
func (d *Directory) RegisteredOrigin(origin string) bool {
	_, registered := d.origins.find(d.text, origin)
	return registered
}

// All iterates over the clients, each once: those that were delivered, then those that were asked for since. Each is made anew.
func (d *Directory) All() iter.Seq[*rule.Client] {
	return func(yield func(*rule.Client) bool) {
		for record := 0; record < d.records; {
			var client *rule.Client
			if client, record = read(d.text, record, d.terms, new(rule.Room)); !yield(client) {
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
