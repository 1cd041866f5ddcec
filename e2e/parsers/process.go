package parsers

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// stopPatience is how long a program may take to end. It is far above what it does take.
const stopPatience = 20 * time.Second

// process is a program in another language. It ends when its input ends, so that it cannot outlive the tests.
type process struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
	// log is the first of what the program says of itself, for the message if it fails.
	log head
}

// head keeps the first bytes that are written to it.
type head struct{ bytes.Buffer }

// Write implements [io.Writer].
func (h *head) Write(text []byte) (int, error) {
	const most = 4 << 10
	if room := most - h.Len(); room > 0 {
		h.Buffer.Write(text[:min(room, len(text))])
	}
	return len(text), nil
}

// run starts a program; install says what to do if that fails.
func run(install string, command ...string) (*process, error) {
	return runWith(nil, nil, install, command...)
}

// runWith starts a program with open files, the first of them number 3, and more environment variables.
func runWith(files []*os.File, environment []string, install string, command ...string) (*process, error) {
	p := &process{command: exec.Command(command[0], command[1:]...)}
	p.command.ExtraFiles, p.command.Env = files, append(os.Environ(), environment...)
	p.command.Stderr = &p.log
	p.command.WaitDelay = stopPatience
	var err error
	if p.input, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.output = bufio.NewReader(output)
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("%w; %s", err, install)
	}
	return p, nil
}

// line reads the line in which a server says where it listens.
func (p *process) line(install string) (string, error) {
	line, err := p.output.ReadString('\n')
	if err != nil {
		return "", errors.Join(fmt.Errorf("%s did not start: %w; %s", p.command, err, install), p.stop())
	}
	return line[:len(line)-1], nil
}

// stop ends the program.
func (p *process) stop() error {
	_ = p.input.Close()
	late := time.AfterFunc(stopPatience, func() { _ = p.command.Process.Kill() })
	defer late.Stop()
	if _, err := io.Copy(io.Discard, p.output); err != nil {
		return err
	}
	if err := p.command.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", p.command, err, p.log.String())
	}
	return nil
}

// exchange returns a function that writes requests to the program's input and reads the readings of so many parsers from its output.
func (p *process) exchange(parsers int) func([]*Forwarded) ([][]Reading, error) {
	return func(requests []*Forwarded) ([][]Reading, error) {
		sent := make(chan error, 1)
		go func() {
			out := bufio.NewWriter(p.input)
			for _, request := range requests {
				frame := appendTexts(nil, request.fields()...)
				if _, err := out.Write(appendTexts(nil, string(frame))); err != nil {
					sent <- err
					return
				}
			}
			sent <- out.Flush()
		}()
		readings := make([][]Reading, len(requests))
		for i := range readings {
			var size [4]byte
			if _, err := io.ReadFull(p.output, size[:]); err != nil {
				return nil, fmt.Errorf("%s: %w", p.command, err)
			}
			frame := make([]byte, binary.BigEndian.Uint32(size[:]))
			if _, err := io.ReadFull(p.output, frame); err != nil {
				return nil, fmt.Errorf("%s: %w", p.command, err)
			}
			var err error
			if readings[i], err = decode(frame, parsers); err != nil {
				return nil, fmt.Errorf("%s: %w", p.command, err)
			}
		}
		return readings, <-sent
	}
}
