package python

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc/native"
)

// watchAfter is how long a call runs, at least and up to twice that, before its
// peer is watched. Most calls are over by then and cost nothing.
const watchAfter = 10 * time.Millisecond

// goneEvery is how often a peer is looked after that has sent its next message.
const goneEvery = 100 * time.Millisecond

// errGone: a peer has closed its connection behind a message that it has sent.
var errGone = fmt.Errorf("the peer has gone before its call was answered: %w", io.EOF)

// inbox receives the messages of one peer, and notices during a call that the
// peer has gone. It belongs to the goroutine that serves the connection.
//
// One timer does for all calls of the connection. It runs on when a call is over,
// and is set again by the first call after it has gone off: a call that comes and
// goes in between has no timer to set or to stop.
type inbox struct {
	conn  *native.Conn
	timer *time.Timer // calls tick

	mu      sync.Mutex
	ticked  sync.Cond          // tick has returned
	ticking bool               // guarded by mu; the timer is set, or tick runs
	calls   uint64             // guarded by mu; that were watched so far
	seen    uint64             // guarded by mu; calls when the timer was set
	cancel  func()             // guarded by mu; ends the call that runs; nil: none does
	stop    context.CancelFunc // guarded by mu; ends the watch that runs; nil: none does

	// What a watch has read ahead: at most one message, and why there is no more.
	// Only a watch writes it, and only while the connection's goroutine is at a call.
	ahead *received
	err   error
}

// received is a message, or the error of one that was dropped.
type received struct {
	data []byte
	err  error
}

// newInbox returns the inbox of conn, which must be closed.
func newInbox(conn *native.Conn) *inbox {
	in := &inbox{conn: conn}
	in.ticked.L = &in.mu
	return in
}

// close waits for the timer.
func (in *inbox) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ticking && in.timer.Stop() {
		return
	}
	for in.ticking {
		in.ticked.Wait()
	}
}

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

// begin tells that a call runs. If the peer closes the connection before end,
// cancel is called. That is also noticed behind the next message that the peer has
// sent, on Linux.
func (in *inbox) begin(cancel func()) {
	if in.err != nil {
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.calls++
	in.cancel = cancel
	if in.ticking {
		return
	}
	in.ticking, in.seen = true, in.calls
	if in.timer == nil {
		in.timer = time.AfterFunc(watchAfter, in.tick)
	} else {
		in.timer.Reset(watchAfter)
	}
}

// end tells that the call is over. It waits for its watch.
func (in *inbox) end() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.cancel = nil
	if in.stop != nil {
		in.stop()
	}
	for in.stop != nil {
		in.ticked.Wait()
	}
}

// tick watches the peer, if the call that runs did so when the timer was set.
func (in *inbox) tick() {
	in.mu.Lock()
	defer in.mu.Unlock()
	defer in.ticked.Broadcast()
	switch {
	case in.cancel == nil:
		in.ticking = false
	case in.seen != in.calls:
		in.seen = in.calls
		in.timer.Reset(watchAfter)
	default:
		cancel := in.cancel
		ctx, stop := context.WithCancel(context.Background())
		in.stop = stop
		in.mu.Unlock()
		in.watch(ctx, cancel)
		stop()
		in.mu.Lock()
		in.stop, in.ticking = nil, false
	}
}

// watch waits for the end of ctx, which is that of the call, or of the peer: then
// it calls cancel.
func (in *inbox) watch(ctx context.Context, cancel func()) {
	if in.ahead == nil {
		data, err := in.conn.RecvBytes(ctx)
		switch {
		case err == nil || overLimit(err) != nil:
			in.ahead = &received{data, err}
		case ctx.Err() != nil: // the call was over first: nothing was read
			return
		default:
			in.err = err
			if in.gone() {
				cancel()
			}
			return
		}
	}
	if in.waitGone(ctx) {
		in.err = errGone
		cancel()
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
