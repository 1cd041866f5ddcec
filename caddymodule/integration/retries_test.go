package integration

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRetriedBody lets the upstream close a connection that it kept open, after it has read a request on it and before it answers. A transport sends a request again
// that the client declared repeatable, and must then send the same bytes.
func TestRetriedBody(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	var closes atomic.Int64
	p.upstream.behave = func(conn net.Conn, reader *bufio.Reader, e exchange) bool {
		p.upstream.record(e, e.readBody(reader, e.header()))
		if strings.Contains(e.body, "drop=yes") && closes.Add(1) == 1 {
			return false
		}
		return respond(conn, e.head)
	}
	for name, raw := range map[string]string{
		"length":  form("/oauth2/token", validToken+"&drop=yes", "Idempotency-Key: 1"),
		"long":    form("/oauth2/token", validToken+"&drop=yes"+strings.Repeat("&x=aaaaaaaaaa", 90), "X-Idempotency-Key: 1"),
		"chunked": message("POST", "/oauth2/token", []string{formType, "Idempotency-Key: 1", "Transfer-Encoding: chunked"}, chunked(validToken+"&drop=yes", 7)),
	} {
		t.Run(name, func(t *testing.T) {
			// One request on the connection, so that it is one that was kept open.
			if got := send(t, p.guarded, form("/oauth2/token", validToken)); got.status != 200 {
				t.Fatalf("status %d", got.status)
			}
			p.upstream.take()
			closes.Store(0)
			got := send(t, p.guarded, raw)
			arrived := p.upstream.take()
			if got.status != 200 || len(arrived) != 2 {
				t.Fatalf("status %d after %d attempts, want 200 after 2", got.status, len(arrived))
			}
			compare(t, arrived[1], arrived[0])
			if !strings.Contains(arrived[1].body, "drop=yes") {
				t.Errorf("the second attempt carries %q", arrived[1].body)
			}
		})
	}
}

// TestSecondUpstream has two upstreams, one of which cannot be reached. In turn it is asked first; the body then goes to the other one.
func TestSecondUpstream(t *testing.T) {
	for name, options := range map[string]string{
		"plain":            "",
		"request buffered": "request_buffers 1MiB\n",
		"in part buffered": "request_buffers 16\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := &pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}
			proxy := fmt.Sprintf("reverse_proxy %s %s {\nlb_policy round_robin\nlb_retries 2\n%s}\n", freeAddress(t), p.upstream.address, options)
			load(t, "", site(p.guarded, guard("profile rfc6749\nmode report\n"+endpointLines+clientLines)+proxy)+site(p.twin, proxy))
			for name, body := range map[string]string{"valid": validToken, "invalid": invalidToken, "over the limit": strings.Repeat(validToken+"&", 2000)} {
				t.Run(name, func(t *testing.T) {
					for _, raw := range []string{
						form("/oauth2/token", body),
						message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, chunked(body, 5000)),
					} {
						if arrived := p.passes(t, raw); arrived.body != body {
							t.Errorf("%d bytes arrived, want %d", len(arrived.body), len(body))
						}
					}
				})
			}
		})
	}
}

// TestSeveralGuards lets two guards judge the same requests: each decides, the first refusal wins, and what both pass arrives unchanged.
func TestSeveralGuards(t *testing.T) {
	p := &pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}
	first := guard("profile hub\n" + endpointLines + clientLines)
	second := guard("profile rfc6749\n" + endpointLines + clientLines)
	load(t, "", site(p.guarded, "route {\nheader >X-Rule {http.oauth_guard.rule}\n"+first+second+p.upstream.proxy()+"}\n")+site(p.twin, p.upstream.proxy()))
	for name, raw := range map[string]string{
		"length":   form("/oauth2/token", validToken),
		"chunked":  message("POST", "/oauth2/token", []string{formType, "Transfer-Encoding: chunked"}, chunked(validToken, 7)),
		"trailers": framings["announced trailers"]("POST", "/oauth2/token", validToken),
		"resource": get("/api/users", "Authorization: Bearer t"),
		"page":     form("/page", invalidToken),
	} {
		t.Run(name, func(t *testing.T) { p.passes(t, raw) })
	}
	if got := p.refused(t, form("/oauth2/token", invalidToken)); got.header.Get("X-Rule") != "token.parameter.repeated" || !strings.Contains(got.body, "error_code") {
		t.Errorf("refused by %q: %s; want the dialect of the first guard", got.header.Get("X-Rule"), got.body)
	}
	// The profile hub demands no token, rfc6749 does.
	if got := p.refused(t, get("/api/users")); got.status != 401 || got.header.Get("X-Rule") != "bearer.token.missing" {
		t.Errorf("refused with %d by %q", got.status, got.header.Get("X-Rule"))
	}
}
