package share

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
)

// TestPieces expects that every function by which a piece is found is there: one with another name would never be found, and nobody would notice.
func TestPieces(t *testing.T) {
	found := functions(t, "../../caddymodule", guard)
	maps.Copy(found, functions(t, "../../caddymodule/tally", counts))
	maps.Copy(found, functions(t, "../../validators", engine))
	for _, p := range pieces {
		for _, function := range p.functions {
			if !found[function] {
				t.Errorf("%s: there is no function %s", p.title, function)
			}
		}
	}
}

// functions are all functions and methods of a package, as profiles call them.
func functions(t *testing.T, folder, prefix string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range parsed.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := function.Name.Name
			if function.Recv != nil {
				if pointer, ok := function.Recv.List[0].Type.(*ast.StarExpr); ok {
					name = "(*" + string(text[pointer.X.Pos()-1:pointer.X.End()-1]) + ")." + name
				}
			}
			names[prefix+name] = true
		}
	}
	return names
}

// TestDivide expects that a stack belongs to the innermost piece, and that what the guard calls as the next handler is not the guard's.
func TestDivide(t *testing.T) {
	handler, answer := guard+"(*Handler).ServeHTTP", guard+"(*delivery).answer"
	var p profile.Profile
	for _, stack := range []string{
		"runtime.mallocgc " + answer + " " + handler + " net/http.(*conn).serve",
		"time.Now " + handler + " net/http.(*conn).serve",
		"net/http.(*Transport).roundTrip " + next + " " + handler + " net/http.(*conn).serve",
		"runtime.gcDrain",
	} {
		sample := &profile.Sample{Value: []int64{2, 20}}
		for name := range strings.SplitSeq(stack, " ") {
			sample.Location = append(sample.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		p.Sample = append(p.Sample, sample)
	}
	got := divide(&p)
	if want := (shares{pieces: [len(pieces)]int64{len(pieces) - 2: 2, len(pieces) - 1: 2}, total: 8}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if text := percent(got.sum(), got.total); text != "50.0 ± 17.7 %" {
		t.Error(text)
	}
}
