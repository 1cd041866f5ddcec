package caddymodule

import (
	"fmt"
	"strings"

	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/wire"
)

// checkOption checks the value of the option that was just read from a Caddyfile, so that a mistake is told with its line. What depends on other options is left to
// Provision, which checks everything, since JSON has no lines.
func (h *Handler) checkOption(name string) error {
	var err error
	switch name {
	case "profile":
		_, err = h.profile()
	case "mode":
		err = oneOf("mode", h.Mode, "enforce", "report")
	case "unknown_client":
		_, err = choice("unknown_client", h.UnknownClient, unknownClientModes)
	case "unjudged":
		_, err = choice("unjudged", h.Unjudged, unjudgedModes)
	case "request_objects":
		_, err = h.requestObjects()
	case "backend":
		if !wire.KnownBackend(h.Backend) {
			err = fmt.Errorf("backend: unknown kind of server %q: use one of %s", h.Backend, strings.Join(wire.Backends, ", "))
		}
	case "preset":
		_, err = h.Preset.server()
	case "endpoint":
		for kind := range h.Endpoints {
			if _, err = endpointOf(kind); err != nil {
				break
			}
		}
	case "rule":
		line := h.Rules[len(h.Rules)-1]
		if _, err = line.mode(); err == nil && len(validators.Matching(line.Match)) == 0 {
			err = fmt.Errorf("rule %s: no such rule; did you mean %s?", line.Match, validators.Nearest(line.Match))
		}
	case "exempt":
		line := h.Exempt[len(h.Exempt)-1]
		if err = validators.CheckExemptions(line.Rules); err != nil {
			err = fmt.Errorf("exempt %s: %w", line.ClientID, err)
		}
	}
	return err
}

// The modes of the rules about clients that are not registered, and about those of whom nothing can be said.
var (
	unknownClientModes = map[string]rule.Mode{"reject": rule.Enforce, "report": rule.Report, "pass": rule.Off}
	unjudgedModes      = map[string]rule.Mode{"reject": rule.Enforce, "pass": rule.Report}
)

// profile is the profile that the configuration names.
func (h *Handler) profile() (rule.Profile, error) {
	profile, err := rule.ParseProfile(h.Profile)
	if err != nil {
		return profile, fmt.Errorf("profile: %w", err)
	}
	return profile, nil
}

// requestObjects is what the configuration says that the server does with request objects.
func (h *Handler) requestObjects() (rule.RequestObjects, error) {
	used, err := rule.ParseRequestObjects(h.RequestObjects)
	if err != nil {
		return used, fmt.Errorf("request_objects: %w", err)
	}
	return used, nil
}

// mode is the mode that the line gives to its rules.
func (l RuleMode) mode() (rule.Mode, error) {
	mode, err := rule.ParseMode(l.Mode)
	if err != nil {
		return mode, fmt.Errorf("rule %s: %w", l.Match, err)
	}
	return mode, nil
}

// endpointOf is the kind of endpoint of that name.
func endpointOf(name string) (rule.Endpoint, error) {
	endpoint, known := rule.ParseEndpoint(name)
	if !known {
		return endpoint, fmt.Errorf("endpoint: unknown kind %q: use one of %s", name, rule.EndpointNames())
	}
	return endpoint, nil
}
