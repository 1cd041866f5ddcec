package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// h2cFields ask for HTTP/2 over the connection. A server that agrees would read everything that follows past the guard.
var h2cFields = []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"}

// TestUpgradeIsRemoved sends requests that ask for another protocol than WebSocket. The request passes, the wish does not, in report mode too.
func TestUpgradeIsRemoved(t *testing.T) {
	upgrades := map[string][]string{
		"h2c":                   h2cFields,
		"H2C":                   {"Connection: upgrade", "Upgrade: H2C"},
		"h2c, websocket":        {"Connection: Upgrade", "Upgrade: h2c, websocket"},
		"websocket, h2c":        {"Connection: Upgrade", "Upgrade: websocket, h2c"},
		"two fields":            {"Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c"},
		"two fields, h2c first": {"Connection: Upgrade", "Upgrade: h2c", "Upgrade: websocket"},
		"TLS/1.0":               {"Connection: Upgrade", "Upgrade: TLS/1.0"},
		"two Connection fields": {"Connection: keep-alive", "Connection: Upgrade", "Upgrade: h2c"},
	}
	const token = "grant_type=client_credentials&client_id=app&client_secret=x"
	for _, mode := range []string{"enforce", "report"} {
		t.Run(mode, func(t *testing.T) {
			p := profilePair(t, "rfc6749", "mode "+mode)
			p.upstream.plain = true
			for name, fields := range upgrades {
				requests := map[string]string{
					"page":      get("/page", fields...),
					"resource":  get("/api/users", append([]string{"Authorization: Bearer t"}, fields...)...),
					"authorize": get("/oauth2/auth?response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb", fields...),
					"token":     form("/oauth2/token", token, fields...),
					"subpath":   get("/oauth2/token/page", fields...),
				}
				for where, raw := range requests {
					t.Run(name+"/"+where, func(t *testing.T) {
						guarded, twin := p.both(t, func(address string) answer { return send(t, address, raw) })
						if !strings.Contains(twin.head, "\r\nUpgrade: ") {
							t.Errorf("the request does not ask for anything even without the guard: %q", twin.head)
						}
						for _, field := range []string{"\r\nUpgrade:", "\r\nConnection:", "\r\nHttp2-Settings:"} {
							if strings.Contains(guarded.head, field) {
								t.Errorf("the upstream sees %q: %q", field, guarded.head)
							}
						}
						// But for these fields nothing changed.
						if kept := without(twin.head, "Upgrade", "Connection", "Http2-Settings"); kept != guarded.head || guarded.body != twin.body {
							t.Errorf("more than the upgrade changed:\nguarded %q\ntwin    %q", guarded.head, kept)
						}
					})
				}
			}
		})
	}
}

