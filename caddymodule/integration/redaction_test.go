package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// redactionExample returns the global options and the site of docs/examples/redaction.caddyfile, with the log in a file.
func redactionExample(t *testing.T, log, level string) (options, block string) {
	t.Helper()
	example := readLog(t, "../../docs/examples/redaction.caddyfile")
	services, err := filepath.Abs("../../docs/examples/hub-services.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"docs/examples/hub-services.json", services},
		{"\tlog {\n", "\tlog {\n\t\toutput file " + log + " {\n\t\t\troll_disabled\n\t\t}\n\t\tlevel " + level + "\n"},
	} {
		if strings.Count(example, change[0]) != 1 {
			t.Fatalf("%q is not once in the example", change[0])
		}
		example = strings.Replace(example, change[0], change[1], 1)
	}
	_, example, _ = strings.Cut(example, "\n{\n")
	options, block, found := strings.Cut(example, "\n}\n")
	_, block, named := strings.Cut(block, "hub.example.com {\n")
	if !found || !named || !strings.HasSuffix(block, "\n}\n") {
		t.Fatal("the example has another shape than this test knows")
	}
	return options + "\n", strings.TrimSuffix(block, "\n}\n")
}

// leaky answers with secrets in every header that can hold one.
func leaky(conn net.Conn, _ *bufio.Reader, _ exchange) bool {
	_, err := io.WriteString(conn, "HTTP/1.1 302 Found\r\nLocation: https://app.example/cb?code=xYzZycode#access_token=xYzZyfragment\r\nSet-Cookie: session=xYzZycookie\r\n"+
		"Refresh: 0; url=https://app.example/?code=xYzZyrefresh\r\nLink: </x?token=xYzZylink>\r\nX-Token: xYzZytoken\r\nContent-Length: 10\r\n\r\nxYzZybody!")
	return err == nil
}

// planted are requests with a secret at every place of a request.
var planted = []string{
	get("/api/rest/oauth2/auth?response_type=code&client_id=x&state=xYzZystate&login_hint=xYzZyhint&xYzZyname=1"),
	get("/api/rest/oauth2/auth?a=1#access_token=xYzZyfragment"),
	get("/api/rest/oauth2/auth%3Fcode=xYzZyencodedmark"),
	get("/api/rest/oauth2/auth%23access_token=xYzZyencodedfragment"),
	get("/api/rest/users;jsessionid=xYzZysession?x=1"),
	get("/api/rest/users%3bjsessionid=xYzZyencodedsession"),
	get("http://xYzZyuser:xYzZypassword@hub.example/api/rest/users?code=xYzZyabsolute"),
	get("/cb?code=xYzZycode%zz;state=xYzZy%00"),
	get("/api/rest/users?access_token=xYzZytoken", "Referer: https://app.example/?code=xYzZyreferer", "X-Original-URL: /x?code=xYzZyoriginal", "Cookie: a=xYzZycookie",
		"Authorization: Bearer xYzZybearer", "DPoP: xYzZyproof", "OAuth-Client-Attestation: xYzZyattestation", "Proxy-Authorization: Basic xYzZyproxy", "X-xYzZyheader: xYzZyvalue"),
	get("/api/rest/users", "Authorization: Basic "+basicSecret),
	form("/api/rest/oauth2/token?client_secret=xYzZyquery", secretForm),
	form("/login", "password=xYzZypassword&"+secretForm, "Expect: 100-continue"),
}

