package main

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// relay stands between a client and a server on one machine and counts the
// bytes that go by, both ways together.
type relay struct {
	listener net.Listener
	target   net.Addr
	bytes    atomic.Int64
	running  sync.WaitGroup
	ctx      context.Context // ends with close: a server that takes no connection must not hold it up
	cancel   context.CancelFunc

	mu     sync.Mutex // protects what follows
	conns  []net.Conn
	closed bool
}

// newRelay takes connections at address, in the network of target, and carries
// them on to target.
func newRelay(address string, target net.Addr) (*relay, error) {
	l, err := net.Listen(target.Network(), address)
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, target: target}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.running.Go(r.accept)
	return r, nil
}

// addr is where clients connect to.
func (r *relay) addr() net.Addr { return r.listener.Addr() }

func (r *relay) accept() {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := r.dial(r.target.Network(), r.target.String())
		if err != nil {
			client.Close()
			continue
		}
		if !r.hold(client, server) {
			return
		}
		r.running.Go(func() { r.carry(server, client) })
		r.running.Go(func() { r.carry(client, server) })
	}
}

func (r *relay) dial(network, address string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(r.ctx, network, address)
}

// hold notes connections for close. False: the relay is closed already, and so
// are they.
func (r *relay) hold(conns ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		for _, c := range conns {
			c.Close()
		}
		return false
	}
	r.conns = append(r.conns, conns...)
	return true
}

// carry copies and counts one way until either side ends.
func (r *relay) carry(to, from net.Conn) {
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

// close ends the relay and every connection through it.
func (r *relay) close() {
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
