package clients

import "slices"

// Feeds are the feeds of the chain, in the order in which they are asked. A nil chain has none.
func (c *Chain) Feeds() []*Feed {
	if c == nil {
		return nil
	}
	return slices.Clone(c.feeds)
}
