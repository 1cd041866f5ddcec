package proofs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

var update = flag.Bool("update", false, "write the test vectors that hold signatures anew")

// object is a JSON object.
type object = map[string]any

// at is when the requests of the vectors are sent, if that matters.
var at = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// Times of claims, in seconds since 1970. Those that are long hold at any time that the tests may run at.
var (
	now     = at.Unix()
	longAgo = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	distant = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// A signer has a key of its own, which is always the same: signatures of Ed25519 are, too, so that the vectors only change if what they say changes.
type signer struct{ key ed25519.PrivateKey }

func newSigner(name string) signer {
	seed := sha256.Sum256([]byte("test vectors: " + name))
	return signer{ed25519.NewKeyFromSeed(seed[:])}
}

var (
	clientKey   = newSigner("client")
	proofKey    = newSigner("proof")
	strangerKey = newSigner("stranger")
)

// jwk is the public key.
func (s signer) jwk() object {
	return object{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))}
}

// thumbprint is that of RFC 7638.
func (s signer) thumbprint() string {
	text, _ := json.Marshal(s.jwk())
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sign makes a JWS in compact form.
func (s signer) sign(header, claims object) string {
	input := part(header) + "." + part(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.key, []byte(input)))
}

// part is a part of a JWS: JSON, or text as it is.
func part(value any) string {
	text, ok := value.(string)
	if !ok {
		encoded, _ := json.Marshal(value)
		text = string(encoded)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// with is an object with other members; nil removes one.
func with(base object, changes object) object {
	changed := maps.Clone(base)
	for name, value := range changes {
		if value == nil {
			delete(changed, name)
		} else {
			changed[name] = value
		}
	}
	return changed
}

// post is a form that is posted to a path, with header lines before it.
func post(path string, form url.Values, lines ...string) []string {
	request := append([]string{"POST " + path, "Content-Type: application/x-www-form-urlencoded"}, lines...)
	return append(request, "", form.Encode())
}

// get is a request without a body.
func get(target string, lines ...string) []string { return append([]string{"GET " + target}, lines...) }

func values(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// fires and misses make vectors; timed says that they hold at one time only.
func fires(name string, request []string) vectors.Vector {
	return vectors.Vector{Name: name, Fires: true, Request: request}
}

func misses(name string, request []string) vectors.Vector {
	return vectors.Vector{Name: name, Request: request}
}

func timed(v vectors.Vector) vectors.Vector {
	v.Time = at.Format(time.RFC3339)
	return v
}

// answered states the answer.
func answered(v vectors.Vector, code string, status int) vectors.Vector {
	v.Error, v.Status = code, status
	return v
}

func in(profile string, v vectors.Vector) vectors.Vector {
	v.Profile = profile
	return v
}

// suite is the vectors of one package of rules.
type suite struct {
	folder string
	rules  map[string][]vectors.Vector
}

// TestVectorsAreCurrent makes sure that the vectors with signatures are those of the tables in this package. After a change of a table, write them anew:
// go test ./proofs -run TestVectorsAreCurrent -update.
func TestVectorsAreCurrent(t *testing.T) {
	for _, s := range []suite{proofVectors(), bindingVectors(), certificateVectors(), tokenVectors(), referenceVectors(), objectVectors(), securityVectors(), authenticationVectors(), grantVectors()} {
		for id, list := range s.rules {
			name := filepath.Join("..", "validators", s.folder, "testdata", id+".json")
			want := encode(t, vectors.File{Rule: id, Vectors: list})
			if *update {
				if err := os.WriteFile(name, want, 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is not what the table makes (%v): run with -update", name, err)
			}
		}
	}
}

// encode writes one vector a line, as the other files have it.
func encode(t *testing.T, file vectors.File) []byte {
	t.Helper()
	var lines []string
	for i := range file.Vectors {
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(&file.Vectors[i]); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, "    "+strings.TrimSpace(line.String()))
	}
	return []byte("{\n  \"rule\": \"" + file.Rule + "\",\n  \"vectors\": [\n" + strings.Join(lines, ",\n") + "\n  ]\n}\n")
}
