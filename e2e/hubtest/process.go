package hubtest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Running is what a stand-in of its own process says about itself when it is ready.
type Running struct {
	URL        string `json:"url"`
	ControlURL string `json:"control_url"`
	// Authority, Certificate and Key are in PEM, and empty without TLS: the certificate of the authority, and that of a client with its key.
	Authority   string `json:"authority,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
}

// Describe is what is to be said about a stand-in.
func (s *Server) Describe() (Running, error) {
	running := Running{URL: s.URL(), ControlURL: s.ControlURL(), Authority: string(s.Authority())}
	if s.authority != nil {
		certificate, key, err := s.ClientCertificate()
		if err != nil {
			return Running{}, err
		}
		running.Certificate, running.Key = string(certificate), string(key)
	}
	return running, nil
}

// Process is a stand-in in a process of its own, so that it can be killed.
type Process struct {
	Running
	Control Control
	command *exec.Cmd
	stdin   io.Closer
}

// Build compiles the program of the stand-in into a folder, and returns its path.
func Build(folder string) (string, error) {
	path := filepath.Join(folder, "hub-stand-in")
	command := exec.Command("go", "build", "-o", path, "github.com/oauthguard/caddy-oauth-guard/e2e/hubtest/cmd/hub-stand-in")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the hub stand-in: %w\n%s", err, output)
	}
	return path, nil
}

// StartProcess runs a program that [Build] made. It also ends when this process does.
func StartProcess(program string, config Config) (*Process, error) {
	command := exec.Command(program, "-config", "-")
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	p := &Process{command: command, stdin: stdin}
	err = json.NewEncoder(stdin).Encode(config)
	var line []byte
	if err == nil {
		line, err = bufio.NewReader(stdout).ReadBytes('\n')
	}
	if err == nil {
		err = json.Unmarshal(line, &p.Running)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the hub stand-in: %w", err), p.Kill())
	}
	p.Control = Control{URL: p.ControlURL}
	return p, nil
}

// Stop ends the process.
func (p *Process) Stop() error {
	_ = p.stdin.Close()
	return p.command.Wait()
}

// Kill ends it at once, as SIGKILL does.
func (p *Process) Kill() error {
	_ = p.command.Process.Kill()
	_ = p.stdin.Close()
	if err := p.command.Wait(); err != nil {
		if _, killed := errors.AsType[*exec.ExitError](err); !killed {
			return err
		}
	}
	return nil
}
