package python

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// ManagerConfig is how a Manager connects and calls. Auth must be set, or the
// switch that says there is none; all else has a safe default.
type ManagerConfig struct {
	// Auth holds the authkey: auth.Key(key), auth.LoadKey(path, ...).
	Auth native.Auth
	// DangerouslyWithoutAuth connects without a login. A BaseManager always has an
	// authkey.
	DangerouslyWithoutAuth bool
	// Serializer is XML for a BaseManager with serializer='xmlrpclib'.
	Serializer Serializer
	// MaxConns bounds the calls at the same time, each of which takes a connection
	// here and a thread at the server. A method that blocks, such as the get of a
	// queue, holds its own. Further calls wait. Zero means 16.
	MaxConns int
	// DialTimeout bounds connecting and logging in together. Zero means 10 s.
	DialTimeout time.Duration
	// CallTimeout bounds calls whose context has no deadline, and what Close has
	// to say to the server. Zero means 30 s.
	CallTimeout time.Duration
	// MaxMessage is the largest answer accepted, in bytes. Zero means 16 MiB.
	MaxMessage int
	// Pickle bounds what an answer may hold, and names the classes that it may
	// have.
	Pickle pickle.Options
}

const defaultMaxConns = 16

func (cfg ManagerConfig) withDefaults() (ManagerConfig, error) {
	for _, t := range []struct {
		name    string
		timeout *time.Duration
		initial time.Duration
	}{
		{"DialTimeout", &cfg.DialTimeout, 10 * time.Second},
		{"CallTimeout", &cfg.CallTimeout, defaultClientTimeout},
	} {
		if *t.timeout < 0 {
			return cfg, fmt.Errorf("ManagerConfig.%s: got %v; want 0 (%v) or more", t.name, *t.timeout, t.initial)
		}
		if *t.timeout == 0 {
			*t.timeout = t.initial
		}
	}
	if cfg.MaxConns < 0 {
		return cfg, fmt.Errorf("ManagerConfig.MaxConns: got %d; want 0 (%d) or more", cfg.MaxConns, defaultMaxConns)
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = defaultMaxConns
	}
	return cfg, nil
}

// Manager is a connection to the server of a BaseManager in a Python program,
// which needs no change. [Manager.Create] returns its objects:
//
//	m, err := python.DialManager(ctx, "tcp://127.0.0.1:50000", python.ManagerConfig{Auth: key})
//	queue, err := m.Create(ctx, "get_queue")
//	job, err := rpc.Invoke[string](ctx, queue, "get")
//
// It is safe for concurrent use. As in Python, each call has a connection, and so
// a thread of the server, for itself; one that is free is used again, the last one
// first. What Python keeps for each thread, such as the owner of an RLock, is
// therefore not kept from call to call: see [Manager.Thread].
type Manager struct {
	url  string
	cfg  ManagerConfig
	wire wire

	life   context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // answers that are waited for; added to under mu while !closed

	slots chan struct{} // a token for each connection that takes calls, or might

	mu      sync.Mutex
	idle    []*native.Conn      // guarded by mu; free, the last one used last
	proxies map[*Proxy]struct{} // guarded by mu; not closed
	due     int                 // guarded by mu; answers that are waited for
	threads int                 // guarded by mu; named so far
	closed  bool                // guarded by mu
}

