package xmlrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// ErrServerClosed is what Serve and ListenAndServe return when Shutdown or Close is
// done. It is [rpc.ErrServerClosed] and [http.ErrServerClosed], by errors.Is.
var ErrServerClosed error = serverClosed{}

type serverClosed struct{}

func (serverClosed) Error() string { return "xmlrpc: the server is closed" }

func (serverClosed) Is(target error) bool {
	return target == rpc.ErrServerClosed || target == http.ErrServerClosed
}

// closeWait is how long Close waits for connections it has cut, and thereby for
// calls whose contexts it has cancelled.
const closeWait = time.Second

// life is a server that takes connections, from its first Serve to its end.
type life struct {
	http   *http.Server
	conns  *conns
	busy   atomic.Int64 // connections whose goroutine has not ended
	allow  []netip.Prefix
	tls    bool
	beyond bool // plain HTTP beyond loopback is wanted

	cancel  context.CancelFunc // ends the contexts of all calls
	ending  sync.Once
	stopped chan struct{} // closed by shutdown or close when they are done
}

func newLife(s *Server) (*life, error) {
	var config *tls.Config
	if s.TLS != nil {
		config = s.TLS.Clone()
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
		if len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
			return nil, errors.New("xmlrpc: Server.TLS has no certificate")
		}
	}
	for _, p := range s.AllowFrom {
		if !p.IsValid() {
			return nil, errors.New("xmlrpc: Server.AllowFrom holds a prefix that is not valid")
		}
	}
	base, cancel := context.WithCancel(context.Background())
	l := &life{
		conns:   newConns(or(s.MaxConns, defaultMaxConns)),
		allow:   s.AllowFrom,
		tls:     s.TLS != nil,
		beyond:  s.DangerouslyListenBeyondLoopback,
		cancel:  cancel,
		stopped: make(chan struct{}),
	}
	l.conns.logger, l.conns.door = s.endpoint.logger, &doorLog{logger: s.endpoint.logger}
	// HTTP/1 alone: the clients speak nothing else, and what is bounded per
	// connection stays bounded.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	l.http = &http.Server{
		Handler:                      s.endpoint,
		DisableGeneralOptionsHandler: true, // "OPTIONS *" passes the gates like all others
		TLSConfig:                    config,
		Protocols:                    &protocols,
		ReadHeaderTimeout:            or(s.HeaderTimeout, defaultHeaderTimeout),
		ReadTimeout:                  or(s.ReadTimeout, defaultReadTimeout),
		WriteTimeout:                 or(s.WriteTimeout, defaultWriteTimeout),
		IdleTimeout:                  or(s.IdleTimeout, defaultIdleTimeout),
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     debugLog(s.endpoint.logger),
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			c := unwrap(nc)
			return withConn(rpc.WithPeer(ctx, c.peer), c)
		},
		ConnState: l.connState,
	}
	return l, nil
}

// connState follows the connections. The first thing that net/http tells of each
// is StateNew and the last one StateClosed.
func (l *life) connState(nc net.Conn, state http.ConnState) {
	c := unwrap(nc)
	c.state.Store(int32(state))
	switch state {
	case http.StateIdle:
		c.waits.Store(time.Now().UnixNano())
	case http.StateActive:
		c.waits.Store(0)
	case http.StateNew:
		l.busy.Add(1)
	case http.StateClosed:
		l.busy.Add(-1)
	}
}

// debugLog takes what net/http has to say: broken handshakes, broken requests.
func debugLog(l *slog.Logger) *log.Logger { return slog.NewLogLogger(l.Handler(), slog.LevelDebug) }

// Serve takes connections from ln until Shutdown or Close, and closes ln. Like
// Listen it refuses an address beyond loopback without TLS. It returns when
// Shutdown or Close is done, with ErrServerClosed, or at once with the error that ended it. Several listeners may be served at the same time.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.prepare(); err != nil {
		ln.Close()
		return err
	}
	l := s.life
	if err := l.allowAddr(ln.Addr()); err != nil {
		ln.Close()
		return err
	}
	g := &gate{Listener: ln, life: l}
	if own, ok := ln.(*listener); ok {
		g.host = own.host
	}
	defer l.watch(s.endpoint.entrance)()
	var err error
	if l.tls {
		err = l.http.ServeTLS(g, "", "")
	} else {
		err = l.http.Serve(g)
	}
	if errors.Is(err, http.ErrServerClosed) {
		<-l.stopped
		return ErrServerClosed
	}
	return fmt.Errorf("xmlrpc: serve %s: %w", ln.Addr(), err)
}

// watch closes the connections of revoked logins, if there may be any, until the
// function that it returns is called.
func (l *life) watch(e *entrance) (stop func()) {
	if e == nil || e.revoker == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { e.watch(ctx, l.conns) })
	return func() {
		cancel()
		watching.Wait()
	}
}

// gate is a listener that gives out only connections there is room for.
type gate struct {
	net.Listener
	life *life
	host string
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		nc, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !g.life.allowed(nc.RemoteAddr()) {
			nc.Close()
			g.life.conns.door.notAllowed(nc.RemoteAddr())
			continue
		}
		if c, ok := g.life.conns.add(nc, g.host); ok {
			return c, nil
		}
	}
}

// allowed holds an address against AllowFrom.
func (l *life) allowed(a net.Addr) bool {
	ip, known := ipOf(a)
	if l.allow == nil || known && !ip.IsValid() {
		return true
	}
	ip = ip.WithZone("")
	return known && slices.ContainsFunc(l.allow, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// allowAddr refuses to serve plain HTTP to other machines.
func (l *life) allowAddr(a net.Addr) error {
	ip, known := ipOf(a)
	if !known || !ip.IsValid() || ip.IsLoopback() || l.tls || l.beyond {
		return nil
	}
	return fmt.Errorf("xmlrpc: %s can be reached from other machines, and there is no TLS: listen on 127.0.0.1, set Server.TLS, or set Server.DangerouslyListenBeyondLoopback", a)
}

func (l *life) shutdown(ctx context.Context) error {
	l.conns.end() // net/http waits 5 s for connections without a request
	err := l.http.Shutdown(ctx)
	if err != nil {
		l.cut()
	}
	l.end()
	return err
}

func (l *life) close() error {
	l.cut()
	deadline := time.Now().Add(closeWait)
	for l.busy.Load() > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	l.end()
	return nil
}

// cut ends every connection and the contexts of all calls.
func (l *life) cut() {
	l.cancel()
	l.conns.end()
	_ = l.http.Close() // its error is that of closing a listener
}

func (l *life) end() { l.ending.Do(func() { close(l.stopped) }) }
