package parsers

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What is committed is the seed 1 with 20,000 requests; whoever asks for another number gets a new seed, which is printed.
const committedSeed, committedRequests = 1, 20_000

var (
	requestsFlag = flag.Int("requests", committedRequests, "number of requests that TestLaboratory makes")
	seedFlag     = flag.Uint64("seed", 0, "seed of TestLaboratory; without it, a new one for every number of requests but the default")
)

// laboratory is started by the first test that needs it, and stopped behind the last one.
var (
	running    *Laboratory
	laboratory = sync.OnceValues(func() (*Laboratory, error) {
		var err error
		running, err = Start()
		return running, err
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	if running != nil {
		if err := running.Stop(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

func start(t *testing.T) (*Laboratory, *Guard) {
	t.Helper()
	started, err := laboratory()
	if err != nil {
		t.Fatal(err)
	}
	guard, err := NewGuard()
	if err != nil {
		t.Fatal(err)
	}
	return started, guard
}

// summary counts what came of a run.
type summary struct {
	judged, passed, endpoints, differing int
	exceptions                           map[string]map[string]int
	found                                []finding
}

// finding is a request that passes although it has several meanings.
type finding struct {
	request     Request
	differences []Difference
}

// TestLaboratory is the property: every request that the guard passes in the profile rfc6749 means the same to all parsers, each recognised parameter of its endpoint by itself, and the
// endpoint as well.
func TestLaboratory(t *testing.T) {
	laboratory, guard := start(t)
	seed := *seedFlag
	if seed == 0 {
		seed = committedSeed
		if *requestsFlag != committedRequests {
			seed = rand.Uint64()
		}
	}
	for _, source := range laboratory.Sources {
		source.Spent = 0
	}
	result := summary{exceptions: map[string]map[string]int{}}
	err := laboratory.Run(guard, Generate, seed, *requestsFlag, func(trial *Trial) bool { return trial.Judgement.Passes }, func(trial *Trial) {
		result.judged++
		if trial.Readings != nil {
			result.add(laboratory, trial)
		}
	})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	result.print(t, laboratory, seed)
	reported := map[string]bool{}
	for _, found := range result.found {
		for _, difference := range found.differences {
			if reported[difference.Parser] {
				continue // one example of each parser says enough
			}
			reported[difference.Parser] = true
			small := Minimise(found.request, func(request Request) bool {
				return slices.Contains(differing(t, laboratory, guard, request), difference.Parser)
			})
			t.Errorf("%s\n%s", difference, Example(small.Message()))
		}
	}
	if percent := 100 * result.passed / *requestsFlag; percent < 30 {
		t.Errorf("only %d %% of the requests pass: the property says little", percent)
	}
	if *requestsFlag == committedRequests && seed == committedSeed {
		for _, exception := range Exceptions {
			if result.exceptions[exception.Name] == nil {
				t.Errorf("the exception %q is not used: is it still needed?", exception.Name)
			}
		}
	}
}

// differing are the parsers that read a request otherwise than the guard, which passes it, and that no exception excuses.
func differing(t *testing.T, laboratory *Laboratory, guard *Guard, request Request) []string {
	t.Helper()
	forwarded, err := Forward(request.Message())
	if err != nil {
		return nil
	}
	trial := &Trial{Request: request, Forwarded: forwarded, Judgement: guard.Judge(forwarded)}
	if !trial.Judgement.Passes {
		return nil
	}
	readings, err := laboratory.Read([]*Forwarded{forwarded})
	if err != nil {
		t.Fatal(err)
	}
	trial.Readings = readings[0]
	var parsers []string
	for _, difference := range laboratory.Differences(trial) {
		if Excuse(&difference) == nil {
			parsers = append(parsers, difference.Parser)
		}
	}
	return parsers
}

// add takes a request into account that the guard passed.
func (s *summary) add(laboratory *Laboratory, trial *Trial) {
	s.passed++
	if trial.Judgement.Reading.Endpoint != "" {
		s.endpoints++
	}
	var unexcused []Difference
	for _, difference := range laboratory.Differences(trial) {
		exception := Excuse(&difference)
		if exception == nil {
			unexcused = append(unexcused, difference)
			continue
		}
		if s.exceptions[exception.Name] == nil {
			s.exceptions[exception.Name] = map[string]int{}
		}
		s.exceptions[exception.Name][difference.Parser]++
	}
	if len(unexcused) > 0 {
		s.differing++
		const most = 1000 // one for each parser is printed
		if len(s.found) < most {
			s.found = append(s.found, finding{trial.Request, unexcused})
		}
	}
}

// print writes the summary.
func (s *summary) print(t *testing.T, laboratory *Laboratory, seed uint64) {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "seed %d, %d requests: net/http refuses %d, the guard refuses %d and passes %d, %d of them to an endpoint; differing without an exception: %d\n",
		seed, *requestsFlag, *requestsFlag-s.judged, s.judged-s.passed, s.passed, s.endpoints, s.differing)
	for _, exception := range Exceptions {
		counts := s.exceptions[exception.Name]
		fmt.Fprintf(&text, "exception %q:", exception.Name)
		for _, parser := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&text, " %s %d", parser, counts[parser])
		}
		text.WriteByte('\n')
	}
	for _, source := range laboratory.Sources {
		fmt.Fprintf(&text, "%6.1f s for %s (%s)\n", source.Spent.Seconds(), strings.Join(source.Parsers, ", "), source.Title)
	}
	t.Log(text.String())
}
