package native

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

const (
	// defaultMaxMessage is the largest message accepted where no limit is set,
	// in bytes.
	defaultMaxMessage = 16 << 20

	// overFactor is how many times MaxMessage is read over on a Server, so that its
	// sender gets an answer. It costs him what it costs here.
	overFactor = 16

	// connBuffer is the read buffer of a Conn, in bytes.
	connBuffer = 4 << 10
)

// ErrBroken is the error of a Conn that cannot be used any more, since a part
// of a message was sent and the rest will not be.
var ErrBroken = errors.New("the connection broke in the middle of a message")

// Conn passes objects both ways, like the Connection of Python's
// multiprocessing.connection, which the other end may be. Both sides may send
// at any time; what a message means is up to them.
//
// A Conn is safe for concurrent use. One Send and one Recv may run at the same
// time; several of a kind wait for each other. It has no goroutine of its own:
// an idle one costs its memory alone, about 5 KiB.
type Conn struct {
	nc     net.Conn
	now    *rawWriter // nil: nc has no non-blocking write
	peer   rpc.Peer
	pickle pickle.Options
	served <-chan struct{} // the Conn is closed when that is; nil: there is no such thing

	sending chan struct{} // holds a token while a Send writes
	sendErr error         // guarded by sending: why nothing more can be sent
	reading chan struct{} // holds a token while a Recv reads
	in      *frameReader  // guarded by reading
	keyless bool          // guarded by reading: no challenge took place and nothing came yet

	ackNow  func()      // asks the kernel to acknowledge what came; nil where it cannot
	owesAck atomic.Bool // something came, and nothing was sent since

	protocol atomic.Int32 // of pickle, for what is sent
	mirrored atomic.Bool  // protocol is one that the peer has used

	stall   time.Duration // how long a peer may pause in the middle of a message; 0: for ever
	stalls  bool          // guarded by reading: the deadline for that is set
	cut     atomic.Bool   // the context of a Recv has ended
	leaving atomic.Bool   // nothing more is to be read: see leave

	tab tab // at the budget of the server

	failed atomic.Pointer[error] // why the Conn is of no more use
	close  func() error
}

// connOptions are what a Conn needs besides its socket.
type connOptions struct {
	maxMessage int            // zero means 16 MiB
	readOver   bool           // what is above that is an error and gone, up to overFactor times as much
	pickle     pickle.Options // limits for what is received
	keyless    bool           // no challenge took place
	stall      time.Duration  // how long the peer may pause in the middle of a message; 0: for ever
	budget     *budget        // of the server; nil: there is none
	asking     *asking        // of the server; nil: the peer is never expected to be quick
	done       func()         // if set, called once, after the socket is closed
}

// newConn returns the Conn for a peer that sends objects. It owns nc.
func newConn(nc net.Conn, result handshakeResult, o connOptions) *Conn {
	if o.maxMessage == 0 {
		o.maxMessage = defaultMaxMessage
	}
	c := &Conn{
		nc:      nc,
		now:     newRawWriter(nc),
		peer:    rpc.Peer{Identity: result.Identity, Addr: nc.RemoteAddr(), Transport: "python"},
		pickle:  o.pickle,
		sending: make(chan struct{}, 1),
		reading: make(chan struct{}, 1),
		in:      newFrameReader(newPromptReader(nc, o.asking), o.maxMessage, connBuffer),
		ackNow:  quickACK(socketOf(nc)),
		keyless: o.keyless,
		stall:   o.stall,
	}
	if c.tab.purse = newPurse(o.budget); o.budget != nil {
		c.in.hold = c.tab.arrive
	}
	if o.readOver {
		c.in.skip = overFactor * min(o.maxMessage, math.MaxInt/overFactor)
	}
	if c.stall > 0 {
		c.in.waits = c.allowPause
	}
	c.in.large = c.ackNow
	c.owesAck.Store(true) // the last #WELCOME# may have been the peer's
	c.protocol.Store(int32(firstProtocol(result)))
	if result.Tagged {
		c.peer.Transport = "native"
	}
	c.close = sync.OnceValue(func() error {
		err := nc.Close()
		if o.done != nil {
			o.done()
		}
		return err
	})
	return c
}

