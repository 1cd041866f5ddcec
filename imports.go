// Package guard imports the Caddy module, so that building Caddy with the module path alone works too.
package guard

import _ "github.com/oauthguard/caddy-oauth-guard/caddymodule" // registers the modules
