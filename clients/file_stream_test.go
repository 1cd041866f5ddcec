package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// TestLargeFile: a large file says what a small one of the same records says, and its revision notices changes.
func TestLargeFile(t *testing.T) {
	const records = `[{"client_id":"a","redirect_uris":["https://a.example/cb"],"grant_types":[],"scope":"x  y","trusted":false},
		{"client_id" : "b" , "redirect_uris":[], "logo_uri":"https://b.example/x.png"},
		{"client_id":"c\u00e9\"}{[","client_name":"ü","exempt":["authorize.scope.*"],"Delivery":"page"},
		{"client_id":"d","jwks":{"keys":[]},"contacts":["x@d.example"],"redirect_uris":["https://a.example/cb"]}]`
	valid := strings.Replace(records, `c\u00e9\"}{[`, `c\u0065\"}{[`, 1)
	path := filepath.Join(t.TempDir(), "clients.json")
	all := func(text string, large int64) []rule.Client {
		write(t, path, text)
		feed := NewFeed("file", &File{Path: path, large: large}, 0)
		if err := feed.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		var list []rule.Client
		for client := range feed.Directory().All() {
			list = append(list, *client)
		}
		return list
	}
	for _, text := range []string{valid, "\xEF\xBB\xBF\r\n" + valid + "\n\t", "[]", " [ ] "} {
		if diff := cmp.Diff(all(text, 0), all(text, 1)); diff != "" {
			t.Errorf("%q differs when it is large: %s", text, diff)
		}
	}

	file := &File{Path: path, large: 1}
	write(t, path, valid)
	snapshot, err := file.Load(t.Context())
	if err != nil || snapshot.Each == nil {
		t.Fatalf("%+v, %v", snapshot, err)
	}
	if again, err := file.LoadSince(t.Context(), snapshot.Revision); again != nil || err != nil {
		t.Errorf("unchanged: %+v, %v", again, err)
	}
	write(t, path, valid+" ")
	if err := snapshot.Each(func(*Registration) error { return nil }); !errors.Is(err, errReplaced) || !strings.Contains(err.Error(), path) {
		t.Errorf("replaced meanwhile: %v", err)
	}
	if changed, err := file.LoadSince(t.Context(), snapshot.Revision); changed == nil || err != nil || changed.Revision == snapshot.Revision {
		t.Errorf("changed: %+v, %v", changed, err)
	}
}

// TestBrokenLargeFiles: what is wrong with a large file is an error, with the place.
func TestBrokenLargeFiles(t *testing.T) {
	for text, want := range map[string]string{
		`[{"client_id":"a"}`:                    "unexpected end",
		`[{"client_id":"a"`:                     "unexpected end",
		`[`:                                     "unexpected end",
		`[{"client_id":"a"},]`:                  "line 1, column ",
		`[,{"client_id":"a"}]`:                  "invalid character ','",
		`[{"client_id":"a"}{"client_id":"b"}]`:  "invalid character '{'",
		`[{"client_id":"a"]]`:                   "invalid character ']'",
		`[{"client_id":"a",}]`:                  "invalid character '}'",
		`[{"client_id":"a"}] x`:                 "invalid character 'x' after top-level value",
		`[{"client_id":"a"}]]`:                  "invalid character ']'",
		`[null]`:                                "record 1: client_id is missing",
		`[1]`:                                   "found number where an object belongs",
		`[{"client_id":"a"},{}]`:                "record 2: client_id is missing",
		`[{"client_id":"a","scope":["x"]}]`:     "scope: found array where a string belongs",
		`[{"client_id":"a"},{"client_id":"a"}]`: `record 2: two clients have the client_id "a"`,
		`[{"client_id":"a","redirect_uris":["/cb"]}]`: `record 1: client "a": redirect_uris: "/cb" is not absolute`,
	} {
		path := filepath.Join(t.TempDir(), "clients.json")
		write(t, path, text)
		err := NewFeed("file", &File{Path: path, large: 1}, 0).Load(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "clients file "+path) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	path := filepath.Join(t.TempDir(), "clients.json")
	// Files of the usual size are read as a whole, and larger ones than can be explained at once record by record.
	write(t, path, "["+strings.Repeat(" ", maxFileSize)+`{"client_id":"a"},1]`)
	if err := NewFeed("file", &File{Path: path}, 0).Load(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("behind byte %d", maxFileSize+19)) {
		t.Errorf("too large to be explained: %v", err)
	}
	if err := os.Truncate(path, maxStreamed+1); err != nil {
		t.Fatal(err)
	}
	if _, err := (&File{Path: path}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 1 GiB; split") {
		t.Errorf("too large: %v", err)
	}
}

// TestRecordDecoder: what the decoder reads is what encoding/json reads, however the record is written.
func TestRecordDecoder(t *testing.T) {
	var d recordDecoder
	for _, simple := range []string{`{}`, `{"client_id":"a","redirect_uris":[],"grant_types":["x","y"],"trusted":true,"logo_uri":"x"}`, "{ \"scope\" :\n\"a b\" }"} {
		d.client, d.text, d.at = Client{}, []byte(simple), 0
		if !d.simple() {
			t.Errorf("%s is not simple", simple)
		}
	}
	name := rapid.SampledFrom([]string{"client_id", "client_name", "redirect_uris", "response_types", "grant_types", "token_endpoint_auth_method", "scope", "trusted",
		"exempt", "logo_uri", "Scope", "SCOPE", "delivery", "dpop_bound_access_tokens", "ſcope", "", "x y", `sc\u006fpe`})
	value := rapid.SampledFrom([]string{`"a"`, `""`, `"b c"`, `"\n"`, `"\u0041"`, `"ü"`, "\"\xFF\"", "\"\t\"", `[]`, `["a"]`, `["a","b"]`, `["a",]`, `[,]`, `[null]`, `[1]`, `[ "a" , "" ]`, `true`, `false`,
		`null`, `tru`, `1`, `{}`, `{"a":[1]}`, ``, `"`, `"a`})
	piece := rapid.SampledFrom([]string{"", "", "", " ", "\n", ",", "}", "{", ":", "x"})
	rapid.Check(t, func(t *rapid.T) {
		text := "{"
		for i := range rapid.IntRange(0, 4).Draw(t, "members") {
			if i > 0 {
				text += ","
			}
			text += piece.Draw(t, "piece") + `"` + name.Draw(t, "name") + `"` + piece.Draw(t, "piece") + ":" + value.Draw(t, "value") + piece.Draw(t, "piece")
		}
		text += "}" + piece.Draw(t, "piece")
		var want Client
		wantErr := json.Unmarshal([]byte(text), &want)
		got, err := d.decode([]byte(text))
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, want %v", text, err, wantErr)
		}
		if diff := cmp.Diff(want, *got); err == nil && diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
	})
}

// TestArrayReader: an array is the same in whatever pieces it arrives.
func TestArrayReader(t *testing.T) {
	const text = " \n[ {\"a\":\"]}\\\"\"} ,{\"b\":[{},[]]},\t{} ]\n"
	want := []string{`{"a":"]}\""}`, `{"b":[{},[]]}`, `{}`}
	for _, source := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), iotest.DataErrReader(strings.NewReader(text))} {
		array := arrayReader{source: source, buffer: make([]byte, 4)}
		var got []string
		element, err := array.next()
		for ; err == nil; element, err = array.next() {
			got = append(got, string(bytes.Clone(element)))
		}
		if err != io.EOF || !slices.Equal(got, want) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}
