package python

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
)

// Config refines how Python peers are served. The zero Config is a good one.
type Config struct {
	// Objects names the one function that every object is sent to: a tuple is its
	// arguments, any other object its only argument. This is what the classic
	// tutorial of an adding server does, whose clients send pairs. Empty: objects
	// are calls, which name their function.
	Objects string
	// Pickle bounds what one received object may hold, and its Registry names the
	// classes of the peers' programs that are types of Go. native.Server.Pickle has
	// no part in calls. With its Objects an answer may hold a [*pickle.Object] as
	// well: a service that keeps those of one peer for others lets it choose what is
	// called in their programs. Then they must trust each other.
	Pickle pickle.Options
	// MaxAnswer is the largest answer, in bytes of its pickle: a small message may
	// name one long text many times. A larger result is answered by a fault. Zero
	// means 16 MiB.
	MaxAnswer int
	// CallTimeout bounds one call: its context ends then. Python's calls have no
	// time-out of their own. Zero means 5 min.
	CallTimeout time.Duration
	// SendTimeout bounds the sending of one answer, to a peer that may have
	// stopped to read. Zero means 1 min.
	SendTimeout time.Duration
	// Logger gets results that cannot be sent. Nil means slog.Default().
	Logger *slog.Logger
}

const (
	defaultCallTimeout = 5 * time.Minute
	defaultSendTimeout = time.Minute
	defaultMaxAnswer   = 16 << 20
)

// handler implements native.ObjectHandler.
type handler struct {
	caller rpc.Caller
	cfg    Config
}

// Handler serves Python peers on a native.Server, as its field Objects. Calls go
// to c, mostly an *rpc.Registry.
//
// The calls of one connection are answered one after another. A peer that closes
// its connection cancels the call that runs. A fault reaches the peer as an
// exception with one text, that of the fault with its code: TypeError for
// arguments that do not fit, AttributeError for an unknown function, else
// RuntimeError. Keyword arguments are bound by the names given to rpc.Params. A
// stream is answered as a list.
//
// A message that is not taken is answered by an exception that says why. If it is in
// order, and only beyond a limit of Config.Pickle, of a class that is not known, no
// call or a wrong one, the connection goes on. It is closed if the message is
// malformed, names what runs something, or stands for far more than it has bytes.
//
// It panics if c is nil.
func Handler(c rpc.Caller) native.ObjectHandler {
	h, err := NewHandler(c, Config{})
	if err != nil {
		panic(err)
	}
	return h
}

