package clients

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sync"
	"time"
	"unicode/utf8"
)

// maxFileSize bounds what is read of a file at once, in bytes.
const maxFileSize = 64 << 20

// byteOrderMark may stand at the beginning of a file, and blanks are the characters between the tokens of JSON.
var byteOrderMark = []byte("\xEF\xBB\xBF")

const blanks = " \t\r\n"

// settled is how long a file must have been left alone before its time and size are trusted. File systems keep times to a granule, at worst
// of two seconds; two writes within one granule look alike.
const settled = 2 * time.Second

// File is the source of clients in a JSON file, in one of two forms that the first character tells apart: an array of records as in [Client], of at most 1 GiB, or a page of
// JetBrains Hub's services as its REST API returns it, of at most 64 MiB. The records of an array count as written by the
// operator of the guard, those of a page as what they are in Hub.
type File struct {
	// Path names the file. Symbolic links are followed each time, so the target may be replaced.
	Path string

	// large is from how many bytes on records are read one by one; zero means streamFrom, and tests replace it.
	large int64

	mutex sync.Mutex
	// seen is the file as it was when its content had the revision; nil if that cannot be trusted.
	seen     os.FileInfo
	revision string
}

// Load reads and parses the file. Errors give the path, and the line and column of what is wrong with the JSON.
func (f *File) Load(ctx context.Context) (*Snapshot, error) { return f.LoadSince(ctx, "") }

// LoadSince is Load, unless the content is still that of the revision: then it returns neither a snapshot nor an error. A file of the same
// identity, time and size is not even read.
func (f *File) LoadSince(ctx context.Context, revision string) (*Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("clients file %s: %w", f.Path, err)
	}
	started := time.Now()
	info, err := os.Stat(f.Path)
	if err != nil {
		return nil, fmt.Errorf("clients file: %w", err)
	}
	// A pipe would be waited for, and a device may never end.
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("clients file %s: not a regular file; name a JSON file", f.Path)
	}
	if revision != "" && f.unchanged(info, revision) {
		return nil, nil
	}
	if info.Size() > cmp.Or(f.large, streamFrom) {
		if snapshot, taken, err := f.loadLarge(revision, started); taken || err != nil {
			return snapshot, err
		}
	}
	data, info, err := readBounded(f.Path)
	if err != nil {
		return nil, err
	}
	current := revisionOf(data)
	if current == revision {
		f.remember(info, current, started)
		return nil, nil
	}
	snapshot, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("clients file %s: %w", f.Path, err)
	}
	snapshot.Revision = current
	f.remember(info, current, started)
	return snapshot, nil
}

// loadLarge is LoadSince for a file that is too large to be in memory at once, if it holds records.
func (f *File) loadLarge(revision string, started time.Time) (snapshot *Snapshot, taken bool, err error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, false, fmt.Errorf("clients file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		taken, err = isRecords(file)
	}
	if err != nil || !taken {
		return nil, false, err
	}
	snapshot, current, err := f.streamed(file, info, revision)
	if err == nil {
		f.remember(info, current, started)
	}
	return snapshot, true, err
}

// unchanged reports whether the file is the one that held that revision. A file that took the place of another keeps the time and size that
// it was copied with, so its identity counts as well.
func (f *File) unchanged(info os.FileInfo, revision string) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.seen != nil && f.revision == revision && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) &&
		f.seen.Size() == info.Size()
}

func (f *File) remember(info os.FileInfo, revision string, started time.Time) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.seen, f.revision = info, revision
	// A file that was written a moment ago may be written again without a change of its time.
	if started.Sub(info.ModTime()) < settled {
		f.seen = nil
	}
}

// readBounded reads a file, and says what it was before it was read.
func readBounded(path string) ([]byte, os.FileInfo, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("clients file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("clients file: %w", err)
	}
	tooLarge := fmt.Errorf("clients file %s: larger than %d MiB; split it into several files", path, maxFileSize>>20)
	if info.Size() > maxFileSize {
		return nil, nil, tooLarge
	}
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(file, maxFileSize+1)); err != nil {
		return nil, nil, fmt.Errorf("clients file: %w", err)
	}
	if data.Len() > maxFileSize {
		return nil, nil, tooLarge
	}
	return data.Bytes(), info, nil
}

// parse reads either form of a client file.
func parse(data []byte) (*Snapshot, error) {
	// RFC 8259 section 8.1 forbids a byte order mark but lets readers ignore it; some editors and shells write one.
	data = bytes.TrimPrefix(data, byteOrderMark)
	if bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) {
		return nil, errors.New("the file is in UTF-16; save it in UTF-8")
	}
	text := bytes.TrimLeft(data, blanks)
	// A file that is being written is empty for a moment; it must not mean that all clients are gone.
	if len(text) == 0 {
		return nil, errors.New("the file is empty; write [] if no client is registered")
	}
	switch text[0] {
	case '[':
		var records []Client
		if err := decode(data, &records); err != nil {
			return nil, err
		}
		return snapshotOf(records)
	case '{':
		return parseHub(data)
	}
	line, column := position(data, len(data)-len(text))
	return nil, fmt.Errorf("line %d, column %d: expected the [ of an array of RFC 7591 records, or the { of a services page of JetBrains Hub",
		line, column)
}

// decode reads one JSON value with nothing behind it. Errors say where.
func decode(data []byte, value any) error {
	err := json.Unmarshal(data, value)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line, column := position(data, int(syntax.Offset)-1)
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		line, column := position(data, int(mismatch.Offset)-1)
		member := mismatch.Field
		if member == "" {
			member = "value"
		}
		return fmt.Errorf("line %d, column %d: %s: found %s where %s belongs", line, column, member, mismatch.Value, describe(mismatch.Type))
	}
	if err != nil {
		return fmt.Errorf("json: %w", err)
	}
	return nil
}

// describe says in the words of JSON what a Go type is read from.
func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	case reflect.Struct:
		return "an object"
	}
	return "a whole number"
}

// position is the line and column, both from 1, of the byte at an offset. Columns count characters, as editors do.
func position(data []byte, offset int) (line, column int) {
	before := data[:max(0, min(offset, len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}
