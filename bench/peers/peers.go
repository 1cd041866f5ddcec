// Package peers starts and stops what a user could put before an authorization server: the guard, and everything else that could make the same checks.
package peers

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Peer is a program with a configuration.
type Peer struct {
	// Name is its word on the command line and in the data.
	Name string
	// Title is its name in the document.
	Title string
	// Bare is the name of the same program without any checks; that one names itself.
	Bare string
	// Packages are the Debian packages that it needs; none for a Caddy, which is built.
	Packages []string
	// Limits say in a sentence what the checks of this peer cannot express; "" for nothing worth to say.
	Limits string

	kind    string            // the word in the configuration
	program string            // looked up in PATH; "" is Caddy
	modules string            // folder of the modules
	needs   []string          // files without which it cannot run
	files   map[string]string // template by file
	run     func(s Setup) []string
	version []string
}

const (
	nginxModules  = "/usr/lib/nginx/modules"
	apacheModules = "/usr/lib/apache2/modules"
)

func caddy(name, kind, title, limits string, more map[string]string) Peer {
	files := map[string]string{"Caddyfile": "Caddyfile"}
	for file, template := range more {
		files[file] = template
	}
	bare := Caddy
	if strings.HasSuffix(kind, logs) {
		bare += logs
	}
	return Peer{Name: name, Title: title, Bare: bare, Limits: limits, kind: kind, files: files,
		run: func(s Setup) []string {
			return []string{"run", "--config", filepath.Join(s.Folder, "Caddyfile"), "--adapter", "caddyfile"}
		}}
}

func nginx(name, kind, title, limits string, packages, modules []string, more map[string]string) Peer {
	files := map[string]string{"nginx.conf": "nginx.conf"}
	for file, template := range more {
		files[file] = template
	}
	return Peer{Name: name, Title: title, Bare: "nginx", Limits: limits, Packages: append([]string{"nginx"}, packages...), kind: kind, program: "nginx",
		modules: nginxModules, needs: modules, files: files, version: []string{"-v"},
		run: func(s Setup) []string {
			return []string{"-p", s.Folder, "-e", "stderr", "-c", filepath.Join(s.Folder, "nginx.conf")}
		}}
}

func haproxy(name, kind, title, limits string, more map[string]string) Peer {
	files := map[string]string{"haproxy.conf": "haproxy.conf"}
	for file, template := range more {
		files[file] = template
	}
	return Peer{Name: name, Title: title, Bare: "haproxy", Limits: limits, Packages: []string{"haproxy"}, kind: kind, program: "haproxy", files: files,
		version: []string{"-v"}, run: func(s Setup) []string { return []string{"-db", "-f", filepath.Join(s.Folder, "haproxy.conf")} }}
}

func apache(name, kind, title, limits string, packages, modules []string, more map[string]string) Peer {
	files := map[string]string{"apache.conf": "apache.conf"}
	for file, template := range more {
		files[file] = template
	}
	return Peer{Name: name, Title: title, Bare: "apache", Limits: limits, Packages: append([]string{"apache2-bin"}, packages...), kind: kind, program: "apache2",
		modules: apacheModules, needs: modules, files: files, version: []string{"-v"},
		run: func(s Setup) []string {
			return []string{"-DFOREGROUND", "-f", filepath.Join(s.Folder, "apache.conf")}
		}}
}

// Guard and Caddy are the names of the two peers that are compared in pairs.
const (
	Guard = "caddy-guard"
	Caddy = "caddy"
)

