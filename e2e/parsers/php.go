package parsers

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// startPHP starts PHP behind FastCGI, as web servers do, so that $_GET and $_POST are its own work. It has no php.ini, so
// that its limits are those that are built in: 1,000 parameters, for example.
func startPHP() (*Source, error) {
	const install = "it needs PHP for FastCGI, on Debian: apt-get install php-cgi"
	harness, err := harnessFolder()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "parsers-php")
	if err != nil {
		return nil, err
	}
	address := filepath.Join(folder, "socket")
	listener, err := net.Listen("unix", address)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	socket, err := listener.(*net.UnixListener).File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	// A FastCGI program finds its socket where others find their input. The shell ends it with the tests.
	const script = `php-cgi -n -d display_errors=0 <&3 & php=$!; exec 3<&-; echo started; read -r _; kill "$php"; wait "$php"; exit 0`
	program, err := runWith([]*os.File{socket}, []string{"PHP_FCGI_MAX_REQUESTS=0", "PHP_FCGI_CHILDREN=0"}, install, "sh", "-c", script)
	if err != nil {
		return nil, err
	}
	if _, err := program.line(install); err != nil {
		return nil, err
	}
	client := &fastCGI{address: address, script: filepath.Join(harness, "reading.php")}
	version := strings.Fields(firstLine(output("php-cgi", "-v")))
	if len(version) < 2 {
		return nil, errors.Join(fmt.Errorf("php-cgi: %q; %s", version, install), program.stop())
	}
	return &Source{
		Parsers: []string{"php"}, Title: "PHP " + version[1], read: client.read,
		stop: func() error {
			client.disconnect()
			return errors.Join(program.stop(), os.RemoveAll(folder))
		},
	}, nil
}
