package clients

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// Heartbeat is the sign of life that the instance that fetches for all stores again and again. By it the others see that somebody fetches, and why nothing new comes. The
// members up to Number stay in all formats, so that instances of different releases agree about the role.
type Heartbeat struct {
	// Kind tells heartbeats from other JSON, Format says what else they hold; Beat fills in both.
	Kind   string `json:"kind"`
	Format int    `json:"format"`
	// Key is that of the archive.
	Key string `json:"key"`
	// Term grows each time an instance takes the role. Holder, a random number, tells apart instances that took it at the same time. Who has the higher pair keeps the role.
	Term   uint64 `json:"term"`
	Holder string `json:"holder"`
	// Number grows with each heartbeat of a term, so that no two are equal.
	Number uint64 `json:"number"`
	// Time is when it was stored, by the clock of the instance. It is not compared with another clock, unless nothing depends on that.
	Time time.Time `json:"time"`
	// Instance names the instance.
	Instance string `json:"instance"`
	// Locked says that the instance also holds the lock of the storage.
	Locked bool `json:"locked,omitempty"`
	// Released says that the instance has given up the role.
	Released bool `json:"released,omitempty"`
	// Attempted is when the instance last asked the source; Error is what went wrong then.
	Attempted time.Time `json:"attempted,omitzero"`
	Error     string    `json:"error,omitempty"`
	// LeaveAlone says that the source wants to be left alone, so that nobody else should ask it either.
	LeaveAlone bool `json:"leave_alone,omitempty"`
}

const (
	heartbeatKind   = "oauth_guard heartbeat"
	heartbeatFormat = 1
	// maxHeartbeat bounds what is believed to be a heartbeat, in bytes, and maxHeartbeatError what one says about an error.
	maxHeartbeat      = 16 << 10
	maxHeartbeatError = 2 << 10
)

// Heartbeat reads the last heartbeat, a single value of the storage. The error is a [RefusedError] if there is something else in its place, [fs.ErrNotExist] if there is
// nothing, else that of the storage.
func (a *Archive) Heartbeat(ctx context.Context) (Heartbeat, error) {
	data, err := a.load(ctx, a.heartbeat())
	if err != nil {
		return Heartbeat{}, err
	}
	var heartbeat Heartbeat
	switch {
	case len(data) > maxHeartbeat:
		err = errors.New("it is too long")
	default:
		err = json.Unmarshal(data, &heartbeat)
	}
	if err == nil && (heartbeat.Kind != heartbeatKind || heartbeat.Key != a.key || heartbeat.Term == 0 || heartbeat.Term > maxVersion) {
		err = errors.New("it is none of this source")
	}
	if err != nil {
		return Heartbeat{}, &RefusedError{Refusal: RefusedForeign, Reason: "heartbeat: " + err.Error()}
	}
	return heartbeat, nil
}

// Beat stores a heartbeat. The error is [ErrOvertaken] if another instance has taken the role, whose heartbeat stays and is returned, or that of the storage.
func (a *Archive) Beat(ctx context.Context, next Heartbeat) (Heartbeat, error) {
	if successor, err := a.successor(ctx, next); err != nil {
		return successor, err
	}
	next.Kind, next.Format, next.Key, next.Time = heartbeatKind, heartbeatFormat, a.key, a.now().UTC().Round(0)
	next.Error = strings.ToValidUTF8(next.Error[:min(len(next.Error), maxHeartbeatError)], "")
	data, err := json.Marshal(next)
	if err != nil {
		return Heartbeat{}, fmt.Errorf("clients storage: heartbeat: %w", err)
	}
	return next, a.store(ctx, a.heartbeat(), data)
}

// successor fails if the role of that heartbeat's instance cannot be said to be its own: with [ErrOvertaken] if another one has taken it, whose heartbeat is returned, else with the error of the storage.
func (a *Archive) successor(ctx context.Context, own Heartbeat) (Heartbeat, error) {
	stored, err := a.Heartbeat(ctx)
	_, refused := errors.AsType[*RefusedError](err)
	switch {
	case err == nil && stored.above(own):
		return stored, ErrOvertaken
	case err != nil && !refused && !errors.Is(err, fs.ErrNotExist):
		return Heartbeat{}, err
	}
	return Heartbeat{}, nil
}

func (a *Archive) heartbeat() string { return a.path("heartbeat.json") }

// above reports whether this one's instance keeps the role when both believe to have it.
func (h Heartbeat) above(other Heartbeat) bool {
	return cmp.Or(cmp.Compare(h.Term, other.Term), cmp.Compare(h.Holder, other.Holder)) > 0
}

// newHolder is a random number that no other term has.
func newHolder() string {
	var number [8]byte
	rand.Read(number[:])
	return hex.EncodeToString(number[:])
}