// NewHandler is [Handler] with a configuration.
func NewHandler(c rpc.Caller, cfg Config) (native.ObjectHandler, error) {
	if c == nil {
		return nil, errors.New("python: got no rpc.Caller; want one to send calls to, such as an *rpc.Registry")
	}
	if cfg.CallTimeout < 0 {
		return nil, fmt.Errorf("python: CallTimeout: got %v; want 0 (%v) or more", cfg.CallTimeout, defaultCallTimeout)
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = defaultCallTimeout
	}
	if cfg.SendTimeout < 0 {
		return nil, fmt.Errorf("python: SendTimeout: got %v; want 0 (%v) or more", cfg.SendTimeout, defaultSendTimeout)
	}
	if cfg.MaxAnswer < 0 {
		return nil, fmt.Errorf("python: MaxAnswer: got %d; want 0 (%d) or more", cfg.MaxAnswer, defaultMaxAnswer)
	}
	if cfg.MaxAnswer == 0 {
		cfg.MaxAnswer = defaultMaxAnswer
	}
	if cfg.SendTimeout == 0 {
		cfg.SendTimeout = defaultSendTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if err := cfg.Pickle.Check(); err != nil {
		return nil, fmt.Errorf("python: Pickle: %w", err)
	}
	return &handler{caller: c, cfg: cfg}, nil
}

// ServeObjects implements native.ObjectHandler.
func (h *handler) ServeObjects(ctx context.Context, conn *native.Conn) error {
	ctx = rpc.WithPeer(ctx, conn.Peer())
	in := newInbox(conn)
	defer in.close()
	for {
		data, err := in.next(ctx)
		if err != nil && overLimit(err) == nil {
			return fmt.Errorf("python: %w", err)
		}
		if err := h.serve(ctx, in, data, overLimit(err)); err != nil {
			return fmt.Errorf("python: %w", err)
		}
	}
}

// serve answers one message, or the fault that came in place of it. After an error
// there is no further one.
func (h *handler) serve(ctx context.Context, in *inbox, data []byte, f *rpc.Fault) error {
	l := ledger{take: in.conn.Hold}
	defer func() { in.conn.Release(l.held) }()
	var answer []byte
	var last error
	if err := l.hold(len(data)); f == nil && err != nil {
		f = overLimit(err)
	}
	if f != nil {
		m := unreadMessage(data, h.cfg)
		answer, _ = m.refusal(f)
	} else {
		answer, last = h.watchedAnswer(ctx, in, &l, data)
	}
	if in.gone() {
		return in.err
	}
	err := h.send(ctx, in.conn, answer)
	keepAnswer(answer)
	return cmp.Or(err, last)
}

// overLimit returns the fault in err, nil if there is none.
func overLimit(err error) *rpc.Fault {
	var f *rpc.Fault
	errors.As(err, &f)
	return f
}

// watchedAnswer makes the answer to one message under a context that ends when
// the peer goes.
func (h *handler) watchedAnswer(ctx context.Context, in *inbox, l *ledger, data []byte) (answer []byte, last error) {
	callCtx := newLazyContext(ctx, h.cfg.CallTimeout)
	defer callCtx.end()
	in.begin(callCtx.end)
	defer in.end()
	return h.answer(callCtx, in.conn.Peer(), l, data)
}

func (h *handler) send(ctx context.Context, conn *native.Conn, answer []byte) error {
	sendCtx := newLazyContext(ctx, h.cfg.SendTimeout)
	defer sendCtx.end()
	return conn.SendBytes(sendCtx, answer)
}

// answer makes the answer to one message. With last it is the last of the
// connection.
func (h *handler) answer(ctx context.Context, peer *rpc.Peer, l *ledger, data []byte) (answer []byte, last error) {
	cfg := h.cfg
	cfg.Pickle.Hold, cfg.Pickle.Owned = l.hold, true
	m := readMessage(data, cfg)
	if m.closes {
		last = m.err
	}
	result, err := any(nil), m.err
	if err == nil {
		result, err = h.perform(ctx, peer, &m)
	}
	if err == nil {
		answer, cause := m.answer(result)
		switch {
		case cause != nil:
			err = h.unsendable(ctx, &m, cause)
		case len(answer) > h.cfg.MaxAnswer:
			err = rpc.Errorf(rpc.CodeOverLimit, "the result takes %d bytes, at most %d are sent", len(answer), h.cfg.MaxAnswer)
		default:
			if err = l.hold(cap(answer)); err == nil {
				return answer, nil
			}
		}
	}
	answer, err = m.refusal(rpc.FaultOf(err))
	if err != nil { // the text of a fault can be any bytes of a function's
		answer, _ = m.refusal(h.internal(ctx, m.method, err))
	}
	return answer, last
}

// perform does what a message wants.
func (h *handler) perform(ctx context.Context, peer *rpc.Peer, m *message) (any, error) {
	if m.manage {
		return h.manage(ctx, m)
	}
	return h.caller.Call(ctx, &rpc.Request{Method: m.method, Args: m.args, Peer: peer})
}

// internal hides why an answer cannot be sent under an id, which the log has.
func (h *handler) internal(ctx context.Context, method string, cause error) *rpc.Fault {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, as its documentation says
	id := hex.EncodeToString(b[:])
	h.cfg.Logger.LogAttrs(ctx, slog.LevelError, "internal_error", slog.String("id", id),
		slog.String("method", method), slog.Any("error", fmt.Errorf("answer: %w", cause)))
	return rpc.Errorf(rpc.CodeInternal, "internal error (id %s)", id)
}
