package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// traffic sends requests over some connections, and counts what comes back.
type traffic struct {
	address     string
	connections int
	registry    *registry
	kinds       []kind
	left        atomic.Int64 // how many requests may still be sent

	gate sync.RWMutex // held for reading by each request, for writing by a pause

	mutex    sync.Mutex
	requests map[string]int
	times    [buckets]int
	longest  time.Duration
	closed   int
	lost     int
	failures int
	examples []string
	accepted []string  // realms that answers may have
	calm     time.Time // when the last reload is over, in the future while one runs
}

func newTraffic(address string, options Options, registry *registry, kinds []kind) *traffic {
	return &traffic{address: address, connections: options.Connections, registry: registry, kinds: kinds, requests: make(map[string]int), accepted: []string{"generation-0"}}
}

// drain is how long after a reload connections of the old configuration may be closed: its grace period.
const drain = 5 * time.Second

// reloading is told that a reload begins; the function that it returns that it is over, and which realm counts from now on.
func (t *traffic) reloading() func(realm string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.calm = time.Now().Add(time.Hour)
	number := 0
	_, _ = fmt.Sscanf(t.accepted[len(t.accepted)-1], "generation-%d", &number)
	t.accepted = append(t.accepted, fmt.Sprintf("generation-%d", number+1))
	return func(realm string) {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.calm = time.Now().Add(drain)
		t.accepted = []string{realm}
	}
}

// realms are those that an answer may have at the moment. While old connections are drained, the one before is among them.
func (t *traffic) realms() []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	realms := append([]string{}, t.accepted...)
	if time.Now().Before(t.calm) {
		number := 0
		_, _ = fmt.Sscanf(t.accepted[0], "generation-%d", &number)
		realms = append(realms, fmt.Sprintf("generation-%d", number-1))
	}
	return realms
}

// pause waits until no request is under way, and holds all back until the function that it returns is called.
func (t *traffic) pause() func() {
	t.gate.Lock()
	return t.gate.Unlock
}

// maximumRate is how many requests a second are sent at most, whatever is possible.
const maximumRate = 200_000

// saturate sends as much as possible, and returns how many answers were right.
func (t *traffic) saturate(ctx context.Context, duration time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	t.left.Store(int64(maximumRate * duration.Seconds()))
	t.flow(ctx, math.Inf(1))
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.failures > 0 {
		return 0, fmt.Errorf("%d failures already before: %s", t.failures, strings.Join(t.examples, "; "))
	}
	sent := 0
	for _, count := range t.requests {
		sent += count
	}
	t.requests, t.times, t.longest = make(map[string]int), [buckets]int{}, 0
	return sent, nil
}

// flow sends at a rate until the context ends, or until nothing may be sent any more.
func (t *traffic) flow(ctx context.Context, rate float64) {
	var all sync.WaitGroup
	interval := time.Duration(float64(t.connections) / rate * float64(time.Second))
	for number := range t.connections {
		all.Add(1)
		go func() {
			defer all.Done()
			random := rand.New(rand.NewPCG(uint64(number), uint64(time.Now().UnixNano())))
			c := client{traffic: t}
			defer c.close()
			next := time.Now().Add(time.Duration(random.Float64() * float64(interval)))
			for {
				if wait := time.Until(next); wait > 0 {
					select {
					case <-ctx.Done():
						return
					case <-time.After(wait):
					}
				} else if ctx.Err() != nil {
					return
				}
				if t.left.Add(-1) < 0 {
					return
				}
				// After a pause the rate goes on as before, and nothing is made up for.
				next = next.Add(interval)
				if now := time.Now(); next.Before(now.Add(-time.Second)) {
					next = now
				}
				t.gate.RLock()
				c.exchange(t.next(random))
				t.gate.RUnlock()
			}
		}()
	}
	all.Wait()
}

// next makes a request of a random kind.
func (t *traffic) next(random *rand.Rand) exchange {
	total := 0
	for _, kind := range t.kinds {
		total += kind.weight
	}
	at, i := random.IntN(total), 0
	for ; at >= t.kinds[i].weight; i++ {
		at -= t.kinds[i].weight
	}
	message, check := t.kinds[i].make(t, random)
	return exchange{t.kinds[i].name, message, check}
}

