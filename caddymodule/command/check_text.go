package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators"
)

// write shows the result on a terminal.
func (r *result) write(out io.Writer, brief bool) {
	p := painterFor(out)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(out, "%-10s%s\n", name, text)
		}
	}
	line("request", r.Request)
	line("form", r.Form)
	line("guard", r.Guard)
	line("profile", r.Profile)
	line("endpoint", r.Endpoint)
	if r.Client != nil {
		name := ""
		if r.Client.Name != "" {
			name = " (" + r.Client.Name + ")"
		}
		line("client", r.Client.ID+name)
	}
	line("decision", r.headline(p))
	r.writeFindings(out, p)
	r.writeRedirectURI(out, p)
	r.writeAnswer(out, p)
	if !brief {
		r.writeRules(out, p)
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(out)
	}
	for _, note := range r.Notes {
		fmt.Fprint(out, "note      "+strings.TrimPrefix(wrap(note, "          ", 110), "          "))
	}
}

// headline is the decision in a line.
func (r *result) headline(p painter) string {
	because := ""
	if r.Rule != "" {
		because = ": " + r.Rule
	}
	switch {
	case r.status == Refused:
		return p.red("refused") + because
	case r.status == Undecidable:
		return p.yellow("undecidable") + because
	case r.Would == validators.Reject.String():
		return p.yellow("passes, because the guard is in report mode; else refused") + because
	case r.Rule != "":
		return p.yellow("passes, and is reported") + because
	}
	return p.green("passes")
}

// writeFindings shows the rules that fired with their reasons.
func (r *result) writeFindings(out io.Writer, p painter) {
	for i := range r.Rules {
		l := &r.Rules[i]
		if l.Verdict != validators.Fired.String() {
			continue
		}
		mode := p.yellow(l.Mode)
		if l.Mode == "enforce" {
			mode = p.red(l.Mode)
		}
		if l.Would == "enforce" {
			mode += " (enforce without report mode)"
		}
		fmt.Fprintf(out, "\n%s  %s\n", p.bold(l.ID), mode)
		fmt.Fprint(out, wrap(l.Title+".", "    ", 110), wrap(l.Why, "    ", 110), p.faint(wrap(l.Source, "    ", 110)))
	}
}

// writeRedirectURI marks where the redirect URI differs from the nearest registered one.
func (r *result) writeRedirectURI(out io.Writer, p painter) {
	c := r.RedirectURI
	if c == nil {
		return
	}
	fmt.Fprintf(out, "\nredirect_uri: %s\n", c.Note)
	if c.Differs == nil {
		fmt.Fprintf(out, "    requested   %s\n", c.Requested)
		if c.Nearest != "" {
			fmt.Fprintf(out, "    registered  %s\n", c.Nearest)
		}
		return
	}
	for _, row := range []struct {
		name, uri, part string
		paint           func(string) string
	}{{"requested ", c.Requested, c.Differs.Requested, p.red}, {"registered", c.Nearest, c.Differs.Registered, p.green}} {
		characters := []rune(row.uri)
		end := c.Differs.prefix + len([]rune(row.part))
		fmt.Fprintf(out, "    %s  %s%s%s\n", row.name, string(characters[:c.Differs.prefix]), row.paint(row.part), string(characters[end:]))
		fmt.Fprintf(out, "                %s%s\n", strings.Repeat(" ", c.Differs.prefix), strings.Repeat("^", max(1, end-c.Differs.prefix)))
	}
}

// writeAnswer shows what the client would get.
func (r *result) writeAnswer(out io.Writer, p painter) {
	if r.Answer == nil {
		return
	}
	fmt.Fprintf(out, "\n%s\n", p.bold(fmt.Sprintf("answer: %s, status %d", r.Answer.Form, r.Answer.Status)))
	for _, field := range r.Answer.Header {
		fmt.Fprintf(out, "    %s: %s\n", field[0], field[1])
	}
	if r.Answer.Body != "" {
		fmt.Fprintf(out, "\n    %s\n", r.Answer.Body)
	}
}

// writeRules lists every rule that looked.
func (r *result) writeRules(out io.Writer, p painter) {
	if len(r.Rules) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", p.bold(fmt.Sprintf("rules that looked: %d", len(r.Rules))))
	for i := range r.Rules {
		l := &r.Rules[i]
		verdict := fmt.Sprintf("%-8s", l.Verdict)
		switch l.Verdict {
		case validators.Fired.String():
			verdict = p.red(verdict)
		case validators.Exempted.String():
			verdict = p.yellow(verdict)
		}
		fmt.Fprintf(out, "    %s  %-7s  %-44s  %s\n", verdict, l.Mode, l.ID, p.faint(l.Source))
	}
}
