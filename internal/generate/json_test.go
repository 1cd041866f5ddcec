package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestMembersInReference wants every member of the configuration in the reference, which says what it is good for and which errors there are, and in the examples.
func TestMembersInReference(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	reference, err := os.ReadFile(filepath.Join(root, "docs", "reference.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, examples := generated(t, document{"json.md", renderJSON})
	members := 0
	for _, o := range objects {
		fields, err := o.fields(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range fields.List {
			if field.Tag == nil {
				continue
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			name, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			if members++; !strings.Contains(string(reference), code(name)) {
				t.Errorf("docs/reference.md does not name the member %s of %s", name, o.name)
			}
			if !strings.Contains(string(examples), strconv.Quote(name)+": ") {
				t.Errorf("the examples of docs/json.md do not show the member %s of %s", name, o.name)
			}
		}
	}
	if members < 50 {
		t.Errorf("only %d members were found", members)
	}
}
