package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

// server is a running guarded Caddy with so many clients.
type server struct {
	*peers.Process
	count    int
	messages *messages
	admin    string
}

// start runs a guarded Caddy, and gives it its clients.
func (r *measurement) start(ctx context.Context, count int) (*server, error) {
	admin, err := peers.FreeAddress()
	if err != nil {
		return nil, err
	}
	site := peers.Site{Authorize: []string{conformance.AuthorizePath}, Token: []string{conformance.TokenPath}, Clients: []peers.Client{{ID: "first", RedirectURIs: []string{"https://first.example/cb"}}}}
	process, err := peers.Start(ctx, r.guard, peers.Setup{Site: site, Folder: r.folder, Upstream: r.upstream.Address, Admin: admin, Caddy: r.caddy})
	if err != nil {
		return nil, err
	}
	s := &server{Process: process, count: count, admin: admin, messages: newMessages(process.Address, count)}
	if err := s.swap(ctx, r.file(count, 0), count); err != nil {
		process.Stop()
		return nil, err
	}
	return s, nil
}

// swap puts a file in the place of the clients, and waits until it is in force.
func (s *server) swap(ctx context.Context, file string, count int) error {
	next := filepath.Join(s.Folder, "clients.json.next")
	if err := os.Link(file, next); err != nil {
		return err
	}
	if err := os.Rename(next, filepath.Join(s.Folder, "clients.json")); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.admin+"/oauth_guard/refresh", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var states []struct{ Clients int }
	if err := json.Unmarshal(text, &states); err != nil || len(states) != 1 || states[0].Clients != count {
		return fmt.Errorf("%d clients are not in force: %s", count, text)
	}
	return nil
}

// cost loads the server as much as possible, and returns its processor time per request in microseconds.
func (r *measurement) cost(ctx context.Context, s *server) (float64, error) {
	before, err := measure.Tree(s.ID)
	if err != nil {
		return 0, err
	}
	got, err := run(ctx, s.Address, s.messages, r.options.Connections, 0, r.options.Duration)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, s.Output())
	}
	after, err := measure.Tree(s.ID)
	if err != nil || got.requests == 0 {
		return 0, fmt.Errorf("%d requests: %w", got.requests, err)
	}
	return float64((after - before).Microseconds()) / float64(got.requests), nil
}

// latency loads the server at the rate.
func (r *measurement) latency(ctx context.Context, s *server) (outcome, error) {
	got, err := run(ctx, s.Address, s.messages, r.options.Connections, r.options.Rate, r.options.Latency)
	if err != nil {
		return got, fmt.Errorf("%w\n%s", err, s.Output())
	}
	return got, nil
}

// swapping is latency while the clients are exchanged all the time.
func (r *measurement) swapping(ctx context.Context, s *server) (got outcome, swaps int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		swaps int
		err   error
	}
	done := make(chan answer, 1)
	over := make(chan struct{})
	go func() {
		ticker := time.NewTicker(r.options.Swap)
		defer ticker.Stop()
		for n := 1; ; n++ {
			version := n % 2
			if err := s.swap(ctx, r.file(s.count, version), s.count+version); err != nil {
				cancel()
				done <- answer{n - 1, err}
				return
			}
			select {
			case <-over:
				done <- answer{n, nil}
				return
			case <-ticker.C:
			}
		}
	}()
	got, err = r.latency(ctx, s)
	close(over)
	swapped := <-done
	if swapped.err != nil {
		err = swapped.err
	}
	return got, swapped.swaps, err
}

// file is the file of so many clients, or of one more.
func (r *measurement) file(count, version int) string {
	return filepath.Join(r.folder, fmt.Sprintf("clients-%d-%d.json", count, version))
}
