package clients

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// A record is how one client stands in the text of a directory: its ID as key, its name, the number of its terms, one more than the length of its keys (zero if they
// are unknown) and the keys, and its three lists of URIs, the redirect URIs last. A list is one number and what that says: nothing for one that is unknown, the list itself, or where a client that comes earlier has the same one. The list
// itself is again a key, so that equal ones are found: how many URIs there are, then each one, with whether it is plausible as the last bit of its length.
const (
	unknownList = iota
	ownList
	earlierList // and any larger number
)

// writer writes the records of a directory.
type writer struct {
	text []byte
	// lists are those of all records so far.
	lists index
	// terms are what clients have beside their names, keys and URIs. Most share them with many others.
	terms []*rule.Client
	known map[string]int
	// scratch is where the terms of one client are written down to compare them.
	scratch []byte
	// further is by what else clients are known: for each that has something, its record, and the aliases and names of services, as lists of keys.
	further []byte
}

// record appends the record of a client.
func (w *writer) record(client *rule.Client) {
	w.text = appendKey(w.text, client.ID)
	w.text = appendKey(w.text, client.Name)
	w.text = binary.AppendUvarint(w.text, uint64(w.termsOf(client)))
	if client.Keys == nil {
		w.text = append(w.text, 0)
	} else {
		w.text = append(binary.AppendUvarint(w.text, 1+uint64(len(client.Keys))), client.Keys...)
	}
	appendList(w, client.RequestURIs, certain)
	appendList(w, client.PostLogoutRedirectURIs, certain)
	appendList(w, client.RedirectURIs, func(registered redirecturi.Registered) (string, bool) { return registered.URI, registered.Plausible })
}

func certain(uri string) (string, bool) { return uri, false }

// appendList appends a list of URIs, or where there is the same one.
func appendList[T any](w *writer, list []T, member func(T) (uri string, plausible bool)) {
	if list == nil {
		w.text = append(w.text, unknownList)
		return
	}
	length := sizeOf(len(list))
	for i := range list {
		uri, _ := member(list[i])
		length += sizeOf(2*len(uri)+1) + len(uri)
	}
	begin := len(w.text)
	w.text = append(w.text, ownList)
	entry := len(w.text)
	w.text = binary.AppendUvarint(w.text, uint64(length))
	w.text = binary.AppendUvarint(w.text, uint64(len(list)))
	for i := range list {
		uri, plausible := member(list[i])
		number := 2 * uint64(len(uri))
		if plausible {
			number++
		}
		w.text = append(binary.AppendUvarint(w.text, number), uri...)
	}
	if text := scan.Text(w.text); !w.lists.add(text, entry) {
		slot, _ := w.lists.find(text, keyAt(text, entry))
		w.text = binary.AppendUvarint(w.text[:begin], uint64(earlierList+w.lists.entry(slot)))
	}
}

// sizeOf is how many bytes a number takes.
func sizeOf(number int) int {
	size := 1
	for ; number >= 0x80; number >>= 7 {
		size++
	}
	return size
}

// termsOf is the number of the terms of a client.
func (w *writer) termsOf(client *rule.Client) int {
	w.scratch = appendTerms(w.scratch[:0], client)
	number, known := w.known[string(w.scratch)]
	if !known {
		number = len(w.terms)
		w.known[string(w.scratch)], w.terms = number, append(w.terms, cloned(client))
	}
	return number
}

// cloned are the terms of a client. They share nothing with what a source delivered, which may use its memory again.
func cloned(client *rule.Client) *rule.Client {
	terms := new(rule.Client)
	*terms = *client
	terms.ID, terms.Name, terms.Keys, terms.RedirectURIs, terms.PostLogoutRedirectURIs, terms.RequestURIs = "", "", nil, nil, nil, nil
	for _, word := range []*string{&terms.AuthMethod, &terms.Delivery, &terms.RequestObjectAlgorithm} {
		*word = strings.Clone(*word)
	}
	for _, list := range []*[]string{&terms.ResponseTypes, &terms.GrantTypes, &terms.Scopes, &terms.Exempt} {
		*list = slices.Clone(*list)
		for i, word := range *list {
			(*list)[i] = strings.Clone(word)
		}
	}
	return terms
}

