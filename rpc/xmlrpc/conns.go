package xmlrpc

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of silent connections: those whose first request has not been read.
const (
	maxSilent      = 64 // of all peers together
	maxSilentEach  = 8  // of one address
	maxSilentLocal = 32 // of one loopback address, and of a unix socket
	// silentGrace is how long a connection may be silent before it has to make
	// room for another: honest clients speak at once, but many may come together.
	silentGrace = 500 * time.Millisecond
)

// conns bounds the connections of a server. Silent ones have to make room, so
// that peers which connect and say nothing cannot lock others out.
type conns struct {
	max int

	mu     sync.Mutex // protects what follows
	open   map[*conn]struct{}
	silent *list.List // of *conn, the oldest first
	ended  bool
}

func newConns(max int) *conns {
	return &conns{max: max, open: map[*conn]struct{}{}, silent: list.New()}
}

// conn is a connection that was accepted.
type conn struct {
	net.Conn
	owner *conns
	host  string       // the host that was given to Listen; may be ""
	from  netip.Addr   // invalid for a unix socket
	since time.Time    // when it was accepted
	state atomic.Int32 // an http.ConnState
	spoke atomic.Bool  // a request was read

	place *list.Element // in owner.silent, under owner.mu; nil once a request was read
}

// add takes a connection in, and closes others if it has to. It reports false,
// and closes the new one, if there is no room.
func (cs *conns) add(nc net.Conn, host string) (*conn, bool) {
	c := &conn{Conn: nc, owner: cs, host: host, since: time.Now()}
	if tcp, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
		c.from = tcp.AddrPort().Addr().Unmap()
	}
	cs.mu.Lock()
	leave, ok := cs.makeRoom(c)
	if ok {
		cs.open[c] = struct{}{}
		c.place = cs.silent.PushBack(c)
	}
	cs.mu.Unlock()
	if leave != nil {
		leave.Close()
	}
	if !ok {
		nc.Close()
	}
	return c, ok
}

// makeRoom returns who has to leave for newcomer, if anybody, and whether it
// may come in; cs.mu is held.
func (cs *conns) makeRoom(newcomer *conn) (leave *conn, ok bool) {
	if cs.ended {
		return nil, false
	}
	if len(cs.open) >= cs.max {
		oldest := cs.oldest()
		return oldest, oldest != nil
	}
	if cs.silent.Len() >= maxSilent {
		if oldest := cs.oldest(); oldest.hasToLeave(newcomer) {
			return oldest, true
		}
	}
	limit := maxSilentEach
	if !newcomer.from.IsValid() || newcomer.from.IsLoopback() {
		limit = maxSilentLocal
	}
	if cs.silent.Len() < limit {
		return nil, true
	}
	var oldest *conn // of the same address
	n := 0
	for e := cs.silent.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*conn); c.from == newcomer.from {
			if n++; n == 1 {
				oldest = c
			}
		}
	}
	if n >= limit && oldest.hasToLeave(newcomer) {
		return oldest, true
	}
	return nil, true
}

// hasToLeave reports whether a silent connection has to make room for another. A
// request that nobody has read yet, since the machine is busy, is not silence.
func (c *conn) hasToLeave(newcomer *conn) bool {
	return newcomer.since.Sub(c.since) > silentGrace && !unread(c.Conn)
}

// oldest returns the oldest silent connection, nil if there is none; cs.mu is
// held.
func (cs *conns) oldest() *conn {
	if e := cs.silent.Front(); e != nil {
		return e.Value.(*conn)
	}
	return nil
}

// Close closes the connection and gives its room back.
func (c *conn) Close() error {
	cs := c.owner
	cs.mu.Lock()
	delete(cs.open, c)
	c.leaveSilent()
	cs.mu.Unlock()
	return c.Conn.Close()
}

// leaveSilent is called with owner.mu held.
func (c *conn) leaveSilent() {
	if c.place != nil {
		c.owner.silent.Remove(c.place)
		c.place = nil
	}
}

// end closes every connection that has not begun a request, now and from now
// on.
func (cs *conns) end() {
	cs.mu.Lock()
	cs.ended = true
	var leave []*conn
	for c := range cs.open {
		if http.ConnState(c.state.Load()) == http.StateNew {
			leave = append(leave, c)
		}
	}
	cs.mu.Unlock()
	for _, c := range leave {
		c.Close()
	}
}

type connKey struct{}

// withConn puts a connection within reach of its requests.
func withConn(ctx context.Context, c *conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection of a request, nil if another server than ours
// has accepted it.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// heard notes that a request was read from the connection.
func (c *conn) heard() {
	if c.spoke.Swap(true) {
		return
	}
	c.owner.mu.Lock()
	c.leaveSilent()
	c.owner.mu.Unlock()
}

// unwrap returns the connection beneath what net/http has of it.
func unwrap(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}
