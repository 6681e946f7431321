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

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// ListenConfig is how a Listener admits peers. Auth or Login must be set, or the
// switch that says there is none; all else has a safe default.
type ListenConfig struct {
	// Auth holds the authkeys for tcp:// and unix://: auth.Key(key),
	// auth.LoadKey(path, ...).
	Auth Auth
	// Login is the login inside tls://, and on unix:// where Auth is nil, for
	// peers of the same user: auth.LoadCredentials(path, ...).
	Login Authenticator
	// TLS is what Server.TLS is.
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
	// MaxConns bounds the connections at one time, those logging in included.
	// Zero means 1024. Another one takes the place of one that has not logged in
	// yet, or is closed.
	MaxConns int
	// MaxMessage is the largest message accepted, in bytes, header excluded.
	// Zero means 16 MiB. A larger one ends the connection with ErrTooLarge
	// before any memory is taken for it.
	MaxMessage int
	// Pickle bounds what one received object may hold, and names the classes
	// that are read as plain records.
	Pickle pickle.Options
	// Logger gets the events auth_ok, auth_fail, rate_limited and conn_close.
	// Nil means slog.Default().
	Logger *slog.Logger
}

func (cfg ListenConfig) check(network string) error {
	if err := checkListenEntry(network, cfg.Auth, cfg.Login, cfg.TLS, cfg.DangerouslyWithoutAuth); err != nil {
		return err
	}
	if cfg.HandshakeTimeout < 0 {
		return fmt.Errorf("HandshakeTimeout: got %v; want 0 (%v) or more", cfg.HandshakeTimeout, defaultHandshakeTimeout)
	}
	if cfg.MaxConns < 0 {
		return fmt.Errorf("MaxConns: got %d; want 0 (%d) or more", cfg.MaxConns, defaultMaxConns)
	}
	return checkLimits(cfg.MaxMessage, cfg.Pickle)
}

// maxReady is how many connections wait for Accept without a goroutine.
const maxReady = 128

// Listener accepts connections that pass objects, like the Listener of Python's
// multiprocessing.connection. Logins run beside Accept and beside each other: a
// silent peer delays nobody.
type Listener struct {
	cfg      ListenConfig
	url      string
	acceptor *acceptor
	ready    chan *Conn
	closed   chan struct{} // closed by Close
	close    func()
	keyless  bool // peers come in without the challenge
}

// Listen listens on url: tls://host:port (port 0 chooses one), tcp://host:port,
// unix:///path, or unix://@name for an abstract unix socket, which every user of the machine can
// reach. A unix socket has mode 0600; what a dead server left at its path is
// removed.
//
// Python's Client cannot use IPv6.
func Listen(url string, cfg ListenConfig) (*Listener, error) {
	network, _, err := parseAddress(url)
	if err == nil {
		err = cfg.check(network)
	}
	var nl net.Listener
	if err == nil {
		nl, err = listenEntry(url, cfg.DangerouslyBeyondLoopback, cfg.TLS, ephemeralCertificate)
	}
	if err != nil {
		return nil, fmt.Errorf("native: listen on %s: %w", value.Clip(url, 128), err)
	}
	in := entryOf(nl, cfg.Auth, cfg.Login, cfg.HandshakeTimeout)
	l := &Listener{cfg: cfg, url: urlOf(nl.Addr()), keyless: in.auth == nil, ready: make(chan *Conn, maxReady), closed: make(chan struct{})}
	l.acceptor = startAcceptor(inner(nl), acceptorConfig{
		auth:      in.auth,
		login:     in.login,
		timeout:   cfg.HandshakeTimeout,
		maxConns:  cfg.MaxConns,
		allowFrom: cfg.AllowFrom,
		logger:    cfg.Logger,
		deliver:   l.deliver,
	})
	l.close = sync.OnceFunc(l.shut)
	return l, nil
}

// deliver queues a connection for Accept.
func (l *Listener) deliver(nc net.Conn, result handshakeResult, done func()) {
	c := newConn(nc, result, connOptions{
		maxMessage: l.cfg.MaxMessage,
		pickle:     l.cfg.Pickle,
		keyless:    l.keyless,
		done:       done,
	})
	result.admission.endBy(func(err error) { _ = c.fail(err) })
	select {
	case l.ready <- c:
	case <-result.admission.cutOff():
	case <-l.closed:
		c.Close()
	}
}

// Addr returns the URL that peers connect to, with the port that was chosen.
func (l *Listener) Addr() string { return l.url }

// Accept returns the next connection that has logged in. The caller closes it.
// After Close the error is net.ErrClosed.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	for {
		c, err := l.next(ctx)
		if err != nil || !errors.Is(c.failure(), ErrRevoked) {
			return c, err
		}
	}
}

// next returns the next connection, which may have been cut off meanwhile.
func (l *Listener) next(ctx context.Context) (*Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("native: accept: %w", err)
	}
	select {
	case <-l.closed: // first of all: what is left in ready is closed by Close
		return nil, fmt.Errorf("native: accept: %w", net.ErrClosed)
	default:
	}
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.closed:
		return nil, fmt.Errorf("native: accept: %w", net.ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("native: accept: %w", ctx.Err())
	case <-l.acceptor.ended:
		select {
		case c := <-l.ready: // they logged in before the end
			return c, nil
		default:
		}
		err := l.acceptor.failure()
		if err == nil {
			err = net.ErrClosed
		}
		return nil, fmt.Errorf("native: accept: %w", err)
	}
}

// Close ends the listener, the logins under way and the connections that were
// not accepted yet, and returns when all of that is gone. Connections that were
// accepted stay open, and nobody cuts them off any more when a login is revoked.
// Closing again does nothing.
func (l *Listener) Close() error {
	l.close()
	return nil
}

func (l *Listener) shut() {
	close(l.closed)
	l.acceptor.Close()
	for {
		select {
		case c := <-l.ready:
			c.Close()
		default:
			return
		}
	}
}
