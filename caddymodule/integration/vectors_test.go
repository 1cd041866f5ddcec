package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// impossible are vectors whose request cannot come over HTTP/1.1 as it stands, because net/http refuses it before any handler, with or without the guard.
var impossible = map[string]string{
	"wire.query.raw_byte: a blank":       "a blank ends the request target",
	"bearer.header.malformed: a control": "a field value must not hold a control",
}

// wireRequest writes a vector as bytes. The transport is told by the headers of a trusted proxy, and the state of a body made real.
func wireRequest(v *vectors.Vector, host string) string {
	fields := []string{"Host: " + host}
	switch v.Transport {
	case "":
		fields = append(fields, "X-Forwarded-Proto: https")
	case "http":
		fields = append(fields, "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http")
	}
	last := len(v.Request) - 1
	switch v.BodyState {
	case "too_long":
		longer := *v
		longer.Request = slices.Clone(v.Request)
		longer.Request[last] += strings.Repeat("a", 70000)
		v = &longer
	case "broken":
		fields = append(fields, fmt.Sprintf("Content-Length: %d", len(v.Request[last])+10))
	}
	return v.Message(fields...)
}

// vectorClients writes the registrations of the vectors to files and returns the lines of the configuration by kind of directory.
func vectorClients(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../validators/testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var records []map[string]any
	if err := json.Unmarshal(text, &records); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := func(name string, content any) string {
		path := filepath.Join(folder, name)
		text, err := json.Marshal(content)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return "clients file " + path + "\n"
	}
	type object = map[string]any
	// A script as redirect URI is refused in a file, and can only be registered in a Hub. This page has no keys, so it says nothing about scopes.
	script := file("script.json", object{"skip": 0, "total": 1, "services": []object{{"id": "script", "name": "script", "redirectUris": []string{"javascript:alert(1)"}}}})
	var services []object
	for _, record := range records {
		services = append(services, object{"id": record["client_id"], "name": record["client_id"], "key": fmt.Sprint("key-", record["client_id"]), "redirectUris": []string{}})
	}
	written := file("clients.json", slices.DeleteFunc(records, func(record map[string]any) bool { return record["client_id"] == "script" }))
	return map[string]string{
		"":         written + script,
		"none":     "",
		"services": written + file("services.json", object{"skip": 0, "total": len(services), "services": services}),
		"unjudged": file("unjudged.json", object{"skip": 0, "total": 5, "services": []object{}}),
	}
}

// vectorSite is a site with one guard for each rule, profile and kind of directory, told by the host of the request.
type vectorSite struct {
	pair
	clients map[string]string
	hosts   map[string]string // host by configuration
	guards  strings.Builder
}

// host returns the host that a guard with these lines answers to.
func (s *vectorSite) host(profile, directory, lines string) string {
	lines = "profile " + profile + "\n" + endpointLines + s.clients[directory] + lines
	host, known := s.hosts[lines]
	if !known {
		host = fmt.Sprintf("h%d.example", len(s.hosts))
		s.hosts[lines] = host
		fmt.Fprintf(&s.guards, "@%[1]s host %[1]s\noauth_guard @%[1]s {\n%[2]s\n}\n", host, lines)
	}
	return host
}

func reportLines(v *vectors.Vector) string { return optionLines(v) + "mode report\nrule * enforce\n" }

func enforceLines(v *vectors.Vector, id string) string {
	return optionLines(v) + "rule " + id + " enforce\n"
}

// optionLines are the options that a vector was made for.
func optionLines(v *vectors.Vector) string {
	lines := "errors {\nissuer " + vectors.Origin + "\n}\n"
	if v.RequestObjects != "" {
		lines += "request_objects " + v.RequestObjects + "\n"
	}
	return lines
}

// sendable reports whether a vector can be sent here: its clock is that of the machine, its connection has no TLS, and its host is the one that tells the guards apart, which a DPoP
// proof would have to name. The others are judged without a server, in the tests of the rules.
func sendable(v *vectors.Vector) bool {
	proof := slices.ContainsFunc(v.Request, func(line string) bool { return strings.HasPrefix(line, "DPoP:") })
	return v.Time == "" && v.Certificate == "" && v.Origin == "" && !proof
}

// eachVector calls a function for every vector of every rule, in every profile that it belongs to.
func eachVector(files map[string]vectors.File, visit func(rule string, v *vectors.Vector, profile string)) {
	for _, r := range validators.Catalogue() {
		for i := range files[r.ID].Vectors {
			v := &files[r.ID].Vectors[i]
			for _, profile := range profiles {
				if sendable(v) && (v.Profile == "" || v.Profile == profile) {
					visit(r.ID, v, profile)
				}
			}
		}
	}
}

