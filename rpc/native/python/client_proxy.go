package python

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// Proxy is an object at the server of a [Manager]. It is an [rpc.Caller] for
// concurrent use, whose methods are those that the object exposes:
//
//	rpc.Invoke[rpc.Void](ctx, queue, "put", "job")
//	rpc.Invoke[int](ctx, dict, "__getitem__", "apples")
//	rpc.Invoke[map[string]int](ctx, dict, python.GetValue)
//
// The server keeps the object for as long as somebody has a reference: Close gives
// back that of the Proxy.
//
// A method that itself returns a proxy has a *Proxy for its result, which is to be
// closed too. Where the result has another type, it is given back, and the call
// fails; an rpc.Void takes it without an error. rpc.Stream runs an iterator that is
// returned so, such as that of "__iter__", to its end.
type Proxy struct {
	m       *Manager
	typeID  string
	id      string
	methods []string
	closed  atomic.Bool
}

const (
	maxIdent   = 128  // bytes of the id of an object, which is an address in hexadecimal
	maxMethods = 4096 // names of one object
)

// newProxy checks what a server says of an object.
func (m *Manager) newProxy(typeID string, ident, exposed any) (*Proxy, error) {
	id, ok := ident.(string)
	if !ok || id == "" || len(id) > maxIdent {
		return nil, fmt.Errorf("%w: expected the id of an object, got %s", errMalformed, whatIs(ident))
	}
	names, ok := sequence(exposed)
	if !ok || len(names) > maxMethods {
		return nil, fmt.Errorf("%w: expected at most %d names of methods, got %s", errMalformed, maxMethods, whatIs(exposed))
	}
	p := &Proxy{m: m, typeID: typeID, id: id, methods: make([]string, len(names))}
	for i, name := range names {
		if p.methods[i], ok = name.(string); !ok {
			return nil, fmt.Errorf("%w: expected the name of a method, got %s", errMalformed, whatIs(name))
		}
	}
	return p, nil
}

// TypeID returns the name that the type is registered under.
func (p *Proxy) TypeID() string { return p.typeID }

// ID returns what the server calls the object. Two proxies with the same ID are
// of the same object, while one of them is open.
func (p *Proxy) ID() string { return p.id }

// Methods returns the names of the methods that the object exposes.
func (p *Proxy) Methods() []string { return slices.Clone(p.methods) }

// Close gives the reference to the object back. The server drops the object when
// nobody else has one. The error is that it could not be told. Closing again does
// nothing.
func (p *Proxy) Close() error {
	if !p.closed.CompareAndSwap(false, true) {
		return nil
	}
	p.m.forget(p)
	return p.m.release(p.id)
}

// Call implements rpc.Caller. When ctx ends before the answer is there, the
// method goes on at the server all the same, and what it returns is dropped: an
// item that a get has taken from a queue by then is lost. So let get have a
// time-out of its own that is shorter, as in get(True, 5.0).
//
// Keyword arguments are [Kwargs] behind the others. Request.Meta is not sent. A
// stream as the last argument is sent as a list, and an io.Reader as bytes of at
// most 16 MiB.
func (p *Proxy) Call(ctx context.Context, req *rpc.Request) (any, error) {
	return p.callOn(ctx, p.m, req)
}

// connections is where a call gets its connection from.
type connections interface {
	take(ctx context.Context) (*native.Conn, error)
	put(conn *native.Conn)  // it can be used again
	drop(conn *native.Conn) // it is used no more, and the taker sees to its end
}

func (m *Manager) drop(*native.Conn) { <-m.slots }

// callOn calls a method on a connection from conns.
func (p *Proxy) callOn(ctx context.Context, conns connections, req *rpc.Request) (any, error) {
	r, err := p.invoke(ctx, conns, req)
	if err != nil {
		return nil, err
	}
	if r.kind == kindReturn && r.shared == nil {
		return r.result.deliver(req)
	}
	got, err := p.m.returned(ctx, r)
	if err != nil {
		return nil, answerError(req.Method, err)
	}
	if req.Yield != nil {
		return nil, got.each(ctx, conns, req)
	}
	return got.deliver(req)
}

// invoke makes a call and returns the answer, which is a result or a proxy.
func (p *Proxy) invoke(ctx context.Context, conns connections, req *rpc.Request) (reply, error) {
	a, err := argumentsOf(req)
	if err == nil && p.closed.Load() {
		return reply{}, &rpc.LinkError{Sent: rpc.NotSent, Op: "call " + value.Clip(req.Method, 128), Err: fmt.Errorf("the proxy: %w", net.ErrClosed)}
	}
	var message []byte
	if err == nil {
		message, err = p.m.wire.pack(callMessage(p.id, req.Method, a))
	}
	if err != nil {
		return reply{}, fmt.Errorf("python: call %s: %w", value.Clip(req.Method, 128), err)
	}
	ctx, cancel := p.m.bounded(ctx)
	defer cancel()
	conn, err := conns.take(ctx)
	if err != nil {
		return reply{}, p.m.linkError(rpc.NotSent, req, err)
	}
	data, failed := converse(ctx, conn, message)
	if failed != nil {
		conns.drop(conn)
		p.m.abandon(conn, failed, false)
		return reply{}, p.m.linkError(failed.sent, req, failed.err)
	}
	r, err := p.m.wire.readReply(data)
	if err == nil {
		err = r.failure(req.Method, p.methods)
	}
	if errors.Is(err, errMalformed) {
		conns.drop(conn)
		conn.Close()
	} else {
		conns.put(conn)
	}
	return r, answerError(req.Method, err)
}

