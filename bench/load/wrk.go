package load

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/bench/measure"
)

// Options say how much load there is.
type Options struct {
	// Duration is how long it lasts, whole seconds.
	Duration time.Duration
	// Connections are open at once, each with one request after the other.
	Connections int
	// Folder is for files of the moment.
	Folder string
}

// Counts is what wrk counted.
type Counts struct {
	// Requests were answered.
	Requests int
	// Duration is how long it took.
	Duration time.Duration
	// Refused counts the answers with a status from 400 on, Failed the errors of sockets and time-outs.
	Refused, Failed int
	// Median and P99 are quantiles of the time to the answer. Under saturation they are mostly queueing.
	Median, P99 time.Duration
}

// Limits of what is sent, so that no mistake on the command line can take the machine down.
const (
	maximumDuration    = 10 * time.Minute
	maximumConnections = 1000
	patience           = 30 * time.Second // beyond the duration
)

// check accepts the loopback alone.
func (o Options) check(address string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("address %q: only the loopback may be loaded", address)
	}
	if o.Duration < time.Second || o.Duration > maximumDuration {
		return fmt.Errorf("duration %s: use from 1s to %s", o.Duration, maximumDuration)
	}
	if o.Connections < 1 || o.Connections > maximumConnections {
		return fmt.Errorf("%d connections: use from 1 to %d", o.Connections, maximumConnections)
	}
	return nil
}

// Run lets wrk load an address of the loopback.
func Run(ctx context.Context, address string, request Request, options Options) (Counts, error) {
	if err := options.check(address); err != nil {
		return Counts{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, options.Duration+patience)
	defer cancel()
	script := filepath.Join(options.Folder, request.Name+".lua")
	if err := os.WriteFile(script, []byte(request.script()), 0o644); err != nil {
		return Counts{}, err
	}
	seconds := int(options.Duration.Round(time.Second) / time.Second)
	command := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprint("-c", options.Connections), fmt.Sprint("-d", seconds, "s"), "--timeout", "30s", "-s", script, "http://"+address+request.Target)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := command.CombinedOutput()
	if err != nil {
		return Counts{}, fmt.Errorf("wrk: %w\n%s", err, output)
	}
	return parse(string(output))
}

// parse reads the line of the script.
func parse(output string) (Counts, error) {
	_, line, found := strings.Cut(output, "result ")
	var c Counts
	var duration, timeouts, longest int64
	var median, p99 float64
	_, err := fmt.Sscan(line, &c.Requests, &duration, &c.Refused, &c.Failed, &timeouts, &longest, &median, &p99)
	if !found || err != nil {
		return Counts{}, fmt.Errorf("wrk wrote no result:\n%s", output)
	}
	c.Failed += int(timeouts)
	c.Duration = time.Duration(duration) * time.Microsecond
	c.Median, c.P99 = time.Duration(median)*time.Microsecond, time.Duration(p99)*time.Microsecond
	return c, nil
}

// Sample is one measurement of one peer.
type Sample struct {
	Peer    string `json:"peer"`
	Request string `json:"request"`
	Round   int    `json:"round"`
	// Requests and Seconds are what wrk counted.
	Requests int     `json:"requests"`
	Seconds  float64 `json:"seconds"`
	// Microseconds is the processor time of the peer's whole process tree per request, user and system.
	Microseconds float64 `json:"cpu_us_per_request"`
	// Foreign is the share of the machine's processor time that neither this program took nor any that it started: peers, wrk and the upstream.
	Foreign float64 `json:"foreign"`
	// MedianMilliseconds and P99Milliseconds are latencies.
	MedianMilliseconds float64 `json:"median_ms"`
	P99Milliseconds    float64 `json:"p99_ms"`
	// Collections is how often the garbage collector of the peer ran, where that is known.
	Collections int `json:"collections,omitempty"`
	// Wrong counts answers that had the wrong kind of status, Failed errors of sockets and time-outs.
	Wrong  int `json:"wrong,omitempty"`
	Failed int `json:"failed,omitempty"`
}

// Measure loads a peer and counts the processor time of the process tree with that root.
func Measure(ctx context.Context, address string, id int, request Request, options Options) (Sample, error) {
	before, err := snapshot(id)
	if err != nil {
		return Sample{}, err
	}
	counts, err := Run(ctx, address, request, options)
	if err != nil {
		return Sample{}, err
	}
	after, err := snapshot(id)
	if err != nil {
		return Sample{}, err
	}
	if counts.Requests == 0 {
		return Sample{}, fmt.Errorf("no request of %s was answered within %s", request.Name, options.Duration)
	}
	peer := after.peer - before.peer
	sample := Sample{
		Request: request.Name, Requests: counts.Requests, Seconds: counts.Duration.Seconds(), Failed: counts.Failed,
		Microseconds:       float64(peer.Microseconds()) / float64(counts.Requests),
		Foreign:            max(0, float64(after.machine.Busy-before.machine.Busy-(after.own-before.own))/float64(after.machine.Total-before.machine.Total)),
		MedianMilliseconds: float64(counts.Median) / 1e6, P99Milliseconds: float64(counts.P99) / 1e6,
	}
	sample.Wrong = counts.Refused
	if request.Refused {
		sample.Wrong = counts.Requests - counts.Refused
	}
	return sample, nil
}

// times are processor times at one moment.
type times struct {
	// own is the time of this program and of all that it started.
	peer, own time.Duration
	machine   measure.Machine
}

func snapshot(id int) (times, error) {
	var t times
	var err error
	if t.peer, err = measure.Tree(id); err != nil {
		return t, err
	}
	if t.own, err = measure.Tree(os.Getpid()); err != nil {
		return t, err
	}
	t.machine, err = measure.ReadMachine()
	return t, err
}

// Version is the version of wrk; "" if there is none.
func Version() string {
	// It prints its version with its usage, and fails.
	output, _ := exec.Command("wrk", "-v").CombinedOutput()
	line, _, _ := strings.Cut(string(output), " [")
	return strings.TrimSpace(strings.TrimSuffix(line, "\n"))
}
