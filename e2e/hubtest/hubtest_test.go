package hubtest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	reader  = "perm:reader"
	some    = "perm:some"
	nobody  = "perm:nobody"
	writer  = "perm:writer"
	unknown = "perm:unknown"
)

var tokens = map[string]Permission{reader: ReadAll, some: ReadSome, nobody: Denied, writer: Write, "user:password": ReadAll}

func start(t *testing.T, config Config) *Server {
	t.Helper()
	if config.Tokens == nil {
		config.Tokens = tokens
	}
	server, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// ask sends a request and returns the status and the JSON that came.
func ask(t *testing.T, server *Server, method, path, token, body string) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequest(method, server.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user, password, basic := strings.Cut(token, ":"); basic && user == "user" {
		request.SetBasicAuth(user, password)
	} else if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &object); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return response.StatusCode, object
}

// TestAnswers compares what is sent with Hub's documentation and what real clients rely on.
func TestAnswers(t *testing.T) {
	config := Config{Path: "/hub", Services: []Service{
		{ID: "0-0-0-0-0", Key: "hub", Name: "Hub", Trusted: true},
		{ID: "b", Key: "kb", Name: "Beta App", HomeURL: "https://b", AliasIDs: []string{"old-b"}, Aliases: []Alias{{ID: "older-b", Action: "merge"}}, RedirectURIs: []string{"/cb"}},
		{ID: "a", Key: "ka", Name: "Alpha", Restricted: true, Trusted: true},
	}}
	const services = "/api/rest/services"
	tests := []struct {
		name, path, token string
		status            int
		want              string
	}{
		{"all of it without the secret", services, reader, 200, `"aliases":[{"id":"older-b","type":"alias"}],"baseUrls":[],"homeUrl":"https://b","id":"b","key":"kb","name":"Beta App","redirectUris":["/cb"],"trusted":false,"type":"service"`},
		{"a page", services + "?fields=id&$skip=1&$top=1", reader, 200, `{"services":[{"id":"b","type":"service"}],"skip":1,"top":1,"total":3,"type":"ServicesPage"}`},
		{"the usual size of a page", services + "?fields=id", reader, 200, `"top":100,"total":3`},
		{"all at once", services + "?fields=id&$top=-1", reader, 200, `{"id":"a","type":"service"}],"skip":0,"top":-1`},
		{"behind the end", services + "?fields=id&$skip=7", reader, 200, `{"services":[],"skip":7,"top":100,"total":3`},
		{"escaped names of parameters", services + "?fields=id&%24top=1", reader, 200, `"top":1`},
		{"nonsense", services + "?$top=x", reader, 400, `"error":"Bad Request"`},
		{"nested fields", services + "?fields=aliases(id,action),name&$skip=1&$top=1", reader, 200, `[{"aliases":[{"action":"merge","id":"older-b","type":"alias"}],"name":"Beta App","type":"service"}]`},
		{"nested fields with a slash", services + "?fields=aliases/action&$skip=1&$top=1", reader, 200, `[{"aliases":[{"action":"merge","type":"alias"}],"type":"service"}]`},
		{"unknown fields", services + "?fields=id,nonsense(x/y)&$top=1", reader, 200, `[{"id":"0-0-0-0-0","type":"service"}]`},
		{"broken fields", services + "?fields=id(", reader, 400, "can't parse the fields"},
		{"a secret that was asked for", services + "/b?fields=secret", reader, 200, `{"secret":"planted-secret-of-b","type":"service"}`},
		{"a query by ID", services + "?fields=id&query=id:+b", reader, 200, `"services":[{"id":"b","type":"service"}],"skip":0,"top":100,"total":1`},
		{"a query with a blank", services + "?fields=id&query=name:+{Beta+App}+and+has:+redirectUri", reader, 200, `[{"id":"b","type":"service"}]`},
		{"a query for trust", services + "?fields=id&query=is:trusted", reader, 200, `"total":2`},
		{"a query that it does not understand", services + "?query=access(with:x)", reader, 400, "can't parse the query"},
		{"an order", services + "?fields=id&orderBy=name", reader, 200, `[{"id":"a","type":"service"},{"id":"b","type":"service"},{"id":"0-0-0-0-0","type":"service"}]`},
		{"the other way round", services + "?fields=id&orderBy=id:desc&$top=1", reader, 200, `[{"id":"b","type":"service"}]`},
		{"an order that it does not know", services + "?orderBy=trusted", reader, 400, "can't order"},
		{"one service", services + "/a?fields=id,trusted", reader, 200, `{"id":"a","trusted":true,"type":"service"}`},
		{"by a former ID", services + "/old-b?fields=id", reader, 200, `{"id":"b","type":"service"}`},
		{"by another former ID", services + "/older-b?fields=id", reader, 200, `{"id":"b","type":"service"}`},
		{"the service of the token", services + "/me?fields=id", reader, 200, `{"id":"0-0-0-0-0","type":"service"}`},
		{"none", services + "/c", reader, 404, `"error":"Not Found","error_code":404,"error_description":"Service with id c not found"`},
		{"only what may be seen", services + "?fields=id", some, 200, `[{"id":"0-0-0-0-0","type":"service"},{"id":"b","type":"service"}],"skip":0,"top":100,"total":2`},
		{"what may not be seen", services + "/a", some, 403, `"error":"Forbidden"`},
		{"no permission", services, nobody, 403, `"error":"Forbidden"`},
		{"an unknown token", services, unknown, 401, `"error":"Unauthorized"`},
		{"no token", services, "", 401, `"error":"Unauthorized"`},
		{"user and password", services + "?fields=id", "user:password", 200, `"total":3`},
		{"who am I", "/api/rest/users/me?fields=guest,id,name,login,profile/avatar/url", reader, 200, `"guest":false`},
		{"a guest", "/api/rest/users/me?fields=guest", "", 200, `"guest":true`},
		{"settings", "/api/rest/settings/public?fields=id", "", 200, `{"id":"public"`},
		{"keys", "/api/rest/oauth2/keys", "", 200, `"kid":"1"`},
		{"metadata", "/.well-known/openid-configuration", "", 200, `/hub/api/rest/oauth2/token"`},
		{"metadata at its second place", "/api/rest/oauth2/.well-known/openid-configuration", "", 200, `"issuer":"http://127.0.0.1:`},
		{"elsewhere", "/api/rest/roles", reader, 404, "no such resource"},
		{"login", "/api/rest/oauth2/auth?client_id=b", "", 303, "null"},
		{"no tokens", "/api/rest/oauth2/token", "", 400, "invalid_grant"},
	}
	server := start(t, config)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, object := ask(t, server, "GET", test.path, test.token, "")
			text, err := json.Marshal(object)
			if err != nil || status != test.status || !strings.Contains(string(text), test.want) {
				t.Errorf("%d %s, want %d %s", status, text, test.status, test.want)
			}
			if strings.Contains(string(text), PlantedSecret) && !strings.Contains(test.path, "secret") {
				t.Error("a secret that nobody asked for")
			}
		})
	}
	counts := server.Counts()
	if counts.SecretAsked != 1 || counts.Services["c"] != 1 || counts.Requests[Metadata] != 2 || counts.Total() != len(tests) || len(server.Requests()) != len(tests) {
		t.Errorf("%+v", counts)
	}
	server.Forget()
	if counts := server.Counts(); counts.Total() != 0 || len(counts.Services) != 0 {
		t.Errorf("%+v", counts)
	}
}

