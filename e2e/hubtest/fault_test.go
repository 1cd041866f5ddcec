package hubtest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// TestFaults makes sure that no fault leads to a wrong list that looks like the whole one.
func TestFaults(t *testing.T) {
	type result struct {
		errors  string // a part of the error
		partial bool
	}
	tests := map[FaultKind]result{
		Slow: {}, Drip: {}, Hang: {errors: "no complete answer in time"},
		BrokenJSON: {errors: "invalid character"}, Truncated: {errors: "cut off"}, Empty: {errors: "is empty"}, HTML: {errors: "HTML page"},
		ErrorAsSuccess: {errors: `no member "services"`}, Huge: {errors: "too large"}, GzipBomb: {errors: "too large"},
		Status: {errors: "503 Service Unavailable"}, Flapping: {errors: "503 Service Unavailable"}, Redirect: {errors: "302 Found"},
		Reset: {errors: "connection reset"}, Drop: {errors: "EOF"}, ProxyNotFound: {errors: "404 Not Found"},
		Shrinking: {partial: true}, Growing: {partial: true}, Moving: {partial: true}, Shuffling: {partial: true},
		IgnoreSkip: {partial: true}, IgnoreTop: {}, NoTotal: {}, WrongTotal: {partial: true},
	}
	for _, kind := range FaultKinds {
		t.Run(string(kind), func(t *testing.T) {
			want, known := tests[kind]
			if !known {
				t.Fatal("not tested")
			}
			server := start(t, Config{Generate: 30})
			hub := hubOf(server, reader)
			hub.PageSize = 10
			switch kind {
			case Hang:
				hub.Timeout = 100 * time.Millisecond
			case GzipBomb:
				hub.PageSize = 1 // smaller pages are tried else, which takes long
			}
			if err := server.SetFaults(Fault{Kind: kind, Delay: Duration(time.Microsecond), Size: 17 << 20}); err != nil {
				t.Fatal(err)
			}
			snapshot, err := hub.Load(t.Context())
			switch {
			case want.errors != "":
				if err == nil || !strings.Contains(err.Error(), want.errors) || strings.Contains(err.Error(), reader) {
					t.Errorf("%v, %v", snapshot, err)
				}
			case err != nil:
				t.Error(err)
			case snapshot.Partial != want.partial:
				t.Errorf("partial: %v", snapshot.Partial)
			case !snapshot.Partial && len(snapshot.Clients) != 34:
				t.Error(idsOf(snapshot))
			}
			if counts := server.Counts(); counts.Redirected != 0 || counts.SecretAsked != 0 {
				t.Errorf("%+v", counts)
			}
			// Nothing remains of a fault.
			hub.Timeout = 30 * time.Second
			if err := server.SetFaults(); err != nil {
				t.Fatal(err)
			}
			if snapshot, err := hub.Load(t.Context()); err != nil || snapshot.Partial {
				t.Errorf("%+v, %v", snapshot, err)
			}
		})
	}
	server := start(t, Config{})
	if err := server.SetFaults(Fault{Kind: "nonsense"}); err == nil {
		t.Error("no error")
	}
}

// TestListThatChangesOnce is read again, and then whole.
func TestListThatChangesOnce(t *testing.T) {
	for _, kind := range []FaultKind{Shrinking, Growing, Moving} {
		t.Run(string(kind), func(t *testing.T) {
			server := start(t, Config{Generate: 30})
			hub := hubOf(server, reader)
			hub.PageSize = 10
			if err := server.SetFaults(Fault{Kind: kind, Times: 1}); err != nil {
				t.Fatal(err)
			}
			snapshot, err := hub.Load(t.Context())
			if err != nil || snapshot.Partial {
				t.Fatalf("%+v, %v", snapshot, err)
			}
			if err := server.SetFaults(); err != nil {
				t.Fatal(err)
			}
			now, err := hub.Load(t.Context())
			if err != nil || !slices.Equal(idsOf(snapshot), idsOf(now)) {
				t.Errorf("%v, then %v, %v", idsOf(snapshot), idsOf(now), err)
			}
		})
	}
}

