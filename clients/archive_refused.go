package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// Refusal says why a stored snapshot is not used.
type Refusal string

// The refusals.
const (
	// RefusedTruncated is a value that ends early, or is missing.
	RefusedTruncated Refusal = "truncated"
	// RefusedCorrupt is a value that is not what was written.
	RefusedCorrupt Refusal = "corrupt"
	// RefusedOlder is a version below one that was there before, as when a backup was restored.
	RefusedOlder Refusal = "older"
	// RefusedForeign is something that the guard did not write for this source.
	RefusedForeign Refusal = "foreign"
	// RefusedFormat is the format of a later release.
	RefusedFormat Refusal = "future_format"
)

// RefusedError is the error about something stored that is not used as a snapshot. It stays where it is until a writer
// replaces it, which keeps what was wrong, up to 256 KiB of it, under refused/<kind>.
type RefusedError struct {
	// Refusal is its kind.
	Refusal Refusal
	// Reason says in words what is wrong.
	Reason string

	value []byte
}

// Error names the kind and the reason.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("clients storage: snapshot refused, %s: %s", e.Refusal, e.Reason)
}

// What was refused may be just being replaced, or come from a replica that lags behind, so it is looked at again after pauses of these
// lengths, each twice as long as the one before.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 400 * time.Millisecond
)

// patiently does again what led to a refusal, until the pauses are used up; then it remembers what was refused. At the end of the context
// the error is both.
func (a *Archive) patiently(ctx context.Context, attempt func() error) error {
	for pause := firstPause; ; pause *= 2 {
		err := attempt()
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok {
			return err
		}
		if pause > lastPause {
			a.remember(refused)
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; %w", err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// setAside is a value that was refused, until it is stored aside; then its hash.
type setAside struct {
	sum    [sha256.Size]byte
	value  []byte
	stored bool
}

// remember keeps what was refused until the next write stores it aside. Reading must not write, since `caddy validate` reads.
func (a *Archive) remember(refused *RefusedError) {
	value := refused.value[:min(len(refused.value), chunkSize)]
	sum := sha256.Sum256(value)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if known, ok := a.aside[refused.Refusal]; !ok || known.sum != sum {
		a.aside[refused.Refusal] = setAside{sum: sum, value: bytes.Clone(value)}
	}
}

// keepAside stores what was refused and is not stored aside yet. That it cannot is no reason not to write.
func (a *Archive) keepAside(ctx context.Context) {
	a.mutex.Lock()
	pending := make(map[Refusal]setAside)
	for refusal, refused := range a.aside {
		if !refused.stored {
			pending[refusal] = refused
		}
	}
	a.mutex.Unlock()
	for refusal, refused := range pending {
		if a.store(ctx, a.path("refused/"+string(refusal)), refused.value) != nil {
			continue
		}
		a.mutex.Lock()
		if a.aside[refusal].sum == refused.sum {
			a.aside[refusal] = setAside{sum: refused.sum, stored: true}
		}
		a.mutex.Unlock()
	}
}
