package upstream

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// Doorkeeper is Doorkeeper in a Rails application with a login page of its own, and the consent page that Doorkeeper brings along.
func Doorkeeper() Kind {
	version, err := doorkeeperVersion()
	return Kind{
		Name: "doorkeeper", Title: title("Doorkeeper", version, err, "Ruby on Rails"),
		Paths: Paths{
			Authorize: "/oauth/authorize", Token: "/oauth/token", Resource: "/api/me", DeviceAuthorization: "/oauth/device",
			Introspection: "/oauth/introspect", Revocation: "/oauth/revoke", PushedAuthorizationRequest: "/oauth/par",
		},
		Offers: []string{Code, Refresh, ClientCredentials, Password, Implicit, Introspection, Revocation},
		Scopes: []string{"read", "write"},
		start: func(config Config) (*Server, error) {
			folder, err := packages.Folder()
			if err != nil {
				return nil, err
			}
			return program{
				command:   []string{ruby(), "doorkeeper.rb"},
				directory: filepath.Join(folder, "upstream"),
				install: "it needs Ruby with Doorkeeper and Puma, on Debian: " +
					"apt-get install ruby-doorkeeper ruby-sqlite3 puma ruby-railties ruby-activerecord",
			}.run(config)
		},
	}
}

// ruby is the interpreter that the packages of the distribution belong to, if there is one.
func ruby() string {
	const distribution = "/usr/bin/ruby"
	if _, err := os.Stat(distribution); err == nil {
		return distribution
	}
	return "ruby"
}

// doorkeeperVersion asks Ruby.
var doorkeeperVersion = sync.OnceValues(func() (string, error) {
	version, err := exec.Command(ruby(), "-e", `print Gem::Specification.find_by_name("doorkeeper").version`).Output()
	return string(version), err
})