// without is a head without some of its fields.
func without(head string, names ...string) string {
	var kept strings.Builder
	for line := range strings.SplitAfterSeq(head, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		drop := false
		for _, other := range names {
			drop = drop || strings.EqualFold(name, other)
		}
		if !drop {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// TestWebSocket opens WebSockets through the guard, which must stay what they are.
func TestWebSocket(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	fields := []string{"Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Authorization: Bearer t"}
	for _, upgrade := range []string{"websocket", "WebSocket", "WEBSOCKET"} {
		for _, target := range []string{"/ws", "/api/events"} {
			t.Run(upgrade+target, func(t *testing.T) {
				raw := get(target, append([]string{"Upgrade: " + upgrade}, fields...)...)
				p.passesBy(t, func(address string) answer {
					conn, err := net.DialTimeout("tcp", address, patience)
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					_ = conn.SetDeadline(time.Now().Add(patience))
					reader := bufio.NewReader(conn)
					if _, err := io.WriteString(conn, raw); err != nil {
						t.Fatal(err)
					}
					got, err := receive(reader, "GET")
					if err != nil || got.status != 101 {
						t.Fatalf("status %d, %v; want 101", got.status, err)
					}
					for i := range 3 {
						sent := fmt.Sprintf("frame %d\r\n", i)
						if _, err := io.WriteString(conn, sent); err != nil {
							t.Fatal(err)
						}
						if back, err := reader.ReadString('\n'); back != sent {
							t.Fatalf("received %q, %v; want %q", back, err, sent)
						}
					}
					return got
				})
			})
		}
	}
}

// continued sends a head with Expect, waits for 100 Continue as long as clients usually do, which is a second, and then sends the body unless it has been refused.
func continued(t *testing.T, address, raw string) answer {
	t.Helper()
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, head+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	reader := bufio.NewReader(conn)
	line, err := reader.Peek(len("HTTP/1.1 100"))
	_ = conn.SetDeadline(time.Now().Add(patience))
	if err != nil || string(line) == "HTTP/1.1 100" {
		if _, err := io.WriteString(conn, body); err != nil {
			t.Fatal(err)
		}
	}
	method, _, _ := strings.Cut(raw, " ")
	got, err := receive(reader, method)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestExpectIsSettled sends bodies that wait for 100 Continue. Whoever reads the body promises it, so the client must hear it once, and the upstream must not be asked again.
func TestExpectIsSettled(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	const ask = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb"
	for name, raw := range map[string]string{
		"token":            form("/oauth2/token", "grant_type=client_credentials&client_id=app&client_secret=x", "Expect: 100-continue"),
		"token, any case":  form("/oauth2/token", "grant_type=client_credentials&client_id=app&client_secret=x", "Expect: 100-Continue"),
		"authorize":        form("/oauth2/auth", ask, "Expect: 100-continue"),
		"form at resource": form("/api/users", "access_token=t", "Expect: 100-continue"),
	} {
		t.Run(name, func(t *testing.T) {
			var interim []int
			guarded, twin := p.both(t, func(address string) answer {
				got := continued(t, address, raw)
				if address == p.guarded {
					interim = got.interim
				}
				return got
			})
			if len(interim) != 1 || interim[0] != 100 {
				t.Errorf("interim answers %v, want 100 once", interim)
			}
			if !strings.Contains(twin.head, "\r\nExpect: ") {
				t.Errorf("Caddy does not pass Expect on any more, so the test shows nothing: %q", twin.head)
			}
			if kept := without(twin.head, "Expect"); kept != guarded.head || guarded.body != twin.body {
				t.Errorf("more than Expect changed:\nguarded %q\ntwin    %q", guarded.head, kept)
			}
		})
	}
}

// TestExpectUnread leaves Expect alone where the guard does not read the body.
func TestExpectUnread(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	for name, raw := range map[string]string{
		"page":     form("/page", "a=b", "Expect: 100-continue"),
		"resource": message("PUT", "/api/users", []string{"Content-Type: application/json", "Authorization: Bearer t", "Expect: 100-continue"}, "{}"),
	} {
		t.Run(name, func(t *testing.T) {
			p.passesBy(t, func(address string) answer { return continued(t, address, raw) })
		})
	}
}

// TestExpectRefused refuses by what the head says, so that no client is asked for a body in vain.
func TestExpectRefused(t *testing.T) {
	p := profilePair(t, "rfc6749", "")
	long := strings.Repeat("a", 70<<10)
	for name, raw := range map[string]string{
		"wrong method":       message("PUT", "/oauth2/token", []string{"Content-Type: application/x-www-form-urlencoded", "Expect: 100-continue"}, "grant_type=a"),
		"wrong method, auth": message("DELETE", "/oauth2/auth", []string{"Expect: 100-continue"}, "grant_type=a"),
		"ambiguous path":     form("/oauth2/token;x", "grant_type=a", "Expect: 100-continue"),
		"long body":          form("/oauth2/token", "grant_type="+long, "Expect: 100-continue"),
	} {
		t.Run(name, func(t *testing.T) {
			got := p.refusedBy(t, func(address string) answer { return continued(t, address, raw) })
			if len(got.interim) > 0 {
				t.Errorf("the client was asked for its body with %v before the refusal %d", got.interim, got.status)
			}
		})
	}
	t.Run("unknown expectation", func(t *testing.T) {
		if got := p.refused(t, form("/oauth2/token", "grant_type=a", "Expect: 200-ok")); got.status != 417 {
			t.Errorf("status %d, want 417 by net/http", got.status)
		}
	})
}
