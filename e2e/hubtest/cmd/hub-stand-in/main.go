// The program hub-stand-in runs a stand-in for the REST API of JetBrains Hub, for tests that need it in a process of its own. It prints a line of JSON with its addresses when it is ready.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/oauthguard/caddy-oauth-guard/e2e/hubtest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	file := flag.String("config", "", `a file with the configuration in JSON; "-" reads one line from the standard input, and ends with it`)
	listen := flag.String("listen", "", "where the Hub listens (default: a free port of 127.0.0.1)")
	control := flag.String("control", "", "where it takes commands (default: a free port of 127.0.0.1)")
	path := flag.String("path", "", "where the Hub begins, as in /hub")
	services := flag.Int("services", 0, "how many made-up services there are")
	token := flag.String("token", "perm:stand-in", "a token that may read everything")
	flag.Parse()

	config := hubtest.Config{
		Address: *listen, ControlAddress: *control, Path: *path, Generate: *services,
		Tokens: map[string]hubtest.Permission{*token: hubtest.ReadAll},
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	if *file != "" {
		input := os.Stdin
		if *file != "-" {
			var err error
			if input, err = os.Open(*file); err != nil {
				return err
			}
			defer input.Close()
		}
		reader := bufio.NewReader(input)
		line, err := reader.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		config = hubtest.Config{}
		if err := json.Unmarshal(line, &config); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
		if *file == "-" {
			go func() {
				_, _ = io.Copy(io.Discard, reader)
				end <- os.Interrupt
			}()
		}
	}
	server, err := hubtest.Start(config)
	if err != nil {
		return err
	}
	running, err := server.Describe()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(running); err != nil {
		return err
	}
	<-end
	return server.Close()
}
