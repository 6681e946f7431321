package native

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// DialConfig is how a Client connects and calls. Auth must be set, Login for
// tls://, or the switch that says there is none; all else has a safe default.
type DialConfig struct {
	// Auth holds the authkey for tcp:// and unix://: auth.Key(key),
	// auth.LoadKey(path, ...).
	Auth Auth
	// Login is the login inside tls://, and on unix:// where Auth is nil:
	// auth.LoadSecret(path), auth.ParseSecret(text).
	Login Authenticator
	// TLS is for tls://. Nil, or one without RootCAs, lets Login alone prove the
	// server, whatever its certificate. With RootCAs, and always without Login, the
	// certificate must be trusted and for the host of the address, or ServerName. A
	// certificate of this side may stand in Certificates; without Login it must. A
	// copy is used, with TLS 1.3 alone and the application protocol parley/1.
	TLS *tls.Config
	// Pin is the public key that the server must have, besides all that:
	// "sha256/" and the SHA-256 of its SPKI in base64. Empty is any.
	Pin string
	// DangerouslyWithoutAuth connects without a login, to a server that has no
	// authkey. Nothing tells then who the other end is.
	DangerouslyWithoutAuth bool
	// Handler answers the calls that the server makes to this client, mostly an
	// *rpc.Registry. Nil offers nothing.
	Handler rpc.Caller
	// Interceptors wrap every call of the client; the first is outermost.
	Interceptors []rpc.Interceptor
	// DialTimeout bounds connecting and logging in together. Zero means 10 s.
	DialTimeout time.Duration
	// CallTimeout bounds calls whose context has no deadline, those back to the
	// server from Handler included. Of a stream, whose length nobody knows before,
	// it bounds the time to the first item and from each to the next, in whichever
	// direction it goes; what the consumer takes for an item does not count. Zero
	// means 30 s.
	CallTimeout time.Duration
	// WaitForReady lets a call wait, under its context, until the server can be
	// reached again. Otherwise it fails with the next attempt that fails. A login
	// that fails is never waited out.
	WaitForReady bool
	// Limits bound the session.
	Limits Limits
	// Logger gets what docs/observability.md lists: lost connections, and failures
	// of Handler. Nil means slog.Default().
	Logger *slog.Logger
	// Events are called when something happens to the connection.
	Events Events
}

const defaultCallTimeout = 30 * time.Second

// withDefaults checks a configuration for an address and puts the defaults in place
// of zeros.
func (cfg DialConfig) withDefaults(network string) (DialConfig, error) {
	if err := checkDialEntry(network, cfg.Auth, cfg.Login, cfg.TLS, cfg.Pin, cfg.DangerouslyWithoutAuth); err != nil {
		return cfg, err
	}
	var err error
	if cfg.DialTimeout, err = orDefault("DialTimeout", cfg.DialTimeout, defaultDialTimeout); err != nil {
		return cfg, err
	}
	if cfg.CallTimeout, err = orDefault("CallTimeout", cfg.CallTimeout, defaultCallTimeout); err != nil {
		return cfg, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.Limits, err = cfg.Limits.withDefaults()
	return cfg, err
}

func orDefault(name string, d, initial time.Duration) (time.Duration, error) {
	if d < 0 {
		return 0, fmt.Errorf("%s: got %v; want 0 (%v) or more", name, d, initial)
	}
	if d == 0 {
		return initial, nil
	}
	return d, nil
}

// Client calls a Server over one connection, on which any number of calls are
// under way at once. It is an [rpc.Caller] for concurrent use, and connects
// again when the connection is lost.
//
// A call whose connection breaks fails with an [rpc.LinkError]: with NotSent if
// the server cannot have seen it, else with Unknown. It is not repeated, except
// where it cannot have run, and where it is marked as idempotent
// (rpc.WithIdempotent): then an outcome that a lost connection has left unknown is
// found out by another try, three in all, after a random pause that grows. The
// call's deadline or CallTimeout bounds them together. A fault is an answer, and
// ends the call; so does the end of its context. The error of the last try is
// Unknown if any of them may have run.
type Client struct {
	cfg  DialConfig
	url  string
	in   entry
	call rpc.Handler // behind the interceptors

	life   context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // attempts and sessions; added to under mu while !closed

	calls  callPool
	ledger ledger

	live atomic.Pointer[session] // the one to call on; nil: none, or maybe none

	mu       sync.Mutex
	sessions map[*session]struct{} // guarded by mu; not over yet
	attempt  *attempt              // guarded by mu; under way
	backoff  backoff               // guarded by mu
	closed   bool                  // guarded by mu
	past     tally                 // guarded by mu; of sessions that are over
}

// Dial connects to the Server at url, tls://host:port, tcp://host:port or
// unix:///path, and logs in. It makes one attempt.
//
// The error of the attempt is an [rpc.LinkError] that is NotSent. Login errors
// inside of it are ErrAuth, and more precisely ErrKeyRefused, ErrUnproven,
// ErrPolicy or ErrNoChallenge, or inside TLS ErrLoginRefused, ErrServerUnproven,
// ErrUntrusted or ErrCertificateRefused; ErrNoSession says that the peer is no Server with
// a Handler.
func Dial(ctx context.Context, url string, cfg DialConfig) (*Client, error) {
	network, address, err := parseAddress(url)
	if err == nil {
		cfg, err = cfg.withDefaults(network)
	}
	var in entry
	if err == nil {
		in, err = dialEntry(network, address, cfg.Auth, cfg.Login, cfg.TLS, cfg.Pin)
	}
	if err != nil {
		return nil, fmt.Errorf("native: dial %s: %w", value.Clip(url, 128), err)
	}
	c := &Client{cfg: cfg, url: url, in: in, sessions: map[*session]struct{}{}}
	c.life, c.cancel = context.WithCancel(context.Background())
	c.call = c.invoke
	for i := len(cfg.Interceptors) - 1; i >= 0; i-- {
		c.call = cfg.Interceptors[i](c.call)
	}
	s, err := c.connect(ctx)
	if err != nil {
		c.Close()
		return nil, err
	}
	c.live.Store(s)
	return c, nil
}

// Call calls the server. Without a deadline in ctx, CallTimeout is its bound. The
// time that is left travels with the call, unless that is a stream without a
// deadline.
func (c *Client) Call(ctx context.Context, req *rpc.Request) (any, error) { return c.call(ctx, req) }

// Close ends the connection and returns when nothing of the client is left: its
// calls have failed, the handlers of calls from the server have returned. It
// must not be called from such a handler. Closing again does nothing.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	open := slices.Collect(maps.Keys(c.sessions))
	c.mu.Unlock()
	c.cancel()
	for _, s := range open {
		s.end(ErrClosed)
	}
	c.work.Wait()
	return nil
}
