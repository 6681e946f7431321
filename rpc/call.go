package rpc

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/parley-rpc/parley/rpc/value"
)

// Request is one call, on its way out or in. It is not kept after the call
// has returned.
type Request struct {
	// Method is the wire name, "catalog.list". It is resolved before
	// interceptors run; changing it then has no effect.
	Method string
	// Args are the arguments, read at most once, front to back. Nil means none.
	Args Args
	// Meta is what travels beside the arguments: trace ids, a tenant. At most
	// MaxMeta bytes in all, keys and values added up.
	Meta map[string]string
	// Peer is who calls. It is never nil on the serving side.
	Peer *Peer
	// Into, on the calling side, points to where the result goes, or one item
	// of a stream. Nil: the result is returned as a dynamic value.
	Into any
	// Yield takes the items of a stream, one after another, and an error from it
	// ends the stream. With Into set, an item is put there first and Yield gets
	// Into. Nil: items are collected into a bounded list, which is the result.
	Yield func(item any) error
	// Next, on the serving side, puts the next item of the stream that the caller
	// sends as its last argument into dst, a pointer, and returns io.EOF behind
	// the last one. Args is without that argument then. Nil: the caller sends no
	// stream. It must not be called after the call has returned.
	Next func(dst any) error
	// Elements, on the serving side, takes what the calls of a system.multicall
	// answer, each as it comes, and the result is Void then. Nil: they are a list,
	// which is the result.
	Elements Elements
	// Reader, on the serving side, says that the transport takes a result that is an
	// io.Reader as one, reads it to its end, or until the call has no more time, and
	// closes it if it can be closed. A short one is binary all the same. Otherwise all
	// are, of bounded size.
	Reader bool
	// Idempotent, on the calling side, allows a client to make the call again if
	// nobody knows whether it has run; see WithIdempotent.
	Idempotent bool

	readers *readers // with Reader, those that the call has opened
}

// MaxMeta bounds Request.Meta, in bytes of keys and values together.
const MaxMeta = 4096

// Args gives the arguments of a call.
type Args interface {
	// Decode reads the arguments into dst, which holds one pointer for each
	// parameter, and holds their number against p; a nil p means that exactly
	// len(dst) arguments are expected. It reads the message to its end, so that
	// a broken one never reaches a function.
	Decode(dst []any, p *value.Params) error
}

// Values are arguments that exist as Go values: those of every client, of
// multicall, of a call on the registry itself.
type Values []any

// Decode converts the values by the mapping of package value.
func (v Values) Decode(dst []any, p *value.Params) error {
	return value.DecodeArgs(value.NewSource([]any(v)), dst, p)
}

// ValuesOf returns arguments as Go values, which they are unless a call is passed
// on from one wire to another.
func ValuesOf(a Args) (Values, error) {
	if v, ok := valuesIn(a); ok {
		return v, nil
	}
	var list []any
	err := a.Decode([]any{&list}, &value.Params{Variadic: true})
	return list, err
}

func valuesIn(a Args) (v Values, ok bool) {
	switch a := a.(type) {
	case nil:
		return nil, true
	case Values:
		return a, true
	case *Values:
		return *a, true
	}
	return nil, false
}

// Handler answers a request.
type Handler func(ctx context.Context, req *Request) (any, error)

// Caller is anything that calls can be made on: a Registry, a client of any
// transport, the Peer of a call. It is safe for concurrent use.
//
// With Request.Into set the result goes there and the first return value is
// Into; otherwise the result is returned as a dynamic value.
type Caller interface {
	Call(ctx context.Context, req *Request) (any, error)
}

// Invoke calls method and returns its result as an R. An R of any gets the
// dynamic value; value.Void accepts whatever comes.
//
// The last argument may be a stream, an iter.Seq2[T, error] or an io.Reader. It is
// read while the call runs, on any goroutine. A call that ends early does not wait
// for it: its producer may be at the next item for some time after Invoke has
// returned, and is asked for no further one. Whoever needs to know when it has
// ended has the producer tell.
func Invoke[R any](ctx context.Context, c Caller, method string, args ...any) (R, error) {
	var call struct { // one allocation, not two
		req    Request
		result R
	}
	o := outgoingOf(ctx)
	call.req = Request{Method: method, Args: Values(args), Meta: o.meta, Into: &call.result, Idempotent: o.idempotent}
	_, err := c.Call(ctx, &call.req)
	return call.result, err
}

// Stream calls method and yields the items of its result one after another: of
// a function that streams as they come, of one that returns a list its
// elements. An error is yielded once, as the last pair. Leaving the loop ends
// the call.
//
// A deadline of ctx bounds the whole stream. Without one it may last for ever: the
// default time of a client bounds the wait for the first item and for each further
// one, not what the loop does with them. A stream that comes as a list, since its
// transport has no streams or its function returns one, is waited for as a whole.
func Stream[T any](ctx context.Context, c Caller, method string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var item T
		req := newRequest(ctx, method, Values(args), &item)
		stream(ctx, c, req, func(err error) bool {
			current := item
			var zero T
			item = zero // the next item must not be decoded over the memory of this one
			return yield(current, err)
		})
	}
}

// stream makes a call and calls next for each item that arrives in req.Into,
// and once with an error if there is one. A next that answers false ends it.
func stream(ctx context.Context, c Caller, req *Request, next func(err error) bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	left := false
	req.Yield = func(any) error {
		if !next(nil) {
			left = true
			return errStopped
		}
		return nil
	}
	if _, err := c.Call(ctx, req); err != nil && !left {
		next(err)
	}
}

// errStopped tells a producer that its consumer has left the loop.
var errStopped = fmt.Errorf("rpc: the consumer of the stream has stopped")

// Deliver hands the result that src stands before to a request, as Caller asks:
// into req.Into, item by item to req.Yield, or as a dynamic value. Clients call
// it with the result of a message, which holds streams as lists.
func Deliver(src value.Source, req *Request) (any, error) {
	if req.Yield == nil {
		if req.Into == nil {
			result := value.DecodeAny(src)
			return result, deliverError(src)
		}
		value.Decode(src, req.Into)
		return req.Into, deliverError(src)
	}
	if k := src.Kind(); k == value.KindBytes {
		return nil, DeliverItem(src, req) // an io.Reader, on a wire without streams
	} else if !k.IsSequence() {
		if err := deliverError(src); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("rpc: the result of %s cannot be streamed: expected list, got %s", req.Method, k)
	}
	src.List()
	for src.More() {
		if err := DeliverItem(src, req); err != nil {
			return nil, err
		}
	}
	return nil, deliverError(src)
}

// DeliverItem hands the item of a stream that src stands before to req.Yield.
func DeliverItem(src value.Source, req *Request) error {
	var item any
	if req.Into != nil {
		value.Decode(src, req.Into)
		item = req.Into
	} else {
		item = value.DecodeAny(src)
	}
	if err := deliverError(src); err != nil {
		return err
	}
	return req.Yield(item)
}

// ErrResult is what the error of a call is whose answer came and cannot be read, or
// does not fit into Into. The function has run.
var ErrResult = errors.New("rpc: result")

func deliverError(src value.Source) error {
	if err := src.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrResult, err)
	}
	return nil
}
