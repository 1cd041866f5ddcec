package page

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// shape is what of the built-in page is the same for many requests: the texts about the rule, and which of the others are there.
type shape struct {
	err, description, rule, ruleURL, parameter string
	host, requestID, clientID, clientName      bool
	time                                       bool
}

// piece is a part of a prepared page: some text, and what is filled in behind it.
type piece struct {
	text   []byte
	filled field
}

// field is what differs from request to request.
type field uint8

const (
	nothing field = iota
	host
	requestID
	clientID
	clientName
	timeForMachines
	timeForPeople
)

// Marks stand in the place of what is filled in. The character is one for private use, which no text about a rule has, and no escaping changes.
const mark = "\uE000"

var (
	markedTime = time.Date(8765, time.April, 3, 2, 1, 0, 0, time.UTC)
	marks      = map[field]string{
		host: mark + "a", requestID: mark + "b", clientID: mark + "c", clientName: mark + "d",
		timeForMachines: markedTime.Format(forMachines), timeForPeople: markedTime.Format(forPeople),
	}
)

// The forms of the time in the built-in page.
const (
	forMachines = "2006-01-02T15:04:05Z"
	forPeople   = "2006-01-02 15:04:05"
)

// maxPrepared bounds how many pages are kept. There are fewer, since texts about rules come from a catalogue.
const maxPrepared = 4096

// prepared are built-in pages by their shape. To execute the template takes as long as to proxy a request, and whoever floods a server with invalid requests would have that for nothing.
type prepared struct {
	pages sync.Map // of shape to []piece
	count atomic.Int32
}

// write appends the page of clean data, and reports whether it could.
func (p *prepared) write(to []byte, data *Data) ([]byte, bool) {
	s := shape{
		err: data.Error, description: data.Description, rule: data.Rule, ruleURL: data.RuleURL, parameter: data.Parameter,
		host: data.Host != "", requestID: data.RequestID != "", clientID: data.ClientID != "", clientName: data.ClientName != "", time: !data.Time.IsZero(),
	}
	pieces, known := p.pages.Load(s)
	if !known {
		made := prepare(s, data.Status)
		if made == nil || p.count.Load() >= maxPrepared {
			return to, false
		}
		p.count.Add(1)
		p.pages.Store(s, made)
		pieces = made
	}
	for _, part := range pieces.([]piece) {
		to = append(to, part.text...)
		switch part.filled {
		case host:
			to = appendEscaped(to, data.Host)
		case requestID:
			to = appendEscaped(to, data.RequestID)
		case clientID:
			to = appendEscaped(to, data.ClientID)
		case clientName:
			to = appendEscaped(to, data.ClientName)
		case timeForMachines:
			to = data.Time.UTC().AppendFormat(to, forMachines)
		case timeForPeople:
			to = data.Time.UTC().AppendFormat(to, forPeople)
		}
	}
	return to, true
}

// prepare renders the page of a shape, and cuts it where something is filled in; nil if that cannot be told.
func prepare(s shape, status int) []piece {
	data := Data{Status: status, Error: s.err, Description: s.description, Rule: s.rule, RuleURL: s.ruleURL, Parameter: s.parameter}
	for _, text := range []string{s.err, s.description, s.rule, s.ruleURL, s.parameter} {
		if strings.Contains(text, mark) || strings.Contains(text, marks[timeForMachines][:10]) {
			return nil
		}
	}
	for _, optional := range []struct {
		there bool
		text  *string
		field field
	}{{s.host, &data.Host, host}, {s.requestID, &data.RequestID, requestID}, {s.clientID, &data.ClientID, clientID}, {s.clientName, &data.ClientName, clientName}} {
		if optional.there {
			*optional.text = marks[optional.field]
		}
	}
	if s.time {
		data.Time = markedTime
	}
	body, err := builtIn.render(data)
	if err != nil {
		return nil
	}
	var pieces []piece
	for {
		next, at := nothing, len(body)
		for candidate, text := range marks {
			if found := bytes.Index(body, []byte(text)); found >= 0 && found < at {
				next, at = candidate, found
			}
		}
		pieces = append(pieces, piece{bytes.Clone(body[:at]), next})
		if next == nothing {
			return pieces
		}
		body = body[at+len(marks[next]):]
	}
}

// appendEscaped appends a text as html/template writes it between tags.
func appendEscaped(to []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			to = append(to, "&#34;"...)
		case '&':
			to = append(to, "&amp;"...)
		case '\'':
			to = append(to, "&#39;"...)
		case '+':
			to = append(to, "&#43;"...)
		case '<':
			to = append(to, "&lt;"...)
		case '>':
			to = append(to, "&gt;"...)
		default:
			to = append(to, c)
		}
	}
	return to
}
