package caddymodule

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// bodyRequest is a request with a body, and the body as the server made it.
func bodyRequest(text string) (*http.Request, io.ReadCloser) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
	return r, r.Body
}

// TestDrop: what the guard has answered gives its buffer back, and leaves the body as a handler does that has read it.
func TestDrop(t *testing.T) {
	for _, test := range []struct {
		name, text string
		limit      int
		state      rule.BodyState
		left       string
	}{
		{"within the limit", "grant_type=x", 64, rule.BodyRead, ""},
		{"over the limit, of unknown length", "grant_type=x&y=z", 10, rule.BodyTooLong, "=x&y=z"},
	} {
		r, original := bodyRequest(test.text)
		r.ContentLength = -1
		b, state := readBody(r, test.limit)
		if state != test.state {
			t.Fatalf("%s: state %v", test.name, state)
		}
		reader := r.Body
		b.drop()
		b.drop() // once is enough, and twice does no harm
		if r.Body != original || r.GetBody != nil {
			t.Errorf("%s: the request keeps a body that is gone", test.name)
		}
		if n, err := reader.Read(make([]byte, 1)); n != 0 || err != errBodyClosed {
			t.Errorf("%s: reading goes on: %d, %v", test.name, n, err)
		}
		if left, err := io.ReadAll(original); err != nil || !strings.HasSuffix(test.left, string(left)) || len(left) > len(test.text)-test.limit && test.left != "" {
			t.Errorf("%s: %q, %v are left", test.name, left, err)
		}
		if string(b.data) != test.text[:len(b.data)] || b.readers.Load() != 1 {
			t.Errorf("%s: the buffer went back while the handler has it", test.name)
		}
		b.release()
		if b.data != nil || b.pooled != nil {
			t.Errorf("%s: the buffer did not go back", test.name)
		}
	}
}

// TestDropReplaced: a body that a later handler has put in place of the guard's is none of the guard's business.
func TestDropReplaced(t *testing.T) {
	r, _ := bodyRequest("a=b")
	b, _ := readBody(r, 64)
	other := io.NopCloser(bytes.NewReader(nil))
	r.Body = other
	b.drop()
	if r.Body != other || b.readers.Load() != 2 {
		t.Error("dropped")
	}
}

// TestBufferGoesBackLast: the buffer goes back when the handler and each reader are done, in whatever order, and not before. Who asks for the body later gets none.
func TestBufferGoesBackLast(t *testing.T) {
	const text = "grant_type=authorization_code&code=x"
	for order := range 6 {
		r, _ := bodyRequest(text)
		b, _ := readBody(r, 64)
		getBody := r.GetBody
		again, err := getBody()
		if err != nil {
			t.Fatal(err)
		}
		ends := []func(){b.release, func() { _ = r.Body.Close() }, func() { _ = again.Close() }}
		first, second := order%3, (order%3+1+order/3)%3
		for n, i := range []int{first, second, 3 - first - second} {
			if b.data == nil {
				t.Fatalf("order %d: the buffer is gone after %d ends", order, n)
			}
			if i != 2 && n < 2 {
				// Whoever still reads, reads the body.
				if second, err := getBody(); err != nil {
					t.Errorf("order %d: %v", order, err)
				} else if got, err := io.ReadAll(second); string(got) != text || err != nil || second.Close() != nil {
					t.Errorf("order %d: %q, %v", order, got, err)
				}
			}
			ends[i]()
		}
		if b.data != nil {
			t.Errorf("order %d: the buffer stays", order)
		}
		if _, err := getBody(); err != errBodyClosed {
			t.Errorf("order %d: a body after its end: %v", order, err)
		}
	}
}
