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
	"slices"
	"strconv"
	"sync"
	"syscall"
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

// direct makes calls over connections without a proxy, which is what calls on the
// same machine and in the same network are. A call is written
// and its answer read on the goroutine of its caller, where http.Transport hands
// both to goroutines of the connection: that is twice as much work as HTTP is.
// What it promises is the same: see Client.
type direct struct {
	dial    func(ctx context.Context) (*sentConn, error)
	secure  *secure       // nil without TLS
	slots   chan struct{} // one is taken for each call under way
	idleFor time.Duration

	mu     sync.Mutex    // protects what follows
	idle   []*directConn // the one used last at the end
	timer  *time.Timer   // closes them when they have been idle too long
	armed  bool          // the timer runs
	closed bool
}

// directConn is a connection of direct. It belongs to one call at a time.
type directConn struct {
	*sentConn
	timed  timedConn // of sentConn; what is waited for
	tls    *tls.Conn // over below; nil without TLS
	below  belowTLS  // over timed
	state  *tls.ConnectionState
	owner  *direct
	used   bool // by an earlier call
	since  time.Time
	reader *bufio.Reader // of readDirect
	left   int64         // how much of a head may still be read, in bytes
	head   []byte        // of a request; reused
	probe  prober

	stop    func() bool // ends the watching of the context; nil if there is none
	sending chan error  // gets one error when a large body is written; nil if there is none
	failed  bool        // to write
}

// roundTrip sends r with body and returns the answer, whose body has to be read
// to its end and closed.
func (d *direct) roundTrip(ctx context.Context, r *http.Request, body []byte, trace *sendTrace) (*http.Response, error) {
	if err := d.enter(ctx); err != nil {
		return nil, err
	}
	for {
		c, err := d.take(ctx)
		if err != nil {
			d.leave()
			return nil, err
		}
		trace.use(c.sentConn)
		resp, err := c.exchange(ctx, r, body, trace)
		if err == nil {
			return resp, nil
		}
		c.end(false)
		if !c.used || trace.sent() != rpc.NotSent || ctx.Err() != nil {
			d.leave()
			return nil, err
		}
		trace.again() // the connection was closed while it was idle
	}
}

// enter waits until there is room for another call.
func (d *direct) enter(ctx context.Context) error {
	select {
	case d.slots <- struct{}{}:
		return nil
	default:
	}
	select {
	case d.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *direct) leave() { <-d.slots }

// take returns a connection that is idle, or a new one.
func (d *direct) take(ctx context.Context) (*directConn, error) {
	for {
		d.mu.Lock()
		n := len(d.idle) - 1
		if n < 0 {
			d.mu.Unlock()
			break
		}
		c := d.idle[n]
		d.idle[n] = nil
		d.idle = d.idle[:n]
		d.mu.Unlock()
		if time.Since(c.since) < d.idleFor && c.probe.quiet() {
			return c, nil
		}
		c.Close()
	}
	c, err := d.connect(ctx)
	if err != nil {
		// The dialler knows when ctx ends, and is quicker than that at times.
		if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(deadline) {
			err = context.DeadlineExceeded
		}
	}
	return c, err
}

// connect makes a connection.
func (d *direct) connect(ctx context.Context) (*directConn, error) {
	sc, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &directConn{sentConn: sc, owner: d, timed: newTimedConn(sc.Conn)}
	if d.secure != nil {
		if err := d.secure.start(ctx, c); err != nil {
			c.Close()
			return nil, err
		}
	}
	c.reader = bufio.NewReader(readDirect{c})
	if raw, ok := sc.Conn.(syscall.Conn); ok {
		c.probe = newProber(raw)
	}
	return c, nil
}

// put keeps a connection for the next call.
func (d *direct) put(c *directConn) {
	c.used, c.since = true, time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.Close()
		return
	}
	d.idle = append(d.idle, c)
	switch {
	case d.armed:
	case d.timer == nil:
		d.timer = time.AfterFunc(d.idleFor, d.expire)
	default:
		d.timer.Reset(d.idleFor)
	}
	d.armed = true
}

