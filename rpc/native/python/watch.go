package python

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parley-rpc/parley/rpc/native"
)

// watchAfter is how long a call runs before its peer is watched. Most calls are
// over by then and cost nothing.
const watchAfter = 10 * time.Millisecond

// inbox receives the messages of one peer, and notices during a call that the
// peer has gone. It belongs to the goroutine that serves the connection.
type inbox struct {
	conn *native.Conn
	// What a watch has read ahead: at most one message, and why there is no more.
	ahead *received
	err   error
}

// received is a message, or the error of one that was dropped.
type received struct {
	data []byte
	err  error
}

// goneEvery is how often a peer is looked after that has sent its next message.
const goneEvery = 100 * time.Millisecond

// errGone: a peer has closed its connection behind a message that it has sent.
var errGone = fmt.Errorf("the peer has gone before its call was answered: %w", io.EOF)

func (in *inbox) next(ctx context.Context) ([]byte, error) {
	if m := in.ahead; m != nil {
		in.ahead = nil
		return m.data, m.err
	}
	if in.err != nil {
		return nil, in.err
	}
	return in.conn.RecvBytes(ctx)
}

// gone reports whether a watch has found that the peer is not there any more. A
// deadline is not that: the server shuts down, and waits for the call.
func (in *inbox) gone() bool {
	return in.err != nil && !errors.Is(in.err, os.ErrDeadlineExceeded)
}

// watch calls cancelCall if the peer closes the connection before done is
// called, which must be called and leaves no goroutine. That is also noticed
// behind the next message that the peer has sent, on Linux.
func (in *inbox) watch(ctx context.Context, cancelCall func()) (done func()) {
	if in.err != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	timer := time.AfterFunc(watchAfter, func() {
		defer close(watched)
		var data []byte
		var err error
		if in.ahead == nil {
			data, err = in.conn.RecvBytes(ctx)
		}
		switch {
		case in.ahead != nil || err == nil || overLimit(err) != nil:
			if in.ahead == nil {
				in.ahead = &received{data, err}
			}
			if in.waitGone(ctx) {
				in.err = errGone
				cancelCall()
			}
		case ctx.Err() != nil: // the call was over first: nothing was read
		default:
			in.err = err
			if in.gone() {
				cancelCall()
			}
		}
	})
	return func() {
		cancel()
		if !timer.Stop() {
			<-watched
		}
	}
}

// waitGone reports whether the peer goes before ctx ends.
func (in *inbox) waitGone(ctx context.Context) bool {
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()
	for !in.conn.Gone() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
