package caddymodule

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	description = regexp.MustCompile(`fqName: "([^"]+)", help: "([^"]+)".*, constLabels: {}, variableLabels: {([^}]*)}`)
	documented  = regexp.MustCompile("(?m)^\\| `(caddy_oauth_guard_\\w+)` \\| ([^|]*) \\|")
)

// TestMetricsDocumented compares the table in docs/reference.md with the collectors that are registered.
func TestMetricsDocumented(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if err := registerMetrics(registry); err != nil {
		t.Fatal(err)
	}
	if err := registerMetrics(registry); err != nil {
		t.Fatalf("a second guard in the configuration: %v", err)
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		registry.Describe(descriptions)
	}()
	var registered []string
	for d := range descriptions {
		match := description.FindStringSubmatch(d.String())
		if match == nil {
			t.Fatalf("%s is described in another way than this test knows", d)
		}
		registered = append(registered, fmt.Sprintf("%s {%s}", match[1], match[3]))
		if !strings.HasSuffix(match[2], ".") {
			t.Errorf("the help of %s is no sentence: %s", match[1], match[2])
		}
	}
	document, err := os.ReadFile("../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, match := range documented.FindAllStringSubmatch(string(document), -1) {
		labels := strings.ReplaceAll(strings.ReplaceAll(match[2], "`", ""), " ", "")
		rows = append(rows, fmt.Sprintf("%s {%s}", match[1], labels))
	}
	slices.Sort(registered)
	slices.Sort(rows)
	if !slices.Equal(registered, rows) {
		t.Errorf("docs/reference.md has\n%s\nand registered are\n%s", strings.Join(rows, "\n"), strings.Join(registered, "\n"))
	}
}
