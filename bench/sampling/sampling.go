// Package sampling samples what a running Caddy spends its processor time on, while it is loaded.
package sampling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/load"
)

// Options say what is sampled.
type Options struct {
	// Address is where Caddy is loaded, Admin that of its administration, which gives the profile.
	Address, Admin string
	// Requests are sent one kind after the other, a second each, again and again.
	Requests []load.Request
	// Seconds is how long the processor time is sampled.
	Seconds int
	// Connections are open at once.
	Connections int
	// Folder is for files of the moment.
	Folder string
}

// Profile loads a Caddy until its profile is there, and returns it as Go's runtime writes it. A wrong answer is an error.
func Profile(ctx context.Context, options Options) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(options.Seconds)*time.Second+time.Minute)
	defer cancel()
	under := load.Options{Duration: time.Second, Connections: options.Connections, Folder: options.Folder}
	if _, err := load.Run(ctx, options.Address, options.Requests[0], under); err != nil {
		return nil, err
	}
	type answer struct {
		profile []byte
		err     error
	}
	done := make(chan answer, 1)
	go func() {
		profile, err := fetch(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", options.Admin, options.Seconds))
		done <- answer{profile, err}
	}()
	for i := 0; ; i++ {
		select {
		case got := <-done:
			return got.profile, got.err
		default:
		}
		request := options.Requests[i%len(options.Requests)]
		counts, err := load.Run(ctx, options.Address, request, under)
		if err == nil && (counts.Failed > 0 || (counts.Refused > 0) != request.Refused) {
			err = fmt.Errorf("%s: %d answers, %d refusals, %d failures", request.Name, counts.Requests, counts.Refused, counts.Failed)
		}
		if err != nil {
			cancel()
			return nil, errors.Join(err, (<-done).err)
		}
	}
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return body, err
}
