package xmlrpc

import (
	"container/list"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// Bounds of silent connections: those whose first request has not been read, or
// not logged in where there are logins. A client has a connection for each call
// that it makes at once, and all of them may begin together.
const (
	maxSilent      = 256 // of all peers together
	maxSilentEach  = 64  // of one address
	maxSilentLocal = 128 // of one loopback address, and of a unix socket
	// silentGrace is how old a silent connection has to be to make room for another:
	// honest clients speak at once, but many may come together.
	silentGrace = 500 * time.Millisecond
	// waitGrace is how long a connection that has spoken may wait for its peer,
	// for the next request or the rest of a body, before it has to make room for
	// another when there are too many.
	waitGrace = 2 * time.Second
)

// conns bounds the connections of a server. Silent ones have to make room, so
// that peers which connect and say nothing cannot lock others out.
type conns struct {
	max    int
	logger *slog.Logger // of connections that were logged in
	door   *doorLog     // of those that come

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
	timedConn
	overtime overtime
	owner    *conns
	host     string       // the host that was given to Listen; may be ""
	from     netip.Addr   // invalid for a unix socket
	since    time.Time    // when it was accepted
	state    atomic.Int32 // an http.ConnState
	spoke    atomic.Bool  // a request was read, and logged in if it has to
	waits    atomic.Int64 // since when it waits for its peer, in ns of Unix time; 0 while it is at work
	peer     *rpc.Peer    // the caller, in the context of its requests
	proof    proof

	// What follows is under owner.mu.
	place    *list.Element // in owner.silent; nil once it has spoken
	deciding bool          // a login is under way
}

// add takes a connection in, and closes others if it has to. It reports false,
// and closes the new one, if there is no room.
func (cs *conns) add(nc net.Conn, host string) (*conn, bool) {
	c := &conn{timedConn: newTimedConn(nc), owner: cs, host: host, since: time.Now()}
	c.from, _ = ipOf(nc.RemoteAddr())
	c.peer = &rpc.Peer{Transport: transportName, Addr: nc.RemoteAddr()}
	cs.mu.Lock()
	limit := "too many connections that say nothing"
	if len(cs.open) >= cs.max {
		limit = "too many connections"
	}
	leave, ok := cs.makeRoom(c)
	if ok {
		cs.open[c] = struct{}{}
		c.place = cs.silent.PushBack(c)
	}
	ended := cs.ended
	cs.mu.Unlock()
	if leave != nil || !ok && !ended {
		cs.door.limited(nc.RemoteAddr(), limit)
	}
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
		oldest := cs.oldest(func(c *conn) bool { return !c.deciding })
		if oldest == nil {
			oldest = cs.oldest(func(*conn) bool { return true })
		}
		if oldest == nil {
			oldest = cs.longestWait(newcomer)
		}
		return oldest, oldest != nil
	}
	if cs.silent.Len() >= maxSilent {
		if c := cs.oldest(func(c *conn) bool { return c.hasToLeave(newcomer) }); c != nil {
			return c, true
		}
	}
	limit := maxSilentEach
	if !newcomer.from.IsValid() || newcomer.from.IsLoopback() {
		limit = maxSilentLocal
	}
	if cs.silent.Len() < limit {
		return nil, true
	}
	n := 0 // of the same address
	for e := cs.silent.Front(); e != nil; e = e.Next() {
		if e.Value.(*conn).from == newcomer.from {
			n++
		}
	}
	if n >= limit {
		leave = cs.oldest(func(c *conn) bool { return c.from == newcomer.from && c.hasToLeave(newcomer) })
	}
	return leave, true
}

// hasToLeave reports whether a silent connection has to make room for another. It
// has not while it is this machine that is busy: with what nobody has read yet, with
// a TLS handshake or a head that is being worked on, with a login that is being
// checked. owner.mu is held.
func (c *conn) hasToLeave(newcomer *conn) bool {
	return newcomer.since.Sub(c.since) > silentGrace && !c.deciding && c.waitsForPeer() && !unread(c.Conn)
}

// oldest returns the oldest silent connection among those which may leave, nil if
// there is none; cs.mu is held.
func (cs *conns) oldest(mayLeave func(*conn) bool) *conn {
	for e := cs.silent.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*conn); mayLeave(c) {
			return c
		}
	}
	return nil
}

// longestWait returns the connection that has waited longest for its peer and has to
// make room, nil if there is none; cs.mu is held. Without it whoever makes a small
// call on each of many connections has them all to himself.
func (cs *conns) longestWait(newcomer *conn) (longest *conn) {
	least := newcomer.since.Add(-waitGrace).UnixNano()
	for c := range cs.open {
		if since := c.waits.Load(); since != 0 && since < least && !unread(c.Conn) {
			longest, least = c, since
		}
	}
	return longest
}

// Close closes the connection and gives its room back.
func (c *conn) Close() error {
	cs := c.owner
	cs.mu.Lock()
	_, open := cs.open[c]
	delete(cs.open, c)
	c.leaveSilent()
	cs.mu.Unlock()
	err := c.Conn.Close()
	c.overtime.stop()
	if open {
		c.logClose()
	}
	return err
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

// heard notes that a request was read from the connection, and logged in where
// there are logins.
func (c *conn) heard() {
	if c.spoke.Swap(true) {
		return
	}
	c.owner.mu.Lock()
	c.leaveSilent()
	c.owner.mu.Unlock()
}

// decide notes that a login is being checked.
func (c *conn) decide() {
	if c.spoke.Load() {
		return
	}
	c.owner.mu.Lock()
	c.deciding = true
	c.owner.mu.Unlock()
}

// turnedDown notes that a request was not let in. A connection that never had
// one which was, is as silent as before and not a moment younger: with one wrong
// login after the other nobody outlives those who come.
func (c *conn) turnedDown() {
	if c.spoke.Load() {
		return
	}
	c.owner.mu.Lock()
	c.deciding = false
	c.owner.mu.Unlock()
}

// ipOf returns the IP address in a, which is not valid for a unix socket. What tells
// none is no unix socket for that: it is taken for 0.0.0.0, another machine.
func ipOf(a net.Addr) (ip netip.Addr, known bool) {
	switch a := a.(type) {
	case *net.UnixAddr:
		return netip.Addr{}, true
	case *net.TCPAddr:
		if ip = a.AddrPort().Addr(); !ip.IsValid() {
			ip = netip.IPv4Unspecified() // that of ":0", all there are
		}
	default: // of a listener that is none of package net's
		if a != nil {
			ap, _ := netip.ParseAddrPort(a.String())
			ip = ap.Addr()
		}
	}
	if !ip.IsValid() {
		return netip.IPv4Unspecified(), false
	}
	return ip.Unmap(), true
}

// unwrap returns the connection beneath what net/http has of it.
func unwrap(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, _ := nc.(*conn)
	return c
}
