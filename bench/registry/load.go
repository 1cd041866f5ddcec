package registry

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// outcome is what came of some load.
type outcome struct {
	// requests were answered as they must be.
	requests int
	// latencies are sorted. In an open loop they count from when a request was due, so that a pause of the server delays all that would have come meanwhile.
	latencies []time.Duration
}

func (o outcome) quantile(q float64) time.Duration {
	if len(o.latencies) == 0 {
		return 0
	}
	return o.latencies[min(len(o.latencies)-1, int(math.Ceil(q*float64(len(o.latencies))))-1)]
}

// run sends requests over so many connections for some time. With a rate, in requests per second, each is due at its time, whatever became of those before; without one, each connection
// sends as soon as it has an answer. Any answer but the one of the upstream is an error.
func run(ctx context.Context, address string, from *messages, connections int, rate float64, duration time.Duration) (outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begin := time.Now()
	var next atomic.Int64
	var all sync.WaitGroup
	var mutex sync.Mutex
	var total outcome
	var failure error
	for range connections {
		all.Go(func() {
			latencies, err := send(ctx, address, func() ([]byte, time.Time, bool) {
				number := next.Add(1) - 1
				if rate <= 0 {
					now := time.Now()
					return from.get(int(number)), now, now.Sub(begin) < duration
				}
				due := begin.Add(time.Duration(float64(number) / rate * float64(time.Second)))
				time.Sleep(time.Until(due))
				return from.get(int(number)), due, due.Sub(begin) < duration
			})
			mutex.Lock()
			defer mutex.Unlock()
			total.latencies = append(total.latencies, latencies...)
			if err != nil {
				failure = errors.Join(failure, err)
				cancel()
			}
		})
	}
	all.Wait()
	total.requests = len(total.latencies)
	slices.Sort(total.latencies)
	return total, failure
}

// patience is how long an answer may take.
const patience = 20 * time.Second

// send sends what next returns until that is the end.
func send(ctx context.Context, address string, next func() (message []byte, due time.Time, more bool)) ([]time.Duration, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	reader := bufio.NewReader(connection)
	var latencies []time.Duration
	for {
		message, due, more := next()
		if !more || ctx.Err() != nil {
			return latencies, ctx.Err()
		}
		if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
			return latencies, err
		}
		if _, err := connection.Write(message); err != nil {
			return latencies, err
		}
		if err := readAnswer(reader); err != nil {
			return latencies, err
		}
		latencies = append(latencies, time.Since(due))
	}
}

// readAnswer reads an answer, which must be that of the upstream to an authorization request.
func readAnswer(reader *bufio.Reader) error {
	length := 0
	for first := true; ; first = false {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 302 ")) {
			return fmt.Errorf("the answer begins with %q", line)
		}
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err := io.CopyN(io.Discard, reader, int64(length))
	return err
}
