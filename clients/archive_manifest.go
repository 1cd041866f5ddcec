package clients

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// The form in which a snapshot is stored.
const (
	// archiveKind tells the guard's manifests from other JSON, in all formats.
	archiveKind = "oauth_guard clients"
	// archiveFormat is the only format that is written and read. It grows when a reader of the old one would misjudge; new members that
	// an old reader may ignore need no new format.
	archiveFormat = 1
	// chunkSize bounds a value, in bytes, since stores do.
	chunkSize = 256 << 10
	// maxChunks bounds a snapshot to 128 MiB, so that what is stored cannot exhaust the memory.
	maxChunks = 512
	// maxVersion leaves room to grow.
	maxVersion = 1 << 62
)

// Manifest describes a stored snapshot.
type Manifest struct {
	// Format is that of the stored data.
	Format int `json:"-"`
	// SHA256 is that of the manifest, and through the hashes in it of all that is stored.
	SHA256 string `json:"-"`
	// Key is that of the archive.
	Key string `json:"key"`
	// Version grows whenever something is written, be it only a later Fetched. It is about the time in microseconds since 1970, so that it
	// grows even when writers do not know of each other.
	Version uint64 `json:"version"`
	// Revision is equal for equal content: that of the snapshot, or if that has none, the SHA-256 of the stored clients.
	Revision string `json:"revision"`
	// Fetched is when the source last confirmed the content.
	Fetched time.Time `json:"fetched"`
	// Fetcher names the instance that wrote.
	Fetcher string `json:"fetcher"`
	// Clients is their number.
	Clients int `json:"clients"`
	// Services, Partial and Unnamed are those of the snapshot.
	Services bool `json:"services,omitempty"`
	Partial  bool `json:"partial,omitempty"`
	Unnamed  bool `json:"unnamed,omitempty"`
	// Set is the part that the keys of the chunks have in common; no two writes share it.
	Set string `json:"set"`
	// Chunks are the parts in their order.
	Chunks []Chunk `json:"chunks"`
}

// Chunk describes a part of a stored snapshot.
type Chunk struct {
	// Bytes is its length.
	Bytes int `json:"bytes"`
	// SHA256 is its hash, in hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// envelope is what is stored of a manifest. Kind and format stay in all formats, so that each release knows those of later ones.
type envelope struct {
	Kind     string          `json:"kind"`
	Format   int             `json:"format"`
	SHA256   string          `json:"sha256"`
	Manifest json.RawMessage `json:"manifest"`
}

// setForm is a version and a random number. It is checked so that no manifest can name other keys of the storage.
var setForm = regexp.MustCompile(`^[0-9]{20}-[0-9a-f]{16}$`)

// chunkName is a key below that of the archive; numbers begin at 0.
func chunkName(set string, number int) string { return fmt.Sprintf("chunks/%s.%04d", set, number) }

// encode is what is stored of the manifest. It fills in the members that are not in it: format and hash.
func (m *Manifest) encode() ([]byte, error) {
	inner, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("clients storage: manifest: %w", err)
	}
	m.Format, m.SHA256 = archiveFormat, revisionOf(inner)
	data, err := json.Marshal(envelope{Kind: archiveKind, Format: m.Format, SHA256: m.SHA256, Manifest: inner})
	if err != nil {
		return nil, fmt.Errorf("clients storage: manifest: %w", err)
	}
	if len(data) > chunkSize {
		return nil, fmt.Errorf("clients storage: the manifest takes %d bytes, more than %d; are fetcher and revision short?", len(data), chunkSize)
	}
	return data, nil
}

