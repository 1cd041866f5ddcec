package caddymodule

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/tally"
	"github.com/oauthguard/caddy-oauth-guard/clients"
	"github.com/oauthguard/caddy-oauth-guard/validators"
	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// The collectors belong to the process, so that a reload of the configuration, which makes a new registry, loses no count.
var (
	requestsTotal = prometheus.NewDesc("caddy_oauth_guard_requests_total",
		"Requests to guarded endpoints, by endpoint and decision (pass, report, reject).", []string{"endpoint", "decision"}, nil)
	findingsTotal = prometheus.NewDesc("caddy_oauth_guard_findings_total",
		"Rules that fired, by rule and mode (report, enforce).", []string{"rule", "mode"}, nil)
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

// counted is what the guards of the process decided. It serves the metrics, the admin endpoint and the status page.
var counted = tally.New(time.Now())

// counts is the collector of what was counted. Every label is from a closed set.
type counts struct{}

// Describe implements [prometheus.Collector].
func (counts) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- requestsTotal
	descriptions <- findingsTotal
}

// Collect implements [prometheus.Collector].
func (counts) Collect(metrics chan<- prometheus.Metric) {
	for endpoint := rule.NoEndpoint; endpoint < rule.EndpointCount; endpoint++ {
		for decision := validators.Pass; decision <= validators.Reject; decision++ {
			count := float64(counted.Decided(endpoint, decision))
			metrics <- prometheus.MustNewConstMetric(requestsTotal, prometheus.CounterValue, count, endpoint.String(), decision.String())
		}
	}
	for i := range validators.Catalogue() {
		for _, mode := range []rule.Mode{rule.Report, rule.Enforce} {
			count := float64(counted.Fired(i, mode))
			metrics <- prometheus.MustNewConstMetric(findingsTotal, prometheus.CounterValue, count, validators.Catalogue()[i].ID, mode.String())
		}
	}
}

// registerMetrics makes the collectors visible in the registry of one configuration.
func registerMetrics(registry *prometheus.Registry) error {
	if registry == nil {
		return nil
	}
	for _, collector := range []prometheus.Collector{counts{}, sourceClients, sourceState, sourceLastSuccess, sourceFetching, sourceStorageHealthy} {
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
