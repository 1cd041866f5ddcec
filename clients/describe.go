package clients

import (
	"context"
	"reflect"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// metadataRefresh is how often a server is asked what it says about itself, which changes with its version.
const metadataRefresh = time.Hour

// describe keeps what the server says about itself. What it said once stays until it says something else. Many servers say nothing.
func (l *Live) describe(ctx context.Context) {
	patience := backoff.NewExponentialBackOff()
	patience.InitialInterval, patience.MaxInterval, patience.Multiplier = l.settings.Refresh, metadataRefresh, 2
	for wait := time.Duration(0); sleep(ctx, wait); {
		metadata, err := l.settings.Metadata(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			wait = min(patience.NextBackOff(), metadataRefresh)
			l.change(func(d *delivery) {
				if text := err.Error(); !sameError(d.state.MetadataError, text) {
					d.state.MetadataError = text
				}
			})
			continue
		}
		patience.Reset()
		wait = metadataRefresh
		l.change(func(d *delivery) {
			d.state.MetadataError = ""
			if !reflect.DeepEqual(d.state.Metadata, metadata) {
				d.state.Metadata = metadata
			}
		})
	}
}