// DialManager connects to the server of a BaseManager at url, tcp://host:port or
// unix:///path, and logs in, as connect() does in Python.
//
// The error of the attempt is an [rpc.LinkError] that is NotSent, with the login
// errors of native.DialConn in it. Python 3.11 and older need an Auth that allows
// MD5.
func DialManager(ctx context.Context, url string, cfg ManagerConfig) (*Manager, error) {
	cfg, err := cfg.withDefaults()
	m := &Manager{url: url, cfg: cfg, wire: wire{serializer: cfg.Serializer, options: cfg.Pickle}, proxies: map[*Proxy]struct{}{}}
	if err == nil {
		if err = m.wire.check(); err != nil {
			err = fmt.Errorf("ManagerConfig.%w", err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	m.wire.protocol.Store(2)
	m.slots = make(chan struct{}, cfg.MaxConns)
	m.life, m.cancel = context.WithCancel(context.Background())
	if _, err := m.manage(ctx, "dummy", nil, nil); err != nil {
		m.cancel()
		return nil, err
	}
	return m, nil
}

// Create makes an object of a registered type, or what its registered callable
// returns, and returns a Proxy for it. [Kwargs] may stand behind the other
// arguments.
func (m *Manager) Create(ctx context.Context, typeID string, args ...any) (*Proxy, error) {
	a, err := argumentsOf(&rpc.Request{Args: rpc.Values(args)})
	if err != nil {
		return nil, fmt.Errorf("python: create %s: %w", value.Clip(typeID, 128), err)
	}
	result, err := m.manage(ctx, "create", append(value.Tuple{typeID}, a.positional...), a.named)
	if err != nil {
		return nil, err
	}
	p, err := m.created(typeID, result)
	if err != nil {
		return nil, &errUnreadable{"create", err}
	}
	return p, m.adopt(p)
}

// created reads the answer to create: (ident, names of methods).
func (m *Manager) created(typeID string, result any) (*Proxy, error) {
	pair, ok := sequence(result)
	if !ok || len(pair) != 2 {
		return nil, fmt.Errorf("%w: expected the id and the methods of an object, got %s", errMalformed, whatIs(result))
	}
	return m.newProxy(typeID, pair[0], pair[1])
}

// adopt puts a Proxy on the list, whose reference the server has counted.
func (m *Manager) adopt(p *Proxy) error {
	m.mu.Lock()
	closed := m.closed
	if !closed {
		m.proxies[p] = struct{}{}
	}
	m.mu.Unlock()
	if closed {
		return errors.Join(&rpc.LinkError{Sent: rpc.NotSent, Op: "create " + p.typeID, Err: net.ErrClosed}, m.release(p.id))
	}
	return nil
}

// NumberOfObjects returns how many objects the server has that are referred to.
func (m *Manager) NumberOfObjects(ctx context.Context) (int, error) {
	result, err := m.manage(ctx, "number_of_objects", nil, nil)
	if err != nil {
		return 0, err
	}
	n, ok := result.(int64)
	if !ok || int64(int(n)) != n {
		return 0, &errUnreadable{"number_of_objects", fmt.Errorf("%w: expected an int, got %s", errMalformed, whatIs(result))}
	}
	return int(n), nil
}

// DebugInfo returns a text that lists these objects and their references. It is
// the server's, with nothing in it escaped.
func (m *Manager) DebugInfo(ctx context.Context) (string, error) {
	result, err := m.manage(ctx, "debug_info", nil, nil)
	if err != nil {
		return "", err
	}
	text, ok := result.(string)
	if !ok {
		return "", &errUnreadable{"debug_info", fmt.Errorf("%w: expected text, got %s", errMalformed, whatIs(result))}
	}
	return text, nil
}

// manage makes one of the calls that are to the server itself, on a connection of
// their own as in Python.
func (m *Manager) manage(ctx context.Context, op string, args value.Tuple, named map[string]any) (any, error) {
	ctx, cancel := m.bounded(ctx)
	defer cancel()
	return m.manageUnder(ctx, op, args, named)
}

func (m *Manager) manageUnder(ctx context.Context, op string, args value.Tuple, named map[string]any) (any, error) {
	message, err := m.wire.pack(callMessage(nil, op, arguments{positional: args, named: named}))
	if err != nil {
		return nil, fmt.Errorf("python: call %s: %w", op, err)
	}
	return m.ask(ctx, op, message)
}

// ask sends a message to the server itself, and returns the result.
func (m *Manager) ask(ctx context.Context, op string, message []byte) (any, error) {
	req := &rpc.Request{Method: op}
	conn, err := m.dial(ctx)
	if err != nil {
		return nil, m.linkError(rpc.NotSent, req, err)
	}
	data, failed := converse(ctx, conn, message)
	if failed != nil {
		m.abandon(conn, failed, op == "create")
		return nil, m.linkError(failed.sent, req, failed.err)
	}
	conn.Close()
	r, err := m.wire.readReply(data)
	if err == nil {
		err = r.failure(op, nil)
	}
	var result any
	switch {
	case err != nil:
	case r.kind != kindReturn:
		err = fmt.Errorf("%w: expected '#RETURN', got '%s'", errMalformed, r.kind)
	default:
		result, err = r.result.value()
	}
	return result, answerError(op, err)
}

// answerError tells an exception from an answer that cannot be read.
func answerError(method string, err error) error {
	var f *rpc.Fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &errUnreadable{method, err}
}

// callMessage is a call as managers make it. The server itself has no ident.
func callMessage(ident any, method string, a arguments) value.Tuple {
	return value.Tuple{ident, method, append(value.Tuple{}, a.positional...), a.keywords()}
}

// dial connects. What reads the answer has the limits; a Manager has many
// connections, and each may pause for as long as a method takes.
func (m *Manager) dial(ctx context.Context) (*native.Conn, error) {
	return dialPeer(ctx, m.url, native.ConnConfig{
		Auth:                   m.cfg.Auth,
		DangerouslyWithoutAuth: m.cfg.DangerouslyWithoutAuth,
		Timeout:                m.cfg.DialTimeout,
		MaxMessage:             m.cfg.MaxMessage,
	})
}

// bounded returns a context for one call, which ends with the Manager as well.
func (m *Manager) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancelTimeout := timeoutUnlessSet(ctx, m.cfg.CallTimeout)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(m.life, cancel)
	return ctx, func() {
		stop()
		cancel()
		cancelTimeout()
	}
}

func (m *Manager) linkError(sent rpc.Sent, req *rpc.Request, err error) error {
	if m.life.Err() != nil && errors.Is(err, context.Canceled) {
		err = net.ErrClosed
		return &rpc.LinkError{Sent: sent, Op: "call " + value.Clip(req.Method, 128), Err: err}
	}
	return linkError(sent, req, err)
}

// Close gives all objects back to the server that have a Proxy that is not closed,
// and closes the connections; calls under way fail. Its error says that the server
// could not be told, as when it is not there any more.
func (m *Manager) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	idle, proxies := m.idle, m.proxies
	m.idle, m.proxies = nil, map[*Proxy]struct{}{}
	m.mu.Unlock()
	m.cancel()
	for _, conn := range idle {
		conn.Close()
	}
	m.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), m.cfg.CallTimeout)
	defer cancel()
	for p := range proxies {
		if !p.closed.CompareAndSwap(false, true) {
			continue
		}
		if _, err := m.manageUnder(ctx, "decref", value.Tuple{p.id}, nil); err != nil {
			return err // it would be the same for the others
		}
	}
	return nil
}

// release tells the server that one reference to an object is no more.
func (m *Manager) release(id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), m.cfg.CallTimeout)
	defer cancel()
	_, err := m.manageUnder(ctx, "decref", value.Tuple{id}, nil)
	return err
}
