// Package troubleshooting collects the texts that the product can write, so that a test compares them with docs/troubleshooting.md.
package troubleshooting

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Text is what the product writes as an error or into the log.
type Text struct {
	// Text has … in the place of each value.
	Text string
	// Place is the file and the line where it is written.
	Place string
}

// rooms are the folders of the product.
var rooms = []string{"caddymodule", "clients", "proofs", "validators"}

// Collect finds the texts in the sources of the product below a folder: what makes errors, and what writes to the log.
func Collect(root string) ([]Text, error) {
	var texts []Text
	for _, room := range rooms {
		err := filepath.WalkDir(filepath.Join(root, room), func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && entry.Name() == "testdata":
				return filepath.SkipDir
			case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			found, err := collectFile(root, name)
			texts = append(texts, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func collectFile(root, name string) ([]Text, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	relative, err := filepath.Rel(root, name)
	if err != nil {
		return nil, err
	}
	values := wordsOf(file)
	var texts []Text
	ast.Inspect(file, func(node ast.Node) bool {
		var found []string
		switch node := node.(type) {
		case *ast.CallExpr:
			found = spoken(node, values)
		case *ast.FuncDecl:
			found = returned(node)
		}
		for _, text := range found {
			texts = append(texts, Text{text, fmt.Sprintf("%s:%d", filepath.ToSlash(relative), files.Position(node.Pos()).Line)})
		}
		return true
	})
	return texts, nil
}

// speakers are the functions and methods that take a text, and at which place. A text for a person is a sentence or a part of one, so what is no literal is left out:
// it is a value, or comes from another place that is looked at.
var speakers = map[string]int{"Errorf": 0, "Errf": 0, "Err": 0, "SyntaxErr": 0, "New": 0, "Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "Check": 1}

// spoken are the texts of a call.
func spoken(call *ast.CallExpr, values map[string][]string) []string {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	place, speaks := speakers[function.Sel.Name]
	of := qualifier(function.X)
	switch {
	case function.Sel.Name == "New" && of != "errors":
		return nil
	case function.Sel.Name == "Error" && of == "http":
		place = 1 // behind the writer
	}
	if !speaks || place >= len(call.Args) {
		return nil
	}
	if variable, ok := call.Args[place].(*ast.Ident); ok && function.Sel.Name == "Check" {
		return values[variable.Name]
	}
	text, literal := join(call.Args[place])
	if !literal {
		return nil
	}
	return []string{generalise(text)}
}

// qualifier is the name that stands before a point, or nothing.
func qualifier(expression ast.Expr) string {
	if name, ok := expression.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// returned are the texts that a function returns which makes the text of an error: the method Error of errors, and what is appended to an error as advice.
func returned(function *ast.FuncDecl) (texts []string) {
	if name := function.Name.Name; name != "Error" && name != "advice" {
		return nil
	}
	ast.Inspect(function, func(node ast.Node) bool {
		result, ok := node.(*ast.ReturnStmt)
		if !ok || len(result.Results) != 1 {
			return true
		}
		value := result.Results[0]
		if call, ok := value.(*ast.CallExpr); ok && len(call.Args) > 0 {
			value = call.Args[0] // of fmt.Sprintf
		}
		if text, literal := join(value); literal && text != "" {
			texts = append(texts, generalise(text))
		}
		return true
	})
	return texts
}

// wordsOf are the texts that are assigned to each variable of a file.
func wordsOf(file *ast.File) map[string][]string {
	values := map[string][]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		if assignment, ok := node.(*ast.AssignStmt); ok && len(assignment.Lhs) == 1 && len(assignment.Rhs) == 1 {
			if variable, ok := assignment.Lhs[0].(*ast.Ident); ok {
				if text, literal := join(assignment.Rhs[0]); literal && text != "" {
					values[variable.Name] = append(values[variable.Name], generalise(text))
				}
			}
		}
		return true
	})
	return maps.Clone(values)
}

// join is the text of a literal, or of a sum that has one.
func join(expression ast.Expr) (text string, literal bool) {
	switch expression := expression.(type) {
	case *ast.BasicLit:
		if expression.Kind == token.STRING {
			text, err := strconv.Unquote(expression.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		left, isLeft := join(expression.X)
		right, isRight := join(expression.Y)
		return left + right, isLeft || isRight
	case *ast.ParenExpr:
		return join(expression.X)
	}
	return "%v", false
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z]`)

// generalise replaces what differs.
func generalise(text string) string {
	text = verb.ReplaceAllString(strings.ReplaceAll(text, "%%", "\x00"), "…")
	return strings.ReplaceAll(text, "\x00", "%")
}
