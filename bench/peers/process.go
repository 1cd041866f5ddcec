package peers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a running peer.
type Process struct {
	// Peer is what runs.
	Peer *Peer
	// Address is where it proxies.
	Address string
	// AnswerAddress is where a bare peer gives a constant refusal.
	AnswerAddress string
	// ID is that of the process, the root of its tree.
	ID int
	// Folder holds its configuration.
	Folder string

	command *exec.Cmd
	output  tail
	ended   chan struct{}
}

// patience is how long a peer may take to listen, and to end.
const patience = 30 * time.Second

// Start runs a peer in a folder of its own below the one of the setup, and waits until it listens. The addresses of the setup are chosen if they are empty.
func Start(ctx context.Context, peer *Peer, setup Setup) (*Process, error) {
	program, err := peer.Program(setup.Caddy)
	if err != nil {
		return nil, err
	}
	if setup.Folder, err = os.MkdirTemp(setup.Folder, peer.Name+"-"); err != nil {
		return nil, err
	}
	// Workers of Apache that gave up the rights of root write temporary files.
	if err = os.Chmod(setup.Folder, 0o755); err == nil {
		temporary := filepath.Join(setup.Folder, "temporary")
		if err = os.Mkdir(temporary, 0o777); err == nil {
			err = os.Chmod(temporary, 0o777)
		}
	}
	for _, address := range []*string{&setup.Address, &setup.AnswerAddress} {
		if err == nil && *address == "" {
			*address, err = FreeAddress()
		}
	}
	if err == nil {
		err = setup.write(peer)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", peer.Name, err)
	}
	p := &Process{Peer: peer, Address: setup.Address, AnswerAddress: setup.AnswerAddress, ended: make(chan struct{}), Folder: setup.Folder}
	p.command = exec.Command(program, peer.run(setup)...)
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	// What the user set for Go's runtime must not change what is compared. Caddy keeps its state below the folder, and not in the home of the user.
	p.command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains([]string{"GOGC", "GOMEMLIMIT", "GODEBUG", "GOMAXPROCS"}, name)
	})
	p.command.Env = append(p.command.Env, "HOME="+setup.Folder, "XDG_DATA_HOME="+setup.Folder, "XDG_CONFIG_HOME="+setup.Folder)
	p.command.Env = append(p.command.Env, setup.Environment...)
	// A group of its own, so that it ends as a whole.
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		// The signal comes when the thread ends that started the process, so the thread stays.
		runtime.LockOSThread()
		defer close(p.ended)
		err := p.command.Start()
		started <- err
		if err == nil {
			_ = p.command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", peer.Name, err)
	}
	p.ID = p.command.Process.Pid
	addresses := []string{p.Address}
	if peer.IsBare() {
		addresses = append(addresses, p.AnswerAddress)
	}
	for _, address := range addresses {
		if err := p.listens(ctx, address); err != nil {
			p.Stop()
			return nil, fmt.Errorf("%s: %w\n%s", peer.Name, err, p.output.text())
		}
	}
	return p, nil
}

// listens waits until somebody listens on the address.
func (p *Process) listens(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("ended before it listened on %s", address)
		case <-ctx.Done():
			return fmt.Errorf("does not listen on %s: %w", address, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the process with all that it started, and removes its folder.
func (p *Process) Stop() {
	_ = syscall.Kill(p.ID, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(patience):
	}
	// Workers that outlive their master; usually there are none.
	_ = syscall.Kill(-p.ID, syscall.SIGKILL)
	<-p.ended
	_ = os.RemoveAll(p.Folder)
}

// Ended says whether the process has ended by itself.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Collections is how often the garbage collector of a Go program ran, if its environment contains [TraceCollections]; zero for other programs.
func (p *Process) Collections() int {
	found := collection.FindAllStringSubmatch(p.output.text(), -1)
	if len(found) == 0 {
		return 0
	}
	number, _ := strconv.Atoi(found[len(found)-1][1])
	return number
}

// TraceCollections lets a Go program write a line for each collection.
const TraceCollections = "GODEBUG=gctrace=1"

var collection = regexp.MustCompile(`(?m)^gc (\d+) @.*$`)

// Output is the end of what the process wrote.
func (p *Process) Output() string { return p.output.text() }

// FreeAddress returns an address on the loopback that nobody listens on. It lies below the ports that systems give to outgoing connections.
func FreeAddress() (string, error) {
	for port := 18000 + os.Getpid()%2000; port < 32000; port++ {
		address := fmt.Sprintf("127.0.0.1:%d", port)
		if _, taken := given.LoadOrStore(address, true); taken {
			continue
		}
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", fmt.Errorf("no free port between 18000 and 32000")
}

// given are the addresses that FreeAddress returned.
var given sync.Map

// tail keeps the end of what is written to it.
type tail struct {
	mutex sync.Mutex
	end   bytes.Buffer
}

// kept is how many bytes a tail keeps at least.
const kept = 16 << 10

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.end.Write(p)
	if excess := t.end.Len() - kept; excess > kept {
		t.end.Next(excess)
	}
	return len(p), nil
}

func (t *tail) text() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.end.String()
}
