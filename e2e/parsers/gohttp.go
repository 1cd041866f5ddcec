package parsers

import (
	"bufio"
	"net/http"
	"runtime"
	"strings"
)

// startGo asks net/http in this process: the request is read from the bytes of its message, routed by a ServeMux, and its form parsed as fosite and osin do.
func startGo() (*Source, error) {
	mux := http.NewServeMux()
	mux.HandleFunc(authorizePath, readForm("authorize"))
	mux.HandleFunc(tokenPath, readForm("token"))
	mux.HandleFunc("/", readForm(""))
	return &Source{
		Parsers: []string{"net/http"}, Title: "Go " + strings.TrimPrefix(runtime.Version(), "go"),
		read: func(requests []*Forwarded) ([][]Reading, error) {
			readings := make([][]Reading, len(requests))
			for i, forwarded := range requests {
				request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(forwarded.message())))
				if err != nil {
					readings[i] = []Reading{refused(err.Error())}
					continue
				}
				answer := &answer{header: http.Header{}}
				mux.ServeHTTP(answer, request)
				readings[i] = []Reading{answer.reading}
			}
			return readings, nil
		},
		stop: func() error { return nil },
	}, nil
}

// answer takes a reading instead of a body. That of a redirection, which is not written by [readForm], reaches no endpoint.
type answer struct {
	header  http.Header
	reading Reading
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// Write implements [http.ResponseWriter].
func (a *answer) Write(body []byte) (int, error) { return len(body), nil }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(int) {}

// readForm reads query and form. Servers that call FormValue never see the error of ParseForm, and use what was read before it.
func readForm(endpoint string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		reading := &w.(*answer).reading
		reading.Endpoint = endpoint
		for name, values := range r.Form {
			for _, value := range values {
				reading.Pairs = append(reading.Pairs, Pair{name, value})
			}
		}
	}
}