// TestVectors sends every vector of every rule through Caddy. With all rules enforced and then turned into reports by mode report, each request must arrive as it
// would without the guard. With its rule enforced, a vector that fires must never arrive, and a near miss must.
func TestVectors(t *testing.T) {
	files, err := vectors.Load("../../validators")
	if err != nil {
		t.Fatal(err)
	}
	s := &vectorSite{pair: pair{guarded: freeAddress(t), twin: freeAddress(t), upstream: newUpstream(t)}, clients: vectorClients(t), hosts: make(map[string]string)}
	eachVector(files, func(rule string, v *vectors.Vector, profile string) {
		s.host(profile, v.Directory, reportLines(v))
		s.host(profile, v.Directory, enforceLines(v, rule))
	})
	load(t, "servers {\ntrusted_proxies static 127.0.0.0/8\n}\n",
		site(s.guarded, "header >X-Rule {http.oauth_guard.rule}\n"+s.guards.String()+s.upstream.proxy())+site(s.twin, s.upstream.proxy()))
	sent := 0
	listed := make(map[string]bool)
	eachVector(files, func(rule string, v *vectors.Vector, profile string) {
		sent++
		t.Run(rule+"/"+v.Name+"/"+profile, func(t *testing.T) {
			key := rule + ": " + v.Name
			listed[key] = true
			s.reported(t, wireRequest(v, s.host(profile, v.Directory, reportLines(v))), v, impossible[key] != "")
			s.enforced(t, wireRequest(v, s.host(profile, v.Directory, enforceLines(v, rule))), v, rule, impossible[key] != "")
		})
	})
	if sent < 1000 {
		t.Errorf("only %d vectors were sent", sent)
	}
	for key, reason := range impossible {
		if !listed[key] {
			t.Errorf("there is no vector %q, of which it is said that %s", key, reason)
		}
	}
}

// reported proves that a guard in report mode changes nothing.
func (s *vectorSite) reported(t *testing.T, raw string, v *vectors.Vector, impossible bool) {
	t.Helper()
	broken := v.BodyState == "broken"
	s.upstream.take()
	got := sendAs(t, s.guarded, raw, broken)
	guarded := s.upstream.take()
	bare := sendAs(t, s.twin, raw, broken)
	twin := s.upstream.take()
	if broken {
		// The client died within its body, so there is neither a whole request nor anybody to read an answer.
		if len(guarded)+len(twin) > 0 || got.status == 400 {
			t.Errorf("of a broken body %d whole requests arrive, without the guard %d; the answer is %d", len(guarded), len(twin), got.status)
		}
		return
	}
	if len(guarded) != len(twin) || got.status != bare.status {
		t.Fatalf("in report mode %d requests arrive, answered with %d; without the guard %d, answered with %d: %s", len(guarded), got.status, len(twin), bare.status, got.body)
	}
	if refused := len(twin) == 0; refused != impossible {
		t.Errorf("without the guard the answer is %d; listed as impossible: %v", bare.status, impossible)
	}
	for i := range guarded {
		compare(t, guarded[i], twin[i])
	}
}

// enforced proves that a vector that fires is refused, and that a near miss passes.
func (s *vectorSite) enforced(t *testing.T, raw string, v *vectors.Vector, rule string, impossible bool) {
	t.Helper()
	s.upstream.take()
	got := sendAs(t, s.guarded, raw, v.BodyState == "broken")
	arrived := s.upstream.take()
	decided := got.header.Get("X-Rule")
	switch {
	case impossible:
		if decided == rule || len(arrived) > 0 || got.status != 400 {
			t.Errorf("decided by %q with %d; the vector is listed as one that net/http refuses", decided, got.status)
		}
	case v.Fires && (len(arrived) > 0 || got.status < 300):
		t.Errorf("the request arrives although the rule is enforced; answer %d, decided by %q", got.status, decided)
	case v.Fires && v.Status != 0 && got.status != v.Status && got.status != 303 && got.status != 200:
		t.Errorf("status %d, want %d; decided by %q", got.status, v.Status, decided)
	case !v.Fires && len(arrived) == 0 && !slices.Contains(v.Also, decided):
		t.Errorf("the near miss is refused with %d by %q: %s", got.status, decided, got.body)
	}
}
