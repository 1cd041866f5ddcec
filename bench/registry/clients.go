package registry

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// clientID is an ID of 36 bytes, as a UUID has.
func clientID(number int) string {
	return fmt.Sprintf("%08x-1f2e-4d3c-8b4a-%012x", uint32(number)*2654435761, number)
}

// redirectURI is the only one of a client, of 60 bytes. A thousand hosts have all of them.
func redirectURI(number int) string {
	return fmt.Sprintf("https://app-%07d.apps.example.com/login/callback/%08d", number%1000, number)
}

// snapshot is what a source delivers of so many clients.
func snapshot(count int) *clients.Snapshot {
	list := make([]clients.Registration, count)
	for i := range list {
		list[i].Client = rule.Client{
			ID: clientID(i), RedirectURIs: []redirecturi.Registered{{URI: redirectURI(i)}}, ResponseTypes: []string{"code"},
			GrantTypes: []string{"authorization_code", "refresh_token"}, AuthMethod: "client_secret_basic", Trust: rule.Trusted,
		}
	}
	return &clients.Snapshot{Clients: list}
}

// writeClients writes a file of so many records, as RFC 7591 has them.
func writeClients(path string, count int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	out := bufio.NewWriterSize(file, 1<<20)
	separator := "[\n"
	for i := range count {
		fmt.Fprintf(out, `%s{"client_id":"%s","redirect_uris":["%s"],"response_types":["code"],"grant_types":["authorization_code","refresh_token"],`+
			`"token_endpoint_auth_method":"client_secret_basic","trusted":true}`, separator, clientID(i), redirectURI(i))
		separator = ",\n"
	}
	if _, err := out.WriteString("\n]\n"); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return file.Close()
}

// messages are authorization requests of clients that are drawn from so many, one behind the other.
type messages struct {
	text []byte
	ends []int
}

// drawn is how many clients ask, in random order: more than any cache of a processor holds.
const drawn = 1 << 17

func newMessages(host string, count int) *messages {
	m := &messages{}
	random := rand.New(rand.NewPCG(1, 2))
	for range drawn {
		number := random.IntN(count)
		m.text = fmt.Appendf(m.text, "GET %s?response_type=code&client_id=%s&redirect_uri=%s&scope=openid%%20profile%%20email&state=Zk3vJ8aWq0Lr7xT2yB5nC9dF1gH4jK6m"+
			"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256 HTTP/1.1\r\nHost: %s\r\nAccept: text/html\r\n\r\n",
			conformance.AuthorizePath, clientID(number), strings.ReplaceAll(url.QueryEscape(redirectURI(number)), "+", "%20"), host)
		m.ends = append(m.ends, len(m.text))
	}
	return m
}

// get is one of the requests.
func (m *messages) get(number int) []byte {
	number %= len(m.ends)
	begin := 0
	if number > 0 {
		begin = m.ends[number-1]
	}
	return m.text[begin:m.ends[number]]
}
