// Package trafficlog makes up access logs, for tests and measurements: the traffic of a Hub with twenty kinds of invalid requests in it. Equal seeds give equal logs.
package trafficlog

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// Secret stands wherever something secret stands in real logs. No tool may show it.
const Secret = "s3cr3t-Pl4nt3d"

// Format is a format of logs.
type Format string

// The formats.
const (
	Caddy    Format = "caddy"
	Combined Format = "combined"
	HAProxy  Format = "haproxy"
)

// Count is how many requests a log holds, by what they are.
type Count struct {
	Lines, Elsewhere, Resource, Token, Good int64
	// Faults counts by the place in [Faults].
	Faults []int64
}

// clientCount is how many clients are registered.
const clientCount = 40

// Clients is a client file (an array of RFC 7591 records) with the clients of the good requests.
func Clients() []byte {
	type client struct {
		ID   string   `json:"client_id"`
		Name string   `json:"client_name"`
		URIs []string `json:"redirect_uris"`
	}
	list := make([]client, clientCount)
	for i := range list {
		list[i] = client{clientID(i), fmt.Sprintf("Application %d", i), []string{redirectURI(i)}}
	}
	text, _ := json.MarshalIndent(list, "", "  ") // texts always marshal
	return append(text, '\n')
}

func clientID(i int) string    { return fmt.Sprintf("app%d", i) }
func redirectURI(i int) string { return fmt.Sprintf("https://app%d.example/cb", i) }

// start is the time of the first request.
var start = time.Date(2026, time.March, 2, 6, 0, 0, 0, time.UTC)

// Write writes a log of at least so many bytes. Its requests are spread over thirty days.
func Write(to io.Writer, format Format, size int64, seed uint64) (*Count, error) {
	out := bufio.NewWriterSize(to, 1<<20)
	r := rand.New(rand.NewPCG(seed, 1))
	counted := &Count{Faults: make([]int64, len(Faults))}
	written := int64(0)
	for written < size {
		when := start.Add(time.Duration(float64(30*24*time.Hour) * float64(written) / float64(size)))
		line := format.line(when, makeUp(r, counted), r)
		counted.Lines++
		written += int64(len(line))
		if _, err := out.WriteString(line); err != nil {
			return nil, err
		}
	}
	return counted, out.Flush()
}

// logged is a request with its response.
type logged struct {
	entry
	status   int
	location string
}

// makeUp makes up one request.
func makeUp(r *rand.Rand, counted *Count) logged {
	switch dice := r.IntN(1000); {
	case dice < 550:
		counted.Elsewhere++
		return logged{entry: entry{method: "GET", path: fmt.Sprintf("/hub/static/%x/bundle.js", r.Uint32())}, status: 200}
	case dice < 800:
		counted.Resource++
		return logged{entry: entry{method: "GET", path: fmt.Sprintf("/api/rest/projects/%d/issues", r.IntN(500)), raw: "fields=id,name&$top=100"}, status: 200}
	case dice < 850:
		counted.Token++
		return logged{entry: entry{method: "POST", path: "/api/rest/oauth2/token"}, status: 200}
	}
	i := r.IntN(clientCount)
	e := entry{method: "GET", path: "/api/rest/oauth2/auth", query: [][2]string{
		{"response_type", "code"}, {"client_id", clientID(i)}, {"redirect_uri", redirectURI(i)}, {"scope", "0-0-0-0-0"},
		{"state", fmt.Sprintf("%s-%x", Secret, r.Uint64())},
	}}
	made := logged{entry: e, status: 302, location: fmt.Sprintf("%s?code=%s-%x&state=%s", redirectURI(i), Secret, r.Uint64(), Secret)}
	if r.IntN(15) > 0 {
		counted.Good++
		return made
	}
	fault := r.IntN(len(Faults))
	counted.Faults[fault]++
	Faults[fault].make(r, &made.entry)
	// Some of what is invalid works today: this is what an operator must know.
	if r.IntN(3) > 0 {
		made.status, made.location = 400, ""
	}
	return made
}

const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

// line writes one line.
func (f Format) line(when time.Time, made logged, r *rand.Rand) string {
	address := fmt.Sprintf("10.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256))
	switch f {
	case Combined:
		return fmt.Sprintf("%s - - [%s] \"%s %s HTTP/1.1\" %d %d \"-\" \"%s\"\n", address, when.Format("02/Jan/2006:15:04:05 -0700"), made.method, escapeLog(made.target()), made.status,
			r.IntN(50_000), agent)
	case HAProxy:
		return fmt.Sprintf("%s lb haproxy[1234]: %s:%d [%s] https~ hub/hub1 0/0/0/%d/%d %d %d - - ---- 1/1/0/0/0 0/0 \"%s %s HTTP/1.1\"\n", when.Format(time.Stamp), address, 1024+r.IntN(60_000),
			when.Format("02/Jan/2006:15:04:05.000"), r.IntN(50), r.IntN(99), made.status, r.IntN(50_000), made.method, made.target())
	}
	location := ""
	if made.location != "" {
		location = fmt.Sprintf(`,"Location":["%s"]`, made.location)
	}
	return fmt.Sprintf(`{"level":"info","ts":%.6f,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"%s","remote_port":"%d","client_ip":"%s","proto":"HTTP/2.0",`+
		`"method":"%s","host":"hub.example.com","uri":"%s","headers":{"User-Agent":["%s"],"Accept":["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"],`+
		`"Accept-Language":["en-GB,en;q=0.9"],"Accept-Encoding":["gzip, deflate, br, zstd"],"Cookie":["REDACTED"],"Sec-Fetch-Site":["same-origin"]},`+
		`"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"hub.example.com"}},"bytes_read":0,"user_id":"","duration":0.0%d,"size":%d,"status":%d,`+
		`"resp_headers":{"Server":["Caddy"],"Content-Type":["text/html;charset=utf-8"]%s}}`+"\n",
		float64(when.UnixMicro())/1e6, address, 1024+r.IntN(60_000), address, made.method, strings.ReplaceAll(made.target(), `"`, `\"`), agent, r.IntN(100_000), r.IntN(50_000), made.status, location)
}

// escapeLog is what nginx does to bytes that would hurt a log.
func escapeLog(text string) string {
	return strings.NewReplacer(`"`, `\x22`, `\`, `\x5C`).Replace(text)
}
