// Package page renders the two HTML documents that OAuth Guard answers with: the error page that a person sees when a sign-in
// request was refused, and the page that delivers an error by OAuth 2.0 Form Post Response Mode.
//
// Both work without anything from elsewhere: no images, no fonts, no requests. A strict Content-Security-Policy names the one
// style sheet by its hash, so nothing that a request carries could ever run or load, even if escaping failed.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // for the templates and the style sheet
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The documents. They share one style sheet, which is embedded into each page.
var (
	//go:embed error.html
	errorSource string
	//go:embed form_post.html
	formPostSource string
	//go:embed style.css
	styleSource string
)

// The parsed documents and their policies.
var (
	builtIn = &Template{
		template: template.Must(parse("error.html", errorSource)),
		policy: "default-src 'none'; style-src " + hashSource(styleSource) +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
	formPost = template.Must(parse("form_post.html", formPostSource))
)

// customPolicy is the Content-Security-Policy of pages made from a custom template: it may bring its own styles and images, but
// no scripts, no forms and no frames.
const customPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Data is what an error page may show. A custom template refers to the fields by name, for example {{.Description}}, in the
// syntax of Go's html/template, which escapes every value for the place where it stands.
//
// Texts may be empty unless said otherwise, so a template asks first: {{if .ClientName}}for {{.ClientName}}{{end}}. They contain
// no control characters and no characters that change the direction of the text around them.
type Data struct {
	// Status is the HTTP status code of the answer, for example 400. It is always set.
	Status int
	// Error is the OAuth error code, for example "invalid_request". It is always set.
	Error string
	// Description says in one English sentence what is wrong with the request. It never repeats anything of the request.
	Description string
	// Rule is the ID of the rule that refused the request, for example "authorize.redirect_uri.unregistered".
	Rule string
	// RuleURL is the address of the documentation of the rule. It is empty unless the configuration names where the documentation is.
	RuleURL string
	// RequestID names this request in the log, so that the administrator finds it.
	RequestID string
	// ClientID is the client_id of the application. It is empty unless the application is registered.
	ClientID string
	// ClientName is the name of the application. It is empty unless the application is registered and has a name.
	ClientName string
	// Parameter is the name of the request parameter that is wrong, for example "redirect_uri". It is empty if none is to blame.
	Parameter string
	// Host is the host that the request was sent to, with the port if it named one.
	Host string
	// Time is when the request was refused. A template formats it, for example {{.Time.UTC.Format "2006-01-02 15:04:05"}}.
	Time time.Time
}

// Template is a parsed error page. It never changes and may be used by several goroutines.
type Template struct {
	template *template.Template
	policy   string
}

// New parses the text of a custom error page. It is a template of Go's html/template over [Data]; the empty text is the
// built-in page. The template is tried with sample data, so that a mistake is found here and not by the first person who needs
// the page. Errors name the line, as in "page:12".
func New(templateText string) (*Template, error) {
	if templateText == "" {
		return builtIn, nil
	}
	parsed, err := template.New("page").Parse(templateText)
	if err != nil {
		return nil, err
	}
	custom := &Template{template: parsed, policy: customPolicy}
	written := false
	for _, sample := range samples {
		body, err := custom.render(sample)
		if err != nil {
			return nil, withLine(err, templateText)
		}
		written = written || len(bytes.TrimSpace(body)) > 0
	}
	if !written {
		return nil, errors.New("page: the template writes nothing")
	}
	return custom, nil
}

// samples are what [New] tries a template with: everything known, and only what is always known.
var samples = []Data{
	{
		Status:      http.StatusBadRequest,
		Error:       "unauthorized_client",
		Description: "The redirect_uri is not registered for this client.",
		Rule:        "authorize.redirect_uri.unregistered",
		RuleURL:     "https://example.com/rules#authorize.redirect_uri.unregistered",
		RequestID:   "7f8c1d2e-0a4b-4c55-9a57-3f1f6f0c2b11",
		ClientID:    "0b1c2d3e-client",
		ClientName:  "Example Wiki",
		Parameter:   "redirect_uri",
		Host:        "hub.example.com",
		Time:        time.Date(2026, time.March, 1, 12, 30, 0, 0, time.UTC),
	},
	{Status: http.StatusBadRequest, Error: "invalid_request"},
}

// Write answers with the error page and data.Status; a status that is not an error becomes 400. Nothing is sent before the page
// is complete: if a custom template fails, the built-in page is sent, and the error of the template is returned for the log.
// A client that went away is not an error.
func (t *Template) Write(w http.ResponseWriter, data Data) error {
	data = data.clean()
	page := t
	if t == builtIn {
		room := bodies.Get().(*[]byte)
		defer bodies.Put(room)
		if body, able := ready.write((*room)[:0], &data); able {
			*room = body
			t.send(w, data.Status, body)
			return nil
		}
	}
	body, err := page.render(data)
	if err != nil {
		page = builtIn
		var builtInErr error
		if body, builtInErr = page.render(data); builtInErr != nil {
			return builtInErr // cannot happen: the tests render the built-in page with every kind of value
		}
	}
	page.send(w, data.Status, body)
	return err
}

// ready are the pages of the built-in template, and bodies the memory to fill them in.
var (
	ready  prepared
	bodies = sync.Pool{New: func() any { return new([]byte) }}
)

// send answers with a complete page.
func (t *Template) send(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	setHeaders(header, t.policy)
	header.Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// render executes the template.
func (t *Template) render(data Data) ([]byte, error) {
	var body bytes.Buffer
	if err := t.template.Execute(&body, data); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// clean returns the data with a proper status and with texts that cannot disturb what stands around them.
func (d Data) clean() Data {
	if d.Status < 400 || d.Status > 599 {
		d.Status = http.StatusBadRequest
	}
	for _, text := range []*string{
		&d.Error, &d.Description, &d.Rule, &d.RuleURL, &d.RequestID, &d.ClientID, &d.ClientName, &d.Parameter, &d.Host,
	} {
		*text = strings.Map(visible, *text)
	}
	return d
}

// visible replaces what a reader cannot see but is fooled by: control characters, and the marks that embed, override or isolate
// a direction of writing. Invalid UTF-8 arrives here as U+FFFD already.
func visible(r rune) rune {
	switch {
	case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
		return '\uFFFD'
	}
	return r
}

// setHeaders sets what both documents have in common.
func setHeaders(header http.Header, policy string) {
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", policy)
}

// parse parses one of the documents.
func parse(name, text string) (*template.Template, error) {
	return template.New(name).Funcs(template.FuncMap{
		// A typed value, because the bytes between the tags must be the bytes that were hashed.
		"stylesheet": func() template.CSS { return template.CSS(styleSource) },
		"script":     func() template.JS { return submitScript },
	}).Parse(text)
}

// hashSource is the source expression of a Content-Security-Policy that allows exactly this inline style or script.
func hashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// withLine names the last line in an error of the escaper that names none: something, say a quote, is still open at the end.
func withLine(err error, text string) error {
	var escaping *template.Error
	if !errors.As(err, &escaping) || escaping.Line != 0 || escaping.Node != nil {
		return err
	}
	return fmt.Errorf("page:%d: something is not closed at the end of the template: %w", strings.Count(strings.TrimRight(text, "\n"), "\n")+1, err)
}
