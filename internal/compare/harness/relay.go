package harness

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// relay stands between a client and a server and counts the bytes that go by,
// both ways together. No figure but that one is taken through it.
type relay struct {
	addr     string // of the relay, in the form of a peer's address
	listener net.Listener
	target   string
	bytes    atomic.Int64
	running  sync.WaitGroup
	dir      string // of its socket; empty for TCP

	mu     sync.Mutex // protects what follows
	conns  []net.Conn
	closed bool
}

func newRelay(target string) (*relay, error) {
	r := &relay{target: target}
	scheme, _, _ := strings.Cut(target, "://")
	network := networkOf(scheme)
	at := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "parley-relay-")
		if err != nil {
			return nil, err
		}
		r.dir = dir
		at = filepath.Join(dir, "socket")
	}
	l, err := net.Listen(network, at)
	if err != nil {
		os.RemoveAll(r.dir)
		return nil, err
	}
	r.listener = l
	r.addr = scheme + "://" + l.Addr().String()
	r.running.Go(r.accept)
	return r, nil
}

// networkOf returns what carries a scheme: TLS goes by as bytes of TCP.
func networkOf(scheme string) string {
	if scheme == "tls" {
		return "tcp"
	}
	return scheme
}

func (r *relay) accept() {
	scheme, address, _ := strings.Cut(r.target, "://")
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial(networkOf(scheme), address)
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

// hold notes connections for close. False: the relay is closed, and so are they.
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

// settled returns the count when no byte has come for a while.
func (r *relay) settled() int64 {
	for last := r.bytes.Load(); ; {
		time.Sleep(5 * time.Millisecond)
		n := r.bytes.Load()
		if n == last {
			return n
		}
		last = n
	}
}

// close ends the relay and every connection through it.
func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	r.closed = true
	for _, c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.running.Wait()
	if r.dir != "" {
		os.RemoveAll(r.dir)
	}
}
