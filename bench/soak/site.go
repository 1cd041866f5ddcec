package soak

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
)

// site is a running Caddy with its traffic.
type site struct {
	process *peers.Process
	admin   string
	traffic *traffic
	reloads int
}

// start runs a peer with an admin endpoint.
func start(ctx context.Context, name string, setup peers.Setup, options Options, registry *registry, kinds []kind) (*site, error) {
	var err error
	if setup.Admin, err = peers.FreeAddress(); err != nil {
		return nil, err
	}
	process, err := peers.Start(ctx, peers.Named(name), setup)
	if err != nil {
		return nil, err
	}
	return &site{process: process, admin: setup.Admin, traffic: newTraffic(process.Address, options, registry, kinds)}, nil
}

// flow begins to send at a rate, for no longer than the limit. The function that it returns ends it, and may be called twice.
func (s *site) flow(ctx context.Context, rate float64, limit time.Duration) func() {
	ctx, cancel := context.WithTimeout(ctx, limit)
	s.traffic.left.Store(int64(min(rate, maximumRate) * limit.Seconds()))
	var ended sync.WaitGroup
	ended.Go(func() { s.traffic.flow(ctx, rate) })
	return func() {
		cancel()
		ended.Wait()
	}
}

// ask reads a page of the admin endpoint.
func (s *site) ask(path string) (string, error) {
	response, err := adminClient.Get("http://" + s.admin + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return string(text), err
}

// adminClient keeps no connection, so that none is among what is counted.
var adminClient = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// reload loads the configuration with another generation in it, as an operator would who changed it.
func (s *site) reload(ctx context.Context) (time.Duration, error) {
	file := filepath.Join(s.process.Folder, "Caddyfile")
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	generation := fmt.Sprintf("generation-%d", s.reloads+1)
	text = bytes.ReplaceAll(text, fmt.Appendf(nil, "generation-%d", s.reloads), []byte(generation))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.admin+"/load", bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "text/caddyfile")
	begin := time.Now()
	done := s.traffic.reloading()
	response, err := adminClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("reload: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("reload: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("reload: %s: %s", response.Status, answer)
	}
	done(generation)
	s.reloads++
	return time.Since(begin), nil
}
