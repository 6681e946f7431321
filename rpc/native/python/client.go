package python

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// Form is how a Python program expects its calls.
type Form int

const (
	// Tuple: ("add", (3, 5)), answered by the result or an exception object.
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
	// Protocol is the pickle protocol of the first call, 2 to 5. Zero means 2,
	// which every Python reads but which has no datetime with a zone. Later calls
	// are in that of the answers.
	Protocol int
	// Pickle bounds what an answer may hold.
	Pickle pickle.Options
}

// Client calls the functions of a Python program at the other end of a
// connection. It is an [rpc.Caller] for concurrent use, but the program serves
// one call at a time, and so the others wait, each under its context.
//
// An exception of the program is an *rpc.Fault: the one that it stands for if the
// program passes on a fault of a Handler, else with rpc.CodeApplication and a
// text such as "ValueError: no such product".
type Client struct {
	conn *native.Conn
	cfg  ClientConfig

	turn     chan struct{} // holds a token while a call is under way; guards what follows
	protocol int
	unread   int   // answers to calls that were given up, which come before all others
	broken   error // why there can be no more calls
}

// NewClient returns a Client on conn, which it owns from now on.
func NewClient(conn *native.Conn, cfg ClientConfig) (*Client, error) {
	if cfg.Form < Tuple || cfg.Form > Arguments {
		return nil, fmt.Errorf("python: ClientConfig.Form: got %d; want Tuple, Recipe or Arguments", cfg.Form)
	}
	if cfg.Protocol == 0 {
		cfg.Protocol = 2
	}
	if cfg.Protocol < 2 || cfg.Protocol > pickle.MaxProtocol {
		return nil, fmt.Errorf("python: ClientConfig.Protocol: got %d; want 2 to %d", cfg.Protocol, pickle.MaxProtocol)
	}
	if err := cfg.Pickle.Check(); err != nil {
		return nil, fmt.Errorf("python: ClientConfig.Pickle: %w", err)
	}
	return &Client{conn: conn, cfg: cfg, turn: make(chan struct{}, 1), protocol: cfg.Protocol}, nil
}

// Close closes the connection. Calls under way fail.
func (c *Client) Close() error { return c.conn.Close() }

// maxUnread bounds the calls that were given up and whose answers are to come.
const maxUnread = 64

// maxUpload is the most of an io.Reader that is sent as bytes.
const maxUpload = 16 << 20

// Call implements rpc.Caller. When ctx ends before the answer is there, the
// program goes on with the call all the same, and the next call waits for it.
//
// Request.Meta is not sent: the forms have no place for it.
//
// A stream as the last argument is sent as a list, and an io.Reader as bytes of
// at most 16 MiB.
func (c *Client) Call(ctx context.Context, req *rpc.Request) (any, error) {
	args, err := rpc.ValuesOf(req.Args)
	if err == nil {
		args, err = rpc.CollectUpload(args, value.DefaultMaxElements, maxUpload)
	}
	if err != nil {
		return nil, fmt.Errorf("python: call %s: %w", req.Method, err)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, linkError(rpc.NotSent, req, ctx.Err())
	}
	switch {
	case ctx.Err() != nil:
		return nil, linkError(rpc.NotSent, req, ctx.Err())
	case c.broken != nil:
		return nil, linkError(rpc.NotSent, req, c.broken)
	case c.unread >= maxUnread:
		return nil, linkError(rpc.NotSent, req, fmt.Errorf("the peer owes the answers to %d calls", c.unread))
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
	result, err := c.unpack(data)
	if err != nil {
		return nil, fmt.Errorf("python: result of %s: %w", req.Method, err)
	}
	if e, ok := result.(*pickle.Exception); ok {
		return nil, faultOf(e)
	}
	return rpc.Deliver(c.cfg.Pickle.Registry.Source(result), req)
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
			return nil, err
		}
		if c.unread--; c.unread == 0 {
			return data, nil
		}
	}
}

func linkError(sent rpc.Sent, req *rpc.Request, err error) error {
	return &rpc.LinkError{Sent: sent, Op: "call " + req.Method, Err: err}
}

// pack makes the message of a call.
func (c *Client) pack(method string, args []any) ([]byte, error) {
	o := c.cfg.Pickle.EncodeOptions(c.protocol)
	switch c.cfg.Form {
	case Arguments:
		return pickle.Append(nil, value.Tuple(args), o)
	case Recipe:
		inner, err := pickle.Append(nil, value.Tuple{method, value.Tuple(args), map[string]any{}}, o)
		if err != nil {
			return nil, err
		}
		return pickle.Append(nil, inner, o)
	}
	return pickle.Append(nil, value.Tuple{method, value.Tuple(args)}, o)
}

// unpack reads an answer.
func (c *Client) unpack(data []byte) (any, error) {
	v, info, err := pickle.Decode(data, c.cfg.Pickle)
	if err != nil {
		return nil, err
	}
	c.protocol = pickle.AnswerProtocol(info.Protocol)
	if c.cfg.Form != Recipe {
		return v, nil
	}
	var inner []byte
	switch v := v.(type) {
	case []byte:
		inner = v
	case string: // the str of Python 2
		inner = []byte(v)
	case *pickle.Exception: // not as the recipe has it, but clear
		return v, nil
	default:
		return nil, fmt.Errorf("expected a pickle as bytes, got %s", value.Word(v))
	}
	v, _, err = pickle.Decode(inner, c.cfg.Pickle)
	return v, err
}
