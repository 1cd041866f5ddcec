package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// parameterName finds names of parameters and options in prose, which are set as code.
var parameterName = regexp.MustCompile(`_?[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+(?:\[\])?|_[a-z]+\b`)

// prose makes plain text of the catalogue fit for a paragraph or a table cell.
func prose(text string) string {
	var out strings.Builder
	last := 0
	for _, at := range parameterName.FindAllStringIndex(text, -1) {
		out.WriteString(escapeMarkdown(text[last:at[0]]))
		out.WriteString(code(text[at[0]:at[1]]))
		last = at[1]
	}
	out.WriteString(escapeMarkdown(text[last:]))
	return out.String()
}

// markup are the characters that Markdown, tables or HTML would take for themselves.
const markup = "\\`*_{}[]<>#|~"

func escapeMarkdown(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(markup, text[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// code sets a word as code. It is only used for words without backquotes.
func code(text string) string { return "`" + text + "`" }

func ruleLink(id string) string { return fmt.Sprintf("[`%s`](#%s)", id, id) }

func ruleLinks(rules []*rule.Rule) string {
	links := make([]string, len(rules))
	for i, r := range rules {
		links[i] = ruleLink(r.ID)
	}
	return strings.Join(links, ", ")
}

// longest is how many characters of a line of an example are shown; shown is how many of a longer one.
const (
	longest = 300
	shown   = 160
)

// exampleLine makes a line of a vector, whose code points are bytes, fit for the eye: what is not printable ASCII becomes \xNN, and a line that is too long for
// a reader is cut.
func exampleLine(line string) string {
	var out strings.Builder
	count := 0
	for _, r := range line {
		count++
		switch {
		case r == '\\':
			out.WriteString(`\\`)
		case r < 0x20 || r > 0x7E:
			fmt.Fprintf(&out, `\x%02X`, r)
		default:
			out.WriteRune(r)
		}
	}
	text := out.String()
	if len(text) <= longest {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:shown], count)
}