func TestSettings(t *testing.T) {
	const list = "/api/rest/services?fields=id&$top=500"
	server := start(t, Config{Anonymous: ReadSome, Generate: 300, MaxTop: 50, OmitEmpty: true, CountHidden: true, HiddenStatus: 404, Services: []Service{{ID: "r", Restricted: true}}})
	if status, page := ask(t, server, "GET", list, "", ""); status != 200 || page["total"] != 301.0 || page["top"] != 50.0 || len(page["services"].([]any)) != 50 {
		t.Errorf("%d %v", status, page)
	}
	if status, _ := ask(t, server, "GET", "/api/rest/services/r", "", ""); status != 404 {
		t.Error(status)
	}
	if _, service := ask(t, server, "GET", "/api/rest/services/r", reader, ""); service["redirectUris"] != nil || service["id"] != "r" {
		t.Error(service)
	}
}

// TestAdministration is what administrators, services and attackers do.
func TestAdministration(t *testing.T) {
	server := start(t, Config{OpenRegistration: true})
	const services = "/api/rest/services"
	status, made := ask(t, server, "POST", services+"?fields=id,key,secret,trusted", "", `{"name":"evil","homeUrl":"http://evil","id":"evil","trusted":true}`)
	if status != 200 || made["id"] != "evil" || made["trusted"] != false || made["secret"] == nil || made["key"] == nil {
		t.Errorf("%d %v", status, made)
	}
	if status, _ := ask(t, server, "POST", services, "", `{"name":"evil","id":"evil"}`); status != 400 {
		t.Error(status)
	}
	if status, _ := ask(t, server, "POST", services+"/evil", reader, `{"redirectUris":["/x"]}`); status != 403 {
		t.Error(status)
	}
	if status, changed := ask(t, server, "POST", services+"/evil?fields=redirectUris,name", writer, `{"redirectUris":["/x"]}`); status != 200 || changed["name"] != "evil" || len(changed["redirectUris"].([]any)) != 1 {
		t.Errorf("%d %v", status, changed)
	}
	const untrusted = services + "/evil/untrustedredirecturis"
	if status, _ := ask(t, server, "POST", untrusted, reader, `{"redirectURI":"https://new/"}`); status != 403 {
		t.Error(status)
	}
	if status, _ := ask(t, server, "POST", untrusted, writer, `{}`); status != 400 {
		t.Error(status)
	}
	status, uri := ask(t, server, "POST", untrusted, writer, `{"redirectURI":"https://new/","triedFrom":"192.0.2.1","triedAt":"2026-01-01T00:00:00.000Z"}`)
	if status != 200 || uri["redirectURI"] != "https://new/" {
		t.Errorf("%d %v", status, uri)
	}
	id, _ := uri["id"].(string)
	if status, page := ask(t, server, "GET", untrusted, reader, ""); status != 200 || page["total"] != 1.0 {
		t.Errorf("%d %v", status, page)
	}
	if status, one := ask(t, server, "GET", untrusted+"/"+id+"?fields=triedFrom", reader, ""); status != 200 || one["triedFrom"] != "192.0.2.1" {
		t.Errorf("%d %v", status, one)
	}
	if status, _ := ask(t, server, "POST", untrusted+"/"+id+"/accept", writer, ""); status != 200 {
		t.Error(status)
	}
	if service, _ := server.Service("evil"); !slices.Contains(service.RedirectURIs, "https://new/") || len(service.UntrustedRedirectURIs) != 0 {
		t.Errorf("%+v", service)
	}
	if bodies := server.Bodies(); len(bodies) != 8 || bodies[6].Kind != UntrustedAdd || bodies[6].ID != "evil" || !strings.Contains(bodies[6].Text, "192.0.2.1") {
		t.Errorf("%+v", bodies)
	}
	if status, _ := ask(t, server, "DELETE", services+"/evil", writer, ""); status != 200 {
		t.Error(status)
	}
	closed := start(t, Config{})
	for token, want := range map[string]int{"": 401, unknown: 401, reader: 403, writer: 200} {
		if status, _ := ask(t, closed, "POST", services, token, `{"name":"new"}`); status != want {
			t.Errorf("%q: %d, want %d", token, status, want)
		}
	}
}

func FuzzFields(f *testing.F) {
	for _, text := range []string{"", "a", "a,b(c,d)", "a/b", "a/b(c/d,e),f", "a(", ")", "a//b", "a,,b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := parseFields(text)
		if (tree == nil) == (err == nil) {
			t.Errorf("%v, %v", tree, err)
		}
	})
}
