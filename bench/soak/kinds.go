package soak

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/bench/conformance"
	"github.com/oauthguard/caddy-oauth-guard/bench/upstream"
)

// exchange is one request with what its answer must be.
type exchange struct {
	kind    string
	message string
	check   func(answer) string // says what is wrong, "" for nothing
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// kind is one kind of requests. Those that pass can be asked of the bare Caddy too.
type kind struct {
	name   string
	weight int
	passes bool
	make   func(t *traffic, random *rand.Rand) (message string, check func(answer) string)
}

// kinds are what the traffic is mixed of. The weights are percents.
var kinds = []kind{
	{"authorize, valid", 30, true, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		return t.get(authorize(stableID(random.IntN(t.registry.stable)), random)), reaches(http.StatusFound, "")
	}},
	{"token, valid", 30, true, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		id := stableID(random.IntN(t.registry.stable))
		body := form(id, random)
		return t.post(id, body), reaches(http.StatusOK, body)
	}},
	{"resource, valid", 10, true, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		return t.get("/api/users/me?fields=id", "Authorization: Bearer "+word(random)), reaches(http.StatusFound, "")
	}},
	{"authorize, repeated parameter", 5, false, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		return t.get(authorize(stableID(random.IntN(t.registry.stable)), random) + "&client_id=x"), refused(http.StatusBadRequest, "invalid_request")
	}},
	{"authorize, error redirected", 5, false, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		id, state := stableID(random.IntN(t.registry.stable)), word(random)
		target := fmt.Sprintf("%s?response_type=code&client_id=%s&redirect_uri=%s&state=%s&code_challenge_method=S256", conformance.AuthorizePath, id,
			url.QueryEscape(redirectURI(id)), state)
		return t.get(target), func(a answer) string {
			location := a.header.Get("Location")
			if a.status != http.StatusSeeOther || !strings.HasPrefix(location, redirectURI(id)+"?error=invalid_request&") || !strings.Contains(location, "state="+state) {
				return fmt.Sprintf("answered with %d to %q", a.status, location)
			}
			return ""
		}
	}},
	{"token, repeated parameter", 5, false, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		id := stableID(random.IntN(t.registry.stable))
		return t.post(id, form(id, random)+"&code=another"), refused(http.StatusBadRequest, "invalid_request")
	}},
	{"token, unknown client", 5, false, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		check := refused(http.StatusUnauthorized, "invalid_client")
		realms := t.realms()
		return t.post("nobody", form("nobody", random)), func(a answer) string {
			challenge := a.header.Get("WWW-Authenticate")
			for _, realm := range append(realms, t.realms()...) {
				if strings.Contains(challenge, `realm="`+realm+`"`) {
					return check(a)
				}
			}
			return fmt.Sprintf("answered with %d and the challenge %q", a.status, challenge)
		}
	}},
	{"resource, no token", 5, false, func(t *traffic, _ *rand.Rand) (string, func(answer) string) {
		return t.get("/api/users/me"), refused(http.StatusUnauthorized, "")
	}},
	{"authorize, client of the moment", 5, false, func(t *traffic, random *rand.Rand) (string, func(answer) string) {
		generation, inForce := t.registry.passing()
		older := generation > 0 && random.IntN(2) == 0
		id := passingID(generation, random.IntN(t.registry.stable/10+1))
		if older {
			id = passingID(generation-1, 0)
		}
		return t.get(authorize(id, random)), func(a answer) string {
			// The next swap may have come meanwhile.
			if now, _ := t.registry.passing(); !inForce || now != generation {
				return ""
			}
			if older {
				return refused(http.StatusBadRequest, "invalid_request")(a)
			}
			return reaches(http.StatusFound, "")(a)
		}
	}},
}

// word is a random value.
func word(random *rand.Rand) string {
	return fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
}

// authorize is the target of a valid authorization request.
func authorize(id string, random *rand.Rand) string {
	return fmt.Sprintf("%s?response_type=code&client_id=%s&redirect_uri=%s&scope=openid%%20profile&state=%s&code_challenge=%s&code_challenge_method=S256",
		conformance.AuthorizePath, id, url.QueryEscape(redirectURI(id)), word(random), (word(random) + word(random))[:43])
}

// form is a valid token request.
func form(id string, random *rand.Rand) string {
	return fmt.Sprintf("grant_type=authorization_code&code=%s&redirect_uri=%s&code_verifier=%s", word(random), url.QueryEscape(redirectURI(id)), word(random)+word(random))
}

func (t *traffic) get(target string, fields ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: " + t.address + "\r\nAccept: application/json\r\n" + strings.Join(append(fields, ""), "\r\n") + "\r\n"
}

func (t *traffic) post(id, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\n\r\n%s",
		conformance.TokenPath, t.address, base64.StdEncoding.EncodeToString([]byte(id+":not-a-secret")), len(body), body)
}

// reaches checks that the server answered, and that it received this very body.
func reaches(status int, body string) func(answer) string {
	return func(a answer) string {
		if want := fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body))); a.status != status || a.header.Get(upstream.Mark) != want {
			return fmt.Sprintf("answered with %d, mark %q, want %d from the server with %s: %.200s", a.status, a.header.Get(upstream.Mark), status, want, a.body)
		}
		return ""
	}
}

// refused checks that the guard answered.
func refused(status int, code string) func(answer) string {
	return func(a answer) string {
		if a.status != status || a.header.Get(upstream.Mark) != "" || code != "" && !strings.Contains(a.body, `"error":"`+code+`"`) {
			return fmt.Sprintf("answered with %d, want %d from the guard with %q: %.200s", a.status, status, code, a.body)
		}
		return ""
	}
}
