package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/vectors"
)

// rulesFlags are the flags of rules.
type rulesFlags struct {
	endpoint, profile, mode string
	json                    bool
}

func rulesCommand() *cobra.Command {
	f := new(rulesFlags)
	cmd := &cobra.Command{
		Use:   "rules [<rule id or glob>]",
		Short: "Lists the rules, and explains one with examples",
		Long: `
Lists the rules of the catalogue in the order in which they are evaluated, with their mode in each profile. An ID is explained: what it refuses and why, where it comes from, what the
client gets, and two requests of the project's tests, one that the rule fires for and one that it does not. A glob such as authorize.redirect_uri.* lists what it matches.

A mode is enforce (refuse), report (log, count and pass) or off.

Exit status: 0, or 1 if there is no such rule; then the message names the most similar one.
`,
		Example: `  $ caddy oauth-guard rules --endpoint token --mode enforce
  $ caddy oauth-guard rules --profile oauth21 'authorize.*'
  $ caddy oauth-guard rules authorize.redirect_uri.unregistered
  $ caddy oauth-guard rules --json | jq -r '.[].id'`,
		Args: oneArgument("rule"),
		RunE: runner(func(cmd *cobra.Command, args []string) (int, error) { return Passed, f.run(cmd.OutOrStdout(), args) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.endpoint, "endpoint", "", "only rules that look at this kind of endpoint, such as authorize or token")
	flags.StringVar(&f.profile, "profile", "", "only rules that are not off in this profile: hub, rfc6749, oauth21 or fapi2")
	flags.StringVar(&f.mode, "mode", "", "only rules of this mode: enforce, report or off; in any profile, unless --profile names one")
	flags.BoolVar(&f.json, "json", false, "write JSON")
	return cmd
}

// shownRule is a rule as JSON.
type shownRule struct {
	ID          string            `json:"id"`
	Title       string            `json:"title"`
	Why         string            `json:"why"`
	Source      string            `json:"source"`
	Endpoints   []string          `json:"endpoints"`
	Error       string            `json:"error,omitempty"`
	Status      int               `json:"status"`
	Delivery    string            `json:"delivery"`
	Description string            `json:"error_description"`
	Exemptible  bool              `json:"exemptible"`
	Modes       map[string]string `json:"modes"`
	Examples    []ruleExample     `json:"examples,omitempty"`
}

// ruleExample is a request of the tests.
type ruleExample struct {
	Name    string   `json:"name"`
	Fires   bool     `json:"fires"`
	Profile string   `json:"profile,omitempty"`
	Request []string `json:"request"`
}

func (f *rulesFlags) run(out io.Writer, args []string) error {
	chosen, err := f.choose(args)
	if err != nil {
		return err
	}
	explained := len(args) == 1 && len(chosen) == 1 && chosen[0].ID == args[0]
	if explained {
		if chosen[0].Examples, err = examplesOf(chosen[0].ID); err != nil {
			return err
		}
	}
	switch {
	case f.json:
		return writeJSON(out, emptyIfNil(chosen))
	case explained:
		chosen[0].write(out)
	default:
		writeRules(out, chosen)
	}
	return nil
}

// choose lists the rules that the arguments and flags mean.
func (f *rulesFlags) choose(args []string) ([]shownRule, error) {
	var endpoint rule.Endpoint
	if f.endpoint != "" {
		var known bool
		if endpoint, known = rule.ParseEndpoint(f.endpoint); !known {
			return nil, fmt.Errorf("--endpoint %s: unknown kind: use one of %s", display(f.endpoint, maxName), rule.EndpointNames())
		}
	}
	profiles := rule.Profiles()
	if f.profile != "" {
		profile, err := rule.ParseProfile(f.profile)
		if err != nil {
			return nil, fmt.Errorf("--profile: %w", err)
		}
		profiles = []rule.Profile{profile}
	}
	var mode rule.Mode
	if f.mode != "" {
		var err error
		if mode, err = rule.ParseMode(f.mode); err != nil {
			return nil, fmt.Errorf("--mode: %w", err)
		}
	}
	var chosen []shownRule
	matched := false
	for i := range validators.Catalogue() {
		r := &validators.Catalogue()[i]
		if len(args) == 1 && !rule.MatchID(args[0], r.ID) {
			continue
		}
		matched = true
		fits := f.mode == "" && f.profile == ""
		for _, profile := range profiles {
			fits = fits || f.mode == "" && r.Modes.In(profile) != rule.Off || f.mode != "" && r.Modes.In(profile) == mode
		}
		if fits && (f.endpoint == "" || r.Endpoints.Has(endpoint)) {
			chosen = append(chosen, shownRuleOf(r))
		}
	}
	if !matched && len(args) == 1 {
		if strings.Contains(args[0], "*") {
			return nil, fmt.Errorf("no rule matches %s", display(args[0], maxName))
		}
		nearest, name := validators.Nearest(args[0][:min(len(args[0]), 200)]), strings.ToLower(args[0])
		switch parts := validators.Matching("*" + name + "*"); len(parts) {
		case 0:
		case 1:
			nearest = parts[0]
		default:
			return nil, fmt.Errorf("no such rule %s, but %d rules have it in their IDs: '*%s*' lists them", display(args[0], maxName), len(parts), display(name, maxName))
		}
		return nil, fmt.Errorf("no such rule %s; did you mean %s?", display(args[0], maxName), nearest)
	}
	return chosen, nil
}

func shownRuleOf(r *rule.Rule) shownRule {
	shown := shownRule{
		ID: r.ID, Title: r.Title, Why: r.Why, Source: r.Source, Error: r.Error, Status: r.HTTPStatus(), Delivery: r.Delivery.String(),
		Description: r.Description, Exemptible: r.Exemptible(), Modes: make(map[string]string),
	}
	for _, endpoint := range rule.AllEndpoints() {
		if r.Endpoints.Has(endpoint) {
			shown.Endpoints = append(shown.Endpoints, endpoint.String())
		}
	}
	for _, profile := range rule.Profiles() {
		shown.Modes[profile.String()] = r.Modes.In(profile).String()
	}
	return shown
}

// examplesOf are the first vector that fires and the first that does not.
func examplesOf(id string) ([]ruleExample, error) {
	all, err := validators.Examples(id)
	if err != nil {
		return nil, err
	}
	var examples []ruleExample
	for _, fires := range []bool{true, false} {
		for i := range all {
			if all[i].Fires == fires {
				examples = append(examples, exampleOf(&all[i]))
				break
			}
		}
	}
	return examples, nil
}

func exampleOf(v *vectors.Vector) ruleExample {
	example := ruleExample{Name: v.Name, Fires: v.Fires, Profile: v.Profile}
	for _, line := range v.Request {
		example.Request = append(example.Request, display(line, 300))
	}
	return example
}

// writeRules shows rules as a table.
func writeRules(out io.Writer, rules []shownRule) {
	if len(rules) == 0 {
		fmt.Fprintln(out, "no rule is like that")
		return
	}
	p := painterFor(out)
	row := func(values ...any) string { return fmt.Sprintf("%-48s %-8s %-8s %-8s %-8s %s", values...) }
	fmt.Fprintln(out, p.bold(row("ID", "hub", "rfc6749", "oauth21", "fapi2", "title")))
	for _, r := range rules {
		fmt.Fprintln(out, row(r.ID, r.Modes["hub"], r.Modes["rfc6749"], r.Modes["oauth21"], r.Modes["fapi2"], r.Title))
	}
	fmt.Fprintf(out, "\n%d rules. caddy oauth-guard rules <ID> explains one.\n", len(rules))
}

// write explains one rule.
func (r *shownRule) write(out io.Writer) {
	p := painterFor(out)
	fmt.Fprintf(out, "%s\n%s\n%s\n", p.bold(r.ID), wrap(r.Title+".", "    ", 110), wrap(r.Why, "    ", 110))
	modes := make([]string, 0, 4)
	for _, profile := range rule.Profiles() {
		modes = append(modes, profile.String()+" "+r.Modes[profile.String()])
	}
	code := r.Error
	switch code {
	case "":
		code = "none (a bare challenge)"
	case rule.RedirectURIError:
		code = "unauthorized_client in the profile hub, else invalid_request; errors redirect_uri_code selects it"
	}
	exempt := "yes: exempt <client_id> " + r.ID
	if !r.Exemptible {
		exempt = "no: it applies to every client"
	}
	for _, line := range [][2]string{
		{"source", r.Source}, {"endpoints", strings.Join(r.Endpoints, ", ")}, {"modes", strings.Join(modes, ", ")}, {"error", code},
		{"status", fmt.Sprint(r.Status)}, {"delivery", r.Delivery}, {"says", r.Description}, {"exemptible", exempt},
	} {
		fmt.Fprintf(out, "    %-12s%s", line[0], strings.TrimLeft(wrap(line[1], "                ", 110), " "))
	}
	for _, example := range r.Examples {
		title := p.red("fires")
		if !example.Fires {
			title = p.green("passes")
		}
		profile := ""
		if example.Profile != "" {
			profile = " (profile " + example.Profile + ")"
		}
		fmt.Fprintf(out, "\n%s: %s%s\n", title, display(example.Name, 200), profile)
		for _, line := range example.Request {
			fmt.Fprintf(out, "    %s\n", line)
		}
	}
}
