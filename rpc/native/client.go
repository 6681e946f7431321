package native

import (
	"context"
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

// DialConfig is how a Client connects and calls. Auth must be set, or the switch
// that says there is none; all else has a safe default.
type DialConfig struct {
	// Auth holds the authkey: auth.Key(key), auth.LoadKey(path, ...).
	Auth Auth
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
	// server from Handler included. Zero means 30 s.
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

// withDefaults checks a configuration and puts the defaults in place of zeros.
func (cfg DialConfig) withDefaults() (DialConfig, error) {
	if err := checkAuth(cfg.Auth, cfg.DangerouslyWithoutAuth); err != nil {
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

// Dial connects to the Server at url, tcp://host:port or unix:///path, and logs
// in. It makes one attempt.
//
// The error of the attempt is an [rpc.LinkError] that is NotSent. Login errors
// inside of it are ErrAuth, and more precisely ErrKeyRefused, ErrUnproven,
// ErrPolicy or ErrNoChallenge; ErrNoSession says that the peer is no Server with
// a Handler.
func Dial(ctx context.Context, url string, cfg DialConfig) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err == nil {
		_, _, err = parseAddress(url)
	}
	if err != nil {
		return nil, fmt.Errorf("native: dial %s: %w", value.Clip(url, 128), err)
	}
	c := &Client{cfg: cfg, url: url, sessions: map[*session]struct{}{}}
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

// Call calls the server. Without a deadline in ctx, CallTimeout is its bound;
// the time that is left travels with the call.
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
