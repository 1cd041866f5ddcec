package message

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const secret = "s3cr3t-Pl4nt3d"

// read puts a message into lines: the request line, some headers, the body.
func read(t *testing.T, m *Message) string {
	t.Helper()
	if m.Malformed != nil {
		return "malformed: " + m.Malformed.Error()
	}
	body, err := io.ReadAll(m.Request.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := m.Request.Method + " " + m.Request.RequestURI + " " + m.Request.Host
	if m.Request.TLS == nil {
		out += " plain"
	}
	for _, name := range []string{"Authorization", "Content-Type", "Accept", "User-Agent", "Referer", "Cookie"} {
		for _, value := range m.Request.Header[name] {
			out += "\n" + name + ": " + value
		}
	}
	if len(body) > 0 {
		out += "\n\n" + string(body)
	}
	return out
}

const form = "\nContent-Type: application/x-www-form-urlencoded\n\n"

func TestFromCurl(t *testing.T) {
	for line, want := range map[string]string{
		"curl https://hub.example/auth?a=b":                        "GET /auth?a=b hub.example",
		"https://hub.example":                                      "GET / hub.example",
		"curl hub.example/auth":                                    "GET /auth hub.example plain",
		"curl 'https://hub.example/auth?a=b c' ":                   "malformed: malformed HTTP version",
		"curl -sSL -o /dev/null https://hub.example/":              "GET / hub.example",
		"curl -d a=b -d c=d https://hub.example/token":             "POST /token hub.example" + form + "a=b&c=d",
		"curl -da=b https://hub.example/token":                     "POST /token hub.example" + form + "a=b",
		"curl --data=a=b https://hub.example/token":                "POST /token hub.example" + form + "a=b",
		"curl -G -d a=b https://hub.example/auth?c=d":              "GET /auth?c=d&a=b hub.example",
		"curl -I https://hub.example/auth":                         "HEAD /auth hub.example",
		"curl -X PUT https://hub.example/auth":                     "PUT /auth hub.example",
		"curl --data-urlencode 'a=b c&d' https://hub.example/":     "POST / hub.example" + form + "a=b%20c%26d",
		"curl --data-urlencode =x+y https://hub.example/":          "POST / hub.example" + form + "x%2By",
		"curl --data-raw @a https://hub.example/":                  "POST / hub.example" + form + "@a",
		"curl -u jane:pass https://hub.example/":                   "GET / hub.example\nAuthorization: Basic amFuZTpwYXNz",
		"curl --oauth2-bearer abc https://hub.example/":            "GET / hub.example\nAuthorization: Bearer abc",
		"curl -A agent -e https://a.example -b c=d hub.example":    "GET / hub.example plain\nUser-Agent: agent\nReferer: https://a.example\nCookie: c=d",
		"curl -H 'Accept: a' -H 'Host: other' https://hub.example": "GET / other\nAccept: a",
		`curl -H "Accept: \"a\"" https://hub.example`:              "GET / hub.example\nAccept: \"a\"",
		"curl \\\n  -H 'Accept: a' \\\r\n  https://hub.example/x":  "GET /x hub.example\nAccept: a",
		"curl --json '{}' https://hub.example/":                    "POST / hub.example\nContent-Type: application/json\nAccept: application/json\n\n{}",
		"curl $'https://hub.example/a'":                            "GET /a hub.example",
		"curl https://hub.example/a#fragment":                      "GET /a hub.example",
		`curl "https://hub.example/\$a\` + "\n" + `b"`:             "GET /$ab hub.example",
		"curl -H 'X-A: b\nAuthorization: c' https://hub.example/":  "GET / hub.example",
	} {
		m, err := FromCurl(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if diff := cmp.Diff(want, read(t, m)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
	for line, want := range map[string]string{
		"":                         "no URL",
		"curl -d a=b":              "no URL",
		"curl https://a https://b": "more than one URL",
		"curl -d @" + secret + " https://hub.example/":                "in a file",
		"curl --data-urlencode a@" + secret + " https://hub.example/": "in a file",
		"curl -F a=" + secret + " https://hub.example/":               "-F is not understood",
		"curl -H " + secret + " https://hub.example/":                 "no colon",
		"curl -d":                   "needs a value",
		"curl 'https://hub.example": "single quote",
		`curl "https://hub.example`: "double quote",
		`curl $'\x41'`:              "escapes",
		"curl https://jane:" + secret + "@hub.example/": "user information",
		"curl ftp://hub.example/" + secret:              "not a URL",
	} {
		_, err := FromCurl(line)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", line, err, want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows what it should not: %v", err)
		}
	}
}

func TestFromURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://hub.example/auth?a=b#c": "GET /auth?a=b hub.example",
		"http://hub.example:8080/auth":   "GET /auth hub.example:8080 plain",
		"HTTPS://hub.example?a":          "GET /?a hub.example",
		"/auth?a=b;c=%zz":                "GET /auth?a=b;c=%zz ",
		"https://hub.example/a%2fb":      "GET /a%2fb hub.example",
	} {
		m, err := FromURL(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if m.Malformed != nil && address == "/auth?a=b;c=%zz" {
			continue // without a host HTTP/1.1 has no request
		}
		if got := read(t, m); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
	for _, address := range []string{"hub.example/auth", "https://a:b@hub.example/", "https://hub.example/a b", "ftp://hub.example/"} {
		if _, err := FromURL(address); err == nil {
			t.Errorf("%s: no error", address)
		}
	}
}

func TestFromText(t *testing.T) {
	for text, want := range map[string]string{
		"GET /auth HTTP/1.1\r\nHost: hub.example\r\n\r\n":                                    "GET /auth hub.example",
		"\n\nGET /auth\nHost: hub.example":                                                   "GET /auth hub.example",
		"POST /token HTTP/1.1\nHost: h\nContent-Type: a\n\nb=c\n":                            "POST /token h\nContent-Type: a\n\nb=c",
		"POST /token HTTP/1.1\nHost: h\nContent-Length: 3\n\nb=c\nmore":                      "POST /token h\n\nb=c",
		"POST /token HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\r\nb=c\r\n0\r\n\r\n": "POST /token h\n\nb=c",
		"GET /auth HTTP/1.1\nHost: h\nclient_id: a\nAccept: b\n\n":                           "GET /auth h\nAccept: b",
		"GET /auth HTTP/1.1\nHost: h\nno colon " + secret + "\n\n":                           "malformed: malformed MIME header",
		secret: "malformed: malformed HTTP request",
	} {
		m, err := FromText(strings.NewReader(text), false)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := read(t, m); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if _, err := FromText(strings.NewReader("\r\n"), false); err == nil {
		t.Error("an empty request: no error")
	}
	if _, err := FromText(strings.NewReader(strings.Repeat("x", MaxSize+1)), false); err == nil {
		t.Error("too large a request: no error")
	}
	m, err := FromText(strings.NewReader("GET / HTTP/1.1\nHost: localhost:8080\n\n"), true)
	if err != nil || m.Request.TLS != nil || !strings.HasPrefix(m.Request.RemoteAddr, "127.0.0.1:") {
		t.Errorf("over HTTP: %+v, %v", m, err)
	}
}

const archive = `{"log":{"creator":{"x":[1,{"entries":[]}]},"entries":[
 {"startedDateTime":"2026-01-01T09:00:00Z","request":{"method":"GET","url":"https://hub.example/auth?a=b#c","headers":[{"name":":authority","value":"x"},{"name":"Accept","value":"a\r\nb"}]},"response":{"status":302,"redirectURL":"https://app.example/cb"}},
 {"request":{"method":"POST","url":"https://hub.example/token","headers":[],"postData":{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"a","value":"b c"},{"name":"d","value":"e"}]}},"response":{"status":200,"headers":[{"name":"location","value":"/x"}],"redirectURL":"/y"}},
 {"request":{"method":"POST","url":"https://hub.example/token","headers":[],"bodySize":12},"response":{"status":200}},
 {"request":{"method":"GET","url":"blob:x","headers":[]},"response":{"status":200}}
]}}`

func TestFromHAR(t *testing.T) {
	for number, want := range []string{
		1: "GET /auth?a=b hub.example\nAccept: ab",
		2: "POST /token hub.example" + form + "a=b+c&d=e",
		3: "POST /token hub.example",
	} {
		if number == 0 {
			continue
		}
		m, err := FromHAR(strings.NewReader(archive), number)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, m); got != want {
			t.Errorf("entry %d: %s, want %s", number, got, want)
		}
		if m.BodyMissing != (number == 3) {
			t.Errorf("entry %d: body missing is %t", number, m.BodyMissing)
		}
	}
	for _, number := range []int{-1, 0, 4, 5} {
		if _, err := FromHAR(strings.NewReader(archive), number); err == nil {
			t.Errorf("entry %d: no error", number)
		}
	}
	var locations []string
	if err := Entries(strings.NewReader(archive), func(e *Entry) bool { locations = append(locations, e.Location()); return true }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"https://app.example/cb", "/x", "", ""}, locations); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "[]", "{}", `{"log":5}`, `{"log":{"entries":{}}}`, `{"log":{"entries":[5]}}`, `{"log":{"entries":[{}`, `{"log":{"entries":[{}]`} {
		if text == `{"log":{"entries":[{}]` {
			continue // what comes behind the entries does not matter
		}
		if err := Entries(strings.NewReader(text), func(*Entry) bool { return true }); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

// endless never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.read += len(p)
	return len(p), nil
}

// TestEndlessHAR reads archives with a piece that never ends, and expects an error after a bounded number of bytes. Many entries that fit are no such piece.
func TestEndlessHAR(t *testing.T) {
	const limit = 64 << 10
	for _, begin := range []string{`{"log":{"entries":[{"request":{"url":"`, `{"log":{"entries":[{},{"x":"`, `{"log":{"creator":"`, `{"x":"`, `{"`} {
		rest := new(endless)
		if err := entries(io.MultiReader(strings.NewReader(begin), rest), limit, func(*Entry) bool { return true }); err == nil {
			t.Errorf("%s: no error", begin)
		}
		if rest.read > 2*limit {
			t.Errorf("%s: %d bytes are read", begin, rest.read)
		}
	}
	entry := `{"response":{"status":302,"content":"` + strings.Repeat("x", limit/2) + `"}}`
	count := 0
	err := entries(strings.NewReader(`{"log":{"entries":[`+strings.Repeat(entry+",", 9)+entry+"]}}"), limit, func(e *Entry) bool { count++; return e.Response.Status == 302 })
	if err != nil || count != 10 {
		t.Errorf("%d entries: %v", count, err)
	}
}

// sane reports what is wrong with a message that was made of any text.
func sane(m *Message, err error) error {
	switch {
	case err != nil:
		return nil
	case m == nil || (m.Request == nil) != (m.Malformed != nil):
		return fmt.Errorf("message %+v", m)
	case m.Request != nil && !strings.Contains(m.Request.RemoteAddr, ":"):
		return errors.New("no address")
	}
	if m.Request != nil {
		for name, values := range m.Request.Header {
			if strings.ContainsAny(name, "\r\n") || strings.ContainsAny(strings.Join(values, ""), "\r\n") {
				return fmt.Errorf("header %q %q", name, values)
			}
		}
		_, _ = io.Copy(io.Discard, m.Request.Body)
	}
	return nil
}

func FuzzFromCurl(f *testing.F) {
	for _, seed := range []string{"curl https://hub.example/", "curl -u a:b -d c=d --data-urlencode e=f -H 'G: h' \"https://i/\"", "curl $'a'", "curl -XPOST -G", "\\", "'", `"\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		m, err := FromCurl(line)
		if flaw := sane(m, err); flaw != nil {
			t.Errorf("%q: %v", line, flaw)
		}
		// What stands behind a secret option is never in an error.
		if _, err := FromCurl("curl --oauth2-bearer " + secret + " " + line); err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", line, err)
		}
	})
}

func FuzzFromText(f *testing.F) {
	for _, seed := range []string{"GET / HTTP/1.1\nHost: a\n\n", "POST /\n\nb", "\r\n", "A B C\n:\n", "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := FromText(strings.NewReader(text), len(text)%2 == 0)
		if flaw := sane(m, err); flaw != nil {
			t.Errorf("%q: %v", text, flaw)
		}
	})
}

func FuzzHAR(f *testing.F) {
	f.Add(archive)
	f.Add(`{"log":{"entries":[{"request":{"url":"https://a/\r\nB: c","method":"GET /x HTTP/1.1\r\nA: b"}}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		count := 0
		_ = Entries(strings.NewReader(text), func(e *Entry) bool {
			count++
			m, err := e.Message()
			if flaw := sane(m, err); flaw != nil {
				t.Errorf("%q: %v", text, flaw)
			}
			e.Location()
			return true
		})
		if count > len(text) {
			t.Errorf("%d entries in %d bytes", count, len(text))
		}
	})
}

// TestHARSmuggling plants line ends where an archive has none: one entry stays one request, and its headers are those of the archive.
func TestHARSmuggling(t *testing.T) {
	const text = `{"log":{"entries":[{"request":{"method":"GET","url":"https://hub.example/ HTTP/1.1\r\nAuthorization: Bearer x","headers":[{"name":"A: b\r\nAuthorization","value":"c"}]}}]}}`
	m, err := FromHAR(strings.NewReader(text), 1)
	if err == nil && m.Malformed == nil && len(m.Request.Header["Authorization"]) > 0 {
		t.Errorf("smuggled: %q", m.Request.Header)
	}
}
