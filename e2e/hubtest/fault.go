package hubtest

import (
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is a way in which the stand-in misbehaves.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// On are the kinds of requests that it befalls. Default: all.
	On []Kind `json:"on,omitempty"`
	// Times is how many requests it befalls. Default: all until the faults change.
	Times int `json:"times,omitempty"`
	// Delay is for [Slow] and [Drip]. Default: 1 second, and 10 milliseconds per byte.
	Delay Duration `json:"delay,omitempty"`
	// Status is for [Status] and [Flapping]. Default: 503.
	Status int `json:"status,omitempty"`
	// RetryAfter is the header of that name, for [Status] and [Flapping]. Default: none.
	RetryAfter string `json:"retry_after,omitempty"`
	// Location is for [Redirect]. Default: another path of the same Hub, which answers as if nothing were wrong.
	Location string `json:"location,omitempty"`
	// Size is that of [Huge] and [GzipBomb] in bytes. Default: 64 MiB.
	Size int64 `json:"size,omitempty"`

	befell int
}

// FaultKind names a fault.
type FaultKind string

// The faults that befall the answer.
const (
	// Slow answers late.
	Slow FaultKind = "slow"
	// Drip sends the body byte by byte.
	Drip FaultKind = "drip"
	// Hang does not answer as long as the client waits.
	Hang FaultKind = "hang"
	// BrokenJSON sends something that is no JSON.
	BrokenJSON FaultKind = "broken_json"
	// Truncated ends the connection in the midst of the body.
	Truncated FaultKind = "truncated"
	// Empty sends no body.
	Empty FaultKind = "empty"
	// HTML sends a login page.
	HTML FaultKind = "html"
	// ErrorAsSuccess sends an error of Hub with the status 200.
	ErrorAsSuccess FaultKind = "error_as_success"
	// Huge sends an endless page of services.
	Huge FaultKind = "huge"
	// GzipBomb sends one that is small until it is unpacked.
	GzipBomb FaultKind = "gzip_bomb"
	// Status sends an error of Hub with a status.
	Status FaultKind = "status"
	// Flapping does so for every second request, beginning with the first.
	Flapping FaultKind = "flapping"
	// Redirect sends the client elsewhere.
	Redirect FaultKind = "redirect"
	// Reset resets the connection, Drop closes it; neither sends an answer.
	Reset FaultKind = "reset"
	Drop  FaultKind = "drop"
	// ProxyNotFound is a 404 of something in front of the Hub.
	ProxyNotFound FaultKind = "proxy_not_found"
)

// The faults that befall the list of services.
const (
	// Shrinking removes the first service after each page, Growing adds one in front.
	Shrinking FaultKind = "shrinking"
	Growing   FaultKind = "growing"
	// Moving removes the first service and adds one at the end.
	Moving FaultKind = "moving"
	// Shuffling sends the services in another order each time.
	Shuffling FaultKind = "shuffling"
	// IgnoreSkip and IgnoreTop do not obey.
	IgnoreSkip FaultKind = "ignore_skip"
	IgnoreTop  FaultKind = "ignore_top"
	// NoTotal does not count, WrongTotal counts two more.
	NoTotal    FaultKind = "no_total"
	WrongTotal FaultKind = "wrong_total"
)

var listFaults = []FaultKind{Shrinking, Growing, Moving, Shuffling, IgnoreSkip, IgnoreTop, NoTotal, WrongTotal}

// FaultKinds are all faults.
var FaultKinds = append([]FaultKind{Slow, Drip, Hang, BrokenJSON, Truncated, Empty, HTML, ErrorAsSuccess, Huge, GzipBomb, Status, Flapping, Redirect, Reset, Drop, ProxyNotFound},
	listFaults...)

// Duration is written as in "1.5s".
type Duration time.Duration

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	duration, err := time.ParseDuration(string(text))
	*d = Duration(duration)
	return err
}

