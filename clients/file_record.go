package clients

import (
	"reflect"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// recordDecoder reads records of RFC 7591. Those that are written in the simplest way, as most of many are, it reads by itself and makes no garbage; all others are left to
// encoding/json, and both read the same. What it returns is valid until the next record, and as long as its text.
type recordDecoder struct {
	client Client
	lists  [3][]string
	text   []byte
	at     int
}

// decode reads one record, an object.
func (d *recordDecoder) decode(element []byte) (*Client, error) {
	d.client, d.text, d.at = Client{}, element, 0
	if d.simple() {
		return &d.client, nil
	}
	return &d.client, decodeAny(element, &d.client)
}

// others are the members of a record that simple leaves to encoding/json.
var others = func() map[string]bool {
	names := make(map[string]bool)
	for field := range reflect.TypeFor[Client]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}()

// simple reads the record if it is written simply: plain strings in ASCII without escapes, each member once, and no member in another case.
func (d *recordDecoder) simple() bool {
	if !d.sign('{') {
		return false
	}
	if d.sign('}') {
		return d.at == len(d.text)
	}
	for seen := uint16(0); ; {
		name, plain := d.word()
		if !plain || !d.sign(':') {
			return false
		}
		var member uint16
		switch name {
		case "client_id":
			member = 1 << 0
			d.client.ClientID, plain = d.word()
		case "client_name":
			member = 1 << 1
			d.client.ClientName, plain = d.word()
		case "redirect_uris":
			member = 1 << 2
			d.client.RedirectURIs, plain = d.list(0)
		case "response_types":
			member = 1 << 3
			d.client.ResponseTypes, plain = d.list(1)
		case "grant_types":
			member = 1 << 4
			d.client.GrantTypes, plain = d.list(2)
		case "token_endpoint_auth_method":
			member = 1 << 5
			d.client.TokenEndpointAuthMethod, plain = d.word()
		case "scope":
			member = 1 << 6
			d.client.Scope, plain = d.word()
		case "trusted":
			member = 1 << 7
			d.client.Trusted, plain = d.truth()
		default:
			// Another member that the guard does not look at, such as logo_uri. In lower case it cannot be one that it does.
			if others[name] || strings.IndexFunc(name, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') }) >= 0 {
				return false
			}
			_, plain = d.word()
		}
		if !plain || seen&member != 0 {
			return false
		}
		seen |= member
		if d.sign('}') {
			return d.at == len(d.text)
		}
		if !d.sign(',') {
			return false
		}
	}
}

// blank goes past blanks.
func (d *recordDecoder) blank() {
	for d.at < len(d.text) && strings.IndexByte(blanks, d.text[d.at]) >= 0 {
		d.at++
	}
}

// sign goes past a sign, if it comes next but for blanks.
func (d *recordDecoder) sign(c byte) bool {
	if d.at < len(d.text) && d.text[d.at] != c {
		d.blank()
	}
	if d.at < len(d.text) && d.text[d.at] == c {
		d.at++
		return true
	}
	return false
}

// word reads a plain string.
func (d *recordDecoder) word() (word string, plain bool) {
	if !d.sign('"') {
		return "", false
	}
	for begin := d.at; d.at < len(d.text); d.at++ {
		switch c := d.text[d.at]; {
		case c == '"':
			word = scan.Text(d.text[begin:d.at])
			d.at++
			return word, true
		case c < 0x20 || c > 0x7E || c == '\\':
			return "", false
		}
	}
	return "", false
}

// list reads an array of plain strings, in the room that belongs to the member.
func (d *recordDecoder) list(member int) (list []string, plain bool) {
	if !d.sign('[') {
		return nil, false
	}
	if d.lists[member] == nil {
		d.lists[member] = make([]string, 0, 4)
	}
	list = d.lists[member][:0]
	for !d.sign(']') {
		if len(list) > 0 && !d.sign(',') {
			return nil, false
		}
		word, plain := d.word()
		if !plain {
			return nil, false
		}
		list = append(list, word)
	}
	d.lists[member] = list
	return list, true
}

var yes, no = true, false

// truth reads true or false.
func (d *recordDecoder) truth() (value *bool, plain bool) {
	d.blank()
	for _, known := range [...]struct {
		text  string
		value *bool
	}{{"true", &yes}, {"false", &no}} {
		if rest := d.text[d.at:]; len(rest) >= len(known.text) && string(rest[:len(known.text)]) == known.text {
			d.at += len(known.text)
			return known.value, true
		}
	}
	return nil, false
}
