package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"
)

// archiveStore is a storage in memory. Before says what happens to a call instead, or before it is made.
type archiveStore struct {
	mutex  sync.Mutex
	values map[string][]byte
	locks  map[string]chan struct{}
	calls  []string
	before func(call, key string) error
	// cut shortens what is loaded.
	cut func(key string, value []byte) []byte
}

func newArchiveStore() *archiveStore {
	return &archiveStore{values: make(map[string][]byte), locks: make(map[string]chan struct{})}
}

func (s *archiveStore) enter(call, key string) error {
	s.mutex.Lock()
	s.calls = append(s.calls, call+" "+key)
	before := s.before
	s.mutex.Unlock()
	if before != nil {
		return before(call, key)
	}
	return nil
}

func (s *archiveStore) Store(_ context.Context, key string, value []byte) error {
	if err := s.enter("store", key); err != nil {
		return err
	}
	s.put(key, value)
	return nil
}

func (s *archiveStore) put(key string, value []byte) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.values[key] = bytes.Clone(value)
}

func (s *archiveStore) get(key string) []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return bytes.Clone(s.values[key])
}

func (s *archiveStore) Load(_ context.Context, key string) ([]byte, error) {
	if err := s.enter("load", key); err != nil {
		return nil, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	value, found := s.values[key]
	if !found {
		return nil, fmt.Errorf("load: %w", fs.ErrNotExist)
	}
	value = bytes.Clone(value)
	if s.cut != nil {
		value = s.cut(key, value)
	}
	return value, nil
}

func (s *archiveStore) Delete(_ context.Context, key string) error {
	if err := s.enter("delete", key); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.values, key)
	return nil
}

func (s *archiveStore) List(_ context.Context, path string, _ bool) ([]string, error) {
	if err := s.enter("list", path); err != nil {
		return nil, err
	}
	keys := s.keys(path + "/")
	if len(keys) == 0 {
		return nil, fmt.Errorf("list: %w", fs.ErrNotExist)
	}
	return keys, nil
}

func (s *archiveStore) keys(prefix string) []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var keys []string
	for key := range s.values {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *archiveStore) Lock(ctx context.Context, name string) error {
	if err := s.enter("lock", name); err != nil {
		return err
	}
	s.mutex.Lock()
	lock := s.locks[name]
	if lock == nil {
		lock = make(chan struct{}, 1)
		s.locks[name] = lock
	}
	s.mutex.Unlock()
	// Like the file system, it takes a free lock even at the end of the context.
	select {
	case lock <- struct{}{}:
		return nil
	default:
	}
	select {
	case lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *archiveStore) Unlock(ctx context.Context, name string) error {
	if err := s.enter("unlock", name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	select {
	case <-s.locks[name]:
		return nil
	default:
		return errors.New("not locked")
	}
}

// fail makes all those calls fail, by the beginning of "<call> <key>".
func (s *archiveStore) fail(err error, prefixes ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.before = func(call, key string) error {
		for _, prefix := range prefixes {
			if strings.HasPrefix(call+" "+key, prefix) {
				return err
			}
		}
		return nil
	}
}

func (s *archiveStore) heal() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.before, s.cut = nil, nil
}

// counted is how many calls began that way since the last time.
func (s *archiveStore) counted(prefix string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	n := 0
	for _, call := range s.calls {
		if strings.HasPrefix(call, prefix) {
			n++
		}
	}
	s.calls = nil
	return n
}

var archiveTime = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
