package trafficlog_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/internal/trafficlog"
	"github.com/oauthguard/caddy-oauth-guard/validators"
)

// TestWrite makes logs of all formats: equal seeds give equal logs, each kind of fault is there, and each line is whole.
func TestWrite(t *testing.T) {
	const size = 8 << 20
	for _, format := range []trafficlog.Format{trafficlog.Caddy, trafficlog.Combined, trafficlog.HAProxy} {
		var one, two, other bytes.Buffer
		counted, err := trafficlog.Write(&one, format, size, 1)
		if err != nil {
			t.Fatal(err)
		}
		for seed, out := range map[uint64]*bytes.Buffer{1: &two, 2: &other} {
			if _, err := trafficlog.Write(out, format, size, seed); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(one.Bytes(), two.Bytes()) || bytes.Equal(one.Bytes(), other.Bytes()) {
			t.Errorf("%s: logs do not depend on the seed alone", format)
		}
		if one.Len() < size || one.Len() > size+4096 {
			t.Errorf("%s: %d bytes, want %d", format, one.Len(), size)
		}
		lines := bytes.Split(bytes.TrimSuffix(one.Bytes(), []byte("\n")), []byte("\n"))
		if int64(len(lines)) != counted.Lines {
			t.Errorf("%s: %d lines, counted %d", format, len(lines), counted.Lines)
		}
		sum := counted.Elsewhere + counted.Resource + counted.Token + counted.Good
		for i, fault := range trafficlog.Faults {
			sum += counted.Faults[i]
			if counted.Faults[i] == 0 {
				t.Errorf("%s: never %s", format, fault.Name)
			}
		}
		if sum != counted.Lines {
			t.Errorf("%s: %d requests in %d lines", format, sum, counted.Lines)
		}
		if format != trafficlog.Caddy {
			continue
		}
		for _, line := range lines {
			if !json.Valid(line) {
				t.Fatalf("no JSON: %s", line)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	if len(trafficlog.Faults) < 20 {
		t.Errorf("only %d kinds of faults", len(trafficlog.Faults))
	}
	for _, fault := range trafficlog.Faults {
		if _, known := validators.Lookup(fault.Rule); !known {
			t.Errorf("%s: there is no rule %s", fault.Name, fault.Rule)
		}
	}
	var clients []map[string]any
	if err := json.Unmarshal(trafficlog.Clients(), &clients); err != nil || len(clients) == 0 {
		t.Errorf("%d clients, %v", len(clients), err)
	}
}
