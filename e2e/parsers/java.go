package parsers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// Where Debian has the libraries of Java.
const javaFolder = "/usr/share/java"

const javaInstall = "it needs a JDK, Jetty 9 and Tomcat 10, on Debian: apt-get install default-jdk-headless libjetty9-java libtomcat10-embed-java libjakarta-annotation-api-java"

// startJetty starts Jetty as an embedded server: what decodes the path, the charset of a form and its parameters is the server itself.
func startJetty() (*Source, error) {
	return startJava("jetty", "JettyServer", "jetty9-server", "jetty9-servlet", "jetty9-util", "jetty9-http", "jetty9-io", "jetty9-security", "servlet-api")
}

// startTomcat starts Tomcat as an embedded server.
func startTomcat() (*Source, error) {
	return startJava("tomcat", "TomcatServer", "tomcat10-embed-core", "jakarta-annotation-api")
}

func startJava(name, class string, libraries ...string) (*Source, error) {
	harness, err := harnessFolder()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, library := range libraries {
		paths = append(paths, filepath.Join(javaFolder, library+".jar"))
	}
	folder, err := os.MkdirTemp("", "parsers-"+name)
	if err != nil {
		return nil, err
	}
	compile := exec.Command("javac", "-nowarn", "-d", folder, "-cp", strings.Join(paths, ":"), filepath.Join(harness, "Reading.java"), filepath.Join(harness, class+".java"))
	if output, err := compile.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s; %s", err, output, javaInstall)
	}
	program, err := run(javaInstall, "java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", strings.Join(append(paths, folder), ":"), class, authorizePath, tokenPath, folder)
	if err != nil {
		return nil, err
	}
	address, err := program.line(javaInstall)
	if err != nil {
		return nil, err
	}
	client := &server{address: address, parsers: 1}
	return &Source{
		Parsers: []string{name}, Title: strings.ToUpper(name[:1]) + name[1:] + " " + javaVersion(paths[0]), read: client.read,
		stop: func() error {
			client.disconnect()
			return errors.Join(program.stop(), os.RemoveAll(folder))
		},
	}, nil
}

// harnessFolder is the folder of the programs in other languages.
func harnessFolder() (string, error) {
	root, err := packages.Folder()
	return filepath.Join(root, "parsers", "harness"), err
}
