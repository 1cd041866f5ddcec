package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/certmagic"
)

func init() {
	caddy.RegisterModule(FaultyStorage{})
}

// FaultyStorage is Caddy's storage in files, with faults. A file says which one befalls every operation from now on:
//
//	fail           an input/output error
//	read_only      what writes fails
//	slow <time>    it takes that long, whatever the context says, as a file system of a network that does not answer
//
// An empty or missing file means none.
type FaultyStorage struct {
	// Root is the folder of the storage.
	Root string `json:"root,omitempty"`
	// Faults is the file that names the fault.
	Faults string `json:"faults,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (FaultyStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.storage.faulty", New: func() caddy.Module { return new(FaultyStorage) }}
}

// CertMagicStorage implements [caddy.StorageConverter].
func (s *FaultyStorage) CertMagicStorage() (certmagic.Storage, error) {
	return &faulty{files: certmagic.FileStorage{Path: s.Root}, faults: s.Faults}, nil
}

// UnmarshalCaddyfile sets up the storage from Caddyfile tokens: storage faulty <root> <faults>.
func (s *FaultyStorage) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&s.Root, &s.Faults) {
		return d.ArgErr()
	}
	return nil
}

// faulty is a storage in files that is as bad as a file says.
type faulty struct {
	files  certmagic.FileStorage
	faults string
}

// befall lets the fault of the moment happen.
func (f *faulty) befall(operation string, writes bool) error {
	text, err := os.ReadFile(f.faults)
	if err != nil {
		return nil
	}
	kind, value, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	switch {
	case kind == "fail":
		return fmt.Errorf("%s: %w", operation, syscall.EIO)
	case kind == "read_only" && writes:
		return fmt.Errorf("%s: %w", operation, syscall.EROFS)
	case kind == "slow":
		if delay, err := time.ParseDuration(value); err == nil {
			time.Sleep(delay)
		}
	}
	return nil
}

// Store implements [certmagic.Storage].
func (f *faulty) Store(ctx context.Context, key string, value []byte) error {
	if err := f.befall("store", true); err != nil {
		return err
	}
	return f.files.Store(ctx, key, value)
}

// Load implements [certmagic.Storage].
func (f *faulty) Load(ctx context.Context, key string) ([]byte, error) {
	if err := f.befall("load", false); err != nil {
		return nil, err
	}
	return f.files.Load(ctx, key)
}

// Delete implements [certmagic.Storage].
func (f *faulty) Delete(ctx context.Context, key string) error {
	if err := f.befall("delete", true); err != nil {
		return err
	}
	return f.files.Delete(ctx, key)
}

// Exists implements [certmagic.Storage].
func (f *faulty) Exists(ctx context.Context, key string) bool {
	return f.befall("exists", false) == nil && f.files.Exists(ctx, key)
}

// List implements [certmagic.Storage].
func (f *faulty) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	if err := f.befall("list", false); err != nil {
		return nil, err
	}
	return f.files.List(ctx, path, recursive)
}

// Stat implements [certmagic.Storage].
func (f *faulty) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	if err := f.befall("stat", false); err != nil {
		return certmagic.KeyInfo{}, err
	}
	return f.files.Stat(ctx, key)
}

// Lock implements [certmagic.Locker].
func (f *faulty) Lock(ctx context.Context, name string) error {
	if err := f.befall("lock", true); err != nil {
		return err
	}
	return f.files.Lock(ctx, name)
}

// Unlock implements [certmagic.Locker].
func (f *faulty) Unlock(ctx context.Context, name string) error {
	if err := f.befall("unlock", true); err != nil {
		return err
	}
	return f.files.Unlock(ctx, name)
}

var (
	_ caddy.StorageConverter = (*FaultyStorage)(nil)
	_ caddyfile.Unmarshaler  = (*FaultyStorage)(nil)
)
