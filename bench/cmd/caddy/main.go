// The program caddy is Caddy with its standard modules, the guard, and the handler that stands for Coraza. The bench builds it from this checkout, with the flags that
// xcaddy uses, and runs it bare as well as guarded: both sides of a comparison are one binary.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the directives of a real Caddy

	_ "github.com/oauthguard/caddy-oauth-guard/bench/coraza" // a peer
	_ "github.com/oauthguard/caddy-oauth-guard/caddymodule"  // the guard
)

func main() { caddycmd.Main() }
