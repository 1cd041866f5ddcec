package build

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/load"
	"github.com/oauthguard/caddy-oauth-guard/bench/peers"
	"github.com/oauthguard/caddy-oauth-guard/bench/program"
	"github.com/oauthguard/caddy-oauth-guard/bench/sampling"
)

// ProfileOptions say how the profile is made.
type ProfileOptions struct {
	// Seconds is how long the processor time is sampled.
	Seconds int
	// Connections are open at once.
	Connections int
	// Progress is told what happens.
	Progress func(format string, arguments ...any)
}

// mix is what the profiled Caddy answers, one kind after the other, again and again: what passes is proxied, and most of what a guarded server sees passes.
func mix() []load.Request {
	requests := load.Requests()
	bearer := load.Request{Name: "bearer-valid", Method: http.MethodGet, Target: "/api/users/me?fields=id,login,name", Header: [][2]string{
		{"Accept", "application/json"}, {"Authorization", "Bearer 1683981421136.be561191-1c83-4cde-a4d6.1e31bb66-95a1-4d1e-8a52.be561191-1c83-4cde-a4d6"},
	}}
	return []load.Request{requests[0], requests[1], bearer, requests[0], requests[1], bearer, requests[2], requests[3]}
}

// Record builds the guarded Caddy without a profile, samples its processor time under load and that of the decision alone, and writes both as the profile that guides the compiler. The
// bench is the folder of this module. Of a whole Caddy the decision is such a small part that the compiler would take most of it for cold.
func Record(ctx context.Context, bench string, options ProfileOptions) (err error) {
	root := filepath.Dir(bench)
	folder, err := os.MkdirTemp("", "oauth-guard-profile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	options.Progress("building")
	caddy, _, err := Programs()[1].Build(ctx, root, folder)
	if err != nil {
		return err
	}
	upstream, err := program.StartUpstream(ctx, bench, folder)
	if err != nil {
		return err
	}
	defer upstream.Stop()
	admin, err := peers.FreeAddress()
	if err != nil {
		return err
	}
	site, err := conformance.VectorSite(root)
	if err != nil {
		return err
	}
	process, err := peers.Start(ctx, peers.Named(peers.Guard), peers.Setup{Site: site, Folder: folder, Upstream: upstream.Address, Admin: admin, Caddy: caddy})
	if err != nil {
		return err
	}
	defer process.Stop()
	options.Progress("sampling for %d seconds", options.Seconds)
	profile, err := sampling.Profile(ctx, sampling.Options{
		Address: process.Address, Admin: admin, Requests: mix(), Seconds: options.Seconds, Connections: options.Connections, Folder: folder,
	})
	if err != nil {
		return err
	}
	whole := filepath.Join(folder, "caddy.prof")
	if err := os.WriteFile(whole, profile, 0o600); err != nil {
		return err
	}
	options.Progress("sampling the decision")
	decision, err := sampleDecision(ctx, root, folder)
	if err != nil {
		return err
	}
	file := filepath.Join(root, Profile)
	if output, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-proto", "-output="+file+".new", whole, decision).CombinedOutput(); err != nil {
		return fmt.Errorf("go tool pprof -proto: %w\n%s", err, output)
	}
	if written, err := os.Stat(file + ".new"); err == nil {
		options.Progress("%s: %d KiB", Profile, written.Size()>>10)
	}
	return os.Rename(file+".new", file)
}

// decided are the benchmarks whose processor time is sampled: what most requests to a guarded server are.
const decided = "^BenchmarkDecide$/^(hub|rfc6749|oauth21)$/^(authorize|token|par|bearer)$/^(valid|browser|other|refresh)$"

// sampleDecision samples the processor time of the decision alone, for about a second each.
func sampleDecision(ctx context.Context, root, folder string) (file string, err error) {
	tests := filepath.Join(folder, "validators.test")
	if err := program.BuildTest(root, "./validators", tests, "off", 0); err != nil {
		return "", err
	}
	file = filepath.Join(folder, "decision.prof")
	_, err = program.Benchmarks(ctx, root, tests, decided, "-test.benchtime=1s", "-test.cpuprofile="+file)
	return file, err
}
