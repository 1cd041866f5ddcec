package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// serve renders an error page and returns the answer and its body.
func serve(t *testing.T, page *Template, data Data) (*httptest.ResponseRecorder, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	if err := page.Write(recorder, data); err != nil {
		t.Fatalf("Write: %v", err)
	}
	return recorder, recorder.Body.String()
}

// mustNew parses a template that the test knows to be right.
func mustNew(t *testing.T, text string) *Template {
	t.Helper()
	page, err := New(text)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return page
}

// checkGolden compares with a file in testdata.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run the test with -update and look at the difference. Got:\n%s", path, got)
	}
}

// withoutStyle cuts the style sheet out, so that a change of colour does not change the golden files.
func withoutStyle(body string) string {
	return strings.Replace(body, styleSource, "", 1)
}

// fill returns data with the same text in every field that holds text.
func fill(text string) Data {
	return Data{
		Status: 400, Error: text, Description: text, Rule: text, RuleURL: text, RequestID: text, ClientID: text, ClientName: text,
		Parameter: text, Host: text, Time: time.Date(2026, time.March, 1, 12, 30, 0, 0, time.FixedZone("", 3600)),
	}
}

// hostile are values that try to leave the place where they stand.
var hostile = []string{
	`"><script>alert(1)</script>`,
	`' onmouseover='alert(1)`,
	`{{.}}{{template "error.html"}}`,
	`</style></title></code><img src=x onerror=alert(1)>`,
	`javascript:alert(1)`,
	`data:text/html,<script>alert(1)</script>`,
	"\u202egnp.exe\u2066\u2028",
	"<!--\x00\x1b[31m\xff\u0085",
	`]]>&lt;&amp;&#34;`,
	"`${alert(1)}`",
}

func TestGolden(t *testing.T) {
	page := mustNew(t, "")
	full, minimal := samples[0], samples[1]
	for _, test := range []struct {
		name string
		data Data
	}{{"full.html", full}, {"minimal.html", minimal}, {"hostile.html", fill(strings.Join(hostile, " "))}} {
		_, body := serve(t, page, test.data)
		checkGolden(t, test.name, withoutStyle(body))
	}
}

// TestEscaping looks at the tags and attributes that come out: they must be those of the template, whatever the values are.
func TestEscaping(t *testing.T) {
	tags := regexp.MustCompile(`<[^>]*>`)
	custom := `<a href="{{.RuleURL}}" title='{{.ClientName}}'>{{.Description}}</a>{{.Error}}{{.Rule}}{{.RequestID}}{{.ClientID}}{{.Parameter}}{{.Host}}`
	for _, page := range []*Template{mustNew(t, ""), mustNew(t, custom)} {
		_, body := serve(t, page, fill("harmless"))
		want := tags.FindAllString(withoutStyle(body), -1)
		for _, value := range append(hostile, strings.Repeat("x", 10_000), strings.Repeat("<", 10_000)) {
			_, body := serve(t, page, fill(value))
			got := tags.FindAllString(withoutStyle(body), -1)
			for i := range got {
				if i < len(want) && strings.HasPrefix(want[i], "<a ") && strings.HasPrefix(got[i], "<a ") && !strings.Contains(got[i], `"javascript:`) {
					got[i] = want[i] // the address differs, which is right
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%.60q changed the tags:\ngot  %.2000q\nwant %.2000q", value, got, want)
			}
			for _, r := range "\u202e\u2066\u2028\x00\x1b\u0085" {
				if strings.ContainsRune(body, r) {
					t.Errorf("%.60q: the page contains %U", value, r)
				}
			}
		}
	}
}

func TestLongValuesAreComplete(t *testing.T) {
	_, body := serve(t, mustNew(t, ""), Data{Status: 400, Error: "invalid_request", ClientID: strings.Repeat("x", 10_000)})
	if !strings.Contains(body, "<code>"+strings.Repeat("x", 10_000)+"</code>") {
		t.Error("the value was cut")
	}
}

// TestStyleHash hashes what a browser hashes: the text of the style element.
func TestStyleHash(t *testing.T) {
	recorder, body := serve(t, mustNew(t, ""), samples[0])
	policy := recorder.Header().Get("Content-Security-Policy")
	checkHash(t, policy, "style-src", body, "style")
	if strings.Contains(body, "<script") || strings.Contains(body, "style=") {
		t.Error("the error page contains a script or a style attribute")
	}
}

// checkHash checks that a directive allows the content of the only element of that name, and nothing else.
func checkHash(t *testing.T, policy, directive, body, element string) {
	t.Helper()
	match := regexp.MustCompile(`(?s)<`+element+`>(.*?)</`+element+`>`).FindAllStringSubmatch(body, -1)
	if len(match) != 1 {
		t.Fatalf("%d elements %s", len(match), element)
	}
	if strings.ContainsRune(body, '\r') {
		t.Fatal("the page contains CR, which browsers change before they hash")
	}
	sum := sha256.Sum256([]byte(match[0][1]))
	want := directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if !slices.Contains(strings.Split(policy, "; "), want) {
		t.Errorf("policy %q lacks %q", policy, want)
	}
}

func TestHeaders(t *testing.T) {
	for name, page := range map[string]*Template{"built-in": mustNew(t, ""), "custom": mustNew(t, "<p>{{.Error}}")} {
		recorder, _ := serve(t, page, Data{Status: 403, Error: "access_denied"})
		if recorder.Code != 403 {
			t.Errorf("%s: status %d", name, recorder.Code)
		}
		for field, want := range map[string]string{
			"Content-Type":           "text/html; charset=utf-8",
			"Cache-Control":          "no-store",
			"Pragma":                 "no-cache",
			"Referrer-Policy":        "no-referrer",
			"X-Content-Type-Options": "nosniff",
			"X-Frame-Options":        "DENY",
		} {
			if got := recorder.Header().Values(field); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s is %q, want %q", name, field, got, want)
			}
		}
		policy := recorder.Header().Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !slices.Contains(strings.Split(policy, "; "), directive) {
				t.Errorf("%s: policy %q lacks %q", name, policy, directive)
			}
		}
		if strings.Contains(policy, "script-src") {
			t.Errorf("%s: policy %q allows scripts", name, policy)
		}
		if custom := strings.Contains(policy, "style-src 'unsafe-inline'; img-src 'self' data:"); custom != (name == "custom") {
			t.Errorf("%s: policy %q", name, policy)
		}
	}
}

