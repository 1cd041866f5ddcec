package upstream

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// How long a program may take. Both are far above what it does take, since the machine may be busy with other tests.
const (
	startPatience = 2 * time.Minute
	stopPatience  = 20 * time.Second
)

// program is a server in another language.
type program struct {
	command []string
	// directory is where the command runs.
	directory string
	// install says what to do if the command is not there.
	install string
}

// run starts a program. It gets the configuration as one line of JSON, answers with one line of JSON when it listens, and ends when its input ends, so that it cannot
// outlive the tests.
func (p program) run(config Config) (*Server, error) {
	path, err := exec.LookPath(p.command[0])
	if err != nil {
		return nil, fmt.Errorf("%w; %s", err, p.install)
	}
	command := exec.Command(path, p.command[1:]...)
	command.Dir, command.Stderr, command.WaitDelay = p.directory, config.Log, stopPatience
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, answer := io.Pipe()
	command.Stdout = answer
	if err := command.Start(); err != nil {
		return nil, err
	}
	running := &process{command: command, input: input, ended: make(chan struct{})}
	server := &Server{stop: running.stop, alive: running.alive}
	listening := make(chan error, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		reader := bufio.NewReader(output)
		line, err := reader.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, server)
		}
		listening <- err
		_, _ = io.Copy(config.Log, reader)
	}()
	go func() {
		running.err = command.Wait()
		_ = answer.Close()
		<-drained
		close(running.ended)
	}()
	if err = json.NewEncoder(input).Encode(config); err == nil {
		select {
		case err = <-listening:
		case <-time.After(startPatience):
			err = errors.New("it does not listen")
		}
	}
	if err == nil && len(server.Addresses) != len(config.Issuers) {
		err = fmt.Errorf("it listens on %q", server.Addresses)
	}
	if err != nil {
		return nil, fmt.Errorf("%q did not start: %w; %s", p.command, errors.Join(err, running.stop()), p.install)
	}
	return server, nil
}

// process is a program that runs.
type process struct {
	command *exec.Cmd
	input   io.Closer
	// ended is closed when the process ended, which is when err may be read.
	ended chan struct{}
	err   error
}

// alive implements [Server.Alive].
func (p *process) alive() error {
	select {
	case <-p.ended:
		return fmt.Errorf("the process ended: %s", p.command.ProcessState)
	default:
		return nil
	}
}

// stop implements [Server.Stop].
func (p *process) stop() error {
	early := p.alive()
	_ = p.input.Close()
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
		_ = p.command.Process.Kill()
		<-p.ended
		return errors.New("the process did not end when it was asked to")
	}
	if early == nil && p.err != nil {
		return p.err
	}
	return early
}
