package native

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// ErrServerClosed is what Serve and ListenAndServe return when Shutdown or Close
// is done. It is [rpc.ErrServerClosed].
var ErrServerClosed = rpc.ErrServerClosed

// ObjectHandler serves a peer that sends objects: a Python program, or a Conn of
// this package.
type ObjectHandler interface {
	// ServeObjects serves conn until the peer closes it or ctx ends, or for as long
	// as it wants; the server closes conn afterwards, in a way that lets the peer
	// get what was sent last, and logs an error. rpc.PeerFrom(ctx) is the peer. During a shutdown
	// Recv fails with os.ErrDeadlineExceeded as soon as no message is left that
	// has come in whole.
	ServeObjects(ctx context.Context, conn *Conn) error
}

// Server serves two kinds of peers on the same listeners: Clients of this
// package, which call Handler, and peers that send objects, which are left to
// Objects. What the addresses need that it listens on must be set, Login for tls://
// and Auth for tcp:// and unix://, or the switch that says there is none, and one
// of Handler and Objects; all else has a safe default. The fields are set before it
// serves.
type Server struct {
	// Handler answers calls, mostly an *rpc.Registry. Nil: Clients are refused.
	Handler rpc.Caller
	// Objects serves peers that send objects; package native/python has one for
	// Python programs. Nil: they are refused.
	Objects ObjectHandler
	// Auth holds the authkeys for tcp:// and unix://: auth.Key(key),
	// auth.LoadKey(path, ...).
	Auth Auth
	// Login is the login inside tls://: auth.LoadCredentials(path, ...). It is that
	// of unix:// too where Auth is nil, without TLS, for peers of the same user.
	Login Authenticator
	// TLS is for tls://. Nil takes a certificate of its own, made anew by each
	// Server, which clients with a Login need not know. Otherwise it has
	// Certificates or GetCertificate, and a copy of it is used, with TLS 1.3 alone
	// and the application protocol parley/1. ClientAuth RequireAndVerifyClientCert
	// with ClientCAs admits the owners of such certificates, and without Login they
	// are the peers: the first URI in the certificate, else the first DNS name, else
	// the common name.
	TLS *tls.Config
	// DangerouslyWithoutAuth admits peers without a login: everybody who can
	// connect. A unix socket is guarded by its mode, 0600; a TCP port is open to
	// every user of the machine.
	DangerouslyWithoutAuth bool
	// DangerouslyBeyondLoopback permits a tcp:// address that other machines reach;
	// tls:// needs no permission.
	// The challenge keeps strangers out, but whoever is on the way can read and
	// change what is sent after it, and can pass a login through to get a
	// connection of its own.
	DangerouslyBeyondLoopback bool
	// AllowFrom holds the addresses that may connect, looked at before a byte is
	// read. Nil admits all; unix sockets are not concerned.
	AllowFrom []netip.Prefix
	// HandshakeTimeout bounds one login. Zero means 5 s for the challenge, 10 s for
	// TLS and Login together.
	HandshakeTimeout time.Duration
	// MaxConns bounds the connections of each listener at one time, those logging
	// in included. Zero means 1024. Another one takes the place of one that has
	// not logged in yet, or is closed.
	MaxConns int
	// MaxMemory bounds what calls take in memory on all connections together, in
	// bytes: messages that arrive, are handled, or wait to be written, and an
	// estimate of the values that they are decoded to. Zero means 512 MiB; at least
	// Limits.MaxMessage. A call beyond it is answered with the fault
	// rpc.CodeOverLimit. Each connection has 128 KiB besides for itself, so that
	// small calls are served at all times. The process takes up to twice as much,
	// by Go's garbage collector.
	MaxMemory int
	// MaxCalls bounds the calls that are unanswered on all connections together,
	// besides eight that each connection has for itself. Zero means 16384. Another
	// one is answered with the fault rpc.CodeOverLimit.
	MaxCalls int
	// CallTimeout bounds the calls back to a Client whose context has no deadline,
	// as DialConfig.CallTimeout bounds those of a Client. Zero means 30 s.
	CallTimeout time.Duration
	// Limits bound each session. Their MaxMessage holds for objects as well.
	Limits Limits
	// Pickle bounds what one object may hold that Objects receives with Recv of
	// its Conn, and names the classes that are types of Go. The calls that package
	// python reads have python.Config.Pickle for both.
	Pickle pickle.Options
	// Logger gets what docs/observability.md lists: logins, connections, and
	// failures of Handler and Objects. Nil means slog.Default().
	Logger *slog.Logger
	// Events are called when something happens to connections.
	Events Events

	ledger   ledger   // of all sessions
	entrance entrance // events: set under mu by the first Serve
	own      ownCertificate
	ending   sync.Once
	asking   asking // by connections of peers that send objects

	mu        sync.Mutex
	budget    *budget             // guarded by mu; of all that is served
	past      tally               // guarded by mu; of sessions that are over
	objects   uint64              // guarded by mu; peers that were left to Objects
	acceptors []*acceptor         // guarded by mu; in the order of Serve, ended ones included
	addr      string              // guarded by mu
	conns     map[served]struct{} // guarded by mu
	stopping  bool                // guarded by mu; Shutdown or Close was called
	over      chan struct{}       // guarded by mu; see done
	quiet     chan struct{}       // guarded by mu; closed when the last connection ends; nil: nobody waits
}

