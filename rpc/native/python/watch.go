package python

import (
	"context"
	"errors"
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
	// What a watch has read ahead: at most one message, or why there is none.
	ahead []byte
	err   error
}

func (in *inbox) next(ctx context.Context) ([]byte, error) {
	if in.ahead != nil || in.err != nil {
		data, err := in.ahead, in.err
		in.ahead = nil
		return data, err
	}
	return in.conn.RecvBytes(ctx)
}

// gone reports whether a watch has found that the peer is not there any more. A
// deadline is not that: the server shuts down, and waits for the call.
func (in *inbox) gone() bool {
	return in.err != nil && !errors.Is(in.err, os.ErrDeadlineExceeded)
}

// watch calls cancelCall if the peer closes the connection before done is
// called, which must be called and leaves no goroutine. A peer that sends its
// next message instead is not watched further.
func (in *inbox) watch(ctx context.Context, cancelCall func()) (done func()) {
	if in.ahead != nil || in.err != nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	timer := time.AfterFunc(watchAfter, func() {
		defer close(watched)
		data, err := in.conn.RecvBytes(ctx)
		switch {
		case err == nil:
			in.ahead = data
			if data == nil {
				in.ahead = []byte{}
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