// TestRedaction loads the example for logs without secrets in front of an upstream that answers and of one that cannot be reached, so that both the access log and the
// error log are written, and looks for planted secrets in them. The same without the filter shows that the test would find them.
func TestRedaction(t *testing.T) {
	for _, test := range []struct {
		name, level string
		filtered    bool
	}{{"example", "INFO", true}, {"example at DEBUG", "DEBUG", true}, {"without the filter", "INFO", false}} {
		t.Run(test.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "caddy.log")
			options, block := redactionExample(t, log, test.level)
			if !test.filtered {
				begin, end := strings.Index(options, "\t\tformat filter"), strings.LastIndex(options, "\n\t}")
				options = options[:begin] + "\t\tformat json" + options[end:]
			}
			answering, dead := freeAddress(t), freeAddress(t)
			recording := newUpstream(t)
			recording.behave = leaky
			load(t, options, site(answering, strings.Replace(block, "hub.internal:8080", recording.address, 1))+site(dead, strings.Replace(block, "hub.internal:8080", freeAddress(t), 1)))
			leaks, failures := 0, 0
			for _, raw := range planted {
				send(t, answering, raw)
				if got := send(t, dead, raw); got.status == 502 {
					failures++
				}
			}
			if failures < 3 {
				t.Fatalf("the upstream failed only %d times", failures)
			}
			lines := strings.Split(strings.TrimSpace(readLog(t, log)), "\n")
			kinds := map[string]int{}
			for _, line := range lines {
				for _, kind := range []string{`"logger":"http.log.access`, `"logger":"http.log.error`, `"logger":"http.handlers.oauth_guard"`, `"user_agent":"`, `"oauth_guard_rule":"`,
					`"uri":"/api/rest/oauth2/auth`} {
					if strings.Contains(line, kind) {
						kinds[kind]++
					}
				}
				if leak := findSecret(line); leak != "" {
					if leaks++; test.filtered {
						t.Errorf("the log shows %q: %s", leak, line)
					}
				}
			}
			if test.filtered && len(kinds) != 6 || kinds[`"logger":"http.log.error`] < failures {
				t.Errorf("the log has %v: something is missing", kinds)
			}
			if !test.filtered && leaks < len(planted)+failures-2 {
				t.Errorf("without the filter only %d of %d lines show a secret: this test finds nothing", leaks, len(lines))
			}
		})
	}
}

// TestRedactionTrap shows why the filter belongs to the default logger: in the log directive of a site it leaves the error log as it is.
func TestRedactionTrap(t *testing.T) {
	log, address := filepath.Join(t.TempDir(), "caddy.log"), freeAddress(t)
	options, block := redactionExample(t, log, "INFO")
	begin, end := strings.Index(options, "\t\tformat filter"), strings.LastIndex(options, "\n\t}")
	filter := options[begin:end]
	options = options[:begin] + "\t\tformat json" + options[end:]
	access := filepath.Join(t.TempDir(), "access.log")
	block = strings.Replace(block, "\tlog\n", fmt.Sprintf("\tlog {\n\toutput file %s {\n\troll_disabled\n\t}\n%s\n\t}\n", access, filter), 1)
	load(t, options, site(address, strings.Replace(block, "hub.internal:8080", freeAddress(t), 1)))
	if got := send(t, address, planted[0]); got.status == 502 {
		t.Fatal("the guard lets an unknown client pass")
	}
	if got := send(t, address, get("/cb?code=xYzZycode")); got.status != 502 {
		t.Fatalf("status %d", got.status)
	}
	if leak := findSecret(readLog(t, access)); leak != "" {
		t.Errorf("the access log shows %q", leak)
	}
	if leak := findSecret(readLog(t, log)); leak == "" {
		t.Error("Caddy does not show the URL in the error log any more: the documentation warns of what is not so")
	}
}

// TestRedactionLimit shows what no filter of Caddy reaches: the message of an error quotes the first line of a server that does not answer with HTTP.
func TestRedactionLimit(t *testing.T) {
	log, address := filepath.Join(t.TempDir(), "caddy.log"), freeAddress(t)
	options, block := redactionExample(t, log, "INFO")
	broken := newUpstream(t)
	broken.behave = func(conn net.Conn, _ *bufio.Reader, _ exchange) bool {
		_, _ = io.WriteString(conn, "xYzZyanswer\r\n\r\n")
		return false
	}
	load(t, options, site(address, strings.Replace(block, "hub.internal:8080", broken.address, 1)))
	if got := send(t, address, get("/cb?code=xYzZycode")); got.status != 502 {
		t.Fatalf("status %d", got.status)
	}
	text := readLog(t, log)
	if !strings.Contains(text, "xYzZyanswer") {
		t.Error("the error log does not quote the answer any more: the documentation warns of what is not so")
	}
	if leak := findSecret(strings.ReplaceAll(text, "xYzZyanswer", "")); leak != "" {
		t.Errorf("the log shows %q", leak)
	}
}
