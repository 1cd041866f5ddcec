// The program guarded-caddy is a Caddy with its standard modules, the guard, and a storage that fails on command, for tests that need several Caddys, or one that can be killed.
package main

import (
	"io"
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives of a real Caddy

	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule" // the guard
)

func main() {
	// The test holds the other end of the standard input. It closes when the test ends, however that happens, so that no Caddy is left behind.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	caddycmd.Main()
}