// parseManifest reads what encode wrote for that key. Errors are of type [RefusedError].
func parseManifest(data []byte, key string) (Manifest, error) {
	refuse := func(refusal Refusal, format string, values ...any) (Manifest, error) {
		return Manifest{}, &RefusedError{refusal, "manifest: " + fmt.Sprintf(format, values...), data}
	}
	if len(data) > chunkSize {
		return refuse(RefusedForeign, "%d bytes, more than the guard writes", len(data))
	}
	var outer envelope
	err := json.Unmarshal(data, &outer)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		if syntax.Offset >= int64(len(data)) {
			return refuse(RefusedTruncated, "the JSON ends early, after %d bytes", len(data))
		}
		return refuse(RefusedCorrupt, "%v", err)
	}
	switch {
	case err != nil || outer.Kind != archiveKind || outer.Format < 1:
		return refuse(RefusedForeign, "JSON that is not a manifest of clients")
	case outer.Format > archiveFormat:
		return refuse(RefusedFormat, "format %d; this release reads format %d, a later one wrote it", outer.Format, archiveFormat)
	case revisionOf(outer.Manifest) != outer.SHA256:
		return refuse(RefusedCorrupt, "it does not have the SHA-256 that it was written with")
	}
	manifest := Manifest{Format: outer.Format, SHA256: outer.SHA256}
	if err := json.Unmarshal(outer.Manifest, &manifest); err != nil {
		return refuse(RefusedCorrupt, "%v", err)
	}
	if manifest.Key != key {
		return refuse(RefusedForeign, "it is of another source, %s", quote(manifest.Key))
	}
	if reason := manifest.implausible(); reason != "" {
		return refuse(RefusedCorrupt, "%s", reason)
	}
	return manifest, nil
}

// implausible says which member cannot be meant, however right the hash is; the work of a reader is bounded by it.
func (m *Manifest) implausible() string {
	switch {
	case m.Version == 0 || m.Version > maxVersion:
		return fmt.Sprintf("version %d is out of range", m.Version)
	case m.Clients < 0:
		return "the number of clients is negative"
	case len(m.Chunks) > maxChunks:
		return fmt.Sprintf("%d chunks, more than %d", len(m.Chunks), maxChunks)
	case !setForm.MatchString(m.Set):
		return "the set " + quote(m.Set) + " is none"
	}
	for i := range m.Chunks {
		if m.Chunks[i].Bytes < 1 || m.Chunks[i].Bytes > chunkSize {
			return fmt.Sprintf("chunk %d has %d bytes, not 1 to %d", i+1, m.Chunks[i].Bytes, chunkSize)
		}
	}
	return ""
}

// verify compares a chunk with what the manifest says of it. The error is of type [RefusedError].
func (m *Manifest) verify(number int, chunk []byte) error {
	want := m.Chunks[number]
	reason := func(what string) string { return fmt.Sprintf("chunk %d of %d %s", number+1, len(m.Chunks), what) }
	if len(chunk) < want.Bytes {
		return &RefusedError{RefusedTruncated, reason(fmt.Sprintf("has %d of %d bytes", len(chunk), want.Bytes)), chunk}
	}
	if len(chunk) > want.Bytes || revisionOf(chunk) != want.SHA256 {
		return &RefusedError{RefusedCorrupt, reason("does not have the SHA-256 that it was written with"), chunk}
	}
	return nil
}

// describe fills in what the content decides; the borders of its chunks mean nothing, so no client is too large. Content that takes too many
// chunks is an error.
func (m *Manifest) describe(snapshot *Snapshot, content []byte, chunks [][]byte) error {
	if len(chunks) > maxChunks {
		return fmt.Errorf("clients storage: %d clients take %d bytes, more than the %d MiB that can be shared",
			len(snapshot.Clients), len(content), maxChunks*chunkSize>>20)
	}
	m.Clients, m.Services, m.Partial, m.Unnamed = len(snapshot.Clients), snapshot.Services, snapshot.Partial, snapshot.Unnamed
	m.Revision = snapshot.Revision
	if m.Revision == "" {
		m.Revision = revisionOf(content)
	}
	m.Chunks = make([]Chunk, len(chunks))
	for i, chunk := range chunks {
		m.Chunks[i] = Chunk{Bytes: len(chunk), SHA256: revisionOf(chunk)}
	}
	return nil
}

// snapshot is the one that the content was made of. The error is of type [RefusedError].
func (m *Manifest) snapshot(content []byte) (*Snapshot, error) {
	registrations, err := decodeClients(content)
	if err == nil && len(registrations) != m.Clients {
		err = fmt.Errorf("%d clients where the manifest counts %d", len(registrations), m.Clients)
	}
	if err != nil {
		return nil, &RefusedError{RefusedCorrupt, err.Error(), bytes.Clone(content[:min(len(content), chunkSize)])}
	}
	return &Snapshot{Clients: registrations, Services: m.Services, Partial: m.Partial, Unnamed: m.Unnamed, Revision: m.Revision}, nil
}
