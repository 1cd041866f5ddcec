package caddymodule

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// The collectors belong to the process, so that a reload of the configuration, which makes a new registry, loses no count.
var (
	requestsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "oauth_guard", Name: "requests_total",
		Help: "Requests to guarded endpoints, by endpoint and decision (pass, report, reject).",
	}, []string{"endpoint", "decision"})
	findingsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "caddy", Subsystem: "oauth_guard", Name: "findings_total",
		Help: "Rules that fired, by rule and mode (report, enforce).",
	}, []string{"rule", "mode"})
	sourceClients = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "oauth_guard", Name: "source_clients",
		Help: "Registered clients that a source delivered.",
	}, []string{"source"})
	sourceState = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "oauth_guard", Name: "source_state",
		Help: "1 for the state that a source of clients is in.",
	}, []string{"source", "state"})
	sourceLastSuccess = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "oauth_guard", Name: "source_last_success_timestamp_seconds",
		Help: "When a source of clients last delivered.",
	}, []string{"source"})
	sourceFetching = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "oauth_guard", Name: "source_fetching",
		Help: "1 if this instance reads a live source of clients for all that share the storage, 0 if another one does.",
	}, []string{"source"})
	sourceStorageHealthy = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "oauth_guard", Name: "source_storage_healthy",
		Help: "1 if instances can share what a live source of clients delivered, 0 if the storage cannot be used.",
	}, []string{"source"})
)

// counters are the children of the collectors, looked up once: every label is from a closed set.
type counters struct {
	requests [rule.EndpointCount][3]prometheus.Counter
	findings [][3]prometheus.Counter // by index in the catalogue and by mode
}

var shared = func() *counters {
	c := &counters{findings: make([][3]prometheus.Counter, len(validators.Catalogue()))}
	for endpoint := range c.requests {
		for decision := range c.requests[endpoint] {
			c.requests[endpoint][decision] = requestsTotal.WithLabelValues(rule.Endpoint(endpoint).String(), validators.Decision(decision).String())
		}
	}
	for i, r := range validators.Catalogue() {
		for _, mode := range []rule.Mode{rule.Report, rule.Enforce} {
			c.findings[i][mode] = findingsTotal.WithLabelValues(r.ID, mode.String())
		}
	}
	return c
}()

// count counts one verdict.
func (c *counters) count(v *validators.Verdict) {
	c.requests[v.Endpoint][v.Decision].Inc()
	for i := range v.Findings {
		c.findings[v.Findings[i].Index][v.Findings[i].Mode].Inc()
	}
}

// registerMetrics makes the collectors visible in the registry of one configuration.
func registerMetrics(registry *prometheus.Registry) error {
	if registry == nil {
		return nil
	}
	for _, collector := range []prometheus.Collector{requestsTotal, findingsTotal, sourceClients, sourceState, sourceLastSuccess, sourceFetching, sourceStorageHealthy} {
		if err := registry.Register(collector); err != nil && !errors.As(err, &prometheus.AlreadyRegisteredError{}) {
			return err
		}
	}
	return nil
}

// measure sets what is measured at a source.
func measure(label string, state clients.State) {
	truth := map[bool]float64{true: 1}
	for _, condition := range clients.Conditions() {
		sourceState.WithLabelValues(label, string(condition)).Set(truth[state.State == condition])
	}
	sourceClients.WithLabelValues(label).Set(float64(state.Clients))
	if !state.LastSuccess.IsZero() {
		sourceLastSuccess.WithLabelValues(label).Set(float64(state.LastSuccess.Unix()))
	}
	if state.StorageKey != "" {
		sourceFetching.WithLabelValues(label).Set(truth[state.Fetching])
		sourceStorageHealthy.WithLabelValues(label).Set(truth[state.StorageError == ""])
	}
}

// forget removes what was measured at a source that is gone.
func forget(label string) {
	for _, gauge := range []*prometheus.GaugeVec{sourceClients, sourceLastSuccess, sourceFetching, sourceStorageHealthy} {
		gauge.DeleteLabelValues(label)
	}
	for _, condition := range clients.Conditions() {
		sourceState.DeleteLabelValues(label, string(condition))
	}
}