// appendTerms writes down the terms of a client, so that different ones differ.
func appendTerms(to []byte, terms *rule.Client) []byte {
	for _, list := range [...][]string{terms.ResponseTypes, terms.GrantTypes, terms.Scopes, terms.Exempt} {
		if list == nil {
			to = append(to, 0)
			continue
		}
		to = binary.AppendUvarint(to, 1+uint64(len(list)))
		for _, word := range list {
			to = appendKey(to, word)
		}
	}
	for _, word := range [...]string{terms.AuthMethod, terms.Delivery, terms.RequestObjectAlgorithm} {
		to = appendKey(to, word)
	}
	for _, flag := range [...]bool{terms.SignedRequests, terms.PushedRequests, terms.DPoPBound, terms.CertificateBound, terms.Operator} {
		if flag {
			to = append(to, 1)
		} else {
			to = append(to, 0)
		}
	}
	return append(to, byte(terms.Trust))
}

// read makes a client of the record that begins there, in the room, and says where the record ends. Its strings are pieces of the text, which whoever keeps one of them keeps as a whole.
// What the text says of URIs is not touched yet, since in a large directory that would have to be fetched from memory.
func read(text string, record int, terms []*rule.Client, room *rule.Room) (client *rule.Client, end int) {
	own := cursor{text, record}
	id, name := own.key(), own.key()
	if number, uri, plain := readPlain(text, own.at); plain {
		client = room.Client(terms[number])
		client.ID, client.Name = id, name
		room.RedirectURIs = append(room.RedirectURIs[:0], uri)
		client.RedirectURIs = room.RedirectURIs
		return client, own.at + plainSize + len(uri.URI)
	}
	client = room.Client(terms[own.number()])
	client.ID, client.Name = id, name
	if length := own.number(); length > 0 {
		client.Keys = scan.Bytes(own.take(length - 1))
	}
	client.RequestURIs = readList(&own, &room.RequestURIs, uriAlone)
	client.PostLogoutRedirectURIs = readList(&own, &room.PostLogoutRedirectURIs, uriAlone)
	client.RedirectURIs = readList(&own, &room.RedirectURIs, func(uri string, plausible bool) redirecturi.Registered {
		return redirecturi.Registered{URI: uri, Plausible: plausible}
	})
	return client, own.at
}

// plainSize is how many bytes stand between the name and the redirect URI of a plain record, which is like most: the client has no keys and no other lists, its only redirect URI is
// shorter than 64 bytes and stands in the record itself, and each number takes one byte.
const plainSize = 8

// readPlain reads what a record says behind the name, if it is plain. It looks at all of that at once: read one by one, each number would have to wait for the one before to say where it
// stands, and a processor that waits for memory can do little else meanwhile.
func readPlain(text string, at int) (terms int, uri redirecturi.Registered, plain bool) {
	if len(text)-at < plainSize {
		return 0, uri, false
	}
	// From the lowest byte on: the terms, no keys, two unknown lists, an own list, its length, how many URIs it has, and the number of the only one.
	const (
		looked = 0x80_FF_80_FF_FF_FF_FF_80
		alike  = 1<<48 | ownList<<32 | unknownList<<24 | unknownList<<16
	)
	head := binary.LittleEndian.Uint64(scan.Bytes(text[at : at+plainSize]))
	if head&looked != alike {
		return 0, uri, false
	}
	number, begin := int(head>>56), at+plainSize
	return int(head & 0x7F), redirecturi.Registered{URI: text[begin : begin+number/2], Plausible: number%2 == 1}, true
}

func uriAlone(uri string, _ bool) string { return uri }

// readList reads a list of URIs into the room, which it replaces if that is not enough.
func readList[T any](own *cursor, room *[]T, member func(uri string, plausible bool) T) []T {
	list := cursor{text: own.text}
	switch number := own.number(); number {
	case unknownList:
		return nil
	case ownList:
		length := own.number()
		list.at = own.at
		own.at += length
	default:
		list.at = number - earlierList
		list.number()
	}
	count := list.number()
	members := (*room)[:0]
	if count > cap(members) || members == nil {
		members = make([]T, 0, count)
	}
	for range count {
		number := list.number()
		members = append(members, member(list.take(number/2), number%2 == 1))
	}
	*room = members
	return members
}

// eachURI goes past a list of URIs, and hands out each, if it is wanted, unless a client that comes earlier has the same list.
func eachURI(own *cursor, wanted func(uri string)) {
	if own.number() != ownList {
		return
	}
	length := own.number()
	list := cursor{own.text, own.at}
	own.at += length
	if wanted == nil {
		return
	}
	for range list.number() {
		wanted(list.take(list.number() / 2))
	}
}
