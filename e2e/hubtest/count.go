package hubtest

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Kind is what a request is about.
type Kind string

// The kinds of requests.
const (
	List          Kind = "services"
	Single        Kind = "service"
	Register      Kind = "register"
	Update        Kind = "update"
	Delete        Kind = "delete"
	UntrustedList Kind = "untrusted_list"
	UntrustedGet  Kind = "untrusted_get"
	UntrustedAdd  Kind = "untrusted_add"
	UntrustedVote Kind = "untrusted_vote"
	Metadata      Kind = "metadata"
	Keys          Kind = "keys"
	Settings      Kind = "settings"
	Me            Kind = "me"
	Authorize     Kind = "authorize"
	Token         Kind = "token"
	Userinfo      Kind = "userinfo"
	Other         Kind = "other"
)

// Counts are how often the stand-in was asked.
type Counts struct {
	// Requests are by kind.
	Requests map[Kind]int `json:"requests"`
	// Services are by ID: the questions for a single service, whether it exists or not.
	Services map[string]int `json:"services"`
	// Pages are how many pages of services were sent.
	Pages int `json:"pages"`
	// NotModified are how many answers were 304.
	NotModified int `json:"not_modified"`
	// SecretAsked are how many requests named the field secret.
	SecretAsked int `json:"secret_asked"`
	// Redirected are how many requests followed a [Redirect] of the stand-in.
	Redirected int `json:"redirected"`
	// Statuses are by HTTP status; 0 is no answer.
	Statuses map[int]int `json:"statuses"`
}

func newCounts() Counts {
	return Counts{Requests: make(map[Kind]int), Services: make(map[string]int), Statuses: make(map[int]int)}
}

// Total is the number of requests.
func (c *Counts) Total() int {
	total := 0
	for _, count := range c.Requests {
		total += count
	}
	return total
}

// Request is one that came, without its token.
type Request struct {
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	Kind   Kind      `json:"kind"`
	ID     string    `json:"id,omitempty"`
	URI    string    `json:"uri"`
	// Permission is that of the token; empty for none, or an unknown one.
	Permission Permission `json:"permission,omitempty"`
	// Token says whether there was one.
	Token  bool `json:"token"`
	Status int  `json:"status"`
}

// Body is one that was posted.
type Body struct {
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	ID   string    `json:"id,omitempty"`
	Text string    `json:"text"`
}

// The longest memories; the oldest entries are forgotten.
const (
	maxRequests = 100_000
	maxBodies   = 10_000
)

// Counts returns a copy of the counts.
func (s *Server) Counts() Counts {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	counts := s.counts
	counts.Requests, counts.Services, counts.Statuses = maps.Clone(counts.Requests), maps.Clone(counts.Services), maps.Clone(counts.Statuses)
	return counts
}

// Requests returns what came, the oldest first.
func (s *Server) Requests() []Request {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.requests)
}

// Bodies returns what was posted, the oldest first.
func (s *Server) Bodies() []Body {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.bodies)
}

// Forget begins to count anew.
func (s *Server) Forget() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.counts, s.requests, s.bodies = newCounts(), nil, nil
}

// SetToken makes a token known, or changes what it may do. An empty permission makes it unknown.
func (s *Server) SetToken(token string, permission Permission) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if permission == "" {
		delete(s.tokens, token)
		return
	}
	s.tokens[token] = permission
}

// note writes a request down.
func (s *Server) note(request Request, query url.Values) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.counts.Requests[request.Kind]++
	s.counts.Statuses[request.Status]++
	if request.Kind == Single {
		s.counts.Services[request.ID]++
	}
	if request.Status == 304 {
		s.counts.NotModified++
	}
	if strings.Contains(query.Get("fields"), "secret") {
		s.counts.SecretAsked++
	}
	if s.requests = append(s.requests, request); len(s.requests) > maxRequests {
		s.requests = slices.Delete(s.requests, 0, maxRequests/10)
	}
}

func (s *Server) keep(kind Kind, id string, body []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.bodies = append(s.bodies, Body{Time: time.Now(), Kind: kind, ID: id, Text: string(body)}); len(s.bodies) > maxBodies {
		s.bodies = slices.Delete(s.bodies, 0, maxBodies/10)
	}
}