// firstProtocol returns the pickle protocol for a peer that has not sent
// anything yet: the highest that all peers with its handshake can read.
func firstProtocol(result handshakeResult) int {
	switch {
	case result.Login:
		return 4 // Go, or Python that has TLS 1.3
	case result.Tagged:
		return pickle.MaxProtocol
	case result.Dialect == dialectNamed:
		return 4 // Python 3.12 and later
	}
	return 2 // may be Python 2.7
}

// Peer returns who the other end is. It cannot be called: a Conn carries
// objects, not calls.
func (c *Conn) Peer() *rpc.Peer { return &c.peer }

// LocalAddr returns the address of this end.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// Close ends the connection. Calls under way return an error that is
// net.ErrClosed. Closing again does nothing.
func (c *Conn) Close() error { return c.close() }

// Send sends v as one pickled object; Python's recv() returns it. Package value
// says what a Go type is on the wire, package pickle what that is in Python.
//
// The pickle protocol is the highest that the peer has used. Before it has sent
// anything it is what the login tells: 4 for a Python that speaks SHA-256 (3.12
// and later), 5 for another Go program, else 2, which every Python reads.
//
// A value that cannot be sent is an error, and so is a ctx that ends before a
// byte has left; the connection stays as it was. Once a byte has left, the end
// of ctx breaks the connection, since the peer waits for the rest: the error is
// ErrBroken, then and from then on.
func (c *Conn) Send(ctx context.Context, v any) error {
	b := getBuffer()
	defer putBuffer(b)
	var header [longHeaderSize]byte
	message := append((*b)[:0], header[:]...)
	message, err := pickle.Append(message, v, c.pickle.EncodeOptions(int(c.protocol.Load())))
	*b = message
	if err != nil {
		return fmt.Errorf("native: send: %w", err)
	}
	// The header stands right in front of the payload: one write.
	h := appendFrameHeader(header[:0], len(message)-longHeaderSize)
	start := longHeaderSize - len(h)
	copy(message[start:], h)
	return c.write(ctx, message[start:], nil)
}

// SendBytes sends data as it is; Python's recv_bytes() returns it. Otherwise it
// is like Send. data is not kept.
func (c *Conn) SendBytes(ctx context.Context, data []byte) error {
	if len(data) > joinLimit {
		var head [longHeaderSize]byte
		return c.write(ctx, appendFrameHeader(head[:0], len(data)), data)
	}
	b := getBuffer()
	defer putBuffer(b)
	*b = append(appendFrameHeader((*b)[:0], len(data)), data...)
	return c.write(ctx, *b, nil)
}

// write writes a message, or its header and payload, under ctx, after those before
// it.
func (c *Conn) write(ctx context.Context, message, payload []byte) error {
	if err := acquire(ctx, c.sending); err != nil {
		return fmt.Errorf("native: send: %w", err)
	}
	defer func() { <-c.sending }()
	if err := cmp.Or(c.failure(), c.sendErr); err != nil {
		return fmt.Errorf("native: send: %w", err)
	}
	c.owesAck.Store(false) // the acknowledgement goes with the data
	n, err := c.writeNow(message, payload)
	if err == nil && n < len(message)+len(payload) {
		release := c.interrupt(ctx, c.nc.SetWriteDeadline)
		var more int64
		more, err = c.writeRest(n, message, payload)
		release()
		n += int(more)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		if n == 0 {
			return fmt.Errorf("native: send: %w", ctx.Err())
		}
		return fmt.Errorf("native: send: %w", c.fail(fmt.Errorf("%w: %d bytes of it were sent: %w", ErrBroken, n, ctx.Err())))
	}
	if cause := c.failure(); cause != nil {
		err = cause // the Conn was closed for it
	}
	c.sendErr = err // what the peer has sent before can still be received
	return fmt.Errorf("native: send: %w", err)
}

