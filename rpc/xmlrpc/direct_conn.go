package xmlrpc

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

const (
	// writtenFirst is up to which size a body is written before the answer is
	// looked for, in bytes. It fits into what a socket holds, so that the write ends
	// whatever the server does.
	writtenFirst = 16 << 10
	// writtenLate is how long a body may take to be sent once its answer has come,
	// for the connection to be kept.
	writtenLate = 50 * time.Millisecond
	// maxInterim is how many answers with a status of 1xx may come before the one.
	maxInterim = 5
)

// directConn is a connection of direct. It belongs to one call at a time.
type directConn struct {
	*sentConn
	timed  timedConn // of sentConn; what is waited for
	tls    *tls.Conn // over below, or over that to a proxy; nil without TLS
	below  belowTLS  // over timed
	state  *tls.ConnectionState
	owner  *direct
	via    way
	used   bool // by an earlier call
	since  time.Time
	reader *bufio.Reader // of readDirect
	left   int64         // how much of a head may still be read, in bytes
	head   []byte        // of a request; reused
	probe  probe

	hooks   hooks       // of the call
	stop    func() bool // ends the watching of the context; nil if there is none
	sending chan error  // gets one error when a large body is written; nil if there is none
	failed  bool        // to write
}

// exchange sends a request and reads the head of its answer.
func (c *directConn) exchange(ctx context.Context, r *http.Request, body []byte, trace *sendTrace, h hooks) (*http.Response, error) {
	c.hooks = h
	c.limit(ctx)
	c.head = c.appendHead(c.head[:0], r, len(body))
	var failed error
	if len(body) <= writtenFirst {
		c.head = append(c.head, body...)
		failed = c.send(c.head, nil)
		h.wrote(r, failed)
		trace.wrote.Store(true)
	} else {
		c.sending = make(chan error, 1)
		go func() {
			err := c.send(c.head, body)
			h.wrote(r, err)
			trace.wrote.Store(true)
			c.sending <- err
		}()
	}
	if failed != nil && c.used && trace.sent() == rpc.NotSent {
		return nil, failed
	}
	// A server that refuses a request may close the connection in the middle of it:
	// what it has answered is there all the same.
	resp, err := c.answer(r, h)
	switch {
	case err == nil:
		c.failed = failed != nil
		resp.TLS = c.state
		resp.Body = &directBody{ReadCloser: resp.Body, conn: c, keep: !c.owner.once && !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols}
		return resp, nil
	case failed != nil:
		err = failed
	}
	return nil, c.cause(err)
}

// limit makes the connection end the call with ctx.
func (c *directConn) limit(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	_ = c.timed.SetDeadline(deadline) // never fails
	if own, ok := ctx.(*deadlineContext); ok {
		ctx = own.parent // the deadline is seen to
	}
	c.stop = nil
	if ctx.Done() != nil {
		c.stop = context.AfterFunc(ctx, func() { c.Close() })
	}
}

// send writes head, and body behind it, in one write.
func (c *directConn) send(head, body []byte) (err error) {
	n := int64(0)
	if body == nil {
		var m int
		m, err = c.stream().Write(head)
		n = int64(m)
	} else if c.tls != nil {
		n, err = (&net.Buffers{head, body}).WriteTo(c.tls)
	} else {
		n, err = c.timed.writeBoth(head, body)
	}
	if n > 0 {
		c.writes.Add(1)
	}
	return err
}

// stream is what is written and read.
func (c *directConn) stream() io.ReadWriter {
	if c.tls != nil {
		return c.tls
	}
	return &c.timed
}

// netConn is what a trace may look at.
func (c *directConn) netConn() net.Conn {
	if c.tls != nil {
		return c.tls
	}
	return c.Conn
}

// answer reads the head of the answer to r.
func (c *directConn) answer(r *http.Request, h hooks) (*http.Response, error) {
	for range maxInterim + 1 {
		c.left = maxAnswerHeaderBytes
		if _, err := c.reader.Peek(1); err != nil {
			return nil, err
		}
		h.firstByte()
		resp, err := http.ReadResponse(c.reader, r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.left = math.MaxInt64
			return resp, nil
		}
		if err := h.interim(resp); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("more than %d answers with a status of 1xx", maxInterim)
}

// readDirect is what the reader of a connection reads.
type readDirect struct{ conn *directConn }

func (r readDirect) Read(p []byte) (int, error) {
	c := r.conn
	if c.left <= 0 {
		return 0, fmt.Errorf("an answer whose header has more than %d bytes", maxAnswerHeaderBytes)
	}
	n, err := c.stream().Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// cause returns why a call failed: the end of its time, where that is what the
// socket says.
func (c *directConn) cause(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return err
}

// end is called when a call is over. The connection is kept if it can be.
func (c *directConn) end(keep bool) {
	if c.stop != nil && !c.stop() {
		keep = false // it is being closed
	}
	if c.sending != nil {
		if !keep {
			c.Close()
		}
		if err := c.sent(); err != nil {
			keep = false
		}
		c.sending = nil
	}
	if keep && !c.failed && c.spent() {
		c.hooks.putIdle()
		c.hooks = hooks{}
		c.owner.put(c)
		return
	}
	c.Close()
}

// sent waits for the writer of a large body.
func (c *directConn) sent() error {
	select {
	case err := <-c.sending:
		return err
	default:
	}
	_ = c.timed.SetWriteDeadline(time.Now().Add(writtenLate)) // never fails
	return <-c.sending
}

// directBody is the body of an answer.
type directBody struct {
	io.ReadCloser // as http.ReadResponse made it
	conn          *directConn
	keep, ended   bool
}

func (b *directBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		b.ended = true
	case err != nil:
		err = b.conn.cause(err)
	}
	return n, err
}

// Close does not read what is left: the connection is closed if something is.
func (b *directBody) Close() error {
	if c := b.conn; c != nil {
		b.conn = nil
		c.end(b.keep && b.ended)
		c.owner.leave()
	}
	return nil
}

// part closes a connection that is idle. Inside TLS it says so, as the peer can
// then tell that from a connection that was cut.
func (c *directConn) part() {
	if c.tls != nil {
		_ = c.timed.SetWriteDeadline(time.Now().Add(partTimeout)) // never fails
		_ = c.tls.CloseWrite()                                    // the connection ends, whatever becomes of that
	}
	c.drop()
}

// drop closes a connection that is idle, without a word.
func (c *directConn) drop() {
	c.Close()
	c.probe.stopped()
}

// partTimeout is far more than it takes to put some bytes into a socket that
// nobody else writes to.
const partTimeout = 100 * time.Millisecond
