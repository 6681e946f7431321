package xmlrpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc"
)

// link is the connections of a client.
type link struct {
	direct *direct
	socket string
	dialer net.Dialer
	cancel context.CancelFunc // ends dialling

	mu     sync.Mutex // protects what follows
	open   map[*sentConn]struct{}
	closed bool
}

func newLink(t target, c ClientConfig) *link {
	life, cancel := context.WithCancel(context.Background())
	l := &link{
		socket: t.socket,
		dialer: net.Dialer{Timeout: or(c.DialTimeout, defaultDialTimeout)},
		open:   map[*sentConn]struct{}{},
		cancel: cancel,
	}
	config := &tls.Config{}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	port := or(t.url.Port(), ports[t.url.Scheme])
	l.direct = &direct{
		dial:        func(ctx context.Context, addr string) (*sentConn, error) { return l.dial(ctx, life, addr) },
		addr:        net.JoinHostPort(t.url.Hostname(), port),
		proxy:       guardProxy(c.Proxy),
		tls:         config,
		once:        c.DisableKeepAlives,
		slots:       make(chan struct{}, or(c.MaxConns, defaultClientConns)),
		dialTimeout: l.dialer.Timeout,
		idleFor:     or(c.IdleTimeout, defaultClientIdle),
		newProbe:    newProbe,
	}
	if t.socket != "" {
		l.direct.proxy = nil // there is none to a socket
	}
	if t.url.Scheme == "https" {
		l.direct.secure = newSecure(config, t.url.Hostname(), l.dialer.Timeout)
	}
	return l
}

// guardProxy keeps what a client logs in with from a proxy on another machine,
// which would get it readable. Through https it sees nothing of it.
func guardProxy(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	if proxy == nil {
		return nil
	}
	return func(r *http.Request) (*url.URL, error) {
		u, err := proxy(r)
		if err == nil && u != nil && r.URL.Scheme == "http" && r.Header.Get("Authorization") != "" && !isThisMachine(u.Hostname()) {
			return nil, fmt.Errorf("a password would go to the proxy %s readable by everyone on the way: use https", clip(u.Host))
		}
		return u, err
	}
}

// dial makes a connection. The end of the client, which is that of life, ends it.
func (l *link) dial(ctx, life context.Context, addr string) (*sentConn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	network := "tcp"
	if l.socket != "" {
		network, addr = "unix", l.socket
	}
	nc, err := l.dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &sentConn{Conn: nc, link: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		nc.Close()
		return nil, ErrClosed
	}
	l.open[c] = struct{}{}
	return c, nil
}

// enter lets a call in unless the link is closed.
func (l *link) enter(calls *sync.WaitGroup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		calls.Add(1)
	}
	return !l.closed
}

func (l *link) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// close cuts every connection and ends dialling.
func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	open := make([]*sentConn, 0, len(l.open))
	for c := range l.open {
		open = append(open, c)
	}
	l.mu.Unlock()
	l.cancel()
	l.direct.close()
	for _, c := range open {
		c.Close()
	}
}

// sentConn is a connection that knows whether something was sent on it.
type sentConn struct {
	net.Conn
	link   *link
	writes atomic.Int64 // of calls, of which anything got out
}

func (c *sentConn) Close() error {
	c.link.mu.Lock()
	delete(c.link.open, c)
	c.link.mu.Unlock()
	return c.Conn.Close()
}

// sendTrace follows the sending of one request.
type sendTrace struct {
	conn   *sentConn // the connection it got; set on the goroutine that makes the request
	before int64     // writes on it until then
	wrote  atomic.Bool
}

// use notes the connection that the request got.
func (t *sendTrace) use(c *sentConn) { t.conn, t.before = c, c.writes.Load() }

// again notes that the request begins anew, on another connection.
func (t *sendTrace) again() { t.wrote.Store(false) }

// written reports whether the body was written, or will not be written any more.
func (t *sendTrace) written() bool { return t.wrote.Load() }

// sent tells whether anything was sent, once the request has failed: nothing is
// written after that.
func (t *sendTrace) sent() rpc.Sent {
	if t.conn == nil || t.conn.writes.Load() == t.before {
		return rpc.NotSent
	}
	return rpc.Unknown
}
