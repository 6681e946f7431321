package rpc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/parley-rpc/parley/rpc/value"
)

// Registry holds the functions of a service and is the one door to them: every
// call, of every transport, in a multicall or on the way back, goes through
// Call. Functions and interceptors may be added while it serves; its fields are
// set before.
type Registry struct {
	// Authorizer is asked for every call. Nil allows every method to everyone.
	Authorizer Authorizer
	// Logger gets what callers are not told: panics, errors that are hidden, and
	// which calls the Authorizer has denied. Nil means slog.Default.
	Logger *slog.Logger
	// HideErrors keeps the texts of errors that functions return from callers,
	// who get an id to quote instead. Faults and mapped errors still cross.
	HideErrors bool
	// MaxItems bounds a stream that is collected into a list. Zero means 262144.
	MaxItems int
	// MaxBytes bounds an io.Reader that is collected into binary, in bytes. Zero
	// means 16 MiB.
	MaxBytes int

	mu           sync.Mutex // serializes changes to what follows
	methods      map[string]*method
	interceptors []Interceptor
	mapped       []mappedError

	door atomic.Pointer[door] // what Call reads: made anew at each change

	denials denials // what the log was told of authz_deny
}

// door is a registry as it stands between two changes.
type door struct {
	entries      map[string]entry
	interceptors []Interceptor
	mapped       []mappedError
}

// entry is a method behind the interceptors.
type entry struct {
	method  *method
	handler Handler
}

func (e entry) short() bool { return e.method != nil && e.method.short }

type mappedError struct {
	target error
	code   int
}

// NewRegistry returns a registry that holds the system methods and nothing else.
func NewRegistry() *Registry {
	r := &Registry{methods: map[string]*method{}}
	r.addSystem()
	return r
}

// Register adds fn under a wire name such as "catalog.list".
//
// A function has the form [ctx,] args… [, variadic] -> [result] [, error].
// Trailing parameters that are pointers may be left out by callers and are nil
// then. See package value for the types that can cross the wire. An [Adapter] is
// called without reflection.
//
// A result of type iter.Seq2[T, error] is a stream of Ts, and one that is an
// io.Reader a stream of bytes. One that is an io.Closer is closed at its end, or
// when the call has no more time or its caller has gone: during a Read then, which
// has to return, as that of a pipe does. One that is not, and whose Read waits for
// ever, holds its call for ever. The last parameter may be a stream too,
// iter.Seq2[T, error] or io.Reader, which can be read once and only until the
// function returns. No stream is ever held in memory as a whole, except on
// transports that have none: there a stream is a list, and an io.Reader binary, of
// bounded size.
//
// A value that is no function registers its exported methods: under the name
// "catalog" the method List becomes catalog.list, GetByID catalog.getByID. The
// methods of fmt.Stringer and error are left out. If all of them are of the form
// of net/rpc, func(T1, *T2) error, and no MethodOptions names their parameters,
// that is an error: the reply would be taken for an argument.
//
// What cannot be called is an error that says what to change.
func (r *Registry) Register(name string, fn any, opts ...Option) error {
	methods, err := methodsOf(name, fn, opts)
	if err != nil {
		return fmt.Errorf("rpc: register %q: %w", name, err)
	}
	return r.add(name, methods)
}

// Handle adds a handler that reads its arguments itself. Introspection shows it
// with the parameters that opts name, of any type. It may read a stream by
// Request.Next, and does not stream its result: callers get a list item by item.
func (r *Registry) Handle(name string, h Handler, opts ...Option) error {
	o := collect(opts)
	m := &method{name: name, help: o.help, short: o.short, told: o.signatures, params: value.Params{Names: o.params}, raw: true}
	if err := m.checkSignatures(); err != nil {
		return fmt.Errorf("rpc: register %q: %w", name, err)
	}
	m.call = func(ctx context.Context, req *Request) (any, error) { return h(ctx, req) }
	return r.add(name, []*method{m})
}

// Short reports whether there is a method that was registered with the option
// [Short]. Transports ask it.
func (r *Registry) Short(method string) bool {
	d := r.door.Load()
	return d != nil && d.entries[method].short()
}

func (r *Registry) add(name string, methods []*method) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range methods {
		if err := checkName(m.name); err != nil {
			return fmt.Errorf("rpc: register %q: %w", name, err)
		}
		if r.methods[m.name] != nil {
			return fmt.Errorf("rpc: register %q: there is a method %s already", name, m.name)
		}
	}
	for _, m := range methods {
		r.methods[m.name] = m
	}
	r.change()
	return nil
}

// checkName holds a wire name against what XML-RPC allows, which every
// transport can carry.
func checkName(name string) error {
	if name == "" || len(name) > 255 {
		return fmt.Errorf("a method name has 1 to 255 characters, got %d", len(name))
	}
	if strings.HasPrefix(name, "system.") {
		return errors.New("names that begin with system. belong to the registry")
	}
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_.:/", c)) {
			return fmt.Errorf("a method name is made of letters, digits and _ . : /, got %q", c)
		}
	}
	return nil
}

