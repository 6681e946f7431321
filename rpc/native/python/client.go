package python

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// Form is how a Python program expects its calls.
type Form int

const (
	// Tuple: ("add", (3, 5)), and ("add", (3,), {"b": 5}) where there are keyword
	// arguments; answered by the result or an exception object.
	Tuple Form = iota
	// Recipe: the RPCProxy recipe, (name, args, kwargs) pickled into bytes, and
	// the answer likewise.
	Recipe
	// Arguments: the arguments of the program's one function as a tuple, (3, 5),
	// answered by the result. The method of a call is not sent.
	Arguments
)

// ClientConfig says how a Python program is called.
type ClientConfig struct {
	// Form is what the program understands. The zero Form is Tuple.
	Form Form
	// Serializer is XML for a program with an XmlListener, which excludes Recipe.
	Serializer Serializer
	// Protocol is the pickle protocol of the first call, 2 to 5. Zero means 2,
	// which every Python reads but which has no datetime with a zone. Later calls
	// are in that of the answers.
	Protocol int
	// CallTimeout bounds calls whose context has no deadline. Zero means 30 s.
	CallTimeout time.Duration
	// Pickle bounds what an answer may hold, and names the classes that it may
	// have.
	Pickle pickle.Options

	// For Dial alone; with NewClient they must be zero.

	// Auth holds the authkey: auth.Key(key), auth.LoadKey(path, ...).
	Auth native.Auth
	// DangerouslyWithoutAuth connects without a login, to a listener that has no
	// authkey. Nothing tells then who the other end is.
	DangerouslyWithoutAuth bool
	// DialTimeout bounds connecting and logging in together. Zero means 10 s.
	DialTimeout time.Duration
	// MaxMessage is the largest answer accepted, in bytes. Zero means 16 MiB. A
	// larger one ends the connection.
	MaxMessage int
}

// defaultClientTimeout bounds the calls of a client whose context has no deadline.
const defaultClientTimeout = 30 * time.Second

// wire checks the part of a configuration that is about calls.
func (cfg *ClientConfig) wire() (*wire, error) {
	if cfg.Form < Tuple || cfg.Form > Arguments {
		return nil, fmt.Errorf("ClientConfig.Form: got %d; want Tuple, Recipe or Arguments", cfg.Form)
	}
	if cfg.Protocol == 0 {
		cfg.Protocol = 2
	}
	if cfg.Protocol < 2 || cfg.Protocol > pickle.MaxProtocol {
		return nil, fmt.Errorf("ClientConfig.Protocol: got %d; want 2 to %d", cfg.Protocol, pickle.MaxProtocol)
	}
	if cfg.CallTimeout < 0 {
		return nil, fmt.Errorf("ClientConfig.CallTimeout: got %v; want 0 (%v) or more", cfg.CallTimeout, defaultClientTimeout)
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = defaultClientTimeout
	}
	w := &wire{serializer: cfg.Serializer, options: cfg.Pickle}
	w.protocol.Store(int32(cfg.Protocol))
	if err := w.check(); err != nil {
		return nil, fmt.Errorf("ClientConfig.%w", err)
	}
	if cfg.Serializer == XML && cfg.Form == Recipe {
		return nil, errors.New("ClientConfig.Serializer: got XML with Form Recipe, which is about pickles; want Tuple or Arguments")
	}
	return w, nil
}

// Client calls the functions of a Python program at the other end of a
// connection. It is an [rpc.Caller] for concurrent use, but the program serves
// one call of a connection at a time, and so the others wait, each under its
// context; for calls at the same time take several Clients.
//
// An exception of the program is a [*Raised] error with an [*rpc.Fault] in it,
// or the fault alone that the program has passed on from a Handler. An answer is
// taken for an exception
//   - if it is one of Python's builtin exceptions;
//   - if its class is registered, and the Go type is an error;
//   - if its class is not known and it was made by a call, as exceptions are. With
//     Pickle.Objects the name of the class must end in error, exception, warning,
//     exit or timeout as well, whatever their case; else the object is the result.
type Client struct {
	url    string // to connect to again; "" with NewClient
	cfg    ClientConfig
	wire   *wire
	life   context.Context // ends with Close
	cancel context.CancelFunc

	mu   sync.Mutex
	conn *native.Conn // guarded by mu for writing, by turn for reading; nil: none now

	turn   chan struct{} // holds a token while a call is under way; guards what follows
	unread int           // answers to calls that were given up, which come before all others
	broken error         // why conn takes no more calls
}

// NewClient returns a Client on conn, which it owns from now on. When conn breaks,
// further calls fail.
func NewClient(conn *native.Conn, cfg ClientConfig) (*Client, error) {
	w, err := cfg.wire()
	if err == nil && (cfg.Auth != nil || cfg.DangerouslyWithoutAuth || cfg.DialTimeout != 0 || cfg.MaxMessage != 0) {
		err = errors.New("ClientConfig: Auth, DangerouslyWithoutAuth, DialTimeout and MaxMessage are for Dial; the connection is there already")
	}
	if err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	return newClient("", conn, w, cfg), nil
}

func newClient(url string, conn *native.Conn, w *wire, cfg ClientConfig) *Client {
	c := &Client{url: url, conn: conn, cfg: cfg, wire: w, turn: make(chan struct{}, 1)}
	c.life, c.cancel = context.WithCancel(context.Background())
	return c
}

// Dial connects to a Python program that has a Listener, at tcp://host:port or
// unix:///path, and logs in. When the connection breaks, the call fails, and the
// next one connects again.
//
// The error of the attempt is an [rpc.LinkError] that is NotSent, with the login
// errors of native.DialConn in it.
func Dial(ctx context.Context, url string, cfg ClientConfig) (*Client, error) {
	w, err := cfg.wire()
	if err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	conn, err := dialPeer(ctx, url, cfg.conn())
	if err != nil {
		return nil, err
	}
	return newClient(url, conn, w, cfg), nil
}

func (cfg *ClientConfig) conn() native.ConnConfig {
	return native.ConnConfig{Auth: cfg.Auth, DangerouslyWithoutAuth: cfg.DangerouslyWithoutAuth, Timeout: cfg.DialTimeout, MaxMessage: cfg.MaxMessage}
}

// dialPeer connects to a Python program.
func dialPeer(ctx context.Context, url string, cfg native.ConnConfig) (*native.Conn, error) {
	conn, err := native.DialConn(ctx, url, cfg)
	if err != nil {
		if cause := errors.Unwrap(err); cause != nil {
			err = cause // without the address, which Op has
		}
		return nil, &rpc.LinkError{Sent: rpc.NotSent, Op: "dial " + value.Clip(url, 128), Err: err}
	}
	return conn, nil
}

// Close closes the connection. Calls under way fail, and so do later ones.
func (c *Client) Close() error {
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	return c.conn.Close()
}

// maxUnread bounds the calls that were given up and whose answers are to come.
const maxUnread = 64

// maxUpload is the most of an io.Reader that is sent as bytes.
const maxUpload = 16 << 20

// Call implements rpc.Caller. When ctx ends before the answer is there, the
// program goes on with the call all the same, and the next call waits for it.
//
// Keyword arguments are [Kwargs] behind the others. Request.Meta is not sent: the
// forms have no place for it. A stream as the last argument is sent as a list,
// and an io.Reader as bytes of at most 16 MiB.
func (c *Client) Call(ctx context.Context, req *rpc.Request) (any, error) {
	args, err := argumentsOf(req)
	if err != nil {
		return nil, fmt.Errorf("python: call %s: %w", req.Method, err)
	}
	ctx, cancel := timeoutUnlessSet(ctx, c.cfg.CallTimeout)
	defer cancel()
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, linkError(rpc.NotSent, req, ctx.Err())
	}
	if err := c.ready(ctx); err != nil {
		return nil, linkError(rpc.NotSent, req, err)
	}
	message, err := c.pack(req.Method, args)
	if err != nil {
		return nil, fmt.Errorf("python: call %s: %w", req.Method, err)
	}
	if err := c.conn.SendBytes(ctx, message); err != nil {
		if ctx.Err() == nil || errors.Is(err, native.ErrBroken) {
			c.broken = err
			return nil, linkError(rpc.Unknown, req, err)
		}
		return nil, linkError(rpc.NotSent, req, err)
	}
	data, err := c.receive(ctx)
	if err != nil {
		return nil, linkError(rpc.Unknown, req, err)
	}
	a, err := c.result(data)
	if err == nil {
		return a.deliver(req)
	}
	var f *rpc.Fault
	if errors.As(err, &f) {
		return nil, err
	}
	c.distrust(err)
	return nil, &errUnreadable{req.Method, err}
}

// ready sees that there is a connection to call on.
func (c *Client) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.life.Err() != nil {
		return net.ErrClosed
	}
	if c.broken == nil && c.unread == 0 {
		if c.broken = unasked(ctx, c.conn); c.broken != nil {
			c.conn.Close()
		}
	}
	switch {
	case c.broken != nil && c.url != "":
		return c.again(ctx)
	case c.broken != nil:
		return c.broken
	case c.unread >= maxUnread:
		return fmt.Errorf("the peer owes the answers to %d calls", c.unread)
	}
	return nil
}

