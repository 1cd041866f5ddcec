package registry

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// answering is a server that answers authorization requests, and pauses once, at the 20th.
func answering(t *testing.T, pause time.Duration) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		defer connection.Close()
		reader := bufio.NewReader(connection)
		for number := 1; ; number++ {
			for line := "x"; line != "\r\n"; {
				if line, err = reader.ReadString('\n'); err != nil {
					return
				}
			}
			if number == 20 {
				time.Sleep(pause)
			}
			if _, err := io.WriteString(connection, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"); err != nil {
				return
			}
		}
	}()
	return listener.Addr().String()
}

// TestOpenLoop: a pause of the server delays all requests that are due meanwhile, and each delay counts.
func TestOpenLoop(t *testing.T) {
	const pause = 500 * time.Millisecond
	address := answering(t, pause)
	got, err := run(t.Context(), address, newMessages(address, 10), 1, 100, time.Second)
	if err != nil || got.requests != 100 {
		t.Fatalf("%d requests, %v", got.requests, err)
	}
	late := 0
	for _, latency := range got.latencies {
		if latency >= pause/2 {
			late++
		}
	}
	if late < 20 || got.quantile(1) < pause {
		t.Errorf("%d of %d requests were late, the last by %s", late, got.requests, got.quantile(1))
	}
}

// TestWrongAnswers: any answer but the expected one is an error.
func TestWrongAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		connection, err := listener.Accept()
		if err == nil {
			_, _ = io.WriteString(connection, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
			_ = connection.Close()
		}
	}()
	address := listener.Addr().String()
	if got, err := run(t.Context(), address, newMessages(address, 1), 1, 0, time.Second); err == nil {
		t.Errorf("%d requests, and no error", got.requests)
	}
}

// TestClients: a file holds the clients that the requests ask for.
func TestClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "clients.json")
	if err := writeClients(path, 1000); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if each := float64(info.Size()) / 1000; err != nil || each < recordBytes-2 || each > recordBytes+2 {
		t.Errorf("%.1f bytes for each record, %v", each, err)
	}
	feed := clients.NewFeed("file", &clients.File{Path: path}, 0)
	if err := feed.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	client, standing := feed.Directory().Find(clientID(999))
	if standing != rule.Known || client.RedirectURIs[0].URI != redirectURI(999) || len(clientID(999)) != 36 || len(redirectURI(999)) != 60 {
		t.Errorf("%v: %+v", standing, client)
	}
}

// TestRun measures everything for a moment.
func TestRun(t *testing.T) {
	bench, err := program.Folder()
	if err != nil {
		t.Fatal(err)
	}
	options := Options{Few: 10, Many: 40_000, Pairs: 1, Rounds: 1, Duration: 200 * time.Millisecond, Latency: time.Second, Rate: 100, Connections: 4, Swap: 400 * time.Millisecond, Progress: t.Logf}
	results, err := Run(t.Context(), bench, options)
	if err != nil {
		t.Fatal(err)
	}
	// The few requests of a moment can take less than a tick of the processor's clock.
	if results.Swaps < 2 || len(results.SwapLatency) != 1 || len(results.FewCost) != 1 || len(results.ManyCost) != 1 || results.Directories[1].BytesPerClient <= 0 {
		t.Errorf("%+v", results)
	}
	if err := results.Section(bench, options).Save(t.TempDir()); err != nil {
		t.Error(err)
	}
}