// Use adds interceptors behind those that are there; the first is outermost.
// They see every call, before the Authorizer is asked: also of methods that the
// caller may not use, and of those that do not exist.
func (r *Registry) Use(interceptors ...Interceptor) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interceptors = append(r.interceptors, interceptors...)
	r.change()
}

// MapError makes every error that is target cross as a fault with this code.
// The error that was mapped first wins. Interceptors find the code of an error that
// a function has returned by FaultOf, and the error itself by errors.Is and
// errors.As; errors of their own are mapped behind them.
func (r *Registry) MapError(target error, code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mapped = append(r.mapped, mappedError{target, code})
	r.change()
}

// change makes the door anew; r.mu is held.
func (r *Registry) change() {
	d := &door{entries: make(map[string]entry, len(r.methods)), interceptors: slices.Clone(r.interceptors), mapped: slices.Clone(r.mapped)}
	for name, m := range r.methods {
		d.entries[name] = entry{m, chain(r.interceptors, r.guard(m))}
	}
	r.door.Store(d)
}

// guard is the innermost part of the door: authorization, then the method. A
// denied call looks like one of a method that does not exist.
func (r *Registry) guard(m *method) Handler {
	return func(ctx context.Context, req *Request) (any, error) {
		if !r.allowed(ctx, req.Peer, m.name) {
			return nil, r.deny(ctx, req.Peer, m.name, deniedCall)
		}
		result, err := r.run(ctx, m, req)
		if err != nil {
			return nil, r.code(ctx, err)
		}
		return result, nil
	}
}

// run calls a method, and runs the stream that it returns.
func (r *Registry) run(ctx context.Context, m *method, req *Request) (any, error) {
	result, err := m.call(ctx, req)
	switch {
	case err != nil:
		return nil, err
	case m.streams == nil:
		return r.noStream(ctx, m, req, result)
	case req.Yield != nil:
		return nil, m.push(ctx, result, req.Yield)
	case itemsOf(m.result) != nil:
		return m.collect(ctx, result, r.maxItems())
	case req.Reader:
		return open(ctx, req, result)
	}
	return m.collectPieces(ctx, result, r.maxBytes())
}

// guardUnknown is guard for a method that does not exist. The Authorizer is asked
// all the same: what it takes to find out must not tell which methods there are,
// and the log must not miss whoever tries them out.
func (r *Registry) guardUnknown(method string) Handler {
	return func(ctx context.Context, req *Request) (any, error) {
		if !r.allowed(ctx, req.Peer, method) {
			return nil, r.deny(ctx, req.Peer, method, deniedUnknown)
		}
		return nil, notFound(method)
	}
}

func (r *Registry) allowed(ctx context.Context, p *Peer, method string) bool {
	return r.Authorizer == nil || r.Authorizer.Allow(ctx, p.Identity, method)
}

func notFound(method string) *Fault {
	return Errorf(CodeMethodNotFound, "method not found: %s", value.Clip(method, 255))
}

func (r *Registry) maxItems() int {
	if r.MaxItems > 0 {
		return r.MaxItems
	}
	return value.DefaultMaxElements
}

func (r *Registry) maxBytes() int {
	if r.MaxBytes > 0 {
		return r.MaxBytes
	}
	return 16 << 20
}

// Call answers a request: lookup, interceptors, authorization, arguments,
// function, answer. Without Into and Yield the result is what the function
// returned, [value.Void] if it returns none, and every error is a *Fault. A
// caller that asks for more gets it as from any other Caller; a result that does
// not fit its Into is an error that is none.
//
// A request without a Peer is made in the name of the peer of ctx: what a
// function calls on its own registry, its caller must be allowed to call.
func (r *Registry) Call(ctx context.Context, req *Request) (any, error) {
	result, err := r.serve(ctx, req)
	if f, ok := err.(*Fault); ok && f.isProtocol() { //nolint:errorlint // of what is no Fault nothing is to be marked
		own := *f // which may be a variable of the program
		err = own.AnswerOf(req.Method)
	}
	return result, err
}

// serve is Call, but for the mark that its faults bear.
func (r *Registry) serve(ctx context.Context, req *Request) (result any, err error) {
	method := req.Method
	if args, isValues := valuesIn(req.Args); isValues && req.Next == nil {
		rest, items, err := TakeUpload(args)
		if err != nil {
			return nil, Errorf(CodeInvalidParams, "%s: %v", method, err)
		}
		if items != nil {
			return r.callUploading(ctx, req, rest, items)
		}
	}
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, r.internal(ctx, method, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, FaultOf(err)
	}
	if ctx, err = r.enter(ctx, req); err != nil {
		return nil, err
	}
	d := r.door.Load()
	var handler Handler
	streams := false
	if e, ok := d.entries[method]; ok {
		handler, streams = e.handler, e.method.streams != nil
	} else {
		handler = chain(d.interceptors, r.guardUnknown(method))
	}
	if req.Reader && streams {
		opened := &readers{}
		req.readers = opened
		defer func() { opened.closeBut(result) }()
	}
	if req.Into != nil || req.Yield != nil && !streams {
		return r.callWithin(ctx, d, handler, req, streams)
	}
	if result, err = handler(ctx, req); err != nil {
		return nil, r.fault(ctx, d, method, err)
	}
	return result, nil
}

