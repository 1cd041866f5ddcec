package command

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/oauthguard/caddy-oauth-guard/caddymodule/command/accesslog"
)

// progress shows on a terminal how much of the logs has been read, how fast, and how long the rest will take. Elsewhere it shows nothing.
type progress struct {
	bar   *progressbar.ProgressBar
	files []*accesslog.File
	next  atomic.Int64 // when to show the next state, in nanoseconds since 1970
}

// progressEvery is how often the bar changes.
const progressEvery = 200 * time.Millisecond

func newProgress(files []*accesslog.File, to io.Writer) *progress {
	p := &progress{files: files}
	if !isTerminal(to) {
		return p
	}
	size := int64(0)
	for _, file := range files {
		if file.Size < 0 {
			size = -1 // nobody knows how much comes from a pipe
			break
		}
		size += file.Size
	}
	p.bar = newBar(size, to)
	return p
}

// newBar is a bar for so many bytes; -1 if nobody knows how many there are.
func newBar(size int64, to io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(to), progressbar.OptionShowBytes(true), progressbar.OptionShowCount(), progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true), progressbar.OptionShowTotalBytes(true), progressbar.OptionClearOnFinish(), progressbar.OptionSetDescription("reading"))
}

// show brings the bar up to date.
func (p *progress) show() {
	if p.bar == nil || time.Now().UnixNano() < p.next.Load() {
		return
	}
	p.next.Store(time.Now().Add(progressEvery).UnixNano())
	read := int64(0)
	for _, file := range p.files {
		read += file.Consumed()
	}
	_ = p.bar.Set64(read) // a terminal that is gone misses nothing
}

// done removes the bar.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
