package xmlrpc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// call is one call that has arrived.
type call struct {
	e       *endpoint
	header  http.Header
	body    []byte
	timeout time.Duration

	multicall atomic.Pointer[multicall] // what it is, if it is one
}

// answer makes the call. Faults have the status 200 too.
func (c *call) answer(ctx context.Context, dst []byte) reply {
	a, err := c.make(ctx, dst)
	if err != nil {
		return c.e.faultReply(dst, err)
	}
	return a
}

func (c *call) late() reply {
	if m := c.multicall.Load(); m != nil {
		if body, ok := m.late(); ok {
			return reply{status: http.StatusOK, header: xmlHeader, body: body}
		}
	}
	return c.e.faultReply(nil, rpc.Errorf(rpc.CodeDeadlineExceeded, "deadline exceeded: there was no answer within %v", c.timeout))
}

// make makes the call and writes its result. Neither a panic of the handler nor
// one of a type that writes itself gets further than this.
func (c *call) make(ctx context.Context, dst []byte) (a reply, err error) {
	e := c.e
	d, err := xmlvalue.ReadCall(c.body, e.options)
	if err != nil {
		return a, readFault(err)
	}
	defer func() {
		if p := recover(); p != nil {
			err = e.internal(ctx, d.Method, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	meta, err := metaFrom(c.header)
	if err != nil {
		return a, err
	}
	req := rpc.Request{Method: d.Method, Args: &args{d}, Meta: meta, Peer: rpc.PeerFrom(ctx), Reader: true}
	if d.Method == multicallName {
		m := &multicall{e: e, ctx: ctx}
		c.multicall.Store(m)
		req.Elements = m
	}
	result, err := e.handler.Call(ctx, &req)
	if err != nil {
		return a, err
	}
	if req.Elements != nil {
		if body, ok := c.multicall.Load().end(); ok {
			return reply{status: http.StatusOK, header: xmlHeader, body: body}, nil
		}
	}
	if blob, ok := result.(io.Reader); ok {
		return reply{status: http.StatusOK, header: xmlHeader, blob: blob}, nil
	}
	out, err := xmlvalue.AppendResponse(dst, result, e.options)
	if err != nil {
		return a, e.unwritable(ctx, d.Method, err)
	}
	return reply{status: http.StatusOK, header: xmlHeader, body: out}, nil
}

// args are the arguments of a call that has arrived.
type args struct{ d *xmlvalue.Decoder }

// Decode reads the arguments, and the document to its end.
func (a *args) Decode(dst []any, p *value.Params) error {
	if err := value.DecodeArgs(a.d, dst, p); err != nil {
		return readFault(err)
	}
	if err := a.d.Finish(); err != nil {
		return readFault(err)
	}
	return nil
}

// readFault makes a document that cannot be read a fault with the code for it.
// Other errors, such as an argument of the wrong kind, are left as they are.
func readFault(err error) error {
	var syntax *xmlvalue.SyntaxError
	if errors.As(err, &syntax) {
		return rpc.Errorf(syntax.Code, "%v", syntax)
	}
	return err
}

// unwritable is the fault for a result that could not be written. Its caller, who
// was to have the result, learns which part of it this wire does not carry, and
// why. What else there is to know is in the log.
func (e *endpoint) unwritable(ctx context.Context, method string, err error) *rpc.Fault {
	fault := e.internal(ctx, method, err)
	var at *value.Error
	if !errors.As(err, &at) {
		return fault
	}
	if no, ok := at.Err.(*xmlvalue.WriteError); ok { //nolint:errorlint // one that is wrapped may stand in a text of the service's own
		fault.Message += ": result" + at.Path + ": " + no.Reason
	}
	return fault
}

// internal hides the cause of a failure that is the service's own under an id.
func (e *endpoint) internal(ctx context.Context, method string, cause error) *rpc.Fault {
	id := rand.Text()[:8]
	e.logger.LogAttrs(ctx, slog.LevelError, "internal_error", slog.String("id", id),
		slog.String("method", value.Clip(method, 255)), slog.Any("error", cause))
	return rpc.Errorf(rpc.CodeInternal, "internal error (id %s)", id)
}

// faultReply is the answer "no" to a call.
func (e *endpoint) faultReply(dst []byte, err error) reply {
	f := rpc.FaultOf(err)
	return reply{status: http.StatusOK, header: xmlHeader, body: xmlvalue.AppendFault(dst, f.Code, f.Message, e.options)}
}