// expire closes what has been idle for too long, and sees to the rest later.
func (d *direct) expire() {
	d.mu.Lock()
	now := time.Now()
	n := 0
	for n < len(d.idle) && now.Sub(d.idle[n].since) >= d.idleFor {
		n++
	}
	old := slices.Clone(d.idle[:n])
	d.idle = slices.Delete(d.idle, 0, n)
	if d.armed = len(d.idle) > 0 && !d.closed; d.armed {
		d.timer.Reset(d.idleFor - now.Sub(d.idle[0].since))
	}
	d.mu.Unlock()
	for _, c := range old {
		c.part()
	}
}

// closeIdle closes the connections that no call uses.
func (d *direct) closeIdle() {
	d.mu.Lock()
	idle := d.idle
	d.idle = nil
	d.mu.Unlock()
	for _, c := range idle {
		c.part()
	}
}

// close keeps connections from being kept any more.
func (d *direct) close() {
	d.mu.Lock()
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	d.mu.Unlock()
	d.closeIdle()
}

// exchange sends a request and reads the head of its answer.
func (c *directConn) exchange(ctx context.Context, r *http.Request, body []byte, trace *sendTrace) (*http.Response, error) {
	c.limit(ctx)
	c.head = appendHead(c.head[:0], r, len(body))
	var failed error
	if len(body) <= writtenFirst {
		c.head = append(c.head, body...)
		failed = c.send(c.head, nil)
		trace.wrote.Store(true)
	} else {
		c.sending = make(chan error, 1)
		go func() {
			err := c.send(c.head, body)
			trace.wrote.Store(true)
			c.sending <- err
		}()
	}
	if failed != nil && c.used && trace.sent() == rpc.NotSent {
		return nil, failed
	}
	// A server that refuses a request may close the connection in the middle of it:
	// what it has answered is there all the same.
	resp, err := c.answer(r)
	switch {
	case err == nil:
		c.failed = failed != nil
		resp.TLS = c.state
		resp.Body = &directBody{ReadCloser: resp.Body, conn: c, keep: !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols}
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

// answer reads the head of the answer to r.
func (c *directConn) answer(r *http.Request) (*http.Response, error) {
	for range maxInterim + 1 {
		c.left = maxAnswerHeaderBytes
		if _, err := c.reader.Peek(1); err != nil {
			return nil, err
		}
		resp, err := http.ReadResponse(c.reader, r)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			c.left = math.MaxInt64
			return resp, nil
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

// appendHead appends the head of a request whose body has n bytes.
func appendHead(dst []byte, r *http.Request, n int) []byte {
	dst = append(append(append(dst, r.Method...), ' '), r.URL.RequestURI()...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), r.Host...)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, "\r\n"...)
	var few [16]string
	names := few[:0]
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue
		}
		for _, v := range r.Header[name] {
			dst = append(append(append(append(dst, name...), ": "...), v...), "\r\n"...)
		}
	}
	return append(dst, "\r\n"...)
}

// checkHeader refuses what would not arrive as it is, or as a header of another
// name.
func checkHeader(h http.Header) error {
	for name, values := range h {
		for i := range len(name) {
			if !tokenByte(name[i]) {
				return fmt.Errorf("the header %s: a name is made of letters, digits and a few signs", quote(name))
			}
		}
		if name == "" {
			return errors.New("a header without a name")
		}
		for _, v := range values {
			for i := range len(v) {
				if v[i] < ' ' && v[i] != '\t' || v[i] == 0x7f {
					return fmt.Errorf("the header %s holds a control character", quote(name))
				}
			}
		}
	}
	return nil
}

// tokenByte reports whether c may stand in the name of a header (RFC 9110,
// section 5.6.2).
func tokenByte(c byte) bool {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}
