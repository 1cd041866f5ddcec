package caddymodule

import (
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/redact"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
	"github.com/oauthguard/caddy-oauth-guard/validators/scan"
)

// outcome is what the placeholders tell about a request, for as long as that lasts. It keeps nothing of the request, nor of the memory of the decision: what it holds is from the catalogue,
// and a string of the directory.
type outcome struct {
	endpoint rule.Endpoint
	decision validators.Decision
	rule     *rule.Rule
	code     string
	clientID string
}

// outcomeVar is the Caddy variable under which several guards of one request share the outcome: the last one to judge is told about.
const outcomeVar = "oauth_guard_outcome"

// setPlaceholders tells the verdict to the placeholders of the request.
func setPlaceholders(r *http.Request, repl *caddy.Replacer, v *validators.Verdict) {
	if repl == nil {
		return
	}
	shared, known := caddyhttp.GetVar(r.Context(), outcomeVar).(*outcome)
	if !known {
		shared = new(outcome)
		caddyhttp.SetVar(r.Context(), outcomeVar, shared)
		repl.Map(shared.placeholder)
	}
	*shared = outcome{endpoint: v.Endpoint, decision: v.Decision, rule: v.Rule, code: v.Error}
	if v.Client != nil {
		shared.clientID = v.Client.ID
	}
}

// placeholder is a [caddy.ReplacerFunc].
func (o *outcome) placeholder(key string) (any, bool) {
	name, found := strings.CutPrefix(key, "http.oauth_guard.")
	if !found {
		return nil, false
	}
	switch name {
	case "endpoint":
		return o.endpoint.String(), true
	case "decision":
		return o.decision.String(), true
	case "rule":
		if o.rule == nil {
			return "", true
		}
		return o.rule.ID, true
	case "error":
		return o.code, true
	case "client_id":
		return o.clientID, true
	}
	return nil, false
}

// tell makes a request on which some rule fired known: to the tally, to the log and to subscribers of events. All of them name rules and the registered client; of the request itself
// they show nothing but the address part of a redirect URI that is the reason.
func (h *Handler) tell(j *judgement, now time.Time) {
	v, requestID, redirectURI := &j.verdict, "", ""
	message := "request reported"
	switch {
	case v.Decision == validators.Reject:
		message = "request refused"
	case v.Delegated:
		message = "request left to the server to refuse"
	}
	entry, emit := h.logger.Check(zapcore.InfoLevel, message), h.announces(v)
	if j.replacer != nil && (entry != nil || emit) {
		requestID, _ = j.replacer.GetString("http.request.uuid")
	}
	if v.Client != nil && strings.Contains(v.Rule.ID, ".redirect_uri.") {
		redirectURI = redact.URI(j.memory.Get(scan.RedirectURI))
	}
	counted.Note(v, now, redirectURI, requestID)
	if entry != nil {
		entry.Write(logFields(v, requestID, redirectURI)...)
	}
	if emit {
		h.announce(v, requestID)
	}
}

// logFields are the fields of the line that the log gets about a request.
func logFields(v *validators.Verdict, requestID, redirectURI string) []zap.Field {
	fields := make([]zap.Field, 0, 11)
	fields = append(fields,
		zap.String("decision", v.Decision.String()),
		zap.String("endpoint", v.Endpoint.String()),
		zap.String("rule", v.Rule.ID),
		zap.String("error", v.Error),
		zap.Int("status", v.Status),
		zap.String("answer", v.Answer.String()),
		zap.Array("findings", findings(v.Findings)),
	)
	if would := v.Would(); would != v.Decision {
		fields = append(fields, zap.String("would", would.String()))
	}
	if v.Client != nil {
		fields = append(fields, zap.String("client_id", v.Client.ID))
	}
	if requestID != "" {
		fields = append(fields, zap.String("request_id", requestID))
	}
	if redirectURI != "" {
		fields = append(fields, zap.String("redirect_uri", redirectURI))
	}
	return fields
}

// findings writes the rules that fired as an array of "id mode".
type findings []rule.Finding

// MarshalLogArray implements [zapcore.ArrayMarshaler].
func (f findings) MarshalLogArray(encoder zapcore.ArrayEncoder) error {
	for i := range f {
		encoder.AppendString(f[i].Rule.ID + " " + f[i].Mode.String())
	}
	return nil
}
