package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Losses are the guarantees of the standard transport that fasthttp does not keep, however it is used. The tests show each.
var Losses = []string{
	"Content-Type and User-Agent that come twice arrive twice",
	"a Cookie header arrives byte for byte",
	"an answer without Content-Type gets none",
	"early hints (103) do not replace the answer",
	"1xx answers are handed to who traces the request, as reverse_proxy does",
	"trailers of an answer come back",
	"an answer that comes before the body was sent is an answer",
	"when a client goes, its request to the server ends",
	"a POST on a connection that the server has just closed is sent on another one, if its body can be had again",
	"a PUT whose answer was lost is not sent twice",
	"WebSocket: after 101 the connection goes on in both directions",
}

// Cost is the processor time of this process for each request through a transport, in microseconds, over so many connections for some time. The upstream is another process.
func Cost(ctx context.Context, transport http.RoundTripper, url string, connections int, duration time.Duration) (float64, error) {
	before, err := spent()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, duration+20*time.Second)
	defer cancel()
	var requests atomic.Int64
	var all sync.WaitGroup
	failures := make([]error, connections)
	for i, end := 0, time.Now().Add(duration); i < connections; i++ {
		all.Go(func() {
			for failures[i] == nil && time.Now().Before(end) {
				failures[i] = send(ctx, transport, url)
				requests.Add(1)
			}
		})
	}
	all.Wait()
	after, err := spent()
	if err := errors.Join(append(failures, err)...); err != nil {
		return 0, err
	}
	return float64((after - before).Microseconds()) / float64(requests.Load()), nil
}

func send(ctx context.Context, transport http.RoundTripper, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header["Accept"] = []string{"text/html"}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// spent is the processor time that this process has taken so far.
func spent() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}
