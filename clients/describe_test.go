package clients

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestDescribe lets a server describe itself in a way that is not believed, then not at all, and then well. Trouble is told once, and tried again soon at first.
func TestDescribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		var answer atomic.Pointer[error]
		say := func(err error) { answer.Store(&err) }
		say(&IssuerError{Location: "https://hub.internal/.well-known/openid-configuration", Want: []string{"https://hub.internal"}, Got: "https://hub.example"})
		live := NewLive("hub", source("a"), LiveSettings{Metadata: func(context.Context) (*Metadata, error) {
			asked.Add(1)
			if err := *answer.Load(); err != nil {
				return nil, err
			}
			return &Metadata{Issuer: "https://hub.internal"}, nil
		}})
		told := 0
		live.SetObserver(func(_ State, change Change) {
			if change.Metadata {
				told++
			}
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			live.Run(ctx, nil)
		}()
		time.Sleep(10 * DefaultRefresh)
		if n := asked.Load(); n < 3 || n > 9 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		if state := live.State(); told != 1 || state.Metadata != nil || state.MetadataError == "" || state.State != Fresh {
			t.Errorf("told %d times: %+v", told, state)
		}
		time.Sleep(5 * metadataRefresh)
		before := asked.Load()
		time.Sleep(10 * metadataRefresh)
		if n := asked.Load() - before; n < 9 || n > 30 {
			t.Errorf("asked %d times in ten hours", n)
		}
		say(nil)
		time.Sleep(2 * metadataRefresh)
		if state := live.State(); told != 2 || state.Metadata == nil || state.MetadataError != "" {
			t.Errorf("told %d times: %+v", told, state)
		}
		before = asked.Load()
		time.Sleep(10 * metadataRefresh)
		if n := asked.Load() - before; n != 10 || told != 2 {
			t.Errorf("asked %d times in ten hours, told %d times", n, told)
		}
		// What it said stays.
		for _, port := range []string{"1", "2", "3"} {
			say(errors.New("read tcp 127.0.0.1:" + port + "->127.0.0.1:80: connection reset by peer"))
			time.Sleep(2 * metadataRefresh)
		}
		if state := live.State(); told != 3 || state.Metadata == nil || state.MetadataError == "" {
			t.Errorf("told %d times: %+v", told, state)
		}
		stop()
		<-done
	})
}
