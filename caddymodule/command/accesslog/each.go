package accesslog

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/message"
)

// Block is a piece of a log that is looked at in one go.
type Block struct {
	File *File
	// Start and End are its place in the log: in unpacked bytes, of an archive in entries.
	Start, End int64
	// TooLong counts lines that are longer than a block, and were left out.
	TooLong int64

	lines   []byte
	entries []*Entry
}

// Bytes is how many unpacked bytes the block has; zero for one of an archive.
func (b *Block) Bytes() int64 {
	if b.File.Format == Archive {
		return 0
	}
	return b.End - b.Start
}

// All reads the entries of the block one after the other. An entry is valid until the next one is asked for, and its strings as long as the block is at work. Want is asked about the targets,
// see [Format.Parse].
func (b *Block) All(want func(target string) bool) iter.Seq2[Outcome, *Entry] {
	return func(yield func(Outcome, *Entry) bool) {
		for _, e := range b.entries {
			outcome := Read
			switch {
			case e == nil:
				outcome, e = Malformed, new(Entry)
			case !want(e.Target):
				outcome = Unwanted
			}
			if !yield(outcome, e) {
				return
			}
		}
		var e Entry
		for rest := b.lines; len(rest) > 0; {
			line := rest
			if end := bytes.IndexByte(rest, '\n'); end >= 0 {
				line, rest = rest[:end], rest[end+1:]
			} else {
				rest = nil
			}
			line = bytes.TrimSuffix(line, []byte("\r"))
			if len(line) == 0 {
				continue
			}
			if !yield(b.File.Format.Parse(line, &e, want), &e) {
				return
			}
		}
	}
}

// The sizes of blocks.
const (
	blockBytes   = 2 << 20
	blockEntries = 500
)

// Reading says how logs are read.
type Reading struct {
	// Workers is how many blocks are looked at at the same time.
	Workers int
	// From is where to begin in a log that was read before, by its ID.
	From map[string]int64
	// Whole leaves the end of a log that has no line end for the next time, when it is complete.
	Whole bool
}

// job is a block on its way.
type job[T any] struct {
	block  *Block
	result chan T
}

// Each reads the logs block by block. Work looks at blocks on several processors at the same time; merge gets the results in the order of the logs, one at a time. It ends with
// the first error, or when the context ends.
func Each[T any](ctx context.Context, files []*File, reading Reading, work func(*Block) T, merge func(*Block, T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	queue := make(chan job[T], reading.Workers) // in the order of the logs
	todo := make(chan job[T])
	var group sync.WaitGroup
	for range reading.Workers {
		group.Go(func() {
			for j := range todo {
				j.result <- work(j.block)
			}
		})
	}
	var failure error
	group.Go(func() {
		defer close(queue)
		defer close(todo)
		for _, file := range files {
			if failure = file.blocks(reading, func(b *Block) error {
				j := job[T]{b, make(chan T, 1)}
				for _, to := range []chan job[T]{queue, todo} {
					select {
					case to <- j:
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				}
				return nil
			}); failure != nil {
				return
			}
		}
	})
	err := collect(ctx, queue, merge)
	cancel()
	group.Wait()
	if err != nil {
		return err
	}
	return failure
}

// collect merges the results.
func collect[T any](ctx context.Context, queue chan job[T], merge func(*Block, T) error) error {
	for j := range queue {
		select {
		case result := <-j.result:
			if err := merge(j.block, result); err != nil {
				return err
			}
			if lines := j.block.lines[:0]; cap(lines) == blockBytes {
				buffers.Put(&lines)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// buffers holds the memory of blocks.
var buffers = sync.Pool{New: func() any { data := make([]byte, 0, blockBytes); return &data }}

// blocks reads one log.
func (f *File) blocks(reading Reading, send func(*Block) error) error {
	reader, closer, err := f.open()
	if err != nil {
		return err
	}
	defer closer.Close()
	if f.Format == Archive {
		err = f.archiveBlocks(reader, reading.From[f.ID], send)
	} else {
		err = f.lineBlocks(reader, reading, send)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	return err
}

// archiveBlocks reads the entries of an HTTP archive.
func (f *File) archiveBlocks(reader io.Reader, from int64, send func(*Block) error) error {
	b, size := &Block{File: f}, 0
	var failure error
	flush := func() bool {
		if len(b.entries) > 0 {
			failure = send(b)
		}
		b, size = &Block{File: f, Start: b.End, End: b.End}, 0
		return failure == nil
	}
	err := message.Entries(reader, func(a *message.Entry) bool {
		if b.End++; b.End <= from {
			b.Start = b.End
			return true
		}
		e := entryOf(a)
		b.entries, size = append(b.entries, e), size+e.size()
		return len(b.entries) < blockEntries && size < blockBytes || flush()
	})
	if err == nil && failure == nil {
		flush()
	}
	return errors.Join(err, failure)
}

// lineBlocks reads a log of lines.
func (f *File) lineBlocks(reader *bufio.Reader, reading Reading, send func(*Block) error) error {
	offset := reading.From[f.ID]
	if skipped, err := io.CopyN(io.Discard, reader, offset); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the log was read up to byte %d before, and now has %d: it was cut, so begin without --resume", offset, skipped)
		}
		return err
	}
	var rest []byte
	skipping := false
	for {
		data := (*buffers.Get().(*[]byte))[:0]
		b := &Block{File: f, Start: offset}
		data = append(data, rest...)
		n, err := io.ReadFull(reader, data[len(data):cap(data)])
		data = data[:len(data)+n]
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return err
		}
		end := bytes.LastIndexByte(data, '\n') + 1
		if ended && !reading.Whole {
			end = len(data)
		}
		rest = append(rest[:0], data[end:]...)
		offset += int64(end)
		if end == 0 && !ended {
			// A line that fills a whole block is left out.
			offset += int64(len(data))
			rest, skipping = rest[:0], true
			continue
		}
		b.lines, b.End = data[:end], offset
		if skipping && end > 0 {
			_, b.lines, _ = bytes.Cut(b.lines, []byte("\n"))
			skipping, b.TooLong = false, 1
		}
		if end > 0 {
			if err := send(b); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}
