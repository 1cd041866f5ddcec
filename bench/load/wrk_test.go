package load

import (
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	const output = "Running 1s test @ http://127.0.0.1:1/x\n  1 threads and 32 connections\nresult 12000 1000500 17 2 1 90000 1500.000000 7250.000000\n"
	got, err := parse(output)
	want := Counts{Requests: 12000, Duration: 1000500 * time.Microsecond, Refused: 17, Failed: 3, Median: 1500 * time.Microsecond, P99: 7250 * time.Microsecond}
	if err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, output := range []string{"", "unable to connect", "result 1 2", "result a b c d e f g h"} {
		if got, err := parse(output); err == nil {
			t.Errorf("%q gives %+v, want an error", output, got)
		}
	}
}

// TestRequests expects what the document says: two endpoints, a valid and a refused request each, and the refused one only a parameter longer.
func TestRequests(t *testing.T) {
	requests := Requests()
	if len(requests) != 4 {
		t.Fatalf("%d requests", len(requests))
	}
	for i, valid := range requests[:2] {
		refused := requests[i+2]
		if valid.Refused || !refused.Refused || valid.Method != refused.Method ||
			!strings.HasPrefix(refused.Target+refused.Body, valid.Target+valid.Body+"&") {
			t.Errorf("%s is not %s with a parameter more", refused.Name, valid.Name)
		}
		if script := valid.script(); strings.Contains(script, "wrk.body") != (valid.Body != "") {
			t.Errorf("the script of %s has the wrong body:\n%s", valid.Name, script)
		}
	}
}

func TestLimits(t *testing.T) {
	for want, options := range map[string]Options{
		"from 1s":   {Duration: time.Millisecond, Connections: 1},
		"to 10m":    {Duration: time.Hour, Connections: 1},
		"0 connect": {Duration: time.Second},
		"to 1000":   {Duration: time.Second, Connections: 5000},
	} {
		if _, err := Run(t.Context(), "127.0.0.1:1", Requests()[0], options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v gives %v, want %q", options, err, want)
		}
	}
	for _, address := range []string{"192.0.2.1:80", "example.com:80", "localhost", ""} {
		if _, err := Run(t.Context(), address, Requests()[0], Options{Duration: time.Second, Connections: 1}); err == nil || !strings.Contains(err.Error(), "loopback") {
			t.Errorf("the address %q gives %v", address, err)
		}
	}
}