// writeNow writes what the socket takes at once, which needs no context. Of a
// message in two pieces, and inside TLS, that is nothing.
func (c *Conn) writeNow(message, payload []byte) (int, error) {
	if c.now == nil || len(payload) > 0 {
		return 0, nil
	}
	return c.now.tryWrite(message)
}

// writeRest writes what is left of a message behind its first n bytes.
func (c *Conn) writeRest(n int, message, payload []byte) (int64, error) {
	if len(payload) > 0 {
		bufs := net.Buffers{message, payload}
		return bufs.WriteTo(c.nc)
	}
	more, err := c.nc.Write(message[n:])
	return int64(more), err
}

// interrupt is the function of that name, which has nothing to do where the end of
// ctx closes the Conn.
func (c *Conn) interrupt(ctx context.Context, set func(time.Time) error) (release func()) {
	if c.served != nil && ctx.Done() == c.served {
		return func() {}
	}
	return interrupt(ctx, set)
}

// Recv receives one object into *dst, which Python sent by send(). A dst of type
// *any gets the dynamic value that packages pickle and value describe.
//
// When ctx ends first, nothing is lost: the next Recv goes on with the message,
// even in the middle of it. An object that cannot be read or does not fit *dst
// is an error and is gone; the connection can be used further. A message beyond
// MaxMessage ends the connection with ErrTooLarge. On a Server one of up to 16 times
// as much is an error with an *rpc.Fault in it instead, and is gone, and so is one
// for which there is no memory. io.EOF means that the peer has closed it.
func (c *Conn) Recv(ctx context.Context, dst any) error {
	if p := reflect.ValueOf(dst); p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("native: recv: dst: got %T; want a pointer that is not nil", dst)
	}
	data, err := c.RecvBytes(ctx)
	if err != nil {
		return err
	}
	o := c.pickle
	o.Owned = true
	if p, ok := dst.(*any); ok {
		v, info, err := pickle.Decode(data, o)
		c.mirror(info.Protocol)
		if err != nil {
			return fmt.Errorf("native: recv: %w", err)
		}
		*p = v
		return nil
	}
	m, err := pickle.Read(data, o)
	c.mirror(m.Info.Protocol)
	if err != nil {
		return fmt.Errorf("native: recv: %w", err)
	}
	src := m.Source()
	value.Decode(src, dst)
	if err := src.Err(); err != nil {
		return fmt.Errorf("native: recv: %w", err)
	}
	return nil
}

// RecvBytes receives one message as it is: what Python sent by send_bytes(), or
// the pickle of an object. Otherwise it is like Recv. The caller owns the bytes. With
// an error that has an *rpc.Fault in it they are the first ones of the message that
// is gone, 16 at most: they may tell what its answer has to look like.
func (c *Conn) RecvBytes(ctx context.Context) ([]byte, error) {
	if err := acquire(ctx, c.reading); err != nil {
		return nil, fmt.Errorf("native: recv: %w", err)
	}
	defer func() { <-c.reading }()
	if err := c.failure(); err != nil {
		return nil, fmt.Errorf("native: recv: %w", err)
	}
	// The peer may be unable to go on before it has an acknowledgement: see
	// quickACK. One that waits for an answer gets it with that.
	if c.ackNow != nil && c.in.buffered() == 0 && c.owesAck.Swap(false) {
		c.ackNow()
	}
	release := c.interrupt(ctx, c.setReadDeadline)
	data, err := c.in.next(nil)
	stalled := c.stalls && !c.cut.Load() && !c.leaving.Load() && errors.Is(err, os.ErrDeadlineExceeded)
	release()
	c.endPause()
	c.owesAck.Store(true)
	size := c.in.size
	gone := errors.Is(err, errDropped) || errors.Is(err, errOver)
	if c.in.hold != nil && (err == nil || gone) {
		c.tab.arrived()
	}
	switch {
	case errors.Is(err, errOver):
		fault := rpc.Errorf(rpc.CodeOverLimit, "the message has %d bytes, at most %d are taken (MaxMessage)", size, c.in.max)
		return data, fmt.Errorf("native: recv: %w", fault)
	case gone:
		return data, fmt.Errorf("native: recv: %w", c.tab.fault())
	case err == nil:
		if c.keyless {
			if bytes.HasPrefix(data, []byte(challengePrefix)) && len(data) <= maxHandshake {
				return nil, fmt.Errorf("native: recv: %w", c.fail(ErrKeyNeeded))
			}
			c.keyless = false
		}
		return data, nil
	case stalled:
		err = c.fail(fmt.Errorf("%w: it paused for %v in the middle of a message", ErrPeerDead, c.stall))
	case ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("native: recv: %w", ctx.Err())
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrFrame):
		err = c.fail(err)
	case c.failure() != nil: // the Conn was closed for it
		err = c.failure()
	}
	return nil, fmt.Errorf("native: recv: %w", err)
}

