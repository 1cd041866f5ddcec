package registration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// known is a client with its redirect URIs, in order.
type known struct {
	id   string
	uris []string
	*Client
}

// sorted lists the clients that are worth a look: those whose client_id can be one, proven ones first.
func (r *Registry) sorted() []known {
	var list []known
	for id, c := range r.Clients {
		record := clients.Client{ClientID: id}
		if record.Validate() != nil || redact.Text(id, redact.MaxID) != id {
			continue
		}
		// Behind a separator anything can stand, also a secret; only what the server accepted is a client_id for sure.
		if c.Proven == 0 && redact.Value(scan.ClientID, id) != id {
			continue
		}
		list = append(list, known{id, slices.Sorted(maps.Keys(c.URIs)), c})
	}
	slices.SortFunc(list, func(a, b known) int {
		if (a.Proven > 0) != (b.Proven > 0) {
			if a.Proven > 0 {
				return -1
			}
			return 1
		}
		return strings.Compare(a.id, b.id)
	})
	return list
}

// certain are the URIs that may be written as registered.
func (k *known) certain() []string {
	var uris []string
	for _, uri := range k.uris {
		record := clients.Client{ClientID: k.id, RedirectURIs: []string{uri}}
		if _, certain := k.URIs[uri].Doubts(uri); certain && record.Validate() == nil {
			uris = append(uris, uri)
		}
	}
	return uris
}

// WriteJSON writes an array of RFC 7591 records with what is proven. What is doubtful goes to the notes.
func (r *Registry) WriteJSON(out, notes io.Writer) error {
	records := []clients.Client{}
	for _, k := range r.sorted() {
		if certain := k.certain(); len(certain) > 0 {
			records = append(records, clients.Client{ClientID: k.id, RedirectURIs: certain})
		}
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(records); err != nil {
		return err
	}
	r.summarise(notes, "")
	for _, k := range r.sorted() {
		for _, uri := range k.uris {
			if doubts, certain := k.URIs[uri].Doubts(uri); len(doubts) > 0 {
				word := "written, but look at it"
				if !certain {
					word = "left out"
				}
				fmt.Fprintf(notes, "%s: %s: %s: %s (requests: %d, codes or tokens: %d)\n", k.id, redact.URI(uri), word, strings.Join(doubts, ", "), k.URIs[uri].Requests, k.URIs[uri].Proven)
			}
		}
	}
	return nil
}

// WriteCaddyfile writes a block clients static. What is doubtful is commented out.
func (r *Registry) WriteCaddyfile(out, _ io.Writer) error {
	r.summarise(out, "# ")
	fmt.Fprintln(out, "clients static {")
	for _, k := range r.sorted() {
		certain := k.certain()
		comment := ""
		id, plain := redact.Token(k.id)
		line := "redirect_uris"
		for _, uri := range certain {
			text, fits := redact.Token(uri)
			line, plain = line+" "+text, plain && fits
		}
		if len(certain) == 0 || !plain {
			comment, certain = "# ", nil
		}
		fmt.Fprintf(out, "\t# requests: %d, answered with a code or token: %d%s\n\t%sclient %s {\n", k.Requests, k.Proven, responseTypes(k.Client), comment, cmp.Or(id, unbraced(k.id)))
		if len(certain) > 0 {
			fmt.Fprintf(out, "\t\t%s\n", line)
		}
		for _, uri := range k.uris {
			u := k.URIs[uri]
			doubts, sure := u.Doubts(uri)
			if len(doubts) == 0 {
				continue
			}
			word := "look at"
			if !sure || !slices.Contains(certain, uri) {
				word = "doubtful:"
			}
			fmt.Fprintf(out, "\t\t# %s %s: %s (requests: %d, codes or tokens: %d)\n", word, unbraced(redact.URI(uri)), strings.Join(doubts, ", "), u.Requests, u.Proven)
		}
		fmt.Fprintf(out, "\t%s}\n", comment)
	}
	fmt.Fprintln(out, "}")
	return nil
}

// summarise says what the proposal rests on.
func (r *Registry) summarise(out io.Writer, prefix string) {
	fmt.Fprintf(out, "%sauthorization requests: %d, answered with a code or token for a client: %d\n", prefix, r.Requests, r.Proven)
	if !r.Answers && r.Requests > 0 {
		fmt.Fprintf(out, "%sno response shows where it redirects to, so nothing is proven: use Caddy's JSON log without a redacted Location, or an HTTP archive\n", prefix)
	}
	if r.Unattributed > 0 {
		fmt.Fprintf(out, "%s%d codes or tokens were sent in answer to requests that do not name a client: they prove nothing\n", prefix, r.Unattributed)
	}
	if r.Left > 0 {
		fmt.Fprintf(out, "%s%d requests of clients, or with redirect URIs, were left out because there are too many\n", prefix, r.Left)
	}
}

// unbraced is text for a comment without the braces of {$NAME}, which Caddy replaces in comments as well.
func unbraced(text string) string {
	return strings.NewReplacer("{", `\u007b`, "}", `\u007d`).Replace(text)
}

func responseTypes(c *Client) string {
	if len(c.ResponseTypes) == 0 {
		return ""
	}
	return "; response types: " + strings.Join(slices.Sorted(maps.Keys(c.ResponseTypes)), ", ")
}
