package upstream

import (
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestServe asks over one connection, with every framing of a body.
func TestServe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- Serve(listener) }()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	for _, test := range []struct {
		name, method string
		body         io.Reader
		sent         string
		status       int
	}{
		{"authorize", "GET", nil, "", http.StatusFound},
		{"authorize by HEAD", "HEAD", nil, "", http.StatusFound},
		{"token", "POST", strings.NewReader("grant_type=refresh_token"), "grant_type=refresh_token", http.StatusOK},
		{"token in chunks", "POST", io.MultiReader(strings.NewReader("grant_type="), strings.NewReader("password")), "grant_type=password", http.StatusOK},
		{"token without a body", "POST", nil, "", http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequest(test.method, "http://"+listener.Addr().String()+"/x", test.body)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err != nil || response.StatusCode != test.status {
				t.Errorf("status %d with %q, %v; want %d", response.StatusCode, body, err, test.status)
			}
			if want := fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(test.sent))); response.Header.Get(Mark) != want {
				t.Errorf("%s is %q, want %q", Mark, response.Header.Get(Mark), want)
			}
		})
	}
	_ = listener.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
