package native

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// tlsConn is a connection inside TLS. After the handshake crypto/tls works
// between two pieces of memory and never touches the socket:
//
//	Write, or a session's writer -> seal -> tls.Conn -> below.out -> socket
//	Read, or a session's reader <--------- tls.Conn <- below.came <- socket
//
// So nothing waits inside of tls.Conn. A session writes what was sealed without
// blocking, as it does without TLS; a read that was cut short by a deadline goes
// on later, in the middle of a record too; an idle connection holds no buffer;
// and Close does not wait for a peer that takes nothing.
//
// Deadlines and addresses are those of the socket. One goroutine may read, one
// may write, and any may close.
type tlsConn struct {
	net.Conn // the socket
	tls      *tls.Conn
	below    *below

	writing sync.Mutex
	broken  error   // guarded by writing; a write was cut off, and nothing fits behind it
	flying  *[]byte // what seal returned last; the writer's
	close   func() error
	closed  atomic.Bool
}

// newTLSConn returns nc with TLS on it, of which the handshake is still to be
// made.
func newTLSConn(nc net.Conn, cfg *tls.Config, server bool) *tlsConn {
	c := &tlsConn{Conn: nc, below: &below{Conn: nc, writer: newRawWriter(nc)}}
	c.below.reader = newRawReader(nc, c.below)
	if server {
		c.tls = tls.Server(c.below, cfg)
	} else {
		c.tls = tls.Client(c.below, cfg)
	}
	c.close = sync.OnceValue(func() error {
		c.closed.Store(true)
		return c.tls.Close()
	})
	return c
}

// handshake makes the handshake, under the deadline of the socket.
func (c *tlsConn) handshake() error {
	if err := c.tls.Handshake(); err != nil {
		return err
	}
	c.below.established = true
	return nil
}

// Read reads at least a byte. A socket that ends before its peer has said so is
// io.ErrUnexpectedEOF: somebody may have cut it off.
func (c *tlsConn) Read(p []byte) (int, error) {
	for {
		n, err := c.tls.Read(p)
		dry := errors.Is(err, errDry)
		switch {
		case n > 0 && dry:
			return n, nil
		case !dry:
			return n, c.readError(err)
		}
		if err := c.below.await(); err != nil {
			return 0, c.readError(unexpected(err))
		}
	}
}

// readError says what an error of a read means.
func (c *tlsConn) readError(err error) error {
	if err != nil && c.closed.Load() {
		return net.ErrClosed // whatever the peer has said before
	}
	return alerted(err)
}

// sealStep is how much Write encrypts before it writes.
const sealStep = 64 << 10

// Write writes p, under the deadline of the socket. What was encrypted cannot be
// taken back: bytes count as written even if they have not left, and after an
// error nothing more can be written.
func (c *tlsConn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for err = c.broken; err == nil && n < len(p); {
		part := p[n:min(n+sealStep, len(p))]
		var wire []byte
		if wire, err = c.seal(part); err == nil {
			n += len(part)
			if _, err = c.Conn.Write(wire); err == nil {
				c.sent()
			}
		}
		c.broken = err
	}
	return n, err
}

// seal encrypts b into memory that the writer has until it calls sent, when all
// of it was written.
func (c *tlsConn) seal(b []byte) ([]byte, error) {
	c.below.prepare(len(b))
	if _, err := c.tls.Write(b); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	c.flying = c.below.take()
	return *c.flying, nil
}

// sent gives back what seal has returned.
func (c *tlsConn) sent() {
	c.below.release(c.flying)
	c.flying = nil
}

// Close ends the connection, and tells the peer so if the socket takes that at
// once.
func (c *tlsConn) Close() error { return c.close() }

// CloseWrite tells the peer that nothing more will come.
func (c *tlsConn) CloseWrite() error {
	if err := c.tls.CloseWrite(); err != nil {
		return err
	}
	c.below.flush()
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// socketOf returns what is under a connection, which may be inside TLS.
func socketOf(nc net.Conn) net.Conn {
	if c, ok := nc.(*tlsConn); ok {
		return c.Conn
	}
	return nc
}

// errDry says that tls.Conn needs bytes that have not come. To tls.Conn it is an
// error that passes.
var errDry error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "native: nothing has come" }
func (dryError) Timeout() bool   { return true }
func (dryError) Temporary() bool { return true }

// below is what tls.Conn has for its connection.
type below struct {
	net.Conn            // the socket
	reader   *rawReader // nil: one cannot wait for the socket without memory
	writer   *rawWriter // nil: it has no non-blocking write

	leaf        []byte // the certificate that this side has shown, if it is the server
	established bool   // the handshake is over, and this is memory

	// The reader's.
	memory *[inflowSize]byte // nil: nothing is there
	came   []byte            // in memory: was read and not taken by tls.Conn

	received atomic.Uint64 // bytes

	mu     sync.Mutex
	out    *[]byte // guarded by mu; sealed and not taken by a writer; nil: nothing
	taken  bool    // guarded by mu; a writer is at what it took
	caused int     // guarded by mu; bytes of out that no writer has asked for
	sealed uint64  // guarded by mu; bytes
	asked  bool    // guarded by mu; a writer is asking for more
}

