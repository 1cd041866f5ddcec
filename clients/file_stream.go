package clients

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Files of records that are larger than streamFrom are read record by record, so that a million of them are not in memory at once; then a file may have maxStreamed bytes.
const (
	streamFrom  = 4 << 20
	maxStreamed = 1 << 30
)

// streamed is a snapshot of the records in a large file, or nil if they are still those of the revision. It is of no use for other content, which isRecords tells.
func (f *File) streamed(file *os.File, info os.FileInfo, revision string) (*Snapshot, string, error) {
	if info.Size() > maxStreamed {
		return nil, "", fmt.Errorf("clients file %s: larger than %d GiB; split it into several files", f.Path, maxStreamed>>30)
	}
	sum := sha256.New()
	buffer := make([]byte, 256<<10)
	for {
		n, err := file.Read(buffer)
		_, _ = sum.Write(buffer[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, "", fmt.Errorf("clients file: %w", err)
		}
	}
	current := hex.EncodeToString(sum.Sum(nil))
	if current == revision {
		return nil, current, nil
	}
	// About half of the text of a record are the names of its members, and signs.
	snapshot := &Snapshot{Revision: current, Size: int(info.Size()) / 2}
	snapshot.Each = func(add func(*Registration) error) error {
		if err := f.each(info, add); err != nil {
			return fmt.Errorf("clients file %s: %w", f.Path, err)
		}
		return nil
	}
	return snapshot, current, nil
}

// isRecords says whether a file holds an array, and leaves it at its beginning.
func isRecords(file io.ReadSeeker) (bool, error) {
	var begin [512]byte
	n, err := io.ReadFull(file, begin[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return false, err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(begin[:n], byteOrderMark), blanks)
	_, err = file.Seek(0, io.SeekStart)
	return len(text) > 0 && text[0] == '[', err
}

var errReplaced = errors.New("changed while it was read; it is read again soon")

// each reads the records of the file, which is still the one that was looked at.
func (f *File) each(expected os.FileInfo, add func(*Registration) error) error {
	file, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, expected) || info.Size() != expected.Size() {
		return errReplaced
	}
	var decoder recordDecoder
	var registration Registration
	array := arrayReader{source: file, buffer: make([]byte, 1<<20)}
	for number := 1; ; number++ {
		element, err := array.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return f.explain(err, array.offset())
		}
		client, err := decoder.decode(element)
		if err != nil {
			return f.explain(err, array.offset())
		}
		if err = client.Validate(); err == nil {
			client.register(&registration)
			err = add(&registration)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", number, err)
		}
	}
}

// explain says where the JSON is wrong. That takes reading all of it at once, which only files of a moderate size are worth.
func (f *File) explain(err error, offset int64) error {
	data, _, readErr := readBounded(f.Path)
	if readErr == nil {
		if _, readErr = parse(data); readErr != nil {
			return readErr
		}
		return errReplaced
	}
	return fmt.Errorf("behind byte %d: %w", offset, err)
}

// arrayReader reads the elements of a JSON array that are objects, one after the other. What is between them is checked, and what is in them is not.
type arrayReader struct {
	source io.Reader
	buffer []byte
	// begin and end are what of the buffer is read and not used yet, past is how many bytes came before the buffer.
	begin, end int
	past       int64
	state      arrayState
	ended      bool
}

// arrayState is what has come before.
type arrayState uint8

const (
	beforeArray arrayState = iota
	beforeFirst
	afterElement
)

var errArray = errors.New("this is not how an array of records goes on")

// offset is how many bytes came before what is read next.
func (a *arrayReader) offset() int64 { return a.past + int64(a.begin) }

// next is the next element, valid until the one after it is asked for, or [io.EOF] behind the array.
func (a *arrayReader) next() ([]byte, error) {
	for {
		c, err := a.sign()
		switch {
		case err != nil:
			return nil, err
		case a.state == beforeArray && c == '[':
			a.state = beforeFirst
			a.begin++
		case a.state != beforeArray && c == ']':
			a.begin++
			if _, err := a.sign(); err != io.ErrUnexpectedEOF {
				return nil, errors.Join(errArray, err)
			}
			return nil, io.EOF
		case a.state == beforeFirst && c == '{':
			return a.element()
		case a.state == afterElement && c == ',':
			a.begin++
			if c, err := a.sign(); err != nil || c != '{' {
				return nil, errors.Join(errArray, err)
			}
			return a.element()
		default:
			return nil, errArray
		}
	}
}

// sign is the next byte that is no blank.
func (a *arrayReader) sign() (byte, error) {
	for {
		for ; a.begin < a.end; a.begin++ {
			switch c := a.buffer[a.begin]; c {
			case ' ', '\t', '\r', '\n':
			default:
				if a.state == beforeArray && c == byteOrderMark[0] && bytes.HasPrefix(a.buffer[a.begin:a.end], byteOrderMark) && a.offset() == 0 {
					a.begin += len(byteOrderMark) - 1
					continue
				}
				return c, nil
			}
		}
		if err := a.fill(); err != nil {
			return 0, err
		}
	}
}

// element is the object that begins here.
func (a *arrayReader) element() ([]byte, error) {
	for {
		if length := objectLength(a.buffer[a.begin:a.end]); length > 0 {
			element := a.buffer[a.begin : a.begin+length]
			a.begin += length
			a.state = afterElement
			return element, nil
		}
		if err := a.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more behind what is not used yet.
func (a *arrayReader) fill() error {
	if a.ended {
		return io.ErrUnexpectedEOF
	}
	a.past += int64(a.begin)
	a.end = copy(a.buffer, a.buffer[a.begin:a.end])
	a.begin = 0
	if a.end == len(a.buffer) {
		a.buffer = append(a.buffer, make([]byte, len(a.buffer))...)
	}
	n, err := a.source.Read(a.buffer[a.end:])
	a.end += n
	if err == io.EOF {
		a.ended = true
		if n > 0 {
			err = nil
		} else {
			err = io.ErrUnexpectedEOF
		}
	}
	return err
}

// objectLength is where the object that the text begins with ends; zero if that has not been read yet.
func objectLength(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return 0
}

// decodeAny reads any record.
func decodeAny(element []byte, client *Client) error {
	*client = Client{}
	return json.Unmarshal(element, client)
}
