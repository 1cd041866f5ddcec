package wire

import "slices"

// Relaxation is a rule about bytes that says nothing about one kind of server: its parser reads such bytes as the guard does. The rule is then reported instead of enforced.
type Relaxation struct {
	// Backend is the kind of server, see [Backends].
	Backend string
	// Rule is the ID of the rule.
	Rule string
	// Evidence says what the parser does with such bytes.
	Evidence string
}

// Backends are the kinds of servers that the configuration can name. Of an unknown one every trick is expected; so it is of those without relaxations.
var Backends = []string{"unknown", "jetty", "tomcat", "php", "node", "rails", "django", "go", "dotnet"}

// KnownBackend reports whether there is such a kind of server; the empty name is the default, unknown.
func KnownBackend(name string) bool { return name == "" || slices.Contains(Backends, name) }

// Relaxations are the rules that each kind of server needs no protection from. Only what the parser laboratory measured stands here: docs/parsers.md has its table. For node it
// holds for all parsers that are usual there.
var Relaxations = []Relaxation{
	{"jetty", "wire.separator.semicolon", "a semicolon is a part of the value, in the query and in a form"},
	{"jetty", "wire.query.unsafe_character", "the characters are read as they are"},
	{"jetty", "wire.parameter_name.folded", "names are compared byte by byte after decoding: brackets, dots, blanks, case and NUL make another name"},
	{"jetty", "wire.parameter_name.empty", "the value is kept under the empty name; no other parameter changes"},
	{"jetty", "wire.body.unexpected", "the body of a GET request is not read as a form"},

	{"tomcat", "wire.separator.semicolon", "a semicolon is a part of the value, in the query and in a form"},
	{"tomcat", "wire.parameter_name.folded", "names are compared byte by byte after decoding; raw brackets are refused with 400"},
	{"tomcat", "wire.parameter_name.empty", "the value is dropped; no other parameter changes"},
	{"tomcat", "wire.body.unexpected", "the body of a GET request is not read as a form"},

	{"php", "wire.separator.semicolon", "a semicolon is a part of the value, in the query and in a form"},
	{"php", "wire.query.unsafe_character", "the characters are read as they are"},
	{"php", "wire.parameter_name.empty", "the value is dropped; no other parameter changes"},
	{"php", "wire.body.unexpected", "the body of a GET request is not read as a form"},

	{"node", "wire.separator.semicolon", "a semicolon is a part of the value, in the query and in a form"},
	{"node", "wire.query.unsafe_character", "the characters are read as they are"},
	{"node", "wire.parameter_name.empty", "the value is kept under the empty name; no other parameter changes"},

	{"django", "wire.separator.semicolon", "a semicolon is a part of the value, in the query and in a form"},
	{"django", "wire.query.unsafe_character", "the characters are read as they are"},
	{"django", "wire.parameter_name.folded", "names are compared byte by byte after decoding"},
	{"django", "wire.parameter_name.empty", "the value is kept under the empty name; no other parameter changes"},
	{"django", "wire.body.unexpected", "the body of a GET request is not read as a form"},

	{"go", "wire.query.unsafe_character", "the characters are read as they are"},
	{"go", "wire.parameter_name.folded", "names are compared byte by byte after decoding: brackets, dots, blanks, case and NUL make another name"},
	{"go", "wire.parameter_name.empty", "the value is kept under the empty name; no other parameter changes"},
	{"go", "wire.body.unexpected", "the body of a GET request is not read as a form"},

	{"rails", "wire.query.unsafe_character", "the characters are read as they are"},
	{"rails", "wire.parameter_name.empty", "the value is dropped; no other parameter changes"},
}

// Relaxed reports whether a rule is only reported in front of that kind of server.
func Relaxed(backend, id string) bool {
	return slices.ContainsFunc(Relaxations, func(r Relaxation) bool { return r.Backend == backend && r.Rule == id })
}
