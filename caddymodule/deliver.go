package caddymodule

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/page"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// delivery answers refused requests. Everything that does not depend on the request is made at provision.
type delivery struct {
	logger   *zap.Logger
	settings Errors
	template *page.Template
	origins  originPolicy
	bodies   map[bodyKey]body
	// algorithms are those of DPoP proofs, as challenges name them.
	algorithms string
	// metadata is what the server says about itself; nil if it is not known.
	metadata func() *clients.Metadata
}

// bodyKey names one of the JSON bodies that can occur: the error code and the status of a rule may vary, and the parameter that its description names.
type bodyKey struct {
	rule               *rule.Rule
	error, description string
	status             int
}

// body is a JSON body, and its length as a header says it.
type body struct {
	text   []byte
	length string
}

// body is the JSON body of RFC 6749 section 5.2. The dialect of Hub adds two members, without which an old YouTrack Mobile takes the error for a token.
func (d *delivery) body(v *validators.Verdict) body {
	if made, found := d.bodies[bodyKey{v.Rule, v.Error, v.Description, v.Status}]; found {
		return made
	}
	return d.render(v.Rule, v.Error, v.Description, v.Status)
}

func (d *delivery) render(r *rule.Rule, code, description string, status int) body {
	message := struct {
		Error            string `json:"error"`
		Description      string `json:"error_description"`
		URI              string `json:"error_uri,omitempty"`
		Code             int    `json:"error_code,omitempty"`
		DeveloperMessage string `json:"error_developer_message,omitempty"`
	}{Error: code, Description: description, URI: d.errorURI(r)}
	if d.settings.Dialect == "hub" {
		message.Code = status
		message.DeveloperMessage = r.ID + ": " + description
	}
	text, _ := json.Marshal(message) // strings and numbers always marshal
	return body{text, strconv.Itoa(len(text))}
}

// prepare makes the bodies of all rules.
func (d *delivery) prepare(redirectURIError string) {
	d.bodies = make(map[bodyKey]body)
	for i := range validators.Catalogue() {
		r := &validators.Catalogue()[i]
		code := r.Error
		if code == rule.RedirectURIError {
			code = redirectURIError
		}
		codes := []string{code}
		if r.FAPIError != "" {
			codes = append(codes, r.FAPIError)
		}
		descriptions := []string{r.Description}
		if r.Subject != nil {
			descriptions = descriptions[:0]
			for _, name := range scan.AllNames() {
				descriptions = append(descriptions, r.Description+": "+name.String())
			}
		}
		for _, status := range validators.Statuses(r) {
			for _, code := range codes {
				for _, description := range descriptions {
					d.bodies[bodyKey{r, code, description, status}] = d.render(r, code, description, status)
				}
			}
		}
	}
}

func (d *delivery) errorURI(r *rule.Rule) string {
	if d.settings.Docs == "" {
		return ""
	}
	return d.settings.Docs + "#" + r.ID
}

// fields sets the fields of a header with one allocation for all. They are not shared with other answers, since later handlers may change values in place.
type fields struct {
	http.Header
	room [8]string
	used int
}

// set is [http.Header.Set] for a name in canonical form.
func (f *fields) set(name, value string) {
	if f.used == len(f.room) {
		f.Header[name] = []string{value}
		return
	}
	f.room[f.used] = value
	f.Header[name] = f.room[f.used : f.used+1 : f.used+1]
	f.used++
}

// add is [http.Header.Add] for a name in canonical form.
func (f *fields) add(name, value string) {
	if present := f.Header[name]; len(present) > 0 {
		f.Header[name] = append(present, value)
		return
	}
	f.set(name, value)
}

// answer writes the refusal, or hands it to the error routes.
func (d *delivery) answer(w http.ResponseWriter, r *http.Request, v *validators.Verdict, repl *caddy.Replacer, directory clientDirectory) error {
	header := fields{Header: w.Header()}
	header.set("Cache-Control", "no-store")
	header.set("Pragma", "no-cache")
	if v.Answer == validators.Redirection {
		return d.redirect(w, v)
	}
	if v.Status == http.StatusMethodNotAllowed {
		allow := "POST"
		if rule.Browsers.Has(v.Endpoint) {
			allow = "GET, HEAD, POST"
		}
		header.set("Allow", allow)
	}
	switch v.Answer {
	case validators.Challenge:
		header.set("Www-Authenticate", d.challenge(v, r.Header["Authorization"]))
	case validators.JSON:
		if v.Status == http.StatusUnauthorized {
			header.set("Www-Authenticate", `Basic realm="`+d.realm()+`"`)
		}
	case validators.Page:
		header.set("Referrer-Policy", "no-referrer")
	}
	if v.Answer != validators.Page {
		d.origins.apply(&header, r, directory)
	}
	if d.settings.OnReject == "error" {
		return caddyhttp.Error(v.Status, errors.New(v.Rule.ID+": "+v.Description))
	}
	if v.Answer == validators.Page && !wantsJSON(r.Header) {
		return d.page(w, r, v, repl)
	}
	if v.Error == "" {
		w.WriteHeader(v.Status)
		return nil
	}
	body := d.body(v)
	header.set("Content-Type", "application/json;charset=UTF-8")
	header.set("X-Content-Type-Options", "nosniff")
	if v.Answer == validators.Page {
		header.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	}
	header.set("Content-Length", body.length)
	w.WriteHeader(v.Status)
	if r.Method != http.MethodHead {
		_, err := w.Write(body.text)
		return err
	}
	return nil
}

