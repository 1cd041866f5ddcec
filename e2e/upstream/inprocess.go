package upstream

import (
	"errors"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// listeners are HTTP servers in this process.
type listeners struct {
	servers []*http.Server
	running sync.WaitGroup

	mutex sync.Mutex
	// ended is why the first server ended.
	ended error
}

// serve runs one handler for each issuer in this process.
func serve(config Config, newHandler func() http.Handler) (*Server, error) {
	all := new(listeners)
	result := &Server{stop: all.stop, alive: all.alive}
	for range config.Issuers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, all.stop())
		}
		server := &http.Server{Handler: newHandler(), ErrorLog: log.New(config.Log, "", 0)}
		all.servers = append(all.servers, server)
		all.running.Go(func() {
			err := server.Serve(listener)
			all.mutex.Lock()
			defer all.mutex.Unlock()
			if all.ended == nil {
				all.ended = err
			}
		})
		result.Addresses = append(result.Addresses, listener.Addr().String())
	}
	return result, nil
}

// alive implements [Server.Alive].
func (l *listeners) alive() error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.ended
}

// stop implements [Server.Stop].
func (l *listeners) stop() error {
	early := l.alive()
	for _, server := range l.servers {
		_ = server.Close()
	}
	l.running.Wait()
	return early
}

// crossOrigin lets browser applications of some origins call some paths, which neither of the Go libraries does by itself.
func crossOrigin(origins, paths []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" || !slices.Contains(paths, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Origin")
		allowed := slices.Contains(origins, origin)
		if allowed {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate")
		}
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		if allowed {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST")
			w.Header().Set("Access-Control-Allow-Headers", strings.Join(r.Header.Values("Access-Control-Request-Headers"), ", "))
			w.Header().Set("Access-Control-Max-Age", "3600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
