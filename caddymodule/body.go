package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// bufferedBody is a request body, or the beginning of one, in a pooled buffer. The buffer returns to the pool when the handler and every reader
// are done with it: an upstream may answer before it has read the body, and then the transport goes on reading after the handler returned. A buffer
// that came back too early would send one user's credentials in another user's request.
type bufferedBody struct {
	data    []byte
	pooled  *[]byte      // where data returns to
	readers atomic.Int32 // the handler counts as one
	// rest is the unread part of a body over the limit, or nil.
	rest io.ReadCloser
	// failure is what reading the body ended with, other than its end.
	failure error
	// trailer holds what came behind a chunked body, to appear at its end again.
	trailer http.Header
	request *http.Request
	// original is the body that was read.
	original io.ReadCloser
	// first is the reading that the request begins with.
	first bodyReader
}

// bytesPool holds the bytes of bodies, never the bodies: a GetBody that somebody kept must find its own body closed, not the next request's. Slices over maxPooled
// bytes are left to the garbage collector.
var bytesPool = sync.Pool{New: func() any { data := make([]byte, 0, 4<<10); return &data }}

const maxPooled = 256 << 10

var errBodyClosed = errors.New("http: invalid Read on closed Body")

// readBody reads the body up to the limit in bytes and puts a body in its place that gives the same bytes, trailers and errors again. The state
// says what was read. The result must be released when the handler is done; it is nil if there is no body.
func readBody(r *http.Request, limit int) (*bufferedBody, rule.BodyState) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, rule.NoBody
	}
	if r.ContentLength > int64(limit) {
		return nil, rule.BodyTooLong
	}
	b := &bufferedBody{pooled: bytesPool.Get().(*[]byte), request: r, original: r.Body}
	b.data = (*b.pooled)[:0]
	b.readers.Store(2)
	announced := r.Trailer.Clone()
	err := b.fill(b.original, limit)
	state := rule.BodyRead
	switch {
	case err == io.EOF:
		b.trailer, r.Trailer = r.Trailer, announced
		if len(b.data) == 0 {
			state = rule.NoBody // of unknown length, and then of no bytes; its framing is passed on all the same
		}
	case err != nil:
		state, b.failure, b.rest = rule.BodyBroken, err, b.original
	default:
		state, b.rest = rule.BodyTooLong, b.original
	}
	b.first.body = b
	r.Body = &b.first
	if b.rest == nil {
		// A transport may send the body again on another connection.
		r.GetBody = func() (io.ReadCloser, error) { return b.reopen() }
	}
	return b, state
}

// fill reads until the end, an error, or one byte more than the limit, which is nil.
func (b *bufferedBody) fill(from io.Reader, limit int) error {
	for {
		if len(b.data) > limit {
			return nil
		}
		if len(b.data) == cap(b.data) {
			b.data = append(b.data, 0)[:len(b.data)]
		}
		n, err := from.Read(b.data[len(b.data):min(cap(b.data), limit+1)])
		b.data = b.data[:len(b.data)+n]
		if err != nil {
			if err == io.EOF && len(b.data) > limit {
				return nil
			}
			return err
		}
	}
}

// text is the body as a string over the buffer, valid until release.
func (b *bufferedBody) text() string {
	if b == nil {
		return ""
	}
	return scan.Text(b.data)
}

// drop ends the reading of a body that nobody needs any more, so that its buffer can be used again: the guard has answered by itself. What Caddy may look at afterwards finds the
// body as any handler leaves it that has read it.
func (b *bufferedBody) drop() {
	if b == nil || b.request.Body != &b.first {
		return
	}
	b.request.Body, b.request.GetBody = b.original, nil
	b.first.leave()
}

// reopen gives another reader, unless the buffer already went back.
func (b *bufferedBody) reopen() (io.ReadCloser, error) {
	for {
		n := b.readers.Load()
		if n == 0 {
			return nil, errBodyClosed
		}
		if b.readers.CompareAndSwap(n, n+1) {
			return &bodyReader{body: b}, nil
		}
	}
}

// release gives one share back.
func (b *bufferedBody) release() {
	if b == nil || b.readers.Add(-1) != 0 {
		return
	}
	if cap(b.data) <= maxPooled {
		*b.pooled = b.data
		bytesPool.Put(b.pooled)
	}
	b.data, b.pooled = nil, nil
}

// bodyReader is one reading of a buffered body. Read and Close may be called at the same time, as transports do.
type bodyReader struct {
	mutex  sync.Mutex
	body   *bufferedBody // nil when closed
	offset int
}

// Read implements [io.Reader].
func (r *bodyReader) Read(p []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	b := r.body
	if b == nil {
		return 0, errBodyClosed
	}
	if r.offset < len(b.data) {
		n := copy(p, b.data[r.offset:])
		r.offset += n
		return n, nil
	}
	switch {
	case b.failure != nil:
		return 0, b.failure
	case b.rest != nil:
		return b.rest.Read(p)
	case len(b.trailer) > 0:
		b.request.Trailer, b.trailer = b.trailer, nil
	}
	return 0, io.EOF
}

// Close implements [io.Closer].
func (r *bodyReader) Close() error {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	b := r.body
	if b == nil {
		return nil
	}
	r.body = nil
	var err error
	if b.rest != nil {
		err = b.rest.Close()
	}
	b.release()
	return err
}

// leave is Close, but what the body was read from stays open.
func (r *bodyReader) leave() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if b := r.body; b != nil {
		r.body = nil
		b.release()
	}
}
