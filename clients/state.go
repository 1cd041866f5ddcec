package clients

import (
	"regexp"
	"time"
)

// Condition says how far a feed's directory can be trusted.
type Condition string

const (
	// NeverLoaded is a feed that has no directory, because nothing was tried yet or every attempt failed.
	NeverLoaded Condition = "never_loaded"
	// Fresh is a feed whose last attempt succeeded, not long ago.
	Fresh Condition = "fresh"
	// Stale is a feed whose directory was not renewed for several refresh intervals, though nothing is known to have failed: whoever fetches for all
	// instances does not deliver.
	Stale Condition = "stale"
	// Failing is a feed whose last attempt failed, so that it keeps the last good directory.
	Failing Condition = "failing"
	// TooOld is a feed whose directory is older than the operator allows. Registered clients are judged by it all the same, but of an unknown one nothing
	// can be said.
	TooOld Condition = "too_old"
)

// Conditions are all that there are.
func Conditions() []Condition { return []Condition{NeverLoaded, Fresh, Stale, Failing, TooOld} }

// State is what can be said about a feed at one time.
type State struct {
	// Name is that of the feed.
	Name string `json:"name"`
	// State is its condition.
	State Condition `json:"state"`
	// Clients is the number of clients in the current directory. Zero with [Fresh] is an empty source.
	Clients int `json:"clients"`
	// Partial says that the current directory does not hold all clients.
	Partial bool `json:"partial,omitempty"`
	// LastSuccess is when the source last delivered, to this instance or another one, be it that nothing had changed; zero if never.
	LastSuccess time.Time `json:"last_success,omitzero"`
	// LastAttempt is when this instance last asked the source; zero if never.
	LastAttempt time.Time `json:"last_attempt,omitzero"`
	// LastDuration is how long that took, in seconds.
	LastDuration float64 `json:"last_duration,omitzero"`
	// LastError is the error of the last attempt of the instance that fetches for all, or of this one if it asks by itself; empty if it succeeded.
	LastError string `json:"last_error,omitempty"`
	// Fetcher is the instance that fetches for all, as far as this one knows; empty if instances do not share.
	Fetcher string `json:"fetcher,omitempty"`
	// Fetching says that this is the instance that fetches for all.
	Fetching bool `json:"fetching,omitempty"`
	// StorageKey is the key below which instances share what they read; empty if they do not.
	StorageKey string `json:"storage_key,omitempty"`
	// StorageError is why instances cannot share at the moment; empty if they can.
	StorageError string `json:"storage_error,omitempty"`
	// Metadata is what the server says about itself, if the source reads that, and the server says anything that is believed.
	Metadata *Metadata `json:"metadata,omitempty"`
	// MetadataError is why that could not be read the last time, or is not believed.
	MetadataError string `json:"metadata_error,omitempty"`
	// Lookups counts what became of questions for single clients.
	Lookups Lookups `json:"lookups,omitzero"`
	// Reports counts what became of reports of refused redirect URIs.
	Reports Reports `json:"reports,omitzero"`
	// ReportError is why the last report failed; empty if it did not.
	ReportError string `json:"report_error,omitempty"`
}

// Change says what is new in a state. Counts and times are not worth mentioning.
type Change struct {
	// List says that the content of the directory, its condition, or the error changed.
	List bool
	// Role says that it changed which instance fetches.
	Role bool
	// Storage, Metadata and Report say that what they are about, or the error about that, changed; of reports, whether there is one.
	Storage, Metadata, Report bool
}

// Notable reports whether anything is new.
func (c Change) Notable() bool { return c != Change{} }

// since is what is new in a delivery.
func (d *delivery) since(before *delivery) Change {
	is, was := &d.state, &before.state
	return Change{
		List:     d.base != before.base || is.State != was.State || !sameError(is.LastError, was.LastError),
		Role:     is.Fetching != was.Fetching || is.Fetcher != was.Fetcher,
		Storage:  is.StorageError != was.StorageError,
		Metadata: is.Metadata != was.Metadata || is.MetadataError != was.MetadataError,
		Report:   (is.ReportError == "") != (was.ReportError == ""), // it names the client, so it is another one each time
	}
}

// localPort is the part of an error of a connection that is another one each time.
var localPort = regexp.MustCompile(`:[0-9]+->`)

// sameError reports whether two errors of a source mean the same.
func sameError(a, b string) bool {
	return a == b || localPort.ReplaceAllString(a, "->") == localPort.ReplaceAllString(b, "->")
}

// Lookups counts questions for single clients since the start.
type Lookups struct {
	// Found and Absent were answered by the source.
	Found  uint64 `json:"found,omitempty"`
	Absent uint64 `json:"absent,omitempty"`
	// Failed were not answered, or not in time.
	Failed uint64 `json:"failed,omitempty"`
	// Spared were not asked, because the rate was spent.
	Spared uint64 `json:"spared,omitempty"`
}

// Reports counts reports of refused redirect URIs since the start.
type Reports struct {
	// Sent were accepted by the server.
	Sent uint64 `json:"sent,omitempty"`
	// Failed were not.
	Failed uint64 `json:"failed,omitempty"`
	// Dropped were more than may be reported, or than could wait.
	Dropped uint64 `json:"dropped,omitempty"`
}

// limits say when a directory counts as old. Zero means never.
type limits struct {
	stale, tooOld time.Duration
}

// condition works out the condition of a delivery.
func (d *delivery) condition(limits limits, now time.Time) Condition {
	age := now.Sub(d.state.LastSuccess)
	switch {
	case d.base == nil:
		return NeverLoaded
	case limits.tooOld > 0 && age > limits.tooOld:
		return TooOld
	case d.state.LastError != "":
		return Failing
	case limits.stale > 0 && age > limits.stale:
		return Stale
	}
	return Fresh
}
