package xmlrpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc"
)

// link is the connections of a client.
type link struct {
	transport *http.Transport
	direct    *direct // in its place, where it can be; else nil
	socket    string
	dialer    net.Dialer
	cancel    context.CancelFunc // ends dialling

	mu     sync.Mutex // protects what follows
	open   map[*sentConn]struct{}
	closed bool
}

func newLink(t target, c ClientConfig) *link {
	config := &tls.Config{}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	conns := or(c.MaxConns, defaultClientConns)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	life, cancel := context.WithCancel(context.Background())
	l := &link{
		socket: t.socket,
		dialer: net.Dialer{Timeout: or(c.DialTimeout, defaultDialTimeout)},
		open:   map[*sentConn]struct{}{},
		cancel: cancel,
	}
	l.transport = &http.Transport{
		Proxy: guardProxy(c.Proxy),
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := l.dial(ctx, life, network, addr)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    l.dialer.Timeout,
		Protocols:              &protocols,
		DisableCompression:     true, // it has no bound on what it decompresses
		MaxConnsPerHost:        conns,
		MaxIdleConnsPerHost:    conns,
		DisableKeepAlives:      c.DisableKeepAlives,
		IdleConnTimeout:        or(c.IdleTimeout, defaultClientIdle),
		MaxResponseHeaderBytes: maxAnswerHeaderBytes,
	}
	if addr, ok := directAddr(t, c); ok {
		l.direct = &direct{
			dial:    func(ctx context.Context) (*sentConn, error) { return l.dial(ctx, life, "tcp", addr) },
			slots:   make(chan struct{}, conns),
			idleFor: l.transport.IdleConnTimeout,
		}
		if t.url.Scheme == "https" {
			l.direct.secure = newSecure(config, t.url.Hostname(), l.dialer.Timeout)
		}
	}
	return l
}

// directAddr returns where the connections of a direct go, if there may be one.
// It takes no name that would have to be translated first.
func directAddr(t target, c ClientConfig) (addr string, ok bool) {
	standard := map[string]string{"http": "80", "https": "443"}[t.url.Scheme]
	host, port := t.url.Hostname(), or(t.url.Port(), standard)
	ascii := !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	return net.JoinHostPort(host, port), canProbe && standard != "" && c.Proxy == nil && !c.DisableKeepAlives && ascii
}

// roundTrip sends r with body and returns the answer. trace follows it.
func (l *link) roundTrip(ctx context.Context, r *http.Request, body []byte, trace *sendTrace) (*http.Response, error) {
	if l.direct != nil && httptrace.ContextClientTrace(ctx) == nil {
		if err := checkHeader(r.Header); err != nil {
			return nil, err
		}
		return l.direct.roundTrip(ctx, r, body, trace)
	}
	r.Body = newBody(body)
	// With GetBody net/http takes another connection if this one turns out to be
	// closed before anything was written. After that it does not repeat a POST.
	r.GetBody = func() (io.ReadCloser, error) {
		trace.again()
		return newBody(body), nil
	}
	return l.transport.RoundTrip(r.WithContext(trace.watch(ctx)))
}

// closeIdle closes the connections that no call uses.
func (l *link) closeIdle() {
	l.transport.CloseIdleConnections()
	if l.direct != nil {
		l.direct.closeIdle()
	}
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

// dial makes a connection. net/http goes on with it when the call that wanted
// it is over; the end of the client, which is that of life, ends it.
func (l *link) dial(ctx, life context.Context, network, addr string) (*sentConn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
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
	if l.direct != nil {
		l.direct.close()
	}
	for _, c := range open {
		c.Close()
	}
	l.transport.CloseIdleConnections()
}

// sentConn is a connection that knows whether something was sent on it.
type sentConn struct {
	net.Conn
	link   *link
	writes atomic.Int64 // begun
}

func (c *sentConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
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

// watch returns a context for the request.
func (t *sendTrace) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      t.gotConn,
		WroteRequest: func(httptrace.WroteRequestInfo) { t.wrote.Store(true) },
	})
}

func (t *sendTrace) gotConn(info httptrace.GotConnInfo) {
	nc := info.Conn
	if s, ok := nc.(*tls.Conn); ok {
		nc = s.NetConn()
	}
	if c, ok := nc.(*sentConn); ok {
		t.use(c)
	}
}

// use notes the connection that the request got.
func (t *sendTrace) use(c *sentConn) { t.conn, t.before = c, c.writes.Load() }

// again notes that net/http begins anew, on another connection.
func (t *sendTrace) again() { t.wrote.Store(false) }

// written reports whether net/http is done with the body.
func (t *sendTrace) written() bool { return t.wrote.Load() }

// sent tells whether anything was sent, once the request has failed: nothing is
// written after that.
func (t *sendTrace) sent() rpc.Sent {
	if t.conn == nil || t.conn.writes.Load() == t.before {
		return rpc.NotSent
	}
	return rpc.Unknown
}

// newBody is of a type that net/http knows to be in memory: it sends head and
// body in one write then.
func newBody(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }
