package hubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// serveControl takes commands over HTTP. It is for tests: whoever reaches the port may do everything.
//
//	GET    /counts, /requests, /bodies    what the Hub was asked
//	POST   /forget                        count anew
//	GET    /services/{id}                 one service, with everything
//	POST   /services                      add or replace an array of services
//	POST   /generate {"from","to"}        add made-up services
//	DELETE /services/{id}                 remove one
//	POST   /faults                        misbehave as an array says; [] is well again
//	POST   /token {"token","permission"}  make a token known, or unknown without a permission
//	POST   /down, /up                     be unreachable, or reachable again
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	answer, err := s.command(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// generate is the body of /generate.
type generate struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// token is the body of /token.
type token struct {
	Token      string     `json:"token"`
	Permission Permission `json:"permission"`
}

func (s *Server) command(r *http.Request) (any, error) {
	decode := func(value any) error { return json.NewDecoder(r.Body).Decode(value) }
	id, one := strings.CutPrefix(r.URL.Path, "/services/")
	switch {
	case one && r.Method == http.MethodGet:
		service, found := s.Service(id)
		if !found {
			return nil, fmt.Errorf("no service %s", id)
		}
		return service, nil
	case one && r.Method == http.MethodDelete:
		return s.RemoveService(id), nil
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /counts":
		return s.Counts(), nil
	case "GET /requests":
		return s.Requests(), nil
	case "GET /bodies":
		return s.Bodies(), nil
	case "POST /forget":
		s.Forget()
		return true, nil
	case "POST /services":
		var services []Service
		err := decode(&services)
		s.AddServices(services...)
		return len(services), err
	case "POST /generate":
		var g generate
		if err := decode(&g); err != nil {
			return nil, err
		}
		for i := g.From; i < g.To; i++ {
			s.AddServices(Generated(i))
		}
		return g.To - g.From, nil
	case "POST /faults":
		var faults []Fault
		if err := decode(&faults); err != nil {
			return nil, err
		}
		return true, s.SetFaults(faults...)
	case "POST /token":
		var t token
		err := decode(&t)
		s.SetToken(t.Token, t.Permission)
		return true, err
	case "POST /down":
		s.Down()
		return true, nil
	case "POST /up":
		return true, s.Up()
	}
	return nil, fmt.Errorf("no command %s %s", r.Method, r.URL.Path)
}

// Control commands a stand-in in another process. Its methods are those of [Server].
type Control struct {
	// URL is that of [Server.ControlURL].
	URL string
}

func (c Control) call(method, path string, body, answer any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	request, err := http.NewRequest(method, c.URL+path, &content)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
		return fmt.Errorf("hub stand-in: %s", bytes.TrimSpace(text))
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// Counts is how often the stand-in was asked.
func (c Control) Counts() (counts Counts, err error) {
	err = c.call(http.MethodGet, "/counts", nil, &counts)
	return counts, err
}

// Requests is what came, the oldest first.
func (c Control) Requests() (requests []Request, err error) {
	err = c.call(http.MethodGet, "/requests", nil, &requests)
	return requests, err
}

// Bodies is what was posted, the oldest first.
func (c Control) Bodies() (bodies []Body, err error) {
	err = c.call(http.MethodGet, "/bodies", nil, &bodies)
	return bodies, err
}

// Forget begins to count anew.
func (c Control) Forget() error { return c.call(http.MethodPost, "/forget", nil, nil) }

// Service returns a service.
func (c Control) Service(id string) (service Service, err error) {
	err = c.call(http.MethodGet, "/services/"+url.PathEscape(id), nil, &service)
	return service, err
}

// AddServices adds services behind the others, or replaces those of the same ID.
func (c Control) AddServices(services ...Service) error {
	return c.call(http.MethodPost, "/services", services, nil)
}

// Generate adds the made-up services from one number up to, but without, another one.
func (c Control) Generate(from, to int) error {
	return c.call(http.MethodPost, "/generate", generate{From: from, To: to}, nil)
}

// RemoveService removes a service, and reports whether there was one.
func (c Control) RemoveService(id string) (removed bool, err error) {
	err = c.call(http.MethodDelete, "/services/"+url.PathEscape(id), nil, &removed)
	return removed, err
}

// SetFaults makes the stand-in misbehave from now on, instead of as before.
func (c Control) SetFaults(faults ...Fault) error {
	if faults == nil {
		faults = []Fault{}
	}
	return c.call(http.MethodPost, "/faults", faults, nil)
}

// SetToken makes a token known, or unknown without a permission.
func (c Control) SetToken(text string, permission Permission) error {
	return c.call(http.MethodPost, "/token", token{Token: text, Permission: permission}, nil)
}

// Down makes the Hub unreachable.
func (c Control) Down() error { return c.call(http.MethodPost, "/down", nil, nil) }

// Up makes the Hub reachable again, at the address that it had.
func (c Control) Up() error { return c.call(http.MethodPost, "/up", nil, nil) }
