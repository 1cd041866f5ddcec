package clients

import (
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

var (
	_ Source      = Static{}
	_ Incremental = (*File)(nil)
)

func TestStatic(t *testing.T) {
	snapshot, err := Static{{ClientID: "a", RedirectURIs: []string{"https://a/"}}, {ClientID: "b"}}.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, standing := directoryOf(t, snapshot).Find("a")
	if standing != rule.Known || !client.Operator || snapshot.Services || snapshot.Partial {
		t.Errorf("got %+v, %v, %+v", client, standing, snapshot)
	}
	again, _ := Static{{ClientID: "a", RedirectURIs: []string{"https://a/"}}, {ClientID: "b"}}.Load(t.Context())
	other, _ := Static{{ClientID: "a", RedirectURIs: []string{}}, {ClientID: "b"}}.Load(t.Context())
	if snapshot.Revision == "" || snapshot.Revision != again.Revision || snapshot.Revision == other.Revision {
		t.Errorf("revisions %q, %q, %q", snapshot.Revision, again.Revision, other.Revision)
	}
	if _, err := (Static{{ClientID: "a"}, {ClientID: "b", Delivery: "mail"}}).Load(t.Context()); err == nil ||
		!strings.Contains(err.Error(), `record 2: client "b": delivery`) {
		t.Errorf("got %v", err)
	}
}