// All returns the peers in the order of the document.
func All() []Peer {
	return []Peer{
		caddy(Guard, "guard", "Caddy + OAuth Guard", "", nil),
		caddy(Caddy, "bare", "Caddy, bare", "", nil),
		caddy(Guard+logs, "guard"+logs, "Caddy + OAuth Guard, logs", "", nil),
		caddy(Caddy+logs, "bare"+logs, "Caddy, bare, logs", "", nil),
		caddy("caddy-cel", "cel", "Caddy + CEL matchers",
			"sees forms and names as they are spelled, cannot look into Basic credentials, leaves POST to the authorization endpoint alone", nil),
		caddy("caddy-coraza", "coraza", "Caddy + Coraza", "has no way to redirect an error, leaves POST to the authorization endpoint alone",
			map[string]string{"rules.conf": "rules.conf"}),
		nginx("nginx", "bare", "nginx, bare", "", nil, nil, nil),
		nginx("nginx-lua", "lua", "nginx + Lua", "", []string{"libnginx-mod-http-lua"}, []string{nginxModules + "/ngx_http_lua_module.so"},
			map[string]string{"checks.lua": "checks.lua", "guard.lua": "nginx.lua"}),
		nginx("nginx-njs", "njs", "nginx + njs", "", []string{"libnginx-mod-http-js"}, []string{nginxModules + "/ngx_http_js_module.so"},
			map[string]string{"guard.js": "guard.js"}),
		haproxy("haproxy", "bare", "HAProxy, bare", "", nil),
		haproxy("haproxy-acl", "acl", "HAProxy + ACLs", "sees names as they are spelled, leaves POST to the authorization endpoint alone", nil),
		haproxy("haproxy-lua", "lua", "HAProxy + Lua", "", map[string]string{"checks.lua": "checks.lua", "guard.lua": "haproxy.lua"}),
		apache("apache", "bare", "Apache, bare", "", nil, nil, nil),
		apache("apache-modsecurity", "modsecurity", "Apache + ModSecurity", "has no way to redirect an error, leaves POST to the authorization endpoint alone",
			[]string{"libapache2-mod-security2"}, []string{apacheModules + "/mod_security2.so"}, map[string]string{"rules.conf": "rules.conf"}),
	}
}

// Select returns the peers of a list of names separated by commas, with the bare ones that they are compared with; "" is all.
func Select(list string) ([]Peer, error) {
	all := All()
	if list == "" {
		return all, nil
	}
	wanted := make(map[string]bool)
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(p Peer) bool { return p.Name == name })
		if i < 0 {
			var names []string
			for _, p := range all {
				names = append(names, p.Name)
			}
			return nil, fmt.Errorf("unknown peer %q: use some of %s", name, strings.Join(names, ","))
		}
		wanted[name], wanted[all[i].Bare] = true, true
	}
	return slices.DeleteFunc(all, func(p Peer) bool { return !wanted[p.Name] }), nil
}

// Named is the peer of a name; nil if there is none.
func Named(name string) *Peer {
	for _, p := range All() {
		if p.Name == name {
			return &p
		}
	}
	return nil
}

// IsBare says that the peer checks nothing.
func (p *Peer) IsBare() bool { return p.Name == p.Bare }

// Program finds the program of the peer. Debian keeps servers where the path of a user does not lead.
func (p *Peer) Program(caddy string) (string, error) {
	if p.program == "" {
		return caddy, nil
	}
	for _, name := range []string{p.program, "/usr/sbin/" + p.program, "/usr/local/sbin/" + p.program} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: program %s: %w", p.Name, p.program, exec.ErrNotFound)
}

// Missing lists the Debian packages that the peer needs and that are not there.
func (p *Peer) Missing() []string {
	missing := len(p.Packages) > 0
	if _, err := p.Program("caddy"); err == nil {
		missing = slices.ContainsFunc(p.needs, func(file string) bool {
			_, err := os.Stat(file)
			return err != nil
		})
	}
	if missing {
		return p.Packages
	}
	return nil
}

// Version asks the program for its version, and Debian for those of the modules.
func (p *Peer) Version(caddy string) string {
	program, err := p.Program(caddy)
	if err != nil {
		return ""
	}
	if p.program == "" {
		return p.builtVersion(program)
	}
	output, err := exec.Command(program, p.version...).CombinedOutput()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(output), "\n")
	// HAProxy adds the date and an address.
	line, _, _ = strings.Cut(line, " 20")
	line = strings.TrimPrefix(strings.TrimPrefix(line, "nginx version: "), "Server version: ")
	for _, name := range p.Packages[1:] {
		if version, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output(); err == nil {
			line += ", " + name + " " + string(version)
		}
	}
	return line
}

// builtVersion reads the version of Caddy, and that of Coraza, out of a program.
func (p *Peer) builtVersion(program string) string {
	built, err := buildinfo.ReadFile(program)
	if err != nil {
		return ""
	}
	wanted := []string{"github.com/caddyserver/caddy/v2"}
	if p.kind == "coraza" {
		wanted = append(wanted, "github.com/corazawaf/coraza/v3")
	}
	var found []string
	for _, dependency := range append(built.Deps, &built.Main) {
		if slices.Contains(wanted, dependency.Path) {
			found = append(found, dependency.Path+" "+dependency.Version)
		}
	}
	return strings.Join(found, ", ")
}
