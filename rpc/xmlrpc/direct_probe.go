package xmlrpc

import (
	"errors"
	"net"
	"os"
	"time"
)

// probe tells of a connection that is idle whether it is still open and has
// nothing to read. A server that has closed it, or said something that nobody
// asked for, takes no call any more.
type probe struct {
	look    func() bool // asks the socket, which does not wait; nil if it cannot be asked
	conn    net.Conn
	watched chan bool // in its place: gets one answer when watching ends; nil if nobody watches
}

// rest is called when the connection becomes idle.
func (p *probe) rest() {
	if p.look == nil {
		p.watch()
	}
}

// watch reads from the connection, on a goroutine of its own. It ends when
// something comes, or the connection ends, or its deadline is over.
func (p *probe) watch() {
	_ = p.conn.SetReadDeadline(time.Time{}) // of the call before
	watched := make(chan bool, 1)
	p.watched = watched
	go func() {
		var one [1]byte
		n, err := p.conn.Read(one[:])
		watched <- n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
	}()
}

// quiet reports, when the next call wants the connection, whether it can have it.
func (p *probe) quiet() bool {
	if p.look != nil {
		return p.look()
	}
	_ = p.conn.SetReadDeadline(time.Unix(1, 0))
	return p.stopped()
}

// stopped waits for the end of the watching, if there is any, and returns what
// it has found.
func (p *probe) stopped() bool {
	if p.watched == nil {
		return false
	}
	open := <-p.watched
	p.watched = nil
	return open
}

// watching is the probe of a connection that cannot be looked at without waiting.
func watching(c *directConn) probe { return probe{conn: &c.timed} }
