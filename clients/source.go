package clients

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Source delivers all clients of one place, such as a file. A [Feed] keeps what it delivered, asks again and survives its failures, so a
// source only has to read. It must be safe for concurrent use.
type Source interface {
	// Load reads all clients. An error means that nothing can be said about the content; it names the place, what is wrong there, and is
	// free of secrets. The snapshot belongs to the caller, but what it refers to must not change any more.
	Load(ctx context.Context) (*Snapshot, error)
}

// Incremental is a source that can tell cheaper than by loading that nothing has changed.
type Incremental interface {
	Source
	// LoadSince is Load, unless the content still is the one of that revision: then it returns neither a snapshot nor an error.
	LoadSince(ctx context.Context, revision string) (*Snapshot, error)
}

// Snapshot is what a source holds at one time.
type Snapshot struct {
	// Clients are the registered clients in any order. None has the ID of another one.
	Clients []Registration
	// Each takes the place of Clients if it is not nil, for so many clients that they should not all be in memory: it calls add with one after the other, and returns the first error, of
	// add or its own. What add is given may be used again as soon as it returns.
	Each func(add func(*Registration) error) error
	// Size is about how many bytes the IDs, names and URIs of the clients of Each have, so that there is room for them. Zero if nobody knows.
	Size int
	// Services says that the clients are services of a JetBrains Hub, whose names are the words of a scope.
	Services bool
	// Partial says that clients are missing, so that nothing can be said about an ID that is not among them.
	Partial bool
	// Unnamed says that some services came without all of their names, so that nothing can be said about an unknown word of a scope.
	Unnamed bool
	// Revision is equal for equal content, so that a change is noticed. An empty one counts as changed each time.
	Revision string
}

// each calls add with one client after the other.
func (s *Snapshot) each(add func(*Registration) error) error {
	if s.Each != nil {
		return s.Each(add)
	}
	for i := range s.Clients {
		if err := add(&s.Clients[i]); err != nil {
			return err
		}
	}
	return nil
}

// Registration is a client, and by what else it is known.
type Registration struct {
	rule.Client
	// Aliases are further IDs of the client.
	Aliases []string
	// ServiceNames are further words by which a scope names the client as a service of a Hub, without regard to case. ID, Name and
	// Aliases count as such anyway.
	ServiceNames []string
}

// Static is the source of clients that are written into the configuration. The operator of the guard wrote them, so errors may be
// redirected to them.
type Static []Client

// Load checks the records and returns them.
func (s Static) Load(context.Context) (*Snapshot, error) {
	snapshot, err := snapshotOf(s)
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("static clients: %w", err)
	}
	snapshot.Revision = revisionOf(encoded)
	return snapshot, nil
}

// snapshotOf turns records that the operator wrote into a snapshot.
func snapshotOf(records []Client) (*Snapshot, error) {
	snapshot := &Snapshot{Clients: make([]Registration, 0, len(records))}
	for i := range records {
		if err := records[i].Validate(); err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		snapshot.Clients = append(snapshot.Clients, records[i].registration())
	}
	return snapshot, nil
}

// revisionOf is the SHA-256 of the content.
func revisionOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
