// The program upstream is the server behind every peer, as a process of its own, so that its processor time is not counted as theirs. Its first line says where it listens.
package main

import (
	"flag"
	"fmt"
	"net"
	"os"

	"github.com/oauthguard/caddy-oauth-guard/bench/upstream"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err == nil {
		fmt.Println(listener.Addr())
		err = upstream.Serve(listener)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(1)
	}
}
