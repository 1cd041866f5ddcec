package accesslog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

// logOf is a combined log of numbered requests.
func logOf(from, to int) string {
	var out strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&out, "10.0.0.1 - - [01/Jan/2026:09:00:00 +0000] \"GET /auth?number=%d HTTP/1.1\" 302 0 \"-\" \"%s\"\n", i, strings.Repeat("x", i%50))
	}
	return out.String()
}

func gzipped(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, err := io.WriteString(writer, text)
	if err = errors.Join(err, writer.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstdded(t testing.TB, text string) []byte {
	t.Helper()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	return encoder.EncodeAll([]byte(text), nil)
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// reader reads logs, and notes the targets in order, and how far each log was read.
type reader struct {
	targets []string
	read    map[string]int64
}

func (r *reader) run(ctx context.Context, reading Reading, limit int, files ...*File) error {
	if r.read == nil {
		r.read = make(map[string]int64)
	}
	reading.From = r.read
	from := make(map[string]int64)
	for id, position := range r.read {
		from[id] = position
	}
	reading.From = from
	blocks := 0
	return Each(ctx, files, reading, func(b *Block) []string {
		var targets []string
		for outcome, e := range b.All(everything) {
			if outcome == Read {
				targets = append(targets, strings.Clone(e.Target))
			}
		}
		return targets
	}, func(b *Block, targets []string) error {
		r.targets = append(r.targets, targets...)
		r.read[b.File.ID] = b.End
		if blocks++; blocks == limit {
			return errEnough
		}
		return nil
	})
}

var errEnough = errors.New("enough")

// complete reports what is wrong with targets that should be numbered from zero.
func complete(targets []string, count int) error {
	if len(targets) != count {
		return fmt.Errorf("%d requests, want %d", len(targets), count)
	}
	for i, target := range targets {
		if target != fmt.Sprintf("/auth?number=%d", i) {
			return fmt.Errorf("request %d is %s", i, target)
		}
	}
	return nil
}

func find(t testing.TB, in io.Reader, names ...string) []*File {
	t.Helper()
	files, err := Find(names, in)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestEach reads logs of several blocks, plain and compressed, as files, through a glob and from a pipe, and expects every request once and in order.
func TestEach(t *testing.T) {
	defer goleak.VerifyNone(t)
	const count = 90_000 // of several blocks
	text := logOf(0, count)
	half := strings.Index(text, "number=40000 ")
	half = strings.LastIndexByte(text[:half], '\n') + 1
	folder := t.TempDir()
	write(t, filepath.Join(folder, "a.log"), []byte(text[:half]))
	write(t, filepath.Join(folder, "b.log.gz"), gzipped(t, text[half:]))
	whole := write(t, filepath.Join(folder, "whole.zst"), zstdded(t, text))
	for name, files := range map[string][]*File{
		"glob":           find(t, nil, filepath.Join(folder, "*.log*")),
		"named twice":    find(t, nil, filepath.Join(folder, "a.log"), filepath.Join(folder, "*.log*")),
		"zstd":           find(t, nil, whole),
		"standard input": find(t, strings.NewReader(text), "-"),
		"packed input":   find(t, bytes.NewReader(gzipped(t, text)), "-"),
	} {
		for _, workers := range []int{1, 4} {
			if name == "standard input" || name == "packed input" {
				if workers == 4 {
					continue // it has been read
				}
			}
			var r reader
			if err := r.run(context.Background(), Reading{Workers: workers}, 0, files...); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := complete(r.targets, count); err != nil {
				t.Errorf("%s, %d workers: %v", name, workers, err)
			}
		}
		for _, file := range files {
			if file.Size >= 0 && file.Consumed() < file.Size {
				t.Errorf("%s: %d of %d bytes of %s", name, file.Consumed(), file.Size, file.Name)
			}
		}
	}
}

// TestResume stops anywhere, and goes on with the log under another name, longer, and compressed.
func TestResume(t *testing.T) {
	defer goleak.VerifyNone(t)
	const count = 60_000
	text := logOf(0, count)
	folder := t.TempDir()
	rotated := write(t, filepath.Join(folder, "access.log.1.gz"), gzipped(t, text))
	random := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		cut := len(text)/3 + random.IntN(len(text)*2/3) // in the middle of a line, mostly: it is being written
		stop := 1 + random.IntN(3)
		var r reader
		growing := write(t, filepath.Join(folder, "access.log"), []byte(text[:cut]))
		if err := r.run(context.Background(), Reading{Workers: 2, Whole: true}, stop, find(t, nil, growing)...); err != nil && !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		for range 2 { // the second time there is nothing new
			if err := r.run(context.Background(), Reading{Workers: 2, Whole: true}, 0, find(t, nil, rotated)...); err != nil {
				t.Fatal(err)
			}
			if err := complete(r.targets, count); err != nil {
				t.Fatalf("cut at %d, stopped after %d blocks: %v", cut, stop, err)
			}
		}
	}
}

func TestCutLog(t *testing.T) {
	name := write(t, filepath.Join(t.TempDir(), "a.log"), []byte(logOf(0, 100)))
	var r reader
	if err := r.run(context.Background(), Reading{Workers: 1, Whole: true}, 0, find(t, nil, name)...); err != nil {
		t.Fatal(err)
	}
	write(t, name, []byte(logOf(0, 50)))
	if err := r.run(context.Background(), Reading{Workers: 1, Whole: true}, 0, find(t, nil, name)...); err == nil || !strings.Contains(err.Error(), "it was cut") {
		t.Errorf("error %v", err)
	}
}

// TestLongLines leaves out lines that are longer than a block, and says so.
func TestLongLines(t *testing.T) {
	text := logOf(0, 10) + strings.Repeat("y", 3*blockBytes) + "\n" + logOf(10, 20) + strings.Repeat("z", blockBytes+1)
	long := int64(0)
	var r reader
	files := find(t, strings.NewReader(text), "-")
	err := Each(context.Background(), files, Reading{Workers: 1}, func(b *Block) []string {
		var targets []string
		for outcome, e := range b.All(everything) {
			if outcome == Read {
				targets = append(targets, strings.Clone(e.Target))
			}
		}
		return targets
	}, func(b *Block, targets []string) error {
		r.targets = append(r.targets, targets...)
		long += b.TooLong
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := complete(r.targets, 20); err != nil {
		t.Error(err)
	}
	if long != 2 {
		t.Errorf("%d long lines, want 2", long)
	}
}

func TestArchive(t *testing.T) {
	var entries []string
	for i := range 1200 {
		entries = append(entries, fmt.Sprintf(`{"startedDateTime":"2026-01-01T09:00:00Z","request":{"method":"GET","url":"https://hub.example/auth?number=%d","headers":[]},"response":{"status":302,"headers":[]}}`, i))
	}
	name := write(t, filepath.Join(t.TempDir(), "trace.har"), []byte(`{"log":{"version":"1.2","entries":[`+strings.Join(entries, ",\n")+`]}}`))
	var r reader
	if err := r.run(context.Background(), Reading{Workers: 2}, 1, find(t, nil, name)...); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if err := r.run(context.Background(), Reading{Workers: 2}, 0, find(t, nil, name)...); err != nil {
		t.Fatal(err)
	}
	if err := complete(r.targets, 1200); err != nil {
		t.Error(err)
	}
}

// TestLargeEntries: blocks of an archive with long bodies hold fewer entries, so that a few of them fit into memory.
func TestLargeEntries(t *testing.T) {
	entry := `{"request":{"method":"POST","url":"https://hub.example/auth?number=1","headers":[],"postData":{"mimeType":"text/plain","text":"` + strings.Repeat("x", 300<<10) + `"}},"response":{"status":302}}`
	text := `{"log":{"entries":[` + strings.Repeat(entry+",", 39) + entry + `]}}`
	blocks, requests := 0, 0
	err := Each(context.Background(), find(t, strings.NewReader(text), "-"), Reading{Workers: 1}, func(b *Block) int {
		count := 0
		for outcome, e := range b.All(everything) {
			if outcome == Read && len(e.Body) == 300<<10 {
				count++
			}
		}
		return count
	}, func(_ *Block, count int) error {
		blocks, requests = blocks+1, requests+count
		if count > 10 {
			t.Errorf("%d entries in a block", count)
		}
		return nil
	})
	if err != nil || requests != 40 || blocks < 4 {
		t.Errorf("%d requests in %d blocks: %v", requests, blocks, err)
	}
}

func TestEndings(t *testing.T) {
	defer goleak.VerifyNone(t)
	name := write(t, filepath.Join(t.TempDir(), "a.log"), []byte(logOf(0, 90_000)))
	var r reader
	if err := r.run(context.Background(), Reading{Workers: 3}, 1, find(t, nil, name)...); !errors.Is(err, errEnough) {
		t.Errorf("an error while merging: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.run(ctx, Reading{Workers: 3}, 0, find(t, nil, name)...); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

func TestProblems(t *testing.T) {
	folder := t.TempDir()
	for content, want := range map[string]string{
		"just\nsome text\n":                     "the format is not recognised",
		`{"log":{"entries":5}}`:                 "entries is not an array",
		`{"log":{"entries":[{"request":5}]}}`:   "HTTP archive",
		`{"log":{"entries":[`:                   "HTTP archive",
		string(gzipped(t, logOf(0, 1000))[:60]): "unexpected EOF",
	} {
		name := write(t, filepath.Join(folder, "log"), []byte(content))
		var r reader
		err := r.run(context.Background(), Reading{Workers: 1}, 0, find(t, nil, name)...)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%.30q: error %v, want %s", content, err, want)
		}
	}
	for _, name := range []string{folder, filepath.Join(folder, "nothing*"), filepath.Join(folder, "nothing"), "[a"} {
		if _, err := Find([]string{name}, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	empty := write(t, filepath.Join(folder, "empty"), nil)
	var r reader
	if err := r.run(context.Background(), Reading{Workers: 1}, 0, find(t, nil, empty)...); err != nil || len(r.targets) != 0 {
		t.Errorf("an empty log: %v", err)
	}
}
