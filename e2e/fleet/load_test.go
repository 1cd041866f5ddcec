package fleet_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

// verdict is what a response says about the decision of the guard.
type verdict struct {
	status         int
	decision, rule string
}

// The verdicts that the tests expect.
var (
	passed       = verdict{http.StatusOK, "pass", ""}
	unregistered = verdict{http.StatusBadRequest, "reject", "authorize.redirect_uri.unregistered"}
	unknown      = verdict{http.StatusBadRequest, "reject", "authorize.client_id.unknown"}
	unjudged     = verdict{http.StatusOK, "report", "authorize.client_id.unjudged"}
	unavailable  = verdict{http.StatusServiceUnavailable, "reject", "authorize.client_id.unjudged"}
)

// authorize is the target of an authorization request.
func authorize(clientID, redirectURI string) string {
	return "/api/rest/oauth2/auth?" + url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {redirectURI}, "scope": {"0-0-0-0-0"},
		"state": {planted + "state"}, "request_credentials": {"default"},
	}.Encode()
}

// callback is the redirect URI of a made-up service.
func callback(i int) string { return fmt.Sprintf("https://app-%d.example.com/callback", i) }

// ask sends a GET request to an instance and returns the verdict.
func ask(client *http.Client, i *instance, target string) (verdict, error) {
	request, err := http.NewRequest(http.MethodGet, "http://"+i.address+target, nil)
	if err != nil {
		return verdict{}, err
	}
	request.Header.Set("Accept", "application/json")
	return answer(client, request)
}

// answer sends a request and returns the verdict.
func answer(client *http.Client, request *http.Request) (verdict, error) {
	response, err := client.Do(request)
	if err != nil {
		return verdict{}, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return verdict{}, err
	}
	return verdict{response.StatusCode, response.Header.Get("Guard-Decision"), response.Header.Get("Guard-Rule")}, nil
}

// direct does not follow redirects, which are answers here.
func direct() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       20 * time.Second,
	}
}

// asks makes sure that a request has a verdict.
func (i *instance) asks(what, target string, want verdict) {
	i.t.Helper()
	client := direct()
	defer client.CloseIdleConnections()
	if found, err := ask(client, i, target); err != nil || found != want {
		i.t.Errorf("%s at %s: %+v, %v; want %+v", what, i.name, found, err, want)
	}
}

// load is a stream of requests to several instances, each of which is compared with what it should lead to.
type load struct {
	t testing.TB
	// services is how many made-up services are known from the beginning to the end.
	services int
	// strangers are the verdicts that are right for clients that nobody has registered.
	strangers atomic.Pointer[[]verdict]
	// mortal are the instances that may be unreachable now.
	mortal sync.Map
	// right counts the right verdicts by instance and kind.
	right [3][3]atomic.Int64
	wrong atomic.Int64
	// failed counts requests to an instance that may be unreachable.
	failed atomic.Int64

	end   chan struct{}
	group sync.WaitGroup
}

// rhythm is how often each instance gets a request. It leaves most of a small machine to the instances.
const rhythm = 12 * time.Millisecond

// startLoad sends requests until the test ends, or [load.stop].
func startLoad(t testing.TB, services int, instances ...*instance) *load {
	l := &load{t: t, services: services, end: make(chan struct{})}
	l.expect(unknown)
	for number, i := range instances {
		// Of two streams one goes on when the other waits for an answer.
		for range 2 {
			l.group.Go(func() { l.stream(number, i) })
		}
	}
	t.Cleanup(func() { l.stop() })
	return l
}

// expect sets what is right for clients that nobody has registered.
func (l *load) expect(strangers ...verdict) { l.strangers.Store(&strangers) }

// stream sends requests to one instance.
func (l *load) stream(number int, i *instance) {
	client := direct()
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(2 * rhythm)
	defer ticker.Stop()
	for {
		select {
		case <-l.end:
			return
		case <-ticker.C:
		}
		// Each service is as likely as any other, so that a part of the list that is missing is noticed.
		service := rand.IntN(l.services)
		kind, target, allowed := rand.IntN(3), "", []verdict{passed}
		switch kind {
		case 0:
			target = authorize(hubtest.GeneratedID(service), callback(service))
		case 1:
			target, allowed = authorize(hubtest.GeneratedID(service), callback(service+1)), []verdict{unregistered}
		case 2:
			target, allowed = authorize(fmt.Sprintf("stranger-%d", rand.IntN(5)), callback(service)), *l.strangers.Load()
		}
		_, mortal := l.mortal.Load(i)
		found, err := ask(client, i, target)
		if kind == 2 { // what is right may have changed meanwhile
			allowed = append(append([]verdict{}, allowed...), *l.strangers.Load()...)
		}
		l.judge(number, i, kind, target, allowed, found, err, mortal)
	}
}

// judge counts one verdict.
func (l *load) judge(number int, i *instance, kind int, target string, allowed []verdict, found verdict, err error, mortal bool) {
	if err != nil {
		if _, now := l.mortal.Load(i); mortal || now {
			l.failed.Add(1)
			return
		}
	}
	for _, want := range allowed {
		if err == nil && found == want {
			l.right[number][kind].Add(1)
			return
		}
	}
	if l.wrong.Add(1) <= 20 {
		l.t.Errorf("%s: wrong verdict at %s: %+v, %v; right would be %+v for %s", time.Now().Format("15:04:05.000"), i.name, found, err, allowed, target)
	}
}

// stop ends the load, and makes sure that there was one.
func (l *load) stop() {
	select {
	case <-l.end:
		return
	default:
	}
	close(l.end)
	l.group.Wait()
	total := int64(0)
	for number := range l.right {
		for kind := range l.right[number] {
			total += l.right[number][kind].Load()
		}
	}
	l.t.Logf("%d right verdicts, %d wrong ones, %d requests to an instance that was down", total, l.wrong.Load(), l.failed.Load())
}