// callWithin answers a caller within the process, which wants the result in a
// variable of its own or item by item, as if it had crossed a wire. A result
// that no wire could carry is a fault; one that does not fit what the caller
// wants is not, since the method did answer.
func (r *Registry) callWithin(ctx context.Context, d *door, handler Handler, req *Request, streams bool) (any, error) {
	inner := *req
	inner.Into, inner.Yield = nil, nil
	pushed := req.Yield != nil && streams
	var unfit error
	if pushed {
		inner.Yield = func(item any) error {
			if unfit = value.Convert(req.Into, item); unfit != nil {
				return unfit
			}
			return req.Yield(req.Into)
		}
	}
	result, err := handler(ctx, &inner)
	switch {
	case unfit != nil:
		return nil, fmt.Errorf("rpc: result: %w", unfit)
	case err != nil:
		return nil, r.fault(ctx, d, req.Method, err)
	case pushed:
		return nil, nil
	}
	for part := range partsOf(result, req) {
		tree, err := value.Dynamic(part)
		if err != nil {
			return nil, r.internal(ctx, req.Method, fmt.Errorf("result: %w", err))
		}
		if result, err = Deliver(value.NewSource(tree), req); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// enter fills in who calls, and puts it and the metadata within reach of the
// function.
func (r *Registry) enter(ctx context.Context, req *Request) (context.Context, error) {
	if p := PeerFrom(ctx); req.Peer == nil {
		req.Peer = p
	} else if req.Peer != p {
		ctx = WithPeer(ctx, req.Peer)
	}
	if req.Idempotent {
		ctx = unmarked(ctx)
	}
	if len(req.Meta) > 0 {
		size := 0
		for k, v := range req.Meta {
			size += len(k) + len(v)
		}
		if size > MaxMeta {
			return ctx, Errorf(CodeOverLimit, "metadata of %d bytes, at most %d are allowed", size, MaxMeta)
		}
		ctx = context.WithValue(ctx, incomingKey{}, req.Meta)
	}
	return ctx, nil
}

// fault turns the error of a call into what its caller may see.
func (r *Registry) fault(ctx context.Context, d *door, method string, err error) *Fault {
	for _, m := range d.mapped {
		if errors.Is(err, m.target) {
			if r.HideErrors {
				err = m.target
			}
			return &Fault{Code: m.code, Message: faultText(err.Error())}
		}
	}
	f := FaultOf(err)
	if f.Code != CodeApplication || !r.HideErrors {
		return f
	}
	nested := new(codedError)
	if own := new(Fault); errors.As(err, &own) && !(errors.As(err, &nested) && nested.nested) {
		return own // made to cross
	}
	id := newID()
	r.logger().LogAttrs(ctx, slog.LevelWarn, "call_failed", slog.String("id", id), slog.String("method", method), slog.Any("error", err))
	return Errorf(CodeApplication, "%s failed (id %s)", method, id)
}

// internal hides the cause of a failure that is the service's own under an id.
func (r *Registry) internal(ctx context.Context, method string, cause error) *Fault {
	id := newID()
	r.logger().LogAttrs(ctx, slog.LevelError, "internal_error", slog.String("id", id),
		slog.String("method", value.Clip(method, 255)), slog.Any("error", cause))
	return Errorf(CodeInternal, "internal error (id %s)", id)
}

func newID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails, as its documentation says
	return hex.EncodeToString(b[:])
}

func (r *Registry) logger() *slog.Logger {
	if r.Logger != nil {
		return r.Logger
	}
	return slog.Default()
}

// Method describes a registered method.
type Method struct {
	Name string
	Help string
	// Signatures are the ways to call it: result first, then the parameters, in
	// the words of XML-RPC ("int", "string", "array", "struct", ... and "any").
	Signatures [][]string
	// Params are the names of the parameters; empty if they were not given.
	Params []string
	// Variadic says that the last parameter may be given any number of times.
	Variadic bool
	// Examples hold for each parameter a dynamic value that may be passed for it,
	// which shows the members of a struct; nil where none is known. It is shared:
	// not to be changed.
	Examples []any
}

// Methods describes the methods that the peer of ctx may call, by name.
func (r *Registry) Methods(ctx context.Context) []Method {
	entries := r.door.Load().entries
	names := r.names(ctx)
	list := make([]Method, 0, len(names))
	for _, name := range names {
		if e, ok := entries[name]; ok {
			m := e.method
			list = append(list, Method{Name: name, Help: m.help, Signatures: m.signatures(), Params: m.params.Names, Variadic: m.params.Variadic, Examples: m.examples()})
		}
	}
	return list
}

// names returns what the peer of ctx may call, sorted.
func (r *Registry) names(ctx context.Context) []string {
	peer := PeerFrom(ctx)
	names := slices.Sorted(maps.Keys(r.door.Load().entries))
	return slices.DeleteFunc(names, func(name string) bool { return !r.allowed(ctx, peer, name) })
}
