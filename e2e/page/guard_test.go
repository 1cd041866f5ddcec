package page_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/e2e/front"
)

// The sites of a real Caddy with the guard, each below any host name: with the built-in page, with a custom template, and with a custom template that tries to
// run a script.
var standard, custom, scripted *front.Site

// authorizePath is the endpoint that the guard protects.
const authorizePath = "/hub/api/rest/oauth2/auth"

// framePath is a page of the upstream that shows what its query names in a frame.
const framePath = "/frame"

// guardFormat is the guard with one ordinary client and two whose operator was attacked or verbose: the directive for the page, the names of both.
const guardFormat = `oauth_guard {
	base_path /hub
	clients static {
		client wiki {
			client_name "Team Wiki"
			redirect_uris https://wiki.example.com/callback
		}
		client hostile {
			client_name ` + "`%s`" + `
			redirect_uris https://hostile.example.com/callback
		}
		client long%s {
			client_name ` + "`%[2]s`" + `
			redirect_uris https://long.example.com/callback
		}
	}
	errors {
		docs https://docs.example.com/rules
		%s
	}
}`

// longName is an unbroken name that a client may have.
var longName = strings.Repeat("Q", 500)

// startSites starts Caddy with the sites; what it needs lies in the folder.
func startSites(folder string) (stop func(), err error) {
	upstream := httptest.NewServer(http.HandlerFunc(answer))
	sites := []**front.Site{&standard, &custom, &scripted}
	for i, template := range []string{"", customTemplate, customTemplate + `<script>alert("ran")</script>`} {
		address, err := front.FreeAddress()
		if err != nil {
			return nil, err
		}
		directive := ""
		if template != "" {
			path := filepath.Join(folder, fmt.Sprintf("page%d.html", i))
			if err := os.WriteFile(path, []byte(template), 0o644); err != nil {
				return nil, err
			}
			directive = "page " + path
		}
		*sites[i] = &front.Site{
			Address:    address[strings.LastIndex(address, ":"):],
			Directives: fmt.Sprintf(guardFormat, attack, longName, directive),
			Upstream:   strings.TrimPrefix(upstream.URL, "http://"),
		}
	}
	caddy, err := front.Start(folder, standard, custom, scripted)
	if err != nil {
		return nil, err
	}
	return func() {
		if err := caddy.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		upstream.Close()
	}, nil
}

// answer is the server behind the guard.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case framePath:
		_, _ = io.WriteString(w, `<!doctype html><title>outer</title><iframe src="`+authorizePath+"?"+strings.ReplaceAll(r.URL.RawQuery, "&", "&amp;")+`"></iframe>`)
	case "/favicon.ico":
		w.WriteHeader(http.StatusNoContent)
	default:
		_, _ = io.WriteString(w, "<!doctype html><title>The request arrived at the server</title>")
	}
}

// at is the address of the authorization endpoint at a site.
func at(site *front.Site, query string) string {
	return "http://127.0.0.1" + site.Address + authorizePath + "?" + query
}

// refusal is a request that is answered with a page, and the rule that asks for it.
type refusal struct {
	query, rule string
}

// query writes parameters as a browser sends them.
func query(pairs ...string) string {
	var text strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			text.WriteByte('&')
		}
		text.WriteString(url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
	}
	return text.String()
}

// refusals are requests with ordinary, long and hostile values. Whatever a request may hold, nothing of it stands on the page but the host.
var refusals = map[string]refusal{
	"unregistered": {
		query("response_type", "token", "client_id", "wiki", "redirect_uri", "https://wiki.example.com/other", "state", "1"),
		"authorize.redirect_uri.unregistered",
	},
	"hostile": {
		query("response_type", attack, "client_id", "hostile", "redirect_uri", "javascript:"+attack, "state", attack, "scope", attack, attack, attack),
		"authorize.redirect_uri.scheme",
	},
	"hostile-client": {
		query("response_type", "token", "client_id", attack, "redirect_uri", "https://evil.example.com/", "state", attack),
		"authorize.client_id.unknown",
	},
	"hostile-names": {
		query(attack, attack, "client_id", "wiki", attack, "2", "client_id", attack),
		"authorize.client_id.repeated",
	},
	"hostile-bytes": {
		"client_id=wiki&<script>alert(1)</script>=%zz&state=%00%FF<img src=x onerror=alert(2)>",
		"wire.percent_encoding.malformed",
	},
	"long": {
		query("response_type", "token", "client_id", "long"+longName, "redirect_uri", "https://"+long, "state", strings.Repeat("S", 4_000)),
		"authorize.redirect_uri.unregistered",
	},
	// Over the limit of the guard, and below that of Caddy for all header fields together.
	"too-long": {
		query("client_id", "wiki", "redirect_uri", "https://wiki.example.com/callback", "state", strings.Repeat("S", 16<<10)),
		"wire.limit.query",
	},
}
