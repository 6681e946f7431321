package xmlrpc

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// timedConn is a connection whose deadlines reach its socket only when somebody
// waits there. net/http sets seven of them for a request, nearly all of which are
// over before anything is waited for.
type timedConn struct {
	net.Conn
	reading, writing sockDeadline
}

func newTimedConn(nc net.Conn) timedConn {
	return timedConn{Conn: nc, reading: sockDeadline{set: nc.SetReadDeadline}, writing: sockDeadline{set: nc.SetWriteDeadline}}
}

// sockDeadline is one of the deadlines of a socket.
type sockDeadline struct {
	set func(time.Time) error

	mu      sync.Mutex // protects what follows
	want    time.Time  // zero: none
	armed   time.Time  // what the socket has
	waiting int        // who is in a call that it ends
}

// put sets the deadline, for those who wait too.
func (d *sockDeadline) put(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.want = t
	if d.waiting > 0 {
		d.arm()
	}
}

// arm sees that the socket ends no later than wanted, and is not past its
// deadline already; d.mu is held. An earlier deadline is left as it is while it
// lies ahead: again sees to it.
func (d *sockDeadline) arm() {
	if d.armed.Equal(d.want) {
		return
	}
	if late := d.want.IsZero() || !d.want.Before(d.armed); late && !d.armed.IsZero() && time.Now().Before(d.armed) {
		return
	}
	d.armed = d.want
	_ = d.set(d.want) // fails if the connection is closed, which the one who waits learns
}

// begin is called before waiting, done after it.
func (d *sockDeadline) begin() {
	d.mu.Lock()
	d.waiting++
	d.arm()
	d.mu.Unlock()
}

func (d *sockDeadline) done() {
	d.mu.Lock()
	d.waiting--
	d.mu.Unlock()
}

// isAwaited reports whether somebody waits.
func (d *sockDeadline) isAwaited() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting > 0
}

// again reports whether err says no more than that an earlier deadline than the
// wanted one is over, and gives the socket that one.
func (d *sockDeadline) again(err error) bool {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.want.IsZero() && !time.Now().Before(d.want) {
		return false
	}
	d.armed = d.want
	_ = d.set(d.want)
	return true
}

// waitsForPeer reports whether somebody waits until the peer sends something, or
// takes what it is sent.
func (c *timedConn) waitsForPeer() bool { return c.reading.isAwaited() || c.writing.isAwaited() }

func (c *timedConn) Read(p []byte) (int, error) {
	c.reading.begin()
	defer c.reading.done()
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !c.reading.again(err) {
			return n, err
		}
	}
}

func (c *timedConn) Write(p []byte) (int, error) {
	c.writing.begin()
	defer c.writing.done()
	for written := 0; ; {
		n, err := c.Conn.Write(p[written:])
		if written += n; !c.writing.again(err) {
			return written, err
		}
	}
}

// writeBoth writes a and b without putting them together.
func (c *timedConn) writeBoth(a, b []byte) (int64, error) {
	c.writing.begin()
	defer c.writing.done()
	parts := net.Buffers{a, b}
	for written := int64(0); ; {
		n, err := parts.WriteTo(c.Conn)
		if written += n; !c.writing.again(err) {
			return written, err
		}
	}
}

func (c *timedConn) SetReadDeadline(t time.Time) error {
	c.reading.put(t)
	return nil
}

func (c *timedConn) SetWriteDeadline(t time.Time) error {
	c.writing.put(t)
	return nil
}

func (c *timedConn) SetDeadline(t time.Time) error {
	c.reading.put(t)
	c.writing.put(t)
	return nil
}