// Read takes what has come.
func (b *below) Read(p []byte) (int, error) {
	if !b.established {
		return b.Conn.Read(p)
	}
	if len(b.came) == 0 {
		return 0, errDry
	}
	n := copy(p, b.came)
	if b.came = b.came[n:]; len(b.came) == 0 {
		b.giveBack()
	}
	return n, nil
}

// await waits until something has come. It is called when nothing is there.
func (b *below) await() error {
	var n int
	var err error
	if b.reader != nil {
		n, err = b.reader.read()
	} else {
		n, err = readSome(b.Conn, b.borrow())
	}
	if n == 0 {
		b.giveBack()
		return err
	}
	b.came = b.memory[:n]
	b.received.Add(uint64(n))
	return nil
}

// borrow returns memory to read to.
func (b *below) borrow() []byte {
	if b.memory == nil {
		b.memory = inflows.Get().(*[inflowSize]byte)
	}
	return b.memory[:]
}

func (b *below) giveBack() {
	if b.memory != nil {
		inflows.Put(b.memory)
		b.memory = nil
	}
}

const (
	// sealedRecord is what one record is longer than what is in it (RFC 8446
	// section 5.2: header, type, tag), and recordSize the most that is in it.
	sealedRecord = 5 + 1 + 16
	recordSize   = 16 << 10

	// maxCaused bounds what a peer can have this side say inside of TLS, which is
	// kept until the next write: answers to a KeyUpdate, alerts.
	maxCaused = 4 << 10
	// maxSealed is the largest memory that is kept for what is sealed next.
	maxSealed = 256 << 10
)

// sealedBuffers is a cache: nothing depends on what it holds.
var sealedBuffers = sync.Pool{New: func() any { return new([]byte) }}

var errCaused = errors.New("the peer asks for new keys over and over")

// prepare makes room for what becomes of n bytes.
func (b *below) prepare(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = true
	if b.out == nil {
		b.out = sealedBuffers.Get().(*[]byte)
	}
	*b.out = slices.Grow(*b.out, n+(n/recordSize+1)*sealedRecord)
}

// Write keeps what tls.Conn has sealed.
func (b *below) Write(p []byte) (int, error) {
	if !b.established {
		return b.Conn.Write(p)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.asked {
		if b.caused += len(p); b.caused > maxCaused {
			return 0, errCaused
		}
	}
	if b.out == nil {
		b.out = sealedBuffers.Get().(*[]byte)
	}
	*b.out = append(*b.out, p...)
	b.sealed += uint64(len(p))
	return len(p), nil
}

// take hands all that is sealed to a writer.
func (b *below) take() *[]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.out
	b.out, b.caused, b.asked, b.taken = nil, 0, false, true
	return out
}

// release takes memory back that was written.
func (b *below) release(out *[]byte) {
	b.mu.Lock()
	b.taken = false
	b.mu.Unlock()
	if cap(*out) <= maxSealed {
		*out = (*out)[:0]
		sealedBuffers.Put(out)
	}
}

// lastWord bounds the wait for a socket without non-blocking writes to take an
// alert.
const lastWord = 50 * time.Millisecond

// flush writes what is sealed and no writer will take, an alert mostly, if the
// socket takes it at once. In the middle of what a writer has taken, or is sealing,
// there is no place for it.
func (b *below) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.out == nil || b.taken || b.asked {
		return
	}
	// The peer does without it: whatever it is, the connection ends.
	if b.writer != nil {
		_, _ = b.writer.tryWrite(*b.out)
	} else if b.Conn.SetWriteDeadline(time.Now().Add(lastWord)) == nil {
		_, _ = b.Conn.Write(*b.out)
	}
	b.out = nil
}

// Close is called by tls.Conn.
func (b *below) Close() error {
	if b.established {
		b.flush()
	}
	return b.Conn.Close()
}

// SetWriteDeadline does nothing: tls.Conn sets it around its last alert, which is
// written here without waiting, and would cut off a writer.
func (b *below) SetWriteDeadline(time.Time) error { return nil }

// tlsReader reads from a tlsConn to the memory of an inflow, and waits without
// any.
type tlsReader struct {
	conn *tlsConn
	in   *inflow
}

// read reads at least a byte into the memory of in, which is empty, or fails.
func (r *tlsReader) read() (int, error) {
	for {
		n, err := r.conn.tls.Read(r.in.borrow())
		dry := errors.Is(err, errDry)
		switch {
		case n > 0:
			return n, nil // an error comes again
		case !dry:
			return 0, r.conn.readError(err)
		}
		r.in.giveBack()
		if err := r.conn.below.await(); err != nil {
			return 0, r.conn.readError(unexpected(err))
		}
	}
}

var _ io.ReadWriteCloser = (*tlsConn)(nil)