// TestWholeListsAreRight changes the registry all the time. Whatever is called whole must hold each service that was there from beginning to end.
func TestWholeListsAreRight(t *testing.T) {
	server := start(t, Config{Generate: 60, Services: []Service{{ID: "hub"}}})
	hub := hubOf(server, reader)
	hub.PageSize = 10
	end := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(time.Millisecond):
			}
			// Every fourth service comes and goes.
			id := 4 * (i % 15)
			server.RemoveService(GeneratedID(id))
			server.AddServices(Generated(id))
		}
	})
	whole := 0
	for range 40 {
		snapshot, err := hub.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if snapshot.Partial {
			continue
		}
		whole++
		ids := idsOf(snapshot)
		for i := range 60 {
			if _, found := slices.BinarySearch(ids, GeneratedID(i)); i%4 != 0 && !found {
				t.Errorf("%d is missing", i)
			}
		}
	}
	close(end)
	group.Wait()
	t.Logf("%d of 40 lists were whole", whole)
}

func TestDown(t *testing.T) {
	server := start(t, Config{})
	hub := hubOf(server, reader)
	url := server.URL()
	for range 3 {
		server.Down()
		if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "connect") {
			t.Error(err)
		}
		if err := server.Up(); err != nil {
			t.Fatal(err)
		}
		if _, err := hub.Load(t.Context()); err != nil || server.URL() != url {
			t.Error(err)
		}
	}
}

// TestProcess runs the stand-in as a program, and commands it over HTTP.
func TestProcess(t *testing.T) {
	program, err := Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	process, err := StartProcess(program, Config{Path: "/hub", Tokens: tokens, Generate: 10})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	defer func() {
		if !stopped {
			_ = process.Kill()
		}
	}()
	hub := &clients.Hub{BaseURL: process.URL, Token: func(context.Context) (string, error) { return reader, nil }, Timeout: 10 * time.Second}
	load := func(want int) {
		t.Helper()
		snapshot, err := hub.Load(t.Context())
		if err != nil || len(snapshot.Clients) != want {
			t.Errorf("%+v, %v; want %d services", snapshot, err, want)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	load(14)
	control := process.Control
	check(control.AddServices(Service{ID: "new", Name: "New"}))
	check(control.Generate(10, 20))
	load(25)
	removed, err := control.RemoveService("new")
	if service, _ := control.Service(GeneratedID(19)); err != nil || !removed || service.Name != "Generated 19" {
		t.Errorf("%v, %v, %+v", removed, err, service)
	}
	load(24)
	check(control.SetFaults(Fault{Kind: Slow, Delay: Duration(time.Millisecond)}, Fault{Kind: Status, Status: 500}))
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "500") {
		t.Error(err)
	}
	check(control.SetFaults())
	if err := control.SetFaults(Fault{Kind: "nonsense"}); err == nil {
		t.Error("no error")
	}
	check(control.Down())
	if _, err := hub.Load(t.Context()); err == nil {
		t.Error("no error")
	}
	check(control.Up())
	check(control.SetToken(reader, Denied))
	if _, err := hub.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
		t.Error(err)
	}
	counts, err := control.Counts()
	if err != nil || counts.Requests[List] != 5 || counts.Statuses[403] != 1 {
		t.Errorf("%+v, %v", counts, err)
	}
	requests, err := control.Requests()
	if err != nil || len(requests) != 5 || requests[0].Permission != ReadAll || requests[4].Permission != Denied || !strings.HasPrefix(requests[0].URI, "/hub/api/rest/services?") {
		t.Errorf("%+v, %v", requests, err)
	}
	check(control.SetToken("perm:w", Write))
	writing := &clients.Hub{BaseURL: process.URL, Token: func(context.Context) (string, error) { return "perm:w", nil }}
	check(writing.ReportUntrusted(t.Context(), GeneratedID(3), "https://new/", ""))
	if bodies, err := control.Bodies(); err != nil || len(bodies) != 1 || bodies[0].ID != GeneratedID(3) {
		t.Errorf("%+v, %v", bodies, err)
	}
	check(control.Forget())
	check(process.Kill())
	if _, err := hub.Load(t.Context()); err == nil {
		t.Error("no error")
	}
	second, err := StartProcess(program, Config{TLS: true})
	if err != nil {
		t.Fatal(err)
	}
	if second.Authority == "" || second.Certificate == "" || second.Key == "" || !strings.HasPrefix(second.URL, "https://") {
		t.Errorf("%+v", second.Running)
	}
	check(second.Stop())
	stopped = true
}
