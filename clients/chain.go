package clients

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/oauthguard/caddy-oauth-guard/validators/rule"
)

// Chain is several feeds that are asked in order, as several `clients` lines of a configuration are. It is safe for concurrent use, and holds
// no more than references to its feeds, so that feeds may outlive it.
type Chain struct {
	feeds   []*Feed
	current atomic.Pointer[view]
}

// NewChain makes a chain of feeds, the first of which comes first.
func NewChain(feeds ...*Feed) *Chain {
	c := &Chain{feeds: slices.Clone(feeds)}
	c.current.Store(&view{directories: make([]*Directory, len(feeds))})
	return c
}

// Directory is what the feeds hold now, for one request: it does not change any more. Of several feeds that know an ID the first one wins.
// An ID that none knows is [rule.Absent] if every feed has loaded, is not empty and not partial, else [rule.Unjudged]. It is nil
// if the chain has no feed. It allocates nothing unless a feed has changed since the last call.
func (c *Chain) Directory() rule.Directory {
	v := c.view()
	switch {
	case v == nil:
		return nil
	case len(v.directories) == 1 && v.directories[0] != nil:
		return v.directories[0]
	}
	return v
}

// Ask asks the sources that can be asked for clients of these IDs, one after the other until one knows it. Afterwards [Chain.Directory] may say
// more about them. It returns when the context ends at the latest.
func (c *Chain) Ask(ctx context.Context, clientIDs []string) {
	for _, id := range clientIDs {
		id = strings.Clone(id) // it is a piece of the request
		for _, feed := range c.feeds {
			if feed.lookups != nil && feed.lookups.ask(ctx, feed, id) {
				break
			}
		}
	}
}

// Metadata is what the server of the first source that knows says about itself; nil if none does.
func (c *Chain) Metadata() *Metadata {
	if c == nil {
		return nil
	}
	for _, feed := range c.feeds {
		if metadata := feed.current.Load().state.Metadata; metadata != nil {
			return metadata
		}
	}
	return nil
}

// RegisteredOrigin reports whether some client of some feed has a redirect URI of that web origin, written as in the Origin header.
func (c *Chain) RegisteredOrigin(origin string) bool {
	v := c.view()
	return v != nil && v.RegisteredOrigin(origin)
}

// view is the current one, made anew if a feed has another directory than it had; nil if there is no feed. Comparing costs one load per feed;
// were feeds to tell their chains instead, they would hold on to the chains of configurations that are gone.
func (c *Chain) view() *view {
	if c == nil || len(c.feeds) == 0 {
		return nil
	}
	v := c.current.Load()
	for i, feed := range c.feeds {
		if feed.Directory() != v.directories[i] {
			return c.renew()
		}
	}
	return v
}

func (c *Chain) renew() *view {
	v := &view{directories: make([]*Directory, len(c.feeds))}
	for i, feed := range c.feeds {
		v.directories[i] = feed.Directory()
	}
	c.current.Store(v)
	return v
}

// view is several directories at one moment; nil stands for a feed that has not loaded. It is immutable.
type view struct {
	directories []*Directory
}

// Find implements [rule.Directory].
func (v *view) Find(clientID string) (*rule.Client, rule.Standing) { return v.FindIn(clientID, nil) }

// FindIn implements [rule.RoomFinder]. Only the directory that knows the client uses the room.
func (v *view) FindIn(clientID string, room *rule.Room) (*rule.Client, rule.Standing) {
	standing := rule.Absent
	for _, directory := range v.directories {
		if directory == nil {
			if standing == rule.Absent {
				standing = rule.Unjudged
			}
			continue
		}
		client, here := directory.FindIn(clientID, room)
		switch here {
		case rule.Known:
			return client, rule.Known
		case rule.Askable:
			standing = rule.Askable
		case rule.Unjudged:
			// Who holds only some of the clients cannot say that there is none of that ID.
			if standing == rule.Absent {
				standing = rule.Unjudged
			}
		}
	}
	return nil, standing
}

// Service implements [rule.Directory]. All Hubs of the chain must be complete for an unknown name to mean anything; a feed that has not loaded
// may be of a Hub.
func (v *view) Service(element string) (known, complete bool) {
	services, doubt := false, false
	for _, directory := range v.directories {
		switch {
		case directory == nil:
			doubt = true
		case directory.services:
			services = true
			known = known || directory.named(element)
			doubt = doubt || !directory.knowsServices()
		}
	}
	return known, services && !doubt
}

// RegisteredOrigin reports whether some directory has the origin.
func (v *view) RegisteredOrigin(origin string) bool {
	for _, directory := range v.directories {
		if directory != nil && directory.RegisteredOrigin(origin) {
			return true
		}
	}
	return false
}