// client is one connection, made anew when it must be.
type client struct {
	traffic    *traffic
	connection net.Conn
	reader     *bufio.Reader
}

// patience is how long an answer may take.
const patience = 30 * time.Second

func (c *client) close() {
	if c.connection != nil {
		_ = c.connection.Close()
		c.connection = nil
	}
}

// exchange sends a request and checks its answer.
func (c *client) exchange(e exchange) {
	begin := time.Now()
	a, err := c.try(e.message)
	// During a reload Caddy closes idle connections, as any server may, and loses some new ones that wait at the socket of the old configuration, with or without the guard.
	var closed *closedError
	for attempt := 1; attempt < attempts && errors.As(err, &closed) && c.traffic.reconnect(closed.fresh); attempt++ {
		a, err = c.try(e.message)
	}
	if err != nil {
		c.close()
		c.traffic.fail(e.kind + ": " + err.Error())
		return
	}
	if problem := e.check(a); problem != "" {
		c.traffic.fail(e.kind + ": " + problem)
		return
	}
	c.traffic.count(e.kind, time.Since(begin))
}

// attempts is how often a request is sent at most.
const attempts = 3

// closedError says that a connection was closed before any byte of the answer. A fresh one had not carried a request before.
type closedError struct {
	err   error
	fresh bool
}

func (e *closedError) Error() string {
	return "the connection was closed without an answer: " + e.err.Error()
}

// try sends a request once.
func (c *client) try(message string) (answer, error) {
	fresh := c.connection == nil
	if fresh {
		connection, err := net.DialTimeout("tcp", c.traffic.address, patience)
		if err != nil {
			return answer{}, &closedError{err, true}
		}
		c.connection, c.reader = connection, bufio.NewReader(connection)
	}
	if err := c.connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return answer{}, err
	}
	_, err := io.WriteString(c.connection, message)
	if err == nil {
		_, err = c.reader.Peek(1)
	}
	if err != nil {
		c.close()
		var slow net.Error
		if errors.As(err, &slow) && slow.Timeout() {
			return answer{}, err
		}
		return answer{}, &closedError{err, fresh}
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	if response.Close {
		c.close()
	}
	return answer{response.StatusCode, response.Header, string(body)}, nil
}

// reconnect counts a request that is sent again, and says whether it may be.
func (t *traffic) reconnect(fresh bool) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if time.Now().After(t.calm) {
		return false
	}
	if fresh {
		t.lost++
	} else {
		t.closed++
	}
	return true
}

// examples is how many failures are told.
const examples = 10

func (t *traffic) fail(what string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.failures++
	if len(t.examples) < examples {
		t.examples = append(t.examples, what)
	}
}

// Times are counted in buckets that grow by a twelfth root of two each, from a microsecond on: within 6 %.
const (
	perOctave = 12
	buckets   = 26 * perOctave
)

func (t *traffic) count(kind string, took time.Duration) {
	bucket := int(math.Log2(max(1, float64(took.Microseconds()))) * perOctave)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.requests[kind]++
	t.times[min(bucket, buckets-1)]++
	t.longest = max(t.longest, took)
}

// report writes what was counted.
func (t *traffic) report(results *Results) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	results.Requests, results.Failures, results.Examples = maps.Clone(t.requests), t.failures, t.examples
	results.Closed, results.Lost = t.closed, t.lost
	total := 0
	for _, count := range t.requests {
		total += count
	}
	quantile := func(q float64) float64 {
		seen := 0
		for bucket, count := range t.times {
			if seen += count; count > 0 && float64(seen) >= q*float64(total) {
				return math.Exp2((float64(bucket)+0.5)/perOctave) / 1000
			}
		}
		return 0
	}
	results.MedianMilliseconds, results.P99Milliseconds = quantile(0.5), quantile(0.99)
	results.LongestMilliseconds = float64(t.longest.Microseconds()) / 1000
}