// leave makes Recv fail once nothing is left that has come in, whatever its
// context.
func (c *Conn) leave() {
	c.leaving.Store(true)
	_ = c.setReadDeadline(longAgo) // fails on a closed connection only
}

// setReadDeadline lets no Recv that ends at this moment undo leave.
func (c *Conn) setReadDeadline(t time.Time) error {
	c.cut.Store(t.Equal(longAgo))
	err := c.nc.SetReadDeadline(t)
	if c.leaving.Load() {
		err = c.nc.SetReadDeadline(longAgo)
	}
	return err
}

// allowPause gives the peer time for the next bytes of a message that it has
// begun. The end of the context stays what it is.
func (c *Conn) allowPause() {
	c.stalls = true
	_ = c.nc.SetReadDeadline(time.Now().Add(c.stall))
	if c.cut.Load() || c.leaving.Load() {
		_ = c.nc.SetReadDeadline(longAgo)
	}
}

// endPause lets the peer wait with its next message for as long as it wants.
func (c *Conn) endPause() {
	if c.stalls {
		c.stalls = false
		_ = c.setReadDeadline(time.Time{})
	}
}

// farewell has the peer get what was sent last, before the Conn is closed: for a
// moment what it still sends is read over. Nobody may use the Conn any more.
func (c *Conn) farewell() {
	if c.failure() == nil {
		lingerOver(c.nc, max(lingerSize, c.in.max))
	}
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// mirror notes the protocol of a message that came.
func (c *Conn) mirror(protocol int) {
	p := int32(pickle.AnswerProtocol(protocol))
	if c.mirrored.CompareAndSwap(false, true) || p > c.protocol.Load() {
		c.protocol.Store(min(p, pickle.MaxProtocol))
	}
}

// fail makes err the reason why the Conn is of no more use, unless there is one,
// and closes it.
func (c *Conn) fail(err error) error {
	c.failed.CompareAndSwap(nil, &err)
	c.Close()
	return *c.failed.Load()
}

func (c *Conn) failure() error {
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// acquire puts a token into sem, or fails when ctx ends first.
func acquire(ctx context.Context, sem chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case sem <- struct{}{}: // without a look at Done, which may cost something
		return nil
	default:
	}
	select {
	case sem <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkLimits looks at the limits of a configuration.
func checkLimits(maxMessage int, o pickle.Options) error {
	if maxMessage < 0 || maxMessage > math.MaxInt-longHeaderSize {
		return fmt.Errorf("MaxMessage: got %d; want 0 (%d bytes) or more", maxMessage, defaultMaxMessage)
	}
	if o.MaxDepth < 0 || o.MaxElements < 0 || o.MaxMemo < 0 || o.MaxIntBits < 0 || o.MaxExpanded < 0 {
		return fmt.Errorf("Pickle: got %+v; want no limit below zero", o)
	}
	return nil
}