// served is a connection that the server serves.
type served interface {
	leave()        // ends it when what it has accepted is answered
	end(err error) // ends it now
}

// config returns the fields with their defaults, for a listener on a network.
func (s *Server) config(network string) (acceptorConfig, sessionConfig, error) {
	if s.Handler == nil && s.Objects == nil {
		return acceptorConfig{}, sessionConfig{}, errors.New("Handler and Objects are nil: set one of them, or both")
	}
	limits, err := s.Limits.withDefaults()
	var callTimeout time.Duration
	if err == nil {
		callTimeout, err = orDefault("CallTimeout", s.CallTimeout, defaultCallTimeout)
	}
	if err == nil {
		err = ListenConfig{
			Auth: s.Auth, Login: s.Login, TLS: s.TLS, DangerouslyWithoutAuth: s.DangerouslyWithoutAuth,
			HandshakeTimeout: s.HandshakeTimeout, MaxConns: s.MaxConns, Pickle: s.Pickle,
		}.check(network)
	}
	var shared *budget
	if err == nil {
		shared, err = budgetOf(s.MaxMemory, s.MaxCalls, limits)
	}
	if err != nil {
		return acceptorConfig{}, sessionConfig{}, err
	}
	logger := s.Logger
	if logger == nil {
		logger = slog.Default()
	}
	accept := acceptorConfig{
		offerSession: s.Handler != nil, timeout: s.HandshakeTimeout,
		maxConns: s.MaxConns, allowFrom: s.AllowFrom, logger: logger, entrance: &s.entrance,
	}
	session := sessionConfig{
		handler: s.Handler, limits: limits, callTimeout: callTimeout, logger: logger,
		events: s.Events, ledger: &s.ledger, budget: shared,
	}
	return accept, session, nil
}

// Listen opens a listener for Serve, on tls://host:port (port 0 chooses one),
// tcp://host:port, unix:///path, or unix://@name for an abstract unix socket, which every user of
// the machine can reach. A unix socket has mode 0600; what a dead server left at
// its path is removed.
//
// Its errors are those of the fields of s too: what can be wrong at the start is
// said before a port is open.
func (s *Server) Listen(url string) (net.Listener, error) {
	network, _, err := parseAddress(url)
	if err == nil {
		_, _, err = s.config(network)
	}
	var l net.Listener
	if err == nil {
		l, err = listenEntry(url, s.DangerouslyBeyondLoopback, s.TLS, s.own.get)
	}
	if err != nil {
		return nil, fmt.Errorf("native: listen on %s: %w", value.Clip(url, 128), err)
	}
	return l, nil
}

