// Package faultproxy is a proxy that stands between a client and a server in a
// test, and does to their connections what networks and dying machines do to
// them.
//
//	client -> Proxy (Up) -> server
//	client <- Proxy (Down) <- server
//
// What happens to the bytes of a direction is a [Fault], set at any time for all
// connections; what happens to connections as a whole is a method of [Proxy].
package faultproxy

import (
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Direction is one of the two that bytes take.
type Direction int

const (
	Up   Direction = iota // from the client to the server
	Down                  // from the server to the client
)

// readBuffer is what the kernel keeps of a direction before the proxy reads it,
// in bytes and about.
const readBuffer = 64 << 10

// Proxy forwards connections to a server. Its methods may be called at any time
// and at the same time.
type Proxy struct {
	network, address string // of the clients
	toNetwork, to    string // of the server

	bytes [2]atomic.Int64 // forwarded, by Direction
	work  sync.WaitGroup  // accept loops and connections; added to under mu while !closed

	mu       sync.Mutex
	listener net.Listener       // guarded by mu; nil: connections are refused
	conns    map[*conn]struct{} // guarded by mu
	faults   [2]Fault           // guarded by mu; by Direction
	armed    [2]int             // guarded by mu; counts Set, by Direction
	changed  chan struct{}      // guarded by mu; closed when faults change
	closed   bool               // guarded by mu
}

// New starts a proxy on an address, "127.0.0.1:0" of "tcp" or the path of a
// socket of "unix", to a server. The caller closes it.
func New(network, address, serverNetwork, server string) (*Proxy, error) {
	p := &Proxy{
		network: network, address: address, toNetwork: serverNetwork, to: server,
		conns: map[*conn]struct{}{}, changed: make(chan struct{}),
	}
	if err := p.listen(); err != nil {
		return nil, err
	}
	return p, nil
}

// Addr is the address for clients. It stays the same over Refuse and Accept.
func (p *Proxy) Addr() string { return p.address }

// Network is the network of Addr, tcp or unix.
func (p *Proxy) Network() string { return p.network }

// Set makes f the fault of a direction, for the connections there are and those
// to come.
func (p *Proxy) Set(d Direction, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[d] = f
	p.armed[d]++
	close(p.changed)
	p.changed = make(chan struct{})
}

// Heal takes the faults of both directions away, and accepts connections again.
// Connections that are stranded stay so.
func (p *Proxy) Heal() error {
	p.Set(Up, Fault{})
	p.Set(Down, Fault{})
	return p.Accept()
}

// Refuse lets no further connection come in: there is no listener any more.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
}

// Accept takes Refuse back.
func (p *Proxy) Accept() error {
	p.mu.Lock()
	listens := p.listener != nil || p.closed
	p.mu.Unlock()
	if listens {
		return nil
	}
	return p.listen()
}

// Reset breaks every connection: both ends get a reset, or on a unix socket an
// end without notice.
func (p *Proxy) Reset() {
	for _, c := range p.open() {
		c.abort()
	}
}

// Hangup closes every connection towards both ends.
func (p *Proxy) Hangup() {
	for _, c := range p.open() {
		c.close()
	}
}

// Strand makes the connections there are half-open: nothing that either end
// sends arrives any more, its end included. New connections are not concerned.
func (p *Proxy) Strand() {
	for _, c := range p.open() {
		c.stranded.Store(true)
	}
}

// Conns is how many connections there are.
func (p *Proxy) Conns() int { return len(p.open()) }

// Bytes is how many bytes of a direction were forwarded.
func (p *Proxy) Bytes(d Direction) int64 { return p.bytes[d].Load() }

// Close ends all that the proxy has begun, and returns when it is gone.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Refuse()
	p.Reset()
	p.work.Wait()
	return nil
}

func (p *Proxy) open() (conns []*conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		conns = append(conns, c)
	}
	return conns
}

// listen listens on the address, which another socket may have for a moment.
func (p *Proxy) listen() error {
	var l net.Listener
	var err error
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if l, err = net.Listen(p.network, p.address); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("faultproxy: listen on %s %s: %w", p.network, p.address, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener != nil {
		l.Close()
		return nil
	}
	p.listener, p.address = l, l.Addr().String()
	p.work.Go(func() { p.accept(l) })
	return nil
}

func (p *Proxy) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.DialTimeout(p.toNetwork, p.to, 5*time.Second)
		if err != nil {
			reset(client)
			continue
		}
		for _, nc := range []net.Conn{client, server} {
			// What is under way must not hide in the kernel.
			_ = nc.(interface{ SetReadBuffer(bytes int) error }).SetReadBuffer(readBuffer)
		}
		c := &conn{proxy: p, client: client, server: server, done: make(chan struct{})}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			c.abort()
			return
		}
		p.conns[c] = struct{}{}
		p.work.Go(c.run)
		p.mu.Unlock()
	}
}

// conn is a connection through the proxy.
type conn struct {
	proxy          *Proxy
	client, server net.Conn
	stranded       atomic.Bool

	once sync.Once
	done chan struct{} // closed by abort and close
}

func (c *conn) run() {
	var streams sync.WaitGroup
	for _, s := range []*stream{
		{c: c, dir: Up, src: c.client, dst: c.server},
		{c: c, dir: Down, src: c.server, dst: c.client},
	} {
		pieces := make(chan piece, 8)
		streams.Go(func() { s.read(pieces) })
		streams.Go(func() { s.write(pieces) })
	}
	streams.Wait()
	c.close()
	c.proxy.mu.Lock()
	delete(c.proxy.conns, c)
	c.proxy.mu.Unlock()
}

func (c *conn) abort() {
	c.once.Do(func() {
		close(c.done)
		reset(c.client)
		reset(c.server)
	})
}

func (c *conn) close() {
	c.once.Do(func() {
		close(c.done)
		c.client.Close()
		c.server.Close()
	})
}

// reset closes a connection so that its peer gets a reset, where there is one.
func reset(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails on a closed connection only
	}
	nc.Close()
}

// fault returns what holds for a direction of c, how often that was changed, and
// a channel that is closed when it is.
func (c *conn) fault(d Direction) (f Fault, armed int, changed <-chan struct{}) {
	p := c.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	f = p.faults[d]
	if c.stranded.Load() {
		f = Fault{Discard: true}
	}
	return f, p.armed[d], p.changed
}

// wait waits until t, or for the end of c.
func (c *conn) wait(until time.Time) error {
	if d := time.Until(until); d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.done:
			return os.ErrClosed
		}
	}
	return nil
}
