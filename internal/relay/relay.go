// Package relay counts the bytes that go by between clients and a server on one
// machine.
package relay

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Relay carries what comes in on its listener on to a server, and counts both
// ways together. Its methods are safe for concurrent use.
type Relay struct {
	listener net.Listener
	dial     Dial
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	bytes    atomic.Int64
	clients  atomic.Int64
	running  sync.WaitGroup

	mu     sync.Mutex // protects what follows
	conns  []net.Conn
	closed bool
}

// Dial connects to the server that a client is for. Its context ends with the
// relay, which a server that takes no connection must not hold up.
type Dial = func(ctx context.Context, client net.Conn) (net.Conn, error)

// New carries what comes in on a listener, which it closes at the end, to where
// dial connects. What dial itself reads from the client, or writes to it, does not
// count; a client whose dial fails is left.
func New(l net.Listener, dial Dial) *Relay {
	r := &Relay{listener: l, dial: dial}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.running.Go(r.accept)
	return r
}

// To is the dial of a relay to one address.
func To(network, address string) Dial {
	return func(ctx context.Context, _ net.Conn) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}
}

func (r *Relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.clients.Add(1)
		r.running.Go(func() { r.connect(client) })
	}
}

// connect carries one connection until either side ends it.
func (r *Relay) connect(client net.Conn) {
	if !r.hold(client) {
		return
	}
	server, err := r.dial(r.ctx, client)
	if err != nil {
		client.Close()
		return
	}
	if !r.hold(server) {
		return
	}
	r.running.Go(func() { r.carry(server, client) })
	r.carry(client, server)
}

// hold notes a connection for Close. False: the relay is closed, and so is it.
func (r *Relay) hold(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		c.Close()
		return false
	}
	r.conns = append(r.conns, c)
	return true
}

// carry copies and counts one way until either side ends.
func (r *Relay) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	_, _ = io.Copy(to, countingReader{from, &r.bytes}) // how a connection ends is its two ends' business
}

type countingReader struct {
	io.Reader
	n *atomic.Int64
}

func (c countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// Addr is where clients connect to.
func (r *Relay) Addr() net.Addr { return r.listener.Addr() }

// Clients is how many connections have come in so far.
func (r *Relay) Clients() int64 { return r.clients.Load() }

// settleTries bounds how often Settled looks again: for half a second or so.
const settleTries = 100

// Settled returns the count when no byte has come for a while: what a server says
// behind an answer belongs to the call before. One that never stops is not waited
// for.
func (r *Relay) Settled() int64 {
	last := r.bytes.Load()
	for range settleTries {
		time.Sleep(5 * time.Millisecond)
		n := r.bytes.Load()
		if n == last {
			break
		}
		last = n
	}
	return last
}

// Close ends the relay and every connection through it, and returns when they are
// gone.
func (r *Relay) Close() {
	r.cancel()
	r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
}
