package clients

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/oauthguard/caddy-oauth-guard/validators/redirecturi"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// archiveServices are services as a Hub has them: three redirect URIs, a key and an alias each.
func archiveServices(count int) *Snapshot {
	snapshot := &Snapshot{Services: true, Revision: fmt.Sprint(count)}
	for i := range count {
		id := fmt.Sprintf("%08x-1f2e-4d3c-8b4a-%012x", i*2654435761%(1<<32), i)
		base := fmt.Sprintf("https://service-%d.example.com", i)
		snapshot.Clients = append(snapshot.Clients, Registration{
			Client: rule.Client{ID: id, Name: fmt.Sprint("Service ", i), Trust: rule.Trusted, RedirectURIs: []redirecturi.Registered{
				{URI: base + "/oauth/callback"}, {URI: base + "/"}, {URI: base + "//oauth/callback", Plausible: true}}},
			Aliases:      []string{id + "-alias"},
			ServiceNames: []string{fmt.Sprint("service-", i)},
		})
	}
	return snapshot
}

// BenchmarkArchive writes, reads and touches a snapshot in files, and reports its size.
func BenchmarkArchive(b *testing.B) {
	for _, count := range []int{5_000, 50_000} {
		snapshot := archiveServices(count)
		storage := &certmagic.FileStorage{Path: b.TempDir()}
		archive := NewArchive(storage, "a")
		manifest, err := archive.Write(b.Context(), snapshot, time.Now(), "one")
		if err != nil {
			b.Fatal(err)
		}
		bytes := 0
		for _, chunk := range manifest.Chunks {
			bytes += chunk.Bytes
		}
		for _, step := range []struct {
			name string
			call func() error
		}{
			{"write", func() error { _, err := archive.Write(b.Context(), snapshot, time.Now(), "one"); return err }},
			{"read", func() error { _, _, err := archive.Read(b.Context()); return err }},
			{"touch", func() error { _, err := archive.Touch(b.Context(), snapshot.Revision, time.Now(), "one"); return err }},
			{"peek", func() error { _, err := archive.Peek(b.Context()); return err }},
		} {
			b.Run(fmt.Sprintf("%d/%s", count, step.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := step.call(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(bytes), "stored-bytes")
				b.ReportMetric(float64(len(manifest.Chunks)), "chunks")
			})
		}
	}
}
