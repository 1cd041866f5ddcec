package parsers

import (
	"path/filepath"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// startExpress starts Express as a real server, with qs for query and form, as servers on Express have it.
func startExpress() (*Source, error) { return startNodeServer(0, "express") }

// startNode starts Node's own HTTP server, with node:querystring (as Koa and oidc-provider have it) and URLSearchParams for query and form. The server decides what is a form with
// the package that Express and Koa use for it, and takes it for UTF-8.
func startNode() (*Source, error) { return startNodeServer(1, "querystring", "URLSearchParams") }

// startNodeServer starts the program, and talks to one of its two servers.
func startNodeServer(index int, parsers ...string) (*Source, error) {
	const install = "it needs the packages of package.json"
	node, err := packages.Node()
	if err != nil {
		return nil, err
	}
	harness, err := harnessFolder()
	if err != nil {
		return nil, err
	}
	program, err := run(install, node, filepath.Join(harness, "node.mjs"), authorizePath, tokenPath)
	if err != nil {
		return nil, err
	}
	line, err := program.line(install)
	if err != nil {
		return nil, err
	}
	client := &server{address: strings.Fields(line)[index], parsers: len(parsers)}
	return &Source{
		Parsers: parsers, Title: nodeTitle(node, index), read: client.read,
		stop: func() error {
			client.disconnect()
			return program.stop()
		},
	}, nil
}

func nodeTitle(node string, index int) string {
	title := "Node " + strings.TrimPrefix(output(node, "--version"), "v")
	if index == 0 {
		title += ", Express " + npmVersion("express") + " with qs " + npmVersion("qs")
	}
	return title
}
