package peers

import (
	"embed"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed config
var config embed.FS

// templates are the configurations of all peers.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"quote":        strconv.Quote,
	"add":          func(a, b int) int { return a + b },
	"alternatives": alternatives,
	"repeated":     repeated,
	"repeatedName": repeatedName,
	"pairs":        pairs,
	"uris":         uris,
	"formIDs":      formIDs,
	"formURIs":     formURIs,
}).ParseFS(config, "config/*"))

// alternatives is a regular expression for one of some texts.
func alternatives(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = regexp.QuoteMeta(text)
	}
	return strings.Join(quoted, "|")
}

// repeated is a regular expression for a name that occurs twice, in a language without references to groups.
func repeated(names []string) string {
	var twice []string
	for _, name := range names {
		twice = append(twice, name+"=.*&"+name+"=")
	}
	return "(^|&)(?:" + strings.Join(twice, "|") + ")"
}

// repeatedName is the same for Perl's regular expressions.
func repeatedName(names []string) string {
	return "(?:^|&)(?<name>" + strings.Join(names, "|") + `)=.*&\k<name>=`
}

// redirectURI is a regular expression for a redirect URI, with a free port on the loopback.
func redirectURI(uri string) string {
	if !loopback.MatchString(uri) {
		return regexp.QuoteMeta(uri)
	}
	return `http://127\.0\.0\.1(?::[0-9]+)?` + regexp.QuoteMeta(loopback.ReplaceAllString(uri, ""))
}

// pairs is a regular expression for a client_id, a blank, and a redirect_uri that fits, or none if the client may leave it out.
func pairs(s Site) string {
	var fitting []string
	for _, pair := range s.Pairs() {
		fitting = append(fitting, regexp.QuoteMeta(pair.ID)+" "+redirectURI(pair.URI))
	}
	for _, id := range s.Free() {
		fitting = append(fitting, regexp.QuoteMeta(id)+" .*")
	}
	for _, id := range s.Optional() {
		fitting = append(fitting, regexp.QuoteMeta(id)+" ")
	}
	return "^(?:" + strings.Join(fitting, "|") + ")$"
}

// uris is a regular expression for a redirect URI of any client.
func uris(s Site) string {
	var all []string
	for _, pair := range s.Pairs() {
		all = append(all, redirectURI(pair.URI))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "|")
}

// formIDs is a regular expression for a form with a client_id that is known, in the spelling of a form.
func formIDs(s Site) string {
	var all []string
	for _, id := range s.IDs() {
		all = append(all, url.QueryEscape(id))
	}
	return "(^|&)client_id=(?:" + alternatives(all) + ")(&|$)"
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

// formURIs is a regular expression for a form with a redirect_uri of any client, in the usual spellings.
func formURIs(s Site) string {
	var all []string
	for _, pair := range s.Pairs() {
		upper := url.QueryEscape(pair.URI)
		lower := escape.ReplaceAllStringFunc(upper, strings.ToLower)
		for _, spelling := range []string{upper, lower, pair.URI} {
			for _, host := range []string{"http%3A%2F%2F127.0.0.1", "http%3a%2f%2f127.0.0.1", "http://127.0.0.1"} {
				if rest, found := strings.CutPrefix(spelling, host); found {
					rest = regexp.MustCompile(`^(%3[Aa]|:)[0-9]+`).ReplaceAllString(rest, "")
					all = append(all, regexp.QuoteMeta(host)+"(?:(?:%3[Aa]|:)[0-9]+)?"+regexp.QuoteMeta(rest))
				}
			}
			all = append(all, regexp.QuoteMeta(spelling))
		}
	}
	slices.Sort(all)
	return "(^|&)redirect_uri=(?:" + strings.Join(slices.Compact(all), "|") + ")(&|$)"
}

// Setup is what the configuration of a peer is made from.
type Setup struct {
	Site
	// Folder is the peer's own.
	Folder string
	// Address is where it proxies, AnswerAddress where the bare ones give a constant refusal.
	Address, AnswerAddress string
	// Upstream is the address of the server.
	Upstream string
	// Admin is the address of the admin endpoint of Caddy; "" turns it off. With it, Caddy logs errors, has a variable generation-0 to change by reloads, and if guarded also judges /api/*
	// and looks for new clients every second.
	Admin string
	// Caddy is the program of the Caddys.
	Caddy string
	// Environment is added to that of this program, from which all settings of Go's runtime are taken.
	Environment []string
	// Transport are options of the transport of reverse_proxy in Caddy, a line each; "" for none. They do not go with Admin.
	Transport string
}

// Answer is a refusal, for peers that only have one: that of the guard at the authorization endpoint.
const Answer = `{"error":"invalid_request","error_description":"redirect_uri must occur once"}`

// logs is the end of the kind of a Caddy that writes all logs and metrics.
const logs = "-logs"

// write renders the configuration of a peer into its folder.
func (s Setup) write(p *Peer) error {
	data := struct {
		Setup
		Site                  Site
		Kind, Modules, Answer string
		Logs, Root            bool
	}{s, s.Site, strings.TrimSuffix(p.kind, logs), p.modules, Answer, strings.HasSuffix(p.kind, logs), os.Getuid() == 0}
	for name, template := range p.files {
		var text strings.Builder
		if err := templates.ExecuteTemplate(&text, template, data); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.Folder, name), []byte(text.String()), 0o644); err != nil {
			return err
		}
	}
	return s.writeLists()
}

// writeLists writes the clients as files, for peers that read them.
func (s Setup) writeLists() error {
	text, err := s.ClientsJSON()
	if err != nil {
		return err
	}
	var pairs, uris []string
	for _, client := range s.Clients {
		for _, uri := range client.Spellings() {
			pairs = append(pairs, client.ID+" "+uri)
			uris = append(uris, uri)
		}
	}
	for name, lines := range map[string][]string{
		"clients.json": {text}, "clients.lst": s.IDs(), "pairs.lst": pairs, "uris.lst": uris, "free.lst": s.Free(), "optional.lst": s.Optional(),
	} {
		if err := os.WriteFile(filepath.Join(s.Folder, name), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
