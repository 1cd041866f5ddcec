package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// clientsFlags are the flags of clients.
type clientsFlags struct {
	guardFlags
	address string
	json    bool
}

func clientsCommand() *cobra.Command {
	f := new(clientsFlags)
	cmd := &cobra.Command{
		Use:   "clients [<client_id>]",
		Short: "Lists the registered clients, and looks one up",
		Long: `
Lists the clients that the guard knows, or shows one of them, found as in a request: by its client_id or an alias.

Without --address they are read here: from --clients, or from the sources of --config. A live source is not asked; of it the list is shown that a running Caddy left in the storage. With
--address a running Caddy is asked over its admin endpoint.

Redirect URIs are shown without their query.

Exit status: 0, or 1 if the command failed or there is no such client.
`,
		Example: `  $ caddy oauth-guard clients --config Caddyfile
  $ caddy oauth-guard clients --clients clients.json tracker
  $ caddy oauth-guard clients --address localhost:2019 --json`,
		Args: oneArgument("client_id"),
		RunE: runner(func(cmd *cobra.Command, args []string) (int, error) { return Passed, f.run(cmd.OutOrStdout(), args) }),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.address, "address", "", "the admin endpoint of a running Caddy, such as localhost:2019")
	cmd.Flags().BoolVar(&f.json, "json", false, "write JSON")
	return cmd
}

// sourcedClient is a client and the source that knows it, as the admin endpoint writes them.
type sourcedClient struct {
	clients.Client
	Source string `json:"source"`
}

func (f *clientsFlags) run(out io.Writer, args []string) error {
	id := ""
	if len(args) == 1 {
		id = args[0]
	}
	find := f.offline
	if f.address != "" {
		if f.config != "" || f.clients != "" {
			return errors.New("--address: a running Caddy has its own configuration: leave out --config and --clients")
		}
		find = f.running
	} else if f.config == "" && f.clients == "" {
		return errors.New("no clients to list: name --config, --clients or --address")
	}
	list, err := find(id)
	if err != nil {
		return err
	}
	if id != "" && len(list) == 0 {
		return fmt.Errorf("no source knows a client %s", display(id, redact.MaxID))
	}
	for i := range list {
		list[i].RedirectURIs = slices.Clone(list[i].RedirectURIs)
		for j, uri := range list[i].RedirectURIs {
			list[i].RedirectURIs[j] = redact.URI(uri)
		}
	}
	switch {
	case f.json:
		return writeJSON(out, emptyIfNil(list))
	case id != "":
		for i := range list {
			list[i].write(out)
		}
	default:
		writeClients(out, list)
	}
	return nil
}

// offline reads the clients of the configuration, in the order of their IDs.
func (f *clientsFlags) offline(id string) ([]sourcedClient, error) {
	guards, release, err := f.guards()
	if err != nil {
		return nil, err
	}
	defer release()
	var list []sourcedClient
	var seen []*clients.Feed
	for _, guard := range guards {
		for _, feed := range guard.Feeds {
			if slices.Contains(seen, feed) {
				continue
			}
			seen = append(seen, feed)
			directory := feed.Directory()
			if directory == nil {
				return nil, fmt.Errorf("the clients of %s are not known here: no running Caddy has left them in the storage; ask one with --address", display(feed.Name(), redact.MaxURI))
			}
			if id != "" {
				if client, standing := directory.Find(id); standing == rule.Known {
					list = append(list, sourcedClient{clients.RecordOf(client), feed.Name()})
				}
				continue
			}
			for client := range directory.All() {
				list = append(list, sourcedClient{clients.RecordOf(client), feed.Name()})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b sourcedClient) int { return strings.Compare(a.ClientID, b.ClientID) })
	return list, nil
}

// maxAnswer bounds what is read of one answer of the admin endpoint.
const maxAnswer = 256 << 20

// running asks a running Caddy.
func (f *clientsFlags) running(id string) ([]sourcedClient, error) {
	if id != "" {
		var one sourcedClient
		found, err := f.ask("/oauth_guard/clients/"+url.PathEscape(id), &one)
		if err != nil || !found {
			return nil, err
		}
		return []sourcedClient{one}, nil
	}
	var list []sourcedClient
	for after := ""; ; {
		var page struct {
			Clients []sourcedClient `json:"clients"`
			Total   int             `json:"total"`
		}
		found, err := f.ask("/oauth_guard/clients?limit=10000&after="+url.QueryEscape(after), &page)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("--address %s: the Caddy there has no OAuth Guard", display(f.address, maxHost))
		}
		list = append(list, page.Clients...)
		if len(page.Clients) == 0 || len(list) >= page.Total {
			return list, nil
		}
		after = page.Clients[len(page.Clients)-1].ClientID
	}
}

// ask reads one answer of the admin endpoint, and reports whether there was one.
func (f *clientsFlags) ask(path string, into any) (found bool, err error) {
	response, err := caddycmd.AdminAPIRequest(f.address, http.MethodGet, path, nil, nil)
	if err != nil {
		if strings.Contains(err.Error(), "HTTP 404") {
			return false, nil
		}
		return false, fmt.Errorf("--address %s: %s", display(f.address, maxHost), display(err.Error(), 300))
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(into); err != nil {
		return false, fmt.Errorf("--address %s: the answer is not understood: %w", display(f.address, maxHost), err)
	}
	return true, nil
}

// writeClients shows clients as a table.
func writeClients(out io.Writer, list []sourcedClient) {
	p := painterFor(out)
	fmt.Fprintln(out, p.bold(fmt.Sprintf("%-38s %-28s %-9s %s", "client_id", "name", "redirects", "source")))
	for _, client := range list {
		count := "unknown"
		if client.RedirectURIs != nil {
			count = fmt.Sprint(len(client.RedirectURIs))
		}
		fmt.Fprintf(out, "%-38s %-28s %-9s %s\n", display(client.ClientID, redact.MaxID), display(client.ClientName, 28), count, display(client.Source, redact.MaxURI))
	}
	fmt.Fprintf(out, "\n%d clients. caddy oauth-guard clients … <client_id> shows one.\n", len(list))
}

// write shows one client.
func (c *sourcedClient) write(out io.Writer) {
	line := func(name, text string) {
		if text == "" {
			text = "unknown"
		}
		fmt.Fprintf(out, "%-28s%s\n", name, display(text, 1000))
	}
	line("client_id", c.ClientID)
	line("client_name", c.ClientName)
	line("source", c.Source)
	switch {
	case c.RedirectURIs == nil:
		line("redirect_uris", "")
	case len(c.RedirectURIs) == 0:
		line("redirect_uris", "none")
	default:
		for _, uri := range c.RedirectURIs {
			line("redirect_uris", uri)
		}
	}
	line("response_types", strings.Join(c.ResponseTypes, ", "))
	line("grant_types", strings.Join(c.GrantTypes, ", "))
	line("token_endpoint_auth_method", c.TokenEndpointAuthMethod)
	line("scope", c.Scope)
	trusted := ""
	if c.Trusted != nil {
		trusted = fmt.Sprint(*c.Trusted)
	}
	line("trusted", trusted)
	if len(c.Exempt) > 0 {
		line("exempt", strings.Join(c.Exempt, " "))
	}
	if c.Delivery != "" {
		line("delivery", c.Delivery)
	}
}
