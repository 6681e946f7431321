package xmlrpc

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// maxPeers bounds the identities that are remembered of one connection. Several
// have one where a proxy shares it among its users.
const maxPeers = 16

// proof is the last login on a connection. Requests come one after the other, so
// that a call which runs is that of the last login.
type proof struct {
	mu    sync.Mutex // protects what follows
	peers []*rpc.Peer
	last  *rpc.Peer // one of them; nil before the first login
	since time.Time // when the last login began
	cut   bool      // the connection was closed since its login is not live any more
}

// loggedIn notes a login and returns the peer of its request. It reports whether
// the identity is new to the connection. The first one becomes that of the peer
// in the context of the connection, which no handler has seen before.
func (c *conn) loggedIn(id rpc.Identity, since time.Time) (p *rpc.Peer, news bool) {
	c.proof.mu.Lock()
	defer c.proof.mu.Unlock()
	c.proof.since = since
	if c.proof.last != nil && c.proof.last.Identity == id {
		return c.proof.last, false
	}
	for _, p := range c.proof.peers {
		if p.Identity == id {
			c.proof.last = p
			return p, false
		}
	}
	switch {
	case len(c.proof.peers) == 0:
		p = c.peer
		p.Identity = id
	default:
		p = &rpc.Peer{Identity: id, Transport: transportName, Addr: c.peer.Addr}
	}
	if len(c.proof.peers) == maxPeers {
		c.proof.peers = c.proof.peers[1:]
	}
	c.proof.peers = append(c.proof.peers, p)
	c.proof.last = p
	return p, true
}

// cut closes the connections whose last login is not live. That ends the call
// which runs on one, too: net/http cancels its context.
func (cs *conns) cut(live func(id rpc.Identity, since time.Time) bool) {
	cs.mu.Lock()
	var open []*conn
	for c := range cs.open {
		open = append(open, c)
	}
	cs.mu.Unlock()
	for _, c := range open {
		c.proof.mu.Lock()
		over := c.proof.last != nil && !live(c.proof.last.Identity, c.proof.since)
		c.proof.cut = c.proof.cut || over
		c.proof.mu.Unlock()
		if over {
			c.Close()
		}
	}
}

// logClose logs the end of a connection that was logged in.
func (c *conn) logClose() {
	c.proof.mu.Lock()
	last, outcome := c.proof.last, "closed"
	if c.proof.cut {
		outcome = "revoked"
	}
	c.proof.mu.Unlock()
	if last == nil {
		return
	}
	c.owner.logger.LogAttrs(context.Background(), slog.LevelInfo, "conn_close", append(eventAttrs(c.RemoteAddr(), last.Identity),
		slog.String("outcome", outcome), slog.Duration("duration", time.Since(c.since)))...)
}