// SetFaults makes the stand-in misbehave from now on, instead of as before. Without faults it is well again. Requests that hang are let go.
func (s *Server) SetFaults(faults ...Fault) error {
	list := make([]*Fault, 0, len(faults))
	for _, fault := range faults {
		if !slices.Contains(FaultKinds, fault.Kind) {
			return fmt.Errorf("hub stand-in: no fault %q", fault.Kind)
		}
		list = append(list, &fault)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.faults = list
	s.release()
	return nil
}

// misbehaves counts the faults that befall a request of that kind.
func (s *Server) misbehaves(kind Kind) map[FaultKind]Fault {
	befalling := make(map[FaultKind]Fault)
	for _, fault := range s.faults {
		on := fault.On
		if len(on) == 0 && slices.Contains(listFaults, fault.Kind) {
			on = []Kind{List}
		}
		if fault.Times > 0 && fault.befell >= fault.Times || len(on) > 0 && !slices.Contains(on, kind) {
			continue
		}
		fault.befell++
		if fault.Kind != Flapping || fault.befell%2 == 1 {
			befalling[fault.Kind] = *fault
		}
	}
	return befalling
}

// answerFaults are the faults that take the place of an answer.
var answerFaults = map[FaultKind]func(s *Server, w http.ResponseWriter, r *http.Request, fault Fault, released <-chan struct{}){
	Hang: func(_ *Server, _ http.ResponseWriter, r *http.Request, _ Fault, released <-chan struct{}) {
		select {
		case <-r.Context().Done():
		case <-released:
		}
		panic(http.ErrAbortHandler)
	},
	BrokenJSON: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ Fault, _ <-chan struct{}) {
		write(w, http.StatusOK, `{"type":"ServicesPage","skip":0,"top":100,"total":2,"services":[{"id":"broken",}]}`)
	},
	Truncated: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ Fault, _ <-chan struct{}) {
		w.Header().Set("Content-Length", "100000")
		write(w, http.StatusOK, `{"type":"ServicesPage","skip":0,"top":100,"total":2,"services":[{"id":"trunc`)
	},
	Empty: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ Fault, _ <-chan struct{}) {
		write(w, http.StatusOK, "")
	},
	HTML: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ Fault, _ <-chan struct{}) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		write(w, http.StatusOK, "<!DOCTYPE html><html><head><title>Log in</title></head><body><form method=post></form></body></html>")
	},
	ErrorAsSuccess: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ Fault, _ <-chan struct{}) {
		write(w, http.StatusOK, `{"error":"unauthorized","error_code":401,"error_description":"Not logged in"}`)
	},
	Huge: func(_ *Server, w http.ResponseWriter, _ *http.Request, fault Fault, _ <-chan struct{}) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		huge(w, cmp.Or(fault.Size, 64<<20))
	},
	GzipBomb: func(_ *Server, w http.ResponseWriter, _ *http.Request, fault Fault, _ <-chan struct{}) {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		w.Header().Set("Content-Encoding", "gzip")
		packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		huge(packed, cmp.Or(fault.Size, 64<<20))
		_ = packed.Close()
	},
	Status:   sendStatus,
	Flapping: sendStatus,
	Redirect: func(s *Server, w http.ResponseWriter, r *http.Request, fault Fault, _ <-chan struct{}) {
		w.Header().Set("Location", cmp.Or(fault.Location, s.config.Path+"/elsewhere"+r.URL.RequestURI()))
		w.WriteHeader(cmp.Or(fault.Status, http.StatusFound))
	},
	Reset: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ Fault, _ <-chan struct{}) {
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			if tcp, ok := connection.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
			_ = connection.Close()
		}
	},
	Drop: func(*Server, http.ResponseWriter, *http.Request, Fault, <-chan struct{}) { panic(http.ErrAbortHandler) },
	ProxyNotFound: func(_ *Server, w http.ResponseWriter, _ *http.Request, _ Fault, _ <-chan struct{}) {
		w.Header().Set("Content-Type", "text/html")
		write(w, http.StatusNotFound, "<html><head><title>404 Not Found</title></head><body>nginx</body></html>")
	},
}

func sendStatus(_ *Server, w http.ResponseWriter, _ *http.Request, fault Fault, _ <-chan struct{}) {
	if fault.RetryAfter != "" {
		w.Header().Set("Retry-After", fault.RetryAfter)
	}
	status := cmp.Or(fault.Status, http.StatusServiceUnavailable)
	fail(w, status, "on command")
}

// huge writes a page of services that is at least as large as that.
func huge(w io.Writer, size int64) {
	var block strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&block, `,{"type":"service","id":"huge-%d","name":"Huge %d","homeUrl":"https://huge.example.com","redirectUris":["https://huge.example.com/%d"]}`, i, i, i)
	}
	_, err := io.WriteString(w, `{"type":"ServicesPage","skip":0,"total":1000000000,"services":[{"id":"first"}`)
	for written := 0; err == nil && int64(written) < size; written += block.Len() {
		_, err = io.WriteString(w, block.String())
	}
	_, _ = io.WriteString(w, `]}`)
}

// drip is a writer that sends byte by byte.
type drip struct {
	http.ResponseWriter
	delay time.Duration
}

func (d drip) Write(data []byte) (int, error) {
	for i := range data {
		if _, err := d.ResponseWriter.Write(data[i : i+1]); err != nil {
			return i, err
		}
		_ = http.NewResponseController(d.ResponseWriter).Flush()
		time.Sleep(d.delay)
	}
	return len(data), nil
}

// rearrange lets the list change after a page of it was sent.
func (s *Server) rearrange(faults map[FaultKind]Fault) {
	made := func() *Service {
		id := "made-" + strconv.FormatUint(rand.Uint64(), 36)
		return &Service{ID: id, Key: id, Name: id, RedirectURIs: []string{"https://" + id + ".example.com/"}, Secret: PlantedSecret + id}
	}
	if _, shrinks := faults[Shrinking]; shrinks && len(s.services) > 0 {
		s.remove(s.services[0].ID)
	}
	if _, grows := faults[Growing]; grows {
		service := made()
		s.services, s.index[service.ID], s.changed = slices.Insert(s.services, 0, service), service, time.Now()
	}
	if _, moves := faults[Moving]; moves && len(s.services) > 0 {
		s.remove(s.services[0].ID)
		s.add(*made())
	}
}
