package page_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	protocol "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/oauthguard/caddy-oauth-guard/caddymodule/page"
	"github.com/oauthguard/caddy-oauth-guard/e2e/browser"
)

// parameters are an error answer with a state that tries everything.
var parameters = [][2]string{
	{"error", "invalid_scope"},
	{"error_description", "The scope is malformed."},
	{"state", `a+b c&d=e%20f;"g"'h'<i>/\` + " Ünïcödé 日本語 🙂 {{.}} " + attack},
	{"iss", "https://hub.example.com/"},
	{"empty", ""},
}

// application is a server that notes what is posted to its callback.
type application struct {
	address string
	posts   chan post
}

// post is one request to the callback.
type post struct {
	method, target, contentType, body string
}

// startApplication starts an application; next answers the post after it was noted.
func startApplication(t *testing.T, next http.HandlerFunc) *application {
	t.Helper()
	started := &application{posts: make(chan post, 10)}
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		started.posts <- post{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(body)}
		next(w, r)
	})
	started.address = server.URL
	return started
}

// thanks answers with a page that is nothing special.
func thanks(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Thanks</title><p>Thanks</p>`)
}

// wait returns the next post.
func (a *application) wait(t *testing.T) post {
	t.Helper()
	select {
	case received := <-a.posts:
		return received
	case <-time.After(browser.Patience):
		t.Fatal("nothing was posted")
		return post{}
	}
}

// check compares a post with the parameters.
func (p post) check(t *testing.T, target string) {
	t.Helper()
	if p.method != http.MethodPost || p.target != target || p.contentType != "application/x-www-form-urlencoded" {
		t.Errorf("%s %s %s, want a form at %s", p.method, p.target, p.contentType, target)
	}
	var names []string
	for pair := range strings.SplitSeq(p.body, "&") {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	values, err := url.ParseQuery(p.body)
	if err != nil {
		t.Fatal(err)
	}
	for i, parameter := range parameters {
		if len(names) != len(parameters) || names[i] != parameter[0] || len(values[parameter[0]]) != 1 || values.Get(parameter[0]) != parameter[1] {
			t.Errorf("%s: %q, want %q (fields %q)", parameter[0], values[parameter[0]], parameter[1], names)
		}
	}
}

// formPostPage serves the page that posts the parameters to an address.
func formPostPage(t *testing.T, uri string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) { page.WriteFormPost(w, uri, parameters) }).URL
}

func TestFormPost(t *testing.T) {
	application := startApplication(t, thanks)
	tab := chromium.Open(t)
	const target = `/callback?tenant=1&name=a%20b&q=(%27x%27)`
	tab.Show(browser.DesktopLight, formPostPage(t, application.address+target))
	application.wait(t).check(t, target)
	tab.Do(chromedp.WaitVisible(`//p[text()="Thanks"]`))
	tab.Quiet()
}

// TestFormPostWithoutScripts presses the button, which is not there in a browser with scripts.
func TestFormPostWithoutScripts(t *testing.T) {
	application := startApplication(t, thanks)
	tab := chromium.Open(t)
	browser.Call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.Show(browser.PhoneLight, formPostPage(t, application.address+"/callback"))
	tab.Do(chromedp.WaitVisible(chromedp.CSS(`button`)))
	tab.Screenshot("button-light")
	tab.Show(browser.PhoneDark, formPostPage(t, application.address+"/callback"))
	tab.Do(chromedp.WaitVisible(chromedp.CSS(`button`)))
	tab.Screenshot("button-dark")
	select {
	case <-application.posts:
		t.Fatal("posted before the button was pressed")
	default:
	}
	tab.Do(chromedp.Click(chromedp.CSS(`button`)))
	application.wait(t).check(t, "/callback")
	tab.Quiet()
}

// TestFormPostThenRedirect lets the application answer with a redirect to another origin, as applications with a separate
// front end do. Chromium would refuse to follow if the policy of the page had a form-action.
func TestFormPostThenRedirect(t *testing.T) {
	frontEnd := startApplication(t, thanks)
	application := startApplication(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, frontEnd.address+"/signed-out", http.StatusSeeOther)
	})
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, formPostPage(t, application.address+"/callback"))
	application.wait(t).check(t, "/callback")
	if received := frontEnd.wait(t); received.method != http.MethodGet || received.target != "/signed-out" {
		t.Errorf("%+v", received)
	}
	tab.Quiet()
}

// TestFormPostInFrame is what silent requests do: the application opens the request in an iframe of its own page.
func TestFormPostInFrame(t *testing.T) {
	application := startApplication(t, thanks)
	inner := formPostPage(t, application.address+"/callback")
	outer := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<!doctype html><title>outer</title><iframe src="`+inner+`"></iframe>`)
	})
	tab := chromium.Open(t)
	tab.Show(browser.DesktopLight, outer.URL)
	application.wait(t).check(t, "/callback")
	tab.Quiet()
}

// TestFormPostToApp checks that an address of an installed application arrives at the browser as it was registered.
func TestFormPostToApp(t *testing.T) {
	const uri = `com.example.app:/callback?a=b&c=%22d%22`
	tab := chromium.Open(t)
	asked := make(chan string, 10)
	tab.Listen(func(event any) {
		if navigation, ok := event.(*protocol.EventFrameRequestedNavigation); ok {
			asked <- navigation.URL
		}
	})
	tab.Show(browser.DesktopLight, formPostPage(t, uri))
	select {
	case got := <-asked:
		if got != uri {
			t.Errorf("%q, want %q", got, uri)
		}
	case <-time.After(browser.Patience):
		t.Fatal("the browser was not asked to go to the application")
	}
}

// buttonPage serves the form post page as it is without scripts, for the accessibility test, which is a script.
func buttonPage(t *testing.T) string {
	t.Helper()
	script := regexp.MustCompile(`<script>.*?</script>|</?noscript>`)
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		recorder := httptest.NewRecorder()
		page.WriteFormPost(recorder, "https://app.example.com/", parameters)
		for name, values := range recorder.Header() {
			w.Header()[name] = values
		}
		_, _ = w.Write(script.ReplaceAll(recorder.Body.Bytes(), nil))
	}).URL
}
