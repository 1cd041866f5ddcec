package caddymodule

import (
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/path"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// stricterEngine decides as the profile oauth21 would at the same endpoints; nil if the profile is that one already, or stricter. Modes that the configuration gives to single rules do not
// count, so that it shows what the whole profile would mean; exemptions do.
func stricterEngine(config validators.Config) (*validators.Engine, error) {
	if config.Profile == rule.OAuth21 || config.Profile == rule.FAPI2 {
		return nil, nil
	}
	strict := validators.Config{
		Options: config.Options, Endpoints: config.Endpoints, Backend: config.Backend, Exempt: config.Exempt,
	}
	strict.Profile = rule.OAuth21
	return validators.New(strict)
}

// watch finds out whether the client of a request that passes would be refused by the profile oauth21. It asks once in an hour for each client and shape of request; all other
// requests cost two atomic loads. Requests to resources name no client.
func (h *Handler) watch(r *http.Request, j *judgement, request *rule.Request, route path.Result) {
	v, id := &j.verdict, ""
	switch {
	case v.Client != nil:
		id = v.Client.ID
	case !rule.Protected.Has(v.Endpoint):
		return
	}
	watched, unknown := counted.Watch(id, shape(j.memory), request.Time)
	if !unknown {
		return
	}
	h.askStricter(r, j, *request, route, watched)
}

// askStricter decides once more. A mistake in doing so must not touch the request.
func (h *Handler) askStricter(r *http.Request, j *judgement, request rule.Request, route path.Result, watched tally.Watched) {
	defer func() {
		if recovered := recover(); recovered != nil {
			h.logger.Error("finding out what the profile oauth21 would do failed", zap.String("error", fmt.Sprintf("panic of type %T at %s", recovered, panicSite())))
		}
	}()
	request.Transport = arrival(r)
	var directory rule.Directory // a nil interface stays one
	if j.directory != nil {
		directory = j.directory
	}
	memory := casePool.Get().(*rule.Case)
	verdict := h.stricter.Decide(memory, &request, route, directory)
	watched.Stricter(j.verdict.Client, verdict.Findings, request.Time)
	casePool.Put(memory)
}

// shape is equal for requests about which the profile oauth21 decides alike, but for rare cases: the same parameters at the same endpoint, with values of the same lengths where these
// matter. All of it was read already when the request was judged.
func shape(c *rule.Case) uint64 {
	lengths := uint64(0)
	switch {
	case rule.AuthorizationRequests.Has(c.Endpoint):
		lengths = uint64(len(c.Get(scan.ResponseType))) + uint64(len(c.Get(scan.CodeChallengeMethod)))<<8 + uint64(len(c.Get(scan.RedirectURI)))<<16
	case c.Endpoint == rule.Token:
		lengths = uint64(len(c.Get(scan.GrantType)))
	}
	return (uint64(c.Parameters.Present)*0xD6E8FEB86659FD93 ^ lengths) + uint64(c.Endpoint)<<56 + uint64(c.Traits)<<40
}