func (d *delivery) page(w http.ResponseWriter, r *http.Request, v *validators.Verdict, repl *caddy.Replacer) error {
	data := page.Data{
		Status: v.Status, Error: v.Error, Description: v.Description,
		Rule: v.Rule.ID, RuleURL: d.errorURI(v.Rule), Host: r.Host, Time: time.Now(),
	}
	if repl != nil {
		data.RequestID, _ = repl.GetString("http.request.uuid")
	}
	// The middle of a rule's ID often is the parameter that it is about.
	if parts := strings.Split(v.Rule.ID, "."); len(parts) == 3 && scan.Recognise(parts[1]) != scan.Unknown {
		data.Parameter = parts[1]
	}
	if v.Client != nil {
		data.ClientID, data.ClientName = v.Client.ID, v.Client.Name
	}
	if err := d.template.Write(w, data); err != nil {
		// The built-in page went out in its place.
		d.logger.Error("the template of the error page failed", zap.String("page", d.settings.Page), zap.Error(err))
	}
	return nil
}

// redirect sends the error to the proven redirect URI, RFC 6749 section 4.1.2.1. 303 makes sure that a POST is not repeated there (RFC 9700 section 4.12).
func (d *delivery) redirect(w http.ResponseWriter, v *validators.Verdict) error {
	parameters := [][2]string{{"error", v.Error}, {"error_description", v.Description}}
	if uri := d.errorURI(v.Rule); uri != "" {
		parameters = append(parameters, [2]string{"error_uri", uri})
	}
	if v.Target.HasState {
		parameters = append(parameters, [2]string{"state", v.Target.State})
	}
	if issuer := cmp.Or(d.settings.Issuer, issuerOf(d.metadata())); issuer != "" {
		parameters = append(parameters, [2]string{"iss", issuer})
	}
	if v.Target.Place == validators.FormPost {
		page.WriteFormPost(w, v.Target.URI, parameters)
		return nil
	}
	header := w.Header()
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Location", locationOf(v.Target, parameters))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// locationOf appends response parameters to a redirect URI. A query that is already there stays (RFC 6749 section 3.1.2).
func locationOf(target validators.Target, parameters [][2]string) string {
	var location strings.Builder
	location.WriteString(target.URI)
	separator := byte('?')
	switch {
	case target.Place == validators.Fragment:
		separator = '#'
	case strings.HasSuffix(target.URI, "?") || strings.HasSuffix(target.URI, "&") && strings.Contains(target.URI, "?"):
		separator = 0
	case strings.Contains(target.URI, "?"):
		separator = '&'
	}
	for _, parameter := range parameters {
		if separator != 0 {
			location.WriteByte(separator)
		}
		separator = '&'
		location.WriteString(parameter[0])
		location.WriteByte('=')
		escape(&location, parameter[1])
	}
	return location.String()
}

// escape percent-encodes all but the unreserved characters of RFC 3986. A blank becomes %20, since a plus sign is not understood everywhere.
func escape(out *strings.Builder, s string) {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			out.WriteByte(c)
			continue
		}
		out.WriteByte('%')
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
}

// challenge is that of RFC 6750 section 3, with the resource metadata of RFC 9728 section 5.1. To a client that uses DPoP, or should, it is that of RFC 9449 section 7.1, which names
// the algorithms that the guard accepts.
func (d *delivery) challenge(v *validators.Verdict, authorization []string) string {
	challenge := `Bearer realm="` + d.realm() + `"`
	if strings.HasPrefix(v.Rule.ID, "dpop.") || len(authorization) > 0 && rule.UsesDPoP(authorization[0]) {
		challenge = `DPoP realm="` + d.realm() + `", algs="` + d.algorithms + `"`
	}
	if v.Error != "" {
		challenge += `, error="` + v.Error + `", error_description="` + v.Description + `"`
	}
	if d.settings.ResourceMetadata != "" {
		challenge += `, resource_metadata="` + d.settings.ResourceMetadata + `"`
	}
	return challenge
}

func (d *delivery) realm() string {
	if d.settings.Realm == "" {
		return "OAuth"
	}
	return d.settings.Realm
}

// wantsJSON reports whether the client asks for JSON and not for a page.
func wantsJSON(header http.Header) bool {
	accept := strings.ToLower(strings.Join(header["Accept"], ","))
	return strings.Contains(accept, "json") && !strings.Contains(accept, "html")
}
