package accesslog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/message"
)

// File is one log.
type File struct {
	// Name is the path, or - for the standard input.
	Name string
	// Size is how many bytes the file has as it lies on the disk; -1 if that is not known.
	Size int64
	// Format is the format, known when the file is open.
	Format Format
	// ID tells the log from others by its first line, so that it is recognised under another name, longer or compressed. It is known when the file is open.
	ID string

	consumed atomic.Int64
	in       io.Reader
}

// Consumed is how many bytes of the file, as it lies on the disk, have been read.
func (f *File) Consumed() int64 { return f.consumed.Load() }

// Find lists the logs that names and globs mean, each once. A dash is the given input.
func Find(patterns []string, in io.Reader) ([]*File, error) {
	var files []*File
	seen := make(map[string]bool)
	for _, pattern := range patterns {
		if pattern == "-" {
			if !seen["-"] {
				seen["-"] = true
				files = append(files, &File{Name: "-", Size: -1, in: in})
			}
			continue
		}
		names := []string{pattern}
		if _, err := os.Stat(pattern); err != nil {
			matches, globErr := filepath.Glob(pattern)
			if globErr != nil || len(matches) == 0 {
				return nil, err
			}
			slices.Sort(matches)
			names = matches
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil {
				return nil, err
			}
			if info.IsDir() {
				return nil, fmt.Errorf("%s is a folder: name the logs in it, such as %s", name, filepath.Join(name, "*"))
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			file := &File{Name: name, Size: -1}
			if info.Mode().IsRegular() {
				file.Size = info.Size()
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// archive is how an HTTP archive begins.
var archive = regexp.MustCompile(`^(\x{FEFF})?\s*\{\s*"log"\s*:`)

// probe is how many bytes of a log are looked at to recognise it.
const probe = 64 << 10

// open opens the log, unpacks it if it is packed, and recognises the format.
func (f *File) open() (*bufio.Reader, io.Closer, error) {
	var raw io.Reader
	closers := closers{}
	if f.Name == "-" {
		raw = f.in
	} else {
		file, err := os.Open(f.Name)
		if err != nil {
			return nil, nil, err
		}
		raw, closers = file, append(closers, file.Close)
	}
	unpacked, err := unpack(bufio.NewReaderSize(&counter{raw, &f.consumed}, 256<<10), &closers)
	if err != nil {
		_ = closers.Close()
		return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	reader := bufio.NewReaderSize(unpacked, probe)
	head, err := reader.Peek(probe)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = closers.Close()
		return nil, nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	if err := f.recognise(head); err != nil {
		_ = closers.Close()
		return nil, nil, err
	}
	return reader, closers, nil
}

// recognise finds out the format and the identity of a log by its beginning.
func (f *File) recognise(head []byte) error {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if archive.Match(head) {
		f.Format, first = Archive, head
	} else {
		lines := bytes.Split(head, []byte("\n"))
		if len(head) == probe {
			lines = lines[:max(1, len(lines)-1)] // the last one is cut
		}
		f.Format = Detect(lines[:min(len(lines), 100)])
	}
	if f.Format == Unknown && len(bytes.TrimSpace(head)) > 0 {
		return fmt.Errorf("%s: the format is not recognised: it is none of Caddy's JSON, the combined format of nginx and Apache, HAProxy's HTTP format, and an HTTP archive", f.Name)
	}
	sum := sha256.Sum256(first)
	f.ID = hex.EncodeToString(sum[:16])
	return nil
}

// unpack unpacks what is compressed by gzip or zstd.
func unpack(reader *bufio.Reader, closers *closers) (io.Reader, error) {
	magic, _ := reader.Peek(4)
	switch {
	case bytes.HasPrefix(magic, []byte{0x1F, 0x8B}):
		return gzip.NewReader(reader)
	case bytes.Equal(magic, []byte{0x28, 0xB5, 0x2F, 0xFD}):
		decoder, err := zstd.NewReader(reader, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		*closers = append(*closers, func() error { decoder.Close(); return nil })
		return decoder, nil
	}
	return reader, nil
}

// closers closes several things, the last one first.
type closers []func() error

// Close implements [io.Closer].
func (c closers) Close() error {
	var failures []error
	for i := len(c) - 1; i >= 0; i-- {
		failures = append(failures, c[i]())
	}
	return errors.Join(failures...)
}

// counter counts what is read.
type counter struct {
	from  io.Reader
	count *atomic.Int64
}

// Read implements [io.Reader].
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.count.Add(int64(n))
	return n, err
}

// entryOf translates an entry of an HTTP archive.
func entryOf(a *message.Entry) *Entry {
	e := &Entry{Time: a.Started.UTC(), Method: a.Request.Method, Status: a.Response.Status, Location: a.Location()}
	m, err := a.Message()
	if err != nil || m.Request == nil {
		return nil
	}
	e.Host, e.Header, e.Plain = hostName(m.Request.Host), m.Request.Header, m.Request.TLS == nil
	e.Target = m.Request.RequestURI
	if !m.BodyMissing {
		body, err := io.ReadAll(m.Request.Body)
		e.Body, e.HasBody = string(body), err == nil
	}
	return e
}
