package rpc

import "context"

// WithIdempotent returns a context whose calls are marked as idempotent: run
// twice they do no more than run once, and answer as well. A client then may make
// a call again by itself when its connection was lost, so that nobody knows
// whether it has run; without the mark such a call fails with Unknown.
//
//	price, err := rpc.Invoke[float64](rpc.WithIdempotent(ctx), c, "catalog.price", id)
//
// The clients of native and xmlrpc heed it. A fault is an answer, and never
// repeated; a stream is not repeated either, since items of it may have been
// taken. The mark does not cross the wire.
//
// It holds for every call that is made with the context or one made from it. The
// tag of a stub that [Bind] fills marks one method for good, and an interceptor
// can set [Request.Idempotent].
func WithIdempotent(ctx context.Context) context.Context {
	o := outgoingOf(ctx)
	o.idempotent = true
	return context.WithValue(ctx, outgoingKey{}, o)
}

// outgoing is what a context holds for the calls that are made with it.
type outgoing struct {
	meta       map[string]string
	idempotent bool
}

func outgoingOf(ctx context.Context) outgoing {
	o, _ := ctx.Value(outgoingKey{}).(outgoing)
	return o
}

// newRequest makes the request of a typed client.
func newRequest(ctx context.Context, method string, args Args, into any) *Request {
	o := outgoingOf(ctx)
	return &Request{Method: method, Args: args, Meta: o.meta, Into: into, Idempotent: o.idempotent}
}

// unmarked returns a context for what a function calls in turn: its caller's mark
// says nothing about that.
func unmarked(ctx context.Context) context.Context {
	o := outgoingOf(ctx)
	if !o.idempotent {
		return ctx
	}
	o.idempotent = false
	return context.WithValue(ctx, outgoingKey{}, o)
}
