package clients

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// patience is how long a program may be silent in a run.
const patience = time.Minute

// folder is where the programs of this package are, below the folder of the npm packages.
const folder = "clients"

// startNode starts a program for Node.js, which finds the npm packages above its own folder.
func startNode(file string) func(Options) (Driver, error) {
	return func(options Options) (Driver, error) {
		interpreter, err := packages.Node()
		if err != nil {
			return nil, err
		}
		return startProgram(options, "NODE_EXTRA_CA_CERTS", interpreter, file)
	}
}

// startPython starts a program for the Python of the system, to which Debian's packages belong.
func startPython(file string) func(Options) (Driver, error) {
	return func(options Options) (Driver, error) {
		return startProgram(options, "REQUESTS_CA_BUNDLE", "/usr/bin/python3", file)
	}
}

// program is a driver in another language. It gets a line of JSON for each run, answers with lines of JSON, and ends with its input, so that it cannot outlive the
// tests.
type program struct {
	command *exec.Cmd
	title   string

	mutex  sync.Mutex
	input  io.WriteCloser
	number int
	runs   map[int]chan message
	// ended is closed when the program said its last word.
	ended chan struct{}
}

// message is what a program says: once its title, and then where the user must go, or how a run ended.
type message struct {
	Title string `json:"title"`
	Run   int    `json:"run"`
	Open  string `json:"open"`
	Steps []Step `json:"steps"`
}

// answer tells a program how the user came back.
type answer struct {
	Run      int    `json:"run"`
	Callback string `json:"callback,omitempty"`
	Failed   string `json:"failed,omitempty"`
}

// startProgram starts a program that trusts the authority which a variable of its environment names.
func startProgram(options Options, variable, interpreter, file string) (Driver, error) {
	root, err := packages.Folder()
	if err != nil {
		return nil, err
	}
	command := exec.Command(interpreter, file)
	command.Dir = filepath.Join(root, folder)
	command.Stderr = os.Stderr
	if options.Authority != "" {
		command.Env = append(os.Environ(), variable+"="+options.Authority)
	}
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	started := &program{command: command, input: input, runs: map[int]chan message{}, ended: make(chan struct{})}
	ready := started.expect(0)
	go started.listen(output)
	first, err := started.next(ready)
	if err != nil {
		return nil, errors.Join(err, started.Stop())
	}
	started.title = first.Title
	return started, nil
}

// Title implements [Driver].
func (p *program) Title() string { return p.title }

// expect makes room for what the program will say in a run.
func (p *program) expect(number int) chan message {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.runs[number] = make(chan message, 1)
	return p.runs[number]
}

// forget ends a run.
func (p *program) forget(number int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.runs, number)
}

// listen hands over what the program says to whom it is for.
func (p *program) listen(output io.Reader) {
	defer close(p.ended)
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var said message
		problem := json.Unmarshal(line, &said)
		p.mutex.Lock()
		expected := p.runs[said.Run]
		p.mutex.Unlock()
		if problem == nil {
			select {
			case expected <- said:
				continue
			default:
			}
		}
		fmt.Fprintf(os.Stderr, "nobody expects %q of %s\n", line, p.command)
	}
}

// next waits for what the program says next in a run.
func (p *program) next(from chan message) (message, error) {
	select {
	case said := <-from:
		return said, nil
	case <-p.ended:
		return message{}, fmt.Errorf("%s ended", p.command)
	case <-time.After(patience):
		return message{}, fmt.Errorf("%s says nothing", p.command)
	}
}

// Run implements [Driver].
func (p *program) Run(run Run, user User) ([]Step, error) {
	p.mutex.Lock()
	p.number++
	number := p.number
	p.mutex.Unlock()
	said := p.expect(number)
	defer p.forget(number)
	err := p.tell(struct {
		Number int `json:"run"`
		Run
	}{number, run})
	for err == nil {
		var what message
		if what, err = p.next(said); err != nil {
			break
		}
		if what.Open == "" {
			return what.Steps, nil
		}
		callback, failure := run.authorize(what.Open, user)
		reply := answer{Run: number, Callback: callback}
		if failure != nil {
			reply.Failed = failure.Error()
		}
		err = p.tell(reply)
	}
	return nil, err
}

// tell writes one line.
func (p *program) tell(what any) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return json.NewEncoder(p.input).Encode(what)
}

// Stop implements [Driver].
func (p *program) Stop() error {
	_ = p.input.Close()
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.command.Process.Kill()
	}
	return p.command.Wait()
}