// ListenAndServe is Listen and Serve.
func (s *Server) ListenAndServe(url string) error {
	l, err := s.Listen(url)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections from l, which it owns from now on, and serves each
// on a goroutine of its own. To have TLS, l is what Listen returned for tls://:
// all other listeners but those of unix sockets are taken for tcp://. It
// returns when Shutdown or Close is done, with ErrServerClosed, or at once with
// the error that ended it. It may run for several listeners at the same time.
func (s *Server) Serve(l net.Listener) error {
	accept, session, err := s.config(networkOf(l))
	if err == nil {
		err = s.checkAddress(l.Addr())
	}
	if err != nil {
		l.Close()
		return fmt.Errorf("native: serve %s: %w", urlOf(l.Addr()), err)
	}
	in := entryOf(l, s.Auth, s.Login, s.HandshakeTimeout)
	accept.auth, accept.login = in.auth, in.login
	accept.deliver = func(nc net.Conn, result handshakeResult, done func()) {
		defer done()
		s.serve(nc, result, session)
	}
	s.mu.Lock()
	if s.budget == nil {
		s.budget = session.budget
	}
	session.budget = s.budget
	if s.stopping {
		s.mu.Unlock()
		l.Close()
		<-s.done()
		return ErrServerClosed
	}
	if s.entrance.events == nil {
		s.entrance.events = &s.Events
	}
	a := startAcceptor(inner(l), accept)
	s.acceptors = append(s.acceptors, a)
	if s.addr == "" {
		s.addr = urlOf(l.Addr())
	}
	s.mu.Unlock()
	<-a.ended
	if err := a.failure(); err != nil {
		return fmt.Errorf("native: serve %s: %w", urlOf(l.Addr()), err)
	}
	<-s.done()
	return ErrServerClosed
}

// done returns a channel that is closed when Shutdown or Close is done.
func (s *Server) done() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over == nil {
		s.over = make(chan struct{})
	}
	return s.over
}

// finish closes it.
func (s *Server) finish() { s.ending.Do(func() { close(s.done()) }) }

// checkAddress refuses an address beyond loopback unless that is permitted.
func (s *Server) checkAddress(addr net.Addr) error {
	ip := ipOf(addr)
	if _, secured := addr.(tlsAddr); secured || !ip.IsValid() || ip.IsLoopback() || s.DangerouslyBeyondLoopback {
		return nil
	}
	return errors.New("the address is beyond loopback, where this protocol does not protect what is sent: use tls:// with Login, 127.0.0.1 or a unix socket with ssh -L, or set DangerouslyBeyondLoopback")
}

// Addr returns the URL of the first listener, with the port that was chosen. It
// is empty before Serve.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Shutdown closes the listeners, answers the calls that were accepted, refuses
// new ones, and returns when every connection is closed. Idle connections are
// closed at once. When ctx ends first, what is left is cut off, and Shutdown
// returns the error of ctx without waiting for handlers that do not heed their
// own.
func (s *Server) Shutdown(ctx context.Context) error {
	conns, quiet := s.stop()
	for _, c := range conns {
		c.leave()
	}
	select {
	case <-quiet:
		return s.Close() // waits for the last goroutines
	case <-ctx.Done():
	}
	conns, _ = s.stop()
	for _, c := range conns {
		c.end(ErrClosed)
	}
	s.mu.Lock()
	acceptors := s.acceptors
	s.mu.Unlock()
	for _, a := range acceptors {
		a.admitted.end()
	}
	s.finish()
	return fmt.Errorf("native: shutdown: %d connections were cut off: %w", len(conns), ctx.Err())
}

// Close closes the listeners and every connection, which ends the contexts of
// their handlers, and returns when those have returned. It must not be called
// from one of them. Closing again does nothing.
func (s *Server) Close() error {
	conns, quiet := s.stop()
	for _, c := range conns {
		c.end(ErrClosed)
	}
	<-quiet
	s.mu.Lock()
	acceptors := s.acceptors
	s.mu.Unlock()
	for _, a := range acceptors {
		a.wait()
	}
	s.finish()
	return nil
}

// stop ends the listeners. It returns the connections, and a channel that is
// closed when there are none any more.
func (s *Server) stop() (conns []served, quiet <-chan struct{}) {
	s.mu.Lock()
	s.stopping = true
	acceptors := s.acceptors
	s.mu.Unlock()
	for _, a := range acceptors {
		a.stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		conns = append(conns, c)
	}
	if s.quiet == nil {
		s.quiet = make(chan struct{})
		if len(s.conns) == 0 {
			close(s.quiet)
		}
	}
	return conns, s.quiet
}

// add puts a connection on the list; false: the server has no more use for it.
func (s *Server) add(c served) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	if s.conns == nil {
		s.conns = map[served]struct{}{}
	}
	s.conns[c] = struct{}{}
	if _, ok := c.(*objectConn); ok {
		s.objects++
	}
	return true
}

func (s *Server) remove(c served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c, ok := c.(*session); ok {
		s.past.bury(c)
	}
	if len(s.conns) == 0 && s.quiet != nil {
		close(s.quiet)
	}
}
