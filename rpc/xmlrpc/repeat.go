package xmlrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// maxRepeatPause is the longest pause before a call is made once more: what has
// cut off this one may have cut off many.
const maxRepeatPause = 50 * time.Millisecond

// mayRepeat reports whether a call may be made once more: its connection was lost,
// nobody knows whether it has run, and running it twice does no harm. A stream
// may have been consumed in part.
func mayRepeat(req *rpc.Request, err error) bool {
	var link *rpc.LinkError
	return req.Idempotent && req.Yield == nil && errors.As(err, &link) && link.Sent == rpc.Unknown && lostConn(link.Err)
}

// lostConn reports whether a connection broke, or was closed before the end of an
// answer. What a server answered in its own way is none of that, and neither is
// the end of a context or of the client.
func lostConn(err error) bool {
	var answer *AnswerError
	var op *net.OpError
	var head textproto.ProtocolError // it was cut off in the middle of a line
	switch {
	case errors.As(err, &answer), errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &head):
		return true
	}
	return errors.As(err, &op) && !op.Timeout()
}

// lostBefore reports whether a new connection was lost again, with err, before
// anything of a call was sent on it. A server, or a proxy, that has too many closes
// some without a word, as may happen to many that come together; later it may have
// room. One that cannot be reached, or says why it does not want it, is left alone.
func lostBefore(err error) bool {
	var op *net.OpError
	switch {
	case errors.Is(err, net.ErrClosed): // by ourselves
		return false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET): // that may be as early as in connect
		return true
	}
	return errors.As(err, &op) && (op.Op == "read" || op.Op == "write") && !op.Timeout()
}

// pause lets a moment pass before another try. It reports false if ctx ends before.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(rand.N(maxRepeatPause))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// repeat makes a call once more. Its first try may have run, whatever becomes of
// this one.
func (c *Client) repeat(ctx context.Context, req *rpc.Request, arguments []any) (*http.Response, *buffer, error) {
	pause(ctx) // at its end post says so
	resp, in, err := c.post(ctx, req, arguments)
	if link := new(rpc.LinkError); errors.As(err, &link) {
		err = c.broken(req.Method, rpc.Unknown, fmt.Errorf("%w (the second of 2 tries)", link.Err))
	}
	return resp, in, err
}
