package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// object is a type of Go that is an object of the configuration in JSON.
type object struct {
	// name is what the document calls it, in its mark and in the heading that others link to.
	name string
	// file and typ are where it is declared.
	file, typ string
}

// objects are all of them, in the order of the document.
var objects = []object{
	{"oauth_guard", "caddymodule/handler.go", "Handler"},
	{"preset", "caddymodule/preset.go", "Preset"},
	{"rules", "caddymodule/config.go", "RuleMode"},
	{"exempt", "caddymodule/config.go", "Exemption"},
	{"errors", "caddymodule/config.go", "Errors"},
	{"limits", "caddymodule/config.go", "Limits"},
	{"oauth_guard_status", "caddymodule/status_page.go", "StatusPage"},
	{"clients static", "caddymodule/sources.go", "StaticSource"},
	{"client", "clients/record.go", "Client"},
	{"clients file", "caddymodule/sources.go", "FileSource"},
	{"clients hub", "caddymodule/hub_source.go", "HubSource"},
}

// renderJSON writes into docs/json.md, which people write, the members of each object, as the comments of the types describe them. Caddy's own documentation of modules is
// made of the same comments.
func renderJSON(root string) ([]byte, error) {
	d := document{name: "json.md"}
	content, err := os.ReadFile(d.in(root))
	if err != nil {
		return nil, err
	}
	text := string(content)
	for _, o := range objects {
		begin := fmt.Sprintf("<!-- Written by \"make generate\": the members of %s. -->\n", o.name)
		const end = "<!-- End of what is written. -->\n"
		before, rest, found := strings.Cut(text, begin)
		_, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			return nil, fmt.Errorf("the marks for %s are missing: %s and %s", o.name, begin, end)
		}
		table, err := o.table(root)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		text = before + begin + "\n" + table + "\n" + end + after
	}
	return []byte(text), nil
}

// table lists the members of an object.
func (o object) table(root string) (string, error) {
	fields, err := o.fields(root)
	if err != nil {
		return "", err
	}
	var table strings.Builder
	table.WriteString("| Member | Type | Meaning |\n|---|---|---|\n")
	for _, field := range fields.List {
		if field.Tag == nil {
			continue
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil {
			return "", err
		}
		name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		meaning := strings.Join(strings.Fields(field.Doc.Text()), " ")
		if name == "" || meaning == "" {
			return "", fmt.Errorf("the member %q, %s, has no name or no comment", name, field.Names)
		}
		kind, err := kindOf(field.Type)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", code(name), kind, strings.ReplaceAll(meaning, "|", `\|`))
	}
	return table.String(), nil
}

// fields are those of the type.
func (o object) fields(root string) (*ast.FieldList, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, o.file), nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, specification := range general.Specs {
			if named, ok := specification.(*ast.TypeSpec); ok && named.Name.Name == o.typ {
				if structure, ok := named.Type.(*ast.StructType); ok {
					return structure.Fields, nil
				}
			}
		}
	}
	return nil, fmt.Errorf("%s has no struct %s", o.file, o.typ)
}

// kinds are the types of members in the words of JSON.
var kinds = map[string]string{
	"string":                 "string",
	"bool":                   "boolean",
	"int":                    "number",
	"int64":                  "number",
	"caddy.Duration":         "duration, such as `\"5s\"`",
	"json.RawMessage":        "object",
	"[]json.RawMessage":      "array of objects",
	"[]string":               "array of strings",
	"map[string][]string":    "object of arrays of strings",
	"[]clients.Client":       "array of [records](#client)",
	"reverseproxy.TLSConfig": "[object](https://caddyserver.com/docs/json/apps/http/servers/routes/handle/reverse_proxy/transport/http/tls/)",
}

// kindOf is the type of a member. Types that are objects of this document are links.
func kindOf(expression ast.Expr) (string, error) {
	name := typeName(expression)
	if kind, known := kinds[name]; known {
		return kind, nil
	}
	for _, o := range objects {
		switch link := "(#" + strings.ReplaceAll(o.name, " ", "-") + ")"; name {
		case o.typ:
			return "[object]" + link, nil
		case "[]" + o.typ:
			return "array of [objects]" + link, nil
		}
	}
	return "", fmt.Errorf("the type %s is not known here", name)
}

// typeName writes a type down, without the pointer.
func typeName(expression ast.Expr) string {
	switch expression := expression.(type) {
	case *ast.Ident:
		return expression.Name
	case *ast.StarExpr:
		return typeName(expression.X)
	case *ast.SelectorExpr:
		return typeName(expression.X) + "." + expression.Sel.Name
	case *ast.ArrayType:
		return "[]" + typeName(expression.Elt)
	case *ast.MapType:
		return "map[" + typeName(expression.Key) + "]" + typeName(expression.Value)
	}
	return fmt.Sprintf("%T", expression)
}