func TestStatus(t *testing.T) {
	for status, want := range map[int]int{0: 400, -1: 400, 200: 400, 303: 400, 399: 400, 400: 400, 413: 413, 503: 503, 599: 599, 600: 400} {
		recorder, body := serve(t, mustNew(t, "{{.Status}}"), Data{Status: status})
		if recorder.Code != want || body != strconv.Itoa(want) {
			t.Errorf("status %d: answered %d with %q, want %d", status, recorder.Code, body, want)
		}
	}
}

func TestNewErrors(t *testing.T) {
	for text, want := range map[string]string{
		"one\ntwo {{.Error":                       "page:2",
		"one\n{{if .Error}}\nthree\n":             "page:4",
		"one\n\n{{.Wrong}}":                       "page:3",
		"{{if not .ClientID}}\n{{.Wrong}}{{end}}": "page:2",
		"{{if .ClientID}}\n{{.Wrong}}{{end}}":     "page:2",
		"one\n{{function}}":                       "page:2",
		"one\n<a href='{{.Error}}\nlast\n":        "page:3",
		"one\n<p {{if .Error}}a='{{end}}>":        "page:2",
		"one\n{{template \"other\"}}":             "page:2",
		" \n{{/* nothing */}}\n":                  "writes nothing",
		"{{define \"other\"}}text{{end}}":         "writes nothing",
		"one\n{{index .Error 1000}}":              "page:2",
	} {
		page, err := New(text)
		if err == nil || page != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestCustomTemplate(t *testing.T) {
	const text = `<!doctype html><title>{{.Status}}</title><style>p { color: red }</style><p id="{{.Rule}}">` +
		`{{.Error}} {{.Description}} {{.RequestID}} {{.ClientID}} {{.ClientName}} {{.Parameter}} {{.Host}} {{.Time.UTC.Format "15:04"}}` +
		`<a href="{{.RuleURL}}">help</a>`
	_, body := serve(t, mustNew(t, text), samples[0])
	checkGolden(t, "custom.html", body)
}

// TestFallback uses a template that works with the samples and fails later.
func TestFallback(t *testing.T) {
	page := mustNew(t, `first half {{if eq .Status 403}}{{.Wrong}}{{end}}`)
	recorder := httptest.NewRecorder()
	err := page.Write(recorder, Data{Status: 403, Error: "access_denied"})
	if err == nil || !strings.Contains(err.Error(), "page:1") {
		t.Errorf("error %v", err)
	}
	wanted := httptest.NewRecorder()
	if err := builtIn.Write(wanted, Data{Status: 403, Error: "access_denied"}); err != nil {
		t.Fatal(err)
	}
	if recorder.Code != 403 || !bytes.Equal(recorder.Body.Bytes(), wanted.Body.Bytes()) {
		t.Errorf("not the built-in page: %d\n%s", recorder.Code, recorder.Body)
	}
	if got := recorder.Header().Get("Content-Security-Policy"); got != builtIn.policy {
		t.Errorf("policy %q", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	page := mustNew(t, "{{.Error}}")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, template := range []*Template{page, builtIn} {
				recorder := httptest.NewRecorder()
				if err := template.Write(recorder, samples[0]); err != nil {
					t.Error(err)
				}
			}
			WriteFormPost(httptest.NewRecorder(), "https://app.example/", nil)
		})
	}
	group.Wait()
}

// TestHead goes through a server, which drops the body of an answer to HEAD.
func TestHead(t *testing.T) {
	page := mustNew(t, "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = page.Write(w, samples[0]) }))
	defer server.Close()
	response, err := http.Head(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 400 || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("answered %s with %v", response.Status, response.Header)
	}
}
