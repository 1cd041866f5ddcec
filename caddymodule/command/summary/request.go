package summary

import "strings"

// Request is one request to an endpoint, as it is counted.
type Request struct {
	Endpoint string
	// Client is the client_id, fit to be shown; HasClient says that the endpoint is one that clients send their client_id to in the open.
	Client     string
	HasClient  bool
	Registered bool
	ClientName string
	// NotJudged says what the log does not show; empty if the request could be judged.
	NotJudged string
	// Served says that the server answered with a status below 400.
	Served bool
	When   Moment
	// Findings are the rules that fire, with the modes that they would have in enforce mode.
	Findings []Finding
	// Example makes the text of the request, without secrets. It is only called for the first one of each rule.
	Example func() string
	// Unregistered is a redirect URI that is not registered; empty if that is not what is wrong.
	Unregistered string
}

// Finding is a rule that fires.
type Finding struct {
	Rule string
	Mode string
}

// enforce is the mode of findings that refuse.
const enforce = "enforce"

// Count counts one request.
func (s *Summary) Count(r *Request) {
	s.See(r.When)
	e := s.endpoint(r.Endpoint)
	e.Requests++
	e.See(r.When)
	if r.NotJudged != "" {
		e.NotJudged[r.NotJudged]++
		if len(r.Findings) == 0 {
			return // what a log does not show is not clean
		}
	}
	decided := ""
	for _, f := range r.Findings {
		if f.Mode == enforce {
			decided = f.Rule
			break
		}
	}
	v := Verdicts{Judged: 1}
	switch {
	case decided != "":
		v.Refused = 1
		if r.Served {
			v.Broken = 1
		}
	case len(r.Findings) > 0:
		v.Reported = 1
	}
	e.Verdicts.merge(v)
	s.Timeline.add(r.When, v)
	for _, f := range r.Findings {
		s.countRule(r, f, decided)
	}
	if r.HasClient {
		s.countClient(r, v, decided)
	}
}

func (s *Summary) countRule(r *Request, f Finding, decided string) {
	count := s.rule(f.Rule)
	if count.Fired == 0 {
		count.Example = r.Example()
	}
	count.Mode = f.Mode
	count.Fired++
	count.See(r.When)
	if f.Rule == decided {
		count.Decided++
		if r.Served {
			count.Broken++
		}
	}
	if r.HasClient {
		count.Clients[strings.Clone(r.Client)]++
	}
}

func (s *Summary) countClient(r *Request, v Verdicts, decided string) {
	c := s.client(r.Client)
	c.Verdicts.merge(v)
	c.See(r.When)
	c.Registered = c.Registered || r.Registered
	if c.Name == "" {
		c.Name = strings.Clone(r.ClientName)
	}
	for _, f := range r.Findings {
		c.Rules[f.Rule]++
	}
	if decided != "" && r.Served {
		c.BrokenRules[decided]++
		if r.Unregistered != "" && strings.HasSuffix(decided, ".redirect_uri.unregistered") {
			s.Unregistered[r.Client+"\n"+r.Unregistered]++
		}
	}
}
