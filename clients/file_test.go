package clients

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// age makes a file look as if it had been left alone for long enough.
func age(t *testing.T, path string, by time.Duration) {
	t.Helper()
	when := time.Now().Add(-by).Truncate(time.Second)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

func TestParseTellsTheFormsApart(t *testing.T) {
	tests := []struct {
		name, text string
		operator   bool
		services   bool
	}{
		{"records", `[{"client_id":"a"}]`, true, false},
		{"page", `{"total":1,"services":[{"id":"a","name":"A","key":"a"}]}`, false, true},
		{"blank in front", " \r\n\t[{\"client_id\":\"a\"}]\n", true, false},
		{"byte order mark", "\xEF\xBB\xBF" + `[{"client_id":"a"}]`, true, false},
		{"the last of two equal members counts", `[{"client_id":"b","client_id":"a"}]`, true, false},
		{"members in another case, as encoding/json reads them", `[{"CLIENT_ID":"a"}]`, true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			snapshot, directory := load(t, test.text)
			client, standing := directory.Find("a")
			if standing != rule.Known || client.Operator != test.operator || snapshot.Services != test.services || snapshot.Partial {
				t.Errorf("got %+v, %+v", client, snapshot)
			}
		})
	}
}

func TestBrokenFiles(t *testing.T) {
	tests := []struct {
		name, text string
		want       string
	}{
		{"empty", "", "the file is empty; write []"},
		{"blank", " \n", "the file is empty"},
		{"cut off", "[\n {\"client_id\":", "line 2, column 14: unexpected end"},
		{"comma at the end", "[\n\t{\"client_id\":\"a\",}]", "line 2, column 19: invalid character '}'"},
		{"columns count characters", "[{\"client_name\":\"\u00e4\u00f6\u00fc\",x}]", "line 1, column 23: invalid character 'x'"},
		{"garbage behind", `[{"client_id":"a"}] x`, "line 1, column 21: invalid character 'x' after top-level value"},
		{"two values", "[]\n[]", "line 2, column 1: invalid character '['"},
		{"NUL behind", "[]\x00", `column 3: invalid character '\x00'`},
		{"text", `"clients"`, "line 1, column 1: expected the [ of an array"},
		{"XML", "\n<html>", "line 2, column 1: expected"},
		{"UTF-16", "\xFF\xFE[\x00]\x00", "UTF-16; save it in UTF-8"},
		{"scope as array", "[{\"client_id\":\"a\",\n\"scope\":[\"x\"]}]", "line 2, column 9: scope: found array where a string belongs"},
		{"URIs as text", `[{"client_id":"a","redirect_uris":"https://a/"}]`, "redirect_uris: found string where an array belongs"},
		{"no object", `[1]`, "line 1, column 2: value: found number where an object belongs"},
		{"record null", `[null]`, "record 1: client_id is missing"},
		{"second record", `[{"client_id":"a"},{}]`, "record 2: client_id is missing"},
		{"relative URI", `[{"client_id":"a","redirect_uris":["/cb"]}]`, `record 1: client "a": redirect_uris: "/cb" is not absolute`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "clients.json")
			write(t, path, test.text)
			snapshot, err := (&File{Path: path}).Load(t.Context())
			if err == nil || snapshot != nil {
				t.Fatalf("got %+v, %v", snapshot, err)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not say %q and the path", err, test.want)
			}
		})
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	folder := t.TempDir()
	if _, err := (&File{Path: filepath.Join(folder, "none.json")}).Load(t.Context()); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.json") {
		t.Errorf("missing: %v", err)
	}
	if _, err := (&File{Path: folder}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
	large := filepath.Join(folder, "large.json")
	write(t, large, "{}")
	if err := os.Truncate(large, maxFileSize+1); err != nil {
		t.Fatal(err)
	}
	if _, err := (&File{Path: large}).Load(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("large: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (&File{Path: large}).Load(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLoadSince(t *testing.T) {
	const before, after = `[{"client_id":"a"}]`, `[{"client_id":"b"}]` // of equal size
	tests := []struct {
		name    string
		change  func(t *testing.T, path string)
		changed bool
	}{
		{"left alone", func(*testing.T, string) {}, false},
		{"touched", func(t *testing.T, path string) { age(t, path, time.Minute) }, false},
		{"written again with the same text", func(t *testing.T, path string) { write(t, path, before) }, false},
		{"overwritten", func(t *testing.T, path string) { write(t, path, after) }, true},
		{"replaced by one of the same time and size", func(t *testing.T, path string) {
			write(t, path+".new", after)
			age(t, path+".new", time.Hour)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "clients.json")
			write(t, path, before)
			age(t, path, time.Hour)
			file := &File{Path: path}
			first, err := file.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			test.change(t, path)
			for range 2 {
				second, err := file.LoadSince(t.Context(), first.Revision)
				if err != nil || (second != nil) != test.changed {
					t.Fatalf("got %+v, %v", second, err)
				}
				if second != nil && second.Revision == first.Revision {
					t.Error("other content has the same revision")
				}
			}
			if again, err := file.LoadSince(t.Context(), "another reader's"); err != nil || again == nil {
				t.Errorf("a reader of another revision got %v, %v", again, err)
			}
		})
	}
}

func TestUnchangedFileIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.json")
	write(t, path, `[{"client_id":"a"}]`)
	age(t, path, time.Hour)
	file := &File{Path: path}
	first, err := file.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Same identity, time and size: what it holds now is not looked at.
	write(t, path, `[{"client_id":"b"}]`)
	if err := os.Chtimes(path, file.seen.ModTime(), file.seen.ModTime()); err != nil {
		t.Fatal(err)
	}
	if second, err := file.LoadSince(t.Context(), first.Revision); second != nil || err != nil {
		t.Errorf("got %+v, %v", second, err)
	}
}

func TestSecondWriteWithinOneGranuleOfTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.json")
	write(t, path, `[{"client_id":"a"}]`)
	age(t, path, 0)
	file := &File{Path: path}
	first, err := file.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, `[{"client_id":"b"}]`)
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if second, err := file.LoadSince(t.Context(), first.Revision); second == nil || err != nil {
		t.Errorf("the second write was missed: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		servicesPage, `[]`, `{}`, `[{"client_id":"a","redirect_uris":["https://a/cb"],"trusted":true}]`, `[{"client_id":"a"},{"client_id":"a"}]`,
		`{"total":1,"services":[{"id":"a","aliasIds":["b",7],"homeUrl":"http://[::1","baseUrls":["x:"],"redirectUris":["%zz","//h","?"]}]}`,
		"\xEF\xBB\xBF[]", "\xFF\xFE", `[{"client_id":"a","redirect_uris":[null]}]`, `{"services":[{"id":"\ud800","name":"\u0130"}]}`, "[\n", `[{"client_id":1e999}]`,
	} {
		f.Add([]byte(seed), "0-0-0-0-0")
	}
	f.Fuzz(func(t *testing.T, data []byte, word string) {
		snapshot, err := parse(data)
		if (snapshot == nil) == (err == nil) {
			t.Fatalf("snapshot %v, error %v", snapshot, err)
		}
		if err != nil {
			return
		}
		directory, err := NewDirectory(snapshot)
		if (directory == nil) == (err == nil) {
			t.Fatalf("directory %v, error %v", directory, err)
		}
		for _, registration := range snapshot.Clients {
			if registration.ID == "" {
				t.Fatal("a client without an ID")
			}
			if directory == nil {
				continue
			}
			if client, standing := directory.Find(registration.ID); standing != rule.Known || client.ID != registration.ID {
				t.Fatalf("%q: %v, %v", registration.ID, client, standing)
			}
			if known, _ := directory.Service(registration.ID); known != snapshot.Services {
				t.Fatalf("service %q: %v", registration.ID, known)
			}
		}
		if directory != nil {
			directory.Find(word)
			directory.Service(word)
			directory.RegisteredOrigin(word)
		}
	})
}

func FuzzFoldAgreesWithEqualFold(f *testing.F) {
	f.Add("YouTrack", "youtrack")
	f.Add("\u212A\u017F", "ks")
	f.Add("\u0130", "i")
	f.Add("\xff", "\xfe")
	f.Fuzz(func(t *testing.T, a, b string) {
		// EqualFold takes all invalid bytes for one character.
		if strings.ToValidUTF8(a, "") != a || strings.ToValidUTF8(b, "") != b {
			return
		}
		if equal := string(fold(nil, []byte(a))) == string(fold(nil, []byte(b))); equal != strings.EqualFold(a, b) {
			t.Fatalf("%q and %q: %v", a, b, equal)
		}
	})
}
