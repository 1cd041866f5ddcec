package monitoring_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oauthguard/caddy-oauth-guard/e2e/packages"
)

// panel is one of the dashboard, or a row.
type panel struct {
	ID          int
	Type, Title string
	Description string
	Datasource  struct{ Type, UID string }
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct {
		Expr, RefID string
		Datasource  struct{ Type, UID string }
	}
	Options     json.RawMessage
	FieldConfig struct {
		Defaults struct{ Custom json.RawMessage }
	}
}

type dashboard struct {
	UID, Title string
	ID         any
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
}

func readDashboard(t *testing.T) (text []byte, d dashboard) {
	t.Helper()
	text, err := os.ReadFile(documents + "/grafana.json")
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 15 {
		t.Fatalf("only %d panels", len(d.Panels))
	}
	return text, d
}

// TestDashboardStructure looks for what Grafana would stumble over, or what would tie the dashboard to one installation.
func TestDashboardStructure(t *testing.T) {
	text, d := readDashboard(t)
	if d.UID != "" || d.ID != nil {
		t.Errorf("the dashboard has the ID %v and the UID %q: Grafana gives them", d.ID, d.UID)
	}
	for _, match := range regexp.MustCompile(`"uid": "([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
		if match[1] != "${datasource}" {
			t.Errorf("the data source %s belongs to one installation", match[1])
		}
	}
	variables := map[string]bool{"__rate_interval": true, "__range": true, "__value": true, "__all": true}
	for i, variable := range d.Templating.List {
		variables[variable.Name] = true
		if i == 0 && (variable.Type != "datasource" || variable.Query != "prometheus") {
			t.Error("the first variable is not the data source, which the others need")
		}
	}
	for _, match := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !variables[match[1]] {
			t.Errorf("there is no variable %s", match[1])
		}
	}
	seen, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if p.ID <= 0 || seen[p.ID] {
			t.Errorf("%s: the ID %d is taken, or none", p.Title, p.ID)
		}
		seen[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H < 1 {
			t.Errorf("%s: is at %v, outside of the 24 columns", p.Title, p.GridPos)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" {
					t.Fatalf("%s lies over %s", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("%s: lacks a description, a query or the data source", p.Title)
		}
	}
}

// TestDashboardTypes compiles the dashboard as a value of the types that Grafana publishes, with the options of each kind of panel.
func TestDashboardTypes(t *testing.T) {
	text, d := readDashboard(t)
	if output, err := compile(t, text, d); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	for _, wrong := range [][2]string{
		{`"schemaVersion": 39`, `"schemaVersion": "39"`},
		{`"drawStyle": "line"`, `"drawStyle": "lines"`},
		{`"type": "datasource"`, `"type": "data source"`},
		{`"gridPos": {`, `"position": {`},
	} {
		broken := []byte(strings.Replace(string(text), wrong[0], wrong[1], 1))
		var d dashboard
		if err := json.Unmarshal(broken, &d); err != nil {
			t.Fatal(err)
		}
		if _, err := compile(t, broken, d); err == nil {
			t.Errorf("%s in the place of %s is no error: the types check nothing", wrong[1], wrong[0])
		}
	}
}

// kinds are the kinds of panels in the dashboard, by their names in Grafana's types.
var kinds = map[string]string{"timeseries": "TimeSeries", "stat": "Stat", "table": "Table", "state-timeline": "StateTimeline"}

// compile runs the compiler of TypeScript. Grafana's types name words by enumerations, which stand in JSON as the words themselves.
func compile(t *testing.T, text []byte, d dashboard) (output []byte, err error) {
	t.Helper()
	node, err := packages.Node()
	if err != nil {
		t.Fatal(err)
	}
	root, err := packages.Folder()
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	source.WriteString("import type { Dashboard, TableFieldOptions } from '@grafana/schema';\n")
	for _, kind := range kinds {
		fmt.Fprintf(&source, "import type * as %s from '@grafana/schema/dist/esm/raw/composable/%s/panelcfg/x/%[1]sPanelCfg_types.gen';\n", kind, strings.ToLower(kind))
	}
	source.WriteString("type Plain<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;\n")
	fmt.Fprintf(&source, "export const dashboard: Plain<Dashboard> = %s;\n", text)
	for _, p := range d.Panels {
		if p.Type == "row" {
			continue
		}
		kind, known := kinds[p.Type]
		if !known {
			t.Fatalf("%s: %s is not among the kinds of panels that this test knows", p.Title, p.Type)
		}
		if len(p.Options) > 0 {
			fmt.Fprintf(&source, "export const options%d: Plain<Partial<%s.Options>> = %s;\n", p.ID, kind, p.Options)
		}
		custom := kind + ".FieldConfig"
		if kind == "Table" {
			custom = "TableFieldOptions"
		}
		if len(p.FieldConfig.Defaults.Custom) > 0 {
			fmt.Fprintf(&source, "export const custom%d: Plain<Partial<%s>> = %s;\n", p.ID, custom, p.FieldConfig.Defaults.Custom)
		}
	}
	folder := t.TempDir()
	modules := filepath.Join(root, "node_modules")
	if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, "dashboard.ts")
	if err := os.WriteFile(name, []byte(source.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(node, filepath.Join(modules, "typescript", "lib", "tsc.js"), "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", name)
	command.Dir = folder
	return command.CombinedOutput()
}

// TestDashboardQueries asks Prometheus for each expression of the dashboard, with the variables filled in as Grafana does. All have data.
func TestDashboardQueries(t *testing.T) {
	address := prometheus(t)
	_, d := readDashboard(t)
	fill := strings.NewReplacer("$job", ".*", "$instance", ".*", "$source", ".*", "$__rate_interval", "30s", "$__range", "5m")
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			t.Run(p.Title+" "+target.RefID, func(t *testing.T) {
				if _, err := wanted(address, fill.Replace(target.Expr)); err != nil {
					t.Error(err)
				}
			})
		}
	}
	variable := regexp.MustCompile(`label_values\((.*), (\w+)\)`)
	for _, v := range d.Templating.List {
		query, structured := v.Query.(map[string]any)
		if !structured {
			continue
		}
		match := variable.FindStringSubmatch(query["query"].(string))
		if match == nil {
			t.Fatalf("%v asks for no label", query)
		}
		if results, err := wanted(address, fill.Replace(match[1])); err != nil || results[0].Metric[match[2]] == "" {
			t.Errorf("%s: %v, results %v", v.Name, err, results)
		}
	}
}
