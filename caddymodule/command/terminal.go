package command

import (
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
)

// The longest texts of requests and configurations that are shown, in characters.
const (
	maxHost = 100
	maxName = 80
)

// display makes text fit for the terminal.
func display(text string, max int) string { return redact.Text(text, max) }

// painter colours text, or leaves it as it is.
type painter struct{ on bool }

// painterFor colours only what goes to a terminal that can show colours, and whose user did not turn them off (no-color.org).
func painterFor(out io.Writer) painter {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return painter{}
	}
	return painter{on: isTerminal(out)}
}

func isTerminal(stream any) bool {
	file, isFile := stream.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}

func (p painter) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p painter) bold(text string) string   { return p.paint("1", text) }
func (p painter) red(text string) string    { return p.paint("31", text) }
func (p painter) green(text string) string  { return p.paint("32", text) }
func (p painter) yellow(text string) string { return p.paint("33", text) }
func (p painter) faint(text string) string  { return p.paint("2", text) }

// wrap breaks text into lines of at most width characters, each with the same indentation.
func wrap(text, indent string, width int) string {
	var out strings.Builder
	line := 0
	for word := range strings.FieldsSeq(text) {
		switch length := len([]rune(word)); {
		case line == 0:
			out.WriteString(indent)
			line = length
		case line+1+length > width-len(indent):
			out.WriteString("\n" + indent)
			line = length
		default:
			out.WriteByte(' ')
			line += 1 + length
		}
		out.WriteString(word)
	}
	out.WriteByte('\n')
	return out.String()
}

// helpWidth is how many characters a line of a help has at the most.
const helpWidth = 100

// reflow breaks the paragraphs of a text anew. Lines that begin with a tab stay as they are.
func reflow(text string, width int) string {
	var out, paragraph strings.Builder
	end := func() {
		if paragraph.Len() > 0 {
			out.WriteString(wrap(paragraph.String(), "", width))
			paragraph.Reset()
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == '\t' {
			end()
			out.WriteString(line + "\n")
			continue
		}
		paragraph.WriteString(line + " ")
	}
	end()
	return strings.TrimSuffix(out.String(), "\n")
}
