package fleet_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/clients"
)

// fetch reads a page.
func fetch(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%s", url, response.Status, body)
	}
	return string(body), err
}

// metrics are the values of all series, by the name with its labels, as the text format has them.
func (i *instance) metrics() map[string]float64 {
	i.t.Helper()
	text, err := fetch("http://" + i.address + "/metrics")
	must(i.t, err)
	values := make(map[string]float64)
	for line := range strings.Lines(text) {
		series, value, found := cutLast(strings.TrimSpace(line), " ")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		values[series], err = strconv.ParseFloat(value, 64)
		must(i.t, err)
	}
	return values
}

// cutLast is [strings.Cut] at the last place.
func cutLast(text, separator string) (before, after string, found bool) {
	if at := strings.LastIndex(text, separator); at >= 0 {
		return text[:at], text[at+len(separator):], true
	}
	return text, "", false
}

// source is what the metrics say about the source of clients.
type source struct {
	state       clients.Condition
	clients     int
	lastSuccess time.Time
}

// source reads the metrics.
func (i *instance) source() source {
	i.t.Helper()
	values := i.metrics()
	label := fmt.Sprintf("{source=%q", "hub:"+i.config.hub)
	s := source{clients: int(values["caddy_oauth_guard_source_clients"+label+"}"])}
	if last := values["caddy_oauth_guard_source_last_success_timestamp_seconds"+label+"}"]; last > 0 {
		s.lastSuccess = time.Unix(int64(last), 0)
	}
	for _, condition := range clients.Conditions() {
		if values[fmt.Sprintf("caddy_oauth_guard_source_state%s,state=%q}", label, condition)] == 1 {
			if s.state != "" {
				i.t.Errorf("%s is %s and %s at once", i.name, s.state, condition)
			}
			s.state = condition
		}
	}
	return s
}

// state is what the admin endpoint says about the source.
func (i *instance) state() clients.State {
	i.t.Helper()
	text, err := fetch("http://" + i.admin + "/oauth_guard/sources")
	must(i.t, err)
	var states []clients.State
	must(i.t, json.Unmarshal([]byte(text), &states))
	if len(states) != 1 {
		i.t.Fatalf("%d sources: %s", len(states), text)
	}
	return states[0]
}

// goroutines counts those of a process that the guard is answerable for. Others come and go with the requests.
type goroutines struct {
	// guard are those that run the guard's code, other than for a request of a moment.
	guard int
	// connections belong to connections to the Hub, two to each. Two idle connections are kept for the next question.
	connections int
	// keepers keep locks of Caddy's storage in files. One belongs to the role of the fetcher. A role that is given back and taken again within 5 seconds, by whomever, leaves one behind,
	// since Caddy's storage does not see that the lock is not the same any more.
	keepers int
	// places says where they are.
	places string
}

// idle are the most goroutines of idle connections.
const idle = 4

// goroutines counts the goroutines of the process.
func (i *instance) goroutines() goroutines {
	i.t.Helper()
	text, err := fetch("http://" + i.admin + "/debug/pprof/goroutine?debug=1")
	must(i.t, err)
	var found goroutines
	// Goroutines at the same place are one block: a line that counts them, and then their calls, the innermost first.
	_, text, _ = strings.Cut(text, "\n")
	for block := range strings.SplitSeq(text, "\n\n") {
		for place, count := range map[string]*int{
			"caddy-oauth-guard/c": &found.guard, "net/http.(*persistConn)": &found.connections, "certmagic.keepLockfileFresh": &found.keepers,
		} {
			if !strings.Contains(block, place) || place[0] == 'n' && strings.Contains(block, "caddy-oauth-guard/c") {
				continue
			}
			many, _, _ := strings.Cut(block, " @")
			number, err := strconv.Atoi(many)
			must(i.t, err)
			*count += number
			found.places += block + "\n\n"
		}
	}
	return found
}

// heap is the live heap in bytes after collections. A pool gives back what it holds after the second one.
func (i *instance) heap() int {
	i.t.Helper()
	var text string
	for range 3 {
		var err error
		text, err = fetch("http://" + i.admin + "/debug/pprof/heap?gc=1&debug=1")
		must(i.t, err)
	}
	found := regexp.MustCompile(`# HeapAlloc = (\d+)`).FindStringSubmatch(text)
	if found == nil {
		i.t.Fatal("the profile of the heap does not end with the statistics of the memory")
	}
	size, err := strconv.Atoi(found[1])
	must(i.t, err)
	return size
}

// entry is a line of the log.
type entry struct {
	Level   string  `json:"level"`
	Logger  string  `json:"logger"`
	Message string  `json:"msg"`
	State   string  `json:"state"`
	Clients int     `json:"clients"`
	Age     float64 `json:"age"`
	Fetcher string  `json:"fetcher"`
	Storage string  `json:"storage_error"`
	Error   string  `json:"error"`
	Rule    string  `json:"rule"`
}

// entries are the lines of the log, from the one of that number on.
func (i *instance) entries(from int) []entry {
	var entries []entry
	scanner := bufio.NewScanner(strings.NewReader(i.log()))
	scanner.Buffer(nil, 1<<20)
	for number := 0; scanner.Scan(); number++ {
		var e entry
		if number >= from && json.Unmarshal(scanner.Bytes(), &e) == nil {
			entries = append(entries, e)
		}
	}
	return entries
}

// lines is how many lines were logged.
func (i *instance) lines() int { return strings.Count(i.log(), "\n") }

// logs waits for a line about the source from the one of that number on.
func (i *instance) logs(from int, limit time.Duration, what string, is func(e entry) bool) {
	i.t.Helper()
	within(i.t, limit, i.name+" logs "+what, func() (bool, any) {
		for _, e := range i.entries(from) {
			if e.Logger == "oauth_guard" && is(e) {
				return true, nil
			}
		}
		return false, i.tail(5)
	})
}

// searchLog looks for secrets in what the instance logged.
func (i *instance) searchLog() {
	i.t.Helper()
	search(i.t, "the log of "+i.name, i.log())
}

// search looks for secrets in a text.
func search(t testing.TB, where, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.Contains(line, planted) {
			t.Errorf("a secret is in %s: %s", where, line)
		}
	}
}

// searchFolder looks for secrets in all files of a folder, and returns how many files there were.
func searchFolder(t testing.TB, folder string) (count int) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(path string, item fs.DirEntry, err error) error {
		if err != nil || item.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil {
			count++
			search(t, path, path+"\n"+string(content))
		}
		return err
	}))
	return count
}
