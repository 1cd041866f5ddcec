package parsers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// startPython starts urllib, Werkzeug and Django on the environment that a WSGI server makes: no server of Python decodes query or form.
func startPython() (*Source, error) {
	const versions = `import platform, werkzeug, django; print("Python", platform.python_version() + ", Werkzeug", werkzeug.__version__ + ", Django", django.__version__)`
	python := interpreter("python3")
	return startInterpreter("Werkzeug and Django for Python, on Debian: apt-get install python3-werkzeug python3-django",
		output(python, "-c", versions), []string{"urllib", "werkzeug", "django"}, python, "reading.py")
}

// startRuby starts Rack and the request of Rails on the environment that a Rack server makes.
func startRuby() (*Source, error) {
	const versions = `require "rack"; require "action_pack"; print "Ruby ", RUBY_VERSION, ", Rack ", Rack.release, ", Rails ", ActionPack.version`
	ruby := interpreter("ruby")
	return startInterpreter("Rack and Rails for Ruby, on Debian: apt-get install ruby ruby-rack ruby-actionpack",
		output(ruby, "-e", versions), []string{"rack", "rails"}, ruby, "reading.rb")
}

// startPerl starts CGI.pm and Plack on the environment that a web server makes.
func startPerl() (*Source, error) {
	const versions = `use CGI; use Plack; printf "Perl %vd, CGI.pm %s, Plack %s", $^V, CGI->VERSION, Plack->VERSION`
	perl := interpreter("perl")
	return startInterpreter("CGI.pm and Plack for Perl, on Debian: apt-get install libcgi-pm-perl libplack-perl",
		output(perl, "-e", versions), []string{"CGI.pm", "plack"}, perl, "reading.pl")
}

func startInterpreter(install, title string, parsers []string, interpreter, script string) (*Source, error) {
	harness, err := harnessFolder()
	if err != nil {
		return nil, err
	}
	program, err := run("it needs "+install, interpreter, filepath.Join(harness, script), authorizePath, tokenPath)
	if err != nil {
		return nil, err
	}
	return &Source{Parsers: parsers, Title: title, read: program.exchange(len(parsers)), stop: program.stop}, nil
}

// interpreter is the one that the packages of the distribution belong to, if there is one.
func interpreter(name string) string {
	if distribution := filepath.Join("/usr/bin", name); exists(distribution) {
		return distribution
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return name
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// firstLine cuts a text behind its first line.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