// unasked returns an error if a connection on which no answer is due has
// something to read: the peer has closed it, or speaks without being asked. The
// answers to later calls would all be those to the calls before.
func unasked(ctx context.Context, conn *native.Conn) error {
	if !conn.Waiting() {
		return nil
	}
	if _, err := conn.RecvBytes(ctx); err != nil {
		return noEOF(err)
	}
	return fmt.Errorf("%w: it sent something before it was called", errMalformed)
}

// distrust ends a connection whose peer sends what is no answer.
func (c *Client) distrust(err error) {
	if errors.Is(err, errMalformed) {
		c.broken = err
		c.conn.Close()
	}
}

// again connects anew.
func (c *Client) again(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	conn, err := dialPeer(ctx, c.url, c.cfg.conn())
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn.Close() // it has broken; most often that was done
	c.conn, c.broken, c.unread = conn, nil, 0
	c.wire.protocol.Store(int32(c.cfg.Protocol))
	if c.life.Err() != nil {
		conn.Close()
		return net.ErrClosed
	}
	return nil
}

// receive returns the answer to the call that was just sent.
func (c *Client) receive(ctx context.Context) ([]byte, error) {
	c.unread++
	for {
		data, err := c.conn.RecvBytes(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.broken = err
			}
			return nil, noEOF(err)
		}
		if c.unread--; c.unread == 0 {
			return data, nil
		}
	}
}

// noEOF makes the end of a connection an error that nobody takes for the end of a
// stream.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the peer has closed the connection", io.ErrUnexpectedEOF)
	}
	return err
}

func linkError(sent rpc.Sent, req *rpc.Request, err error) error {
	if link := new(rpc.LinkError); errors.As(err, &link) { // to connect
		return link
	}
	return &rpc.LinkError{Sent: sent, Op: "call " + value.Clip(req.Method, 128), Err: err}
}

// timeoutUnlessSet bounds a context that has no deadline.
func timeoutUnlessSet(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// pack makes the message of a call.
func (c *Client) pack(method string, a arguments) ([]byte, error) {
	args := value.Tuple(a.positional)
	switch c.cfg.Form {
	case Arguments:
		if a.named != nil {
			return nil, errors.New("the form Arguments has no place for Kwargs")
		}
		return c.wire.pack(args)
	case Recipe:
		inner, err := c.wire.pack(value.Tuple{method, args, a.keywords()})
		if err != nil {
			return nil, err
		}
		return c.wire.pack(inner)
	}
	if a.named != nil {
		return c.wire.pack(value.Tuple{method, args, a.keywords()})
	}
	return c.wire.pack(value.Tuple{method, args})
}

// result reads an answer. An exception is an error with a fault in it.
func (c *Client) result(data []byte) (answer, error) {
	a, err := c.wire.read(data)
	if err == nil && c.cfg.Form == Recipe {
		var v any
		v, err = a.value()
		switch v := v.(type) {
		case []byte:
			data = v
		case string: // the str of Python 2
			data = []byte(v)
		case *pickle.Exception: // not as the recipe has it, but clear
			return a, faultOf(v)
		default:
			if err == nil {
				err = fmt.Errorf("expected a pickle as bytes, got %s", whatIs(v))
			}
			return a, err
		}
		a, _, err = readPickle(data, c.cfg.Pickle) // its protocol is not that of the connection
	}
	known := a
	if err != nil {
		var ok bool
		if known, ok = c.wire.readOpaque(data, err); !ok {
			return a, err
		}
	}
	v, cause := known.open()
	if cause != nil {
		return a, cause
	}
	if raised := c.raised(v); raised != nil {
		return a, raised
	}
	return known, err
}

// raised returns the error for a result that is an exception, nil if it is none.
func (c *Client) raised(result any) error {
	switch v := result.(type) {
	case *pickle.Exception:
		return faultOf(v)
	case *pickle.Object:
		if v.How != pickle.Call || !isRaisedName(v.Name, c.cfg.Pickle.Objects) {
			return nil
		}
		return errorOf(v)
	}
	if err := asError(result); err != nil {
		return errorOf(err)
	}
	return nil
}

// isRaisedName reports whether the class of that name may be an exception: one of
// a capital letter, such as OutOfStock, or one such as struct.error. Strictly it
// is one that says so.
func isRaisedName(name string, strictly bool) bool {
	if first := name[strings.LastIndexByte(name, '.')+1:]; !strictly && first != "" && 'A' <= first[0] && first[0] <= 'Z' {
		return true
	}
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"error", "exception", "warning", "exit", "timeout"}, func(end string) bool { return strings.HasSuffix(name, end) })
}