// deliver hands a proxy to whoever has called for it.
func (p *Proxy) deliver(req *rpc.Request) (any, error) {
	switch into := req.Into.(type) {
	case nil:
		return p, nil
	case **Proxy:
		*into = p
		return into, nil
	case *rpc.Caller:
		*into = p
		return into, nil
	case *any:
		*into = p
		return into, nil
	case *rpc.Void:
		return into, p.Close()
	}
	err := &errUnreadable{req.Method, fmt.Errorf("expected a %T, got a proxy of type %s, which was given back; it is a *python.Proxy", req.Into, value.Clip(p.typeID, 64))}
	return nil, errors.Join(err, p.Close())
}

// each hands the items of an iterator to a request, one after another, and gives
// the iterator back.
func (p *Proxy) each(ctx context.Context, conns connections, req *rpc.Request) (err error) {
	defer func() { err = errors.Join(err, p.Close()) }()
	next := "next" // Python 2, which says that there is __next__ too
	if !slices.Contains(p.methods, next) {
		next = "__next__"
	}
	if !slices.Contains(p.methods, next) {
		return &errUnreadable{req.Method, fmt.Errorf("expected an iterator, got a proxy of type %s without __next__", value.Clip(p.typeID, 64))}
	}
	for {
		r, err := p.invoke(ctx, conns, &rpc.Request{Method: next})
		var raised *Raised
		switch {
		case errors.As(err, &raised) && raised.Class == "StopIteration":
			return nil
		case err != nil:
			return err
		case r.kind != kindReturn:
			return &errUnreadable{next, fmt.Errorf("%w: expected an item, got '%s'", errMalformed, r.kind)}
		}
		if err := rpc.DeliverItem(r.result.source(), req); err != nil {
			return err
		}
	}
}

// returned returns the proxy that an answer has brought.
func (m *Manager) returned(ctx context.Context, r reply) (*Proxy, error) {
	if r.shared != nil {
		return m.share(ctx, r.shared)
	}
	v, err := r.result.value()
	if err != nil {
		return nil, err
	}
	p, err := m.sentProxy(v)
	if err != nil {
		return nil, err
	}
	return p, m.adopt(p)
}

// sentProxy reads what stands behind '#PROXY': (names of methods, Token). The
// address in the Token is the server's own business.
func (m *Manager) sentProxy(v any) (*Proxy, error) {
	pair, ok := sequence(v)
	if !ok || len(pair) != 2 {
		return nil, fmt.Errorf("%w: expected the methods of an object and its Token, got %s", errMalformed, whatIs(v))
	}
	token, err := readToken(pair[1])
	if err != nil {
		return nil, err
	}
	return m.newProxy(token.typeID, token.id, pair[0])
}

// share returns a Proxy for an object that is within another one, such as a list
// in a shared list. The server does not count the reference by itself.
func (m *Manager) share(ctx context.Context, o *pickle.Object) (*Proxy, error) {
	if len(o.Args) < 2 {
		return nil, fmt.Errorf("%w: expected a Token, got none", errMalformed)
	}
	token, err := readToken(o.Args[1])
	if err != nil {
		return nil, err
	}
	ctx, cancel := m.bounded(ctx)
	defer cancel()
	message, err := m.wire.packOpaque(callMessage(nil, "get_methods", arguments{positional: []any{token.object()}}))
	if err != nil {
		return nil, err
	}
	if _, err := m.manageUnder(ctx, "incref", value.Tuple{token.id}, nil); err != nil {
		return nil, err
	}
	methods, err := m.ask(ctx, "get_methods", message)
	var p *Proxy
	if err == nil {
		p, err = m.newProxy(token.typeID, token.id, methods)
	}
	if err != nil {
		return nil, errors.Join(err, m.release(token.id))
	}
	return p, m.adopt(p)
}

// token is what names an object: multiprocessing.managers.Token.
type token struct{ typeID, id string }

const tokenModule, tokenClass = "multiprocessing.managers", "Token"

func readToken(v any) (t token, err error) {
	o, ok := v.(*pickle.Object)
	var state value.Tuple
	if ok && o.Module == tokenModule && o.Name == tokenClass {
		state, _ = o.State.(value.Tuple)
	}
	if len(state) == 3 {
		typeID, ok1 := state[0].(string)
		id, ok2 := state[2].(string)
		if ok1 && ok2 && len(typeID) <= maxIdent && len(id) <= maxIdent {
			return token{typeID, id}, nil
		}
	}
	return t, fmt.Errorf("%w: expected a Token, got %s", errMalformed, whatIs(v))
}

// object returns t as it is sent. No server looks at the address.
func (t token) object() *pickle.Object {
	return &pickle.Object{Module: tokenModule, Name: tokenClass, How: pickle.New, State: value.Tuple{t.typeID, nil, t.id}, HasState: true}
}
