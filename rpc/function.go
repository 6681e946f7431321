package rpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"unicode"

	"github.com/parley-rpc/parley/rpc/value"
)

// method is a registered function, worked out once.
type method struct {
	name   string
	help   string
	params value.Params
	types  []reflect.Type // of the parameters, the context not counted; a variadic one is a slice
	result reflect.Type   // nil: none
	// streams is the type of the items if the result is a stream.
	streams reflect.Type
	// upload is the type of the items if the last parameter is a stream, and
	// uploadList that of a list of them.
	upload, uploadList reflect.Type
	// told are the signatures that stand for those of the types; nil: none.
	told [][]string

	raw   bool // a Handler: types are not known
	short bool // a transport may run it where it reads
	call  func(ctx context.Context, req *Request) (any, error)

	exampled sync.Once
	example  []any // what examples returns, once it was asked
}

// examples returns what makeExamples does.
func (m *method) examples() []any {
	m.exampled.Do(func() { m.example = m.makeExamples() })
	return m.example
}

// Option refines a registration.
type Option func(*options)

type options struct {
	params     []string
	signatures [][]string
	help       string
	short      bool
	only       []string
	except     []string
	methods    map[string][]Option
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// Params names the parameters of a function in order, the context not counted.
// Callers that pass arguments by name need it; help shows it.
func Params(names ...string) Option { return func(o *options) { o.params = names } }

// Help describes a function to its users.
func Help(text string) Option { return func(o *options) { o.help = text } }

// Short says that a function is short and never waits: not for a lock that is
// held for long, not for a file, not for a peer. A transport may then run it on
// the goroutine that reads the connection. Where many small calls share one, that
// takes about a third off what each of them costs the server. A function that does
// wait holds up all calls of its connection. The interceptors and the Authorizer
// of the registry run there too.
//
// A call that such a function makes under its context fails at once. A function
// that streams cannot be short.
func Short() Option { return func(o *options) { o.short = true } }

// Only registers of a value just the methods with these Go names.
func Only(names ...string) Option { return func(o *options) { o.only = names } }

// Except leaves methods of a value out, by their Go names.
func Except(names ...string) Option { return func(o *options) { o.except = names } }

// MethodOptions gives options to one method of a value, by its Go name.
func MethodOptions(name string, opts ...Option) Option {
	return func(o *options) {
		if o.methods == nil {
			o.methods = map[string][]Option{}
		}
		o.methods[name] = append(o.methods[name], opts...)
	}
}

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

func methodsOf(name string, fn any, opts []Option) ([]*method, error) {
	o := collect(opts)
	if a, ok := fn.(Adapter); ok {
		m, err := newMethod(name, reflect.ValueOf(a.fn), o)
		if err != nil {
			return nil, err
		}
		m.call = func(ctx context.Context, req *Request) (any, error) { return a.call(ctx, m, req) }
		return []*method{m}, nil
	}
	v := reflect.ValueOf(fn)
	switch {
	case !v.IsValid():
		return nil, errors.New("expected a function or a value with methods, got nil")
	case v.Kind() != reflect.Func:
		return methodsOfValue(name, v, o)
	case v.IsNil():
		return nil, errors.New("the function is nil")
	}
	m, err := newMethod(name, v, o)
	if err != nil {
		return nil, err
	}
	return []*method{m}, nil
}

// methodsOfValue works out the exported methods of a value.
func methodsOfValue(name string, v reflect.Value, o options) ([]*method, error) {
	t := v.Type()
	if t.Kind() != reflect.Pointer && reflect.PointerTo(t).NumMethod() > t.NumMethod() {
		return nil, fmt.Errorf("methods of %s have a pointer receiver: register a pointer to the value", t)
	}
	if err := knownMethods(t, o); err != nil {
		return nil, err
	}
	if o.short {
		return nil, errors.New("rpc.Short is said of one function: say rpc.MethodOptions(name, rpc.Short()) for each method that it holds for")
	}
	if name == "" {
		name = wireName(reflect.Indirect(v).Type().Name())
	}
	var methods []*method
	first, ours := "", len(o.methods) > 0 // somebody has thought of Parley
	for i := range t.NumMethod() {
		goName := t.Method(i).Name
		if len(o.only) > 0 && !slices.Contains(o.only, goName) || slices.Contains(o.except, goName) || isPlumbing(t, goName) {
			continue
		}
		m, err := newMethod(name+"."+wireName(goName), v.Method(i), collect(o.methods[goName]))
		if err != nil {
			return nil, fmt.Errorf("method %s: %w; to leave it out, say rpc.Except(%q)", goName, err, goName)
		}
		first, ours = cmp.Or(first, goName), ours || !isNetRPC(v.Method(i).Type())
		methods = append(methods, m)
	}
	if !ours && first != "" {
		return nil, fmt.Errorf("the methods of %s have the form of net/rpc, func(args, *reply) error: their reply would stay here; "+
			"make them func(args) (reply, error), see docs/from-net-rpc.md; if the second argument is the caller's, say so with rpc.MethodOptions(%q, rpc.Params(…))", t, first)
	}
	if len(methods) == 0 {
		return nil, fmt.Errorf("expected a function or a value with exported methods, got %s", t)
	}
	return methods, nil
}

// isNetRPC reports whether a method has the shape that net/rpc asks for.
func isNetRPC(t reflect.Type) bool {
	return t.NumIn() == 2 && !t.IsVariadic() && t.In(0) != contextType && t.In(1).Kind() == reflect.Pointer &&
		t.NumOut() == 1 && t.Out(0) == errorType
}

// knownMethods catches options that name a method which does not exist.
func knownMethods(t reflect.Type, o options) error {
	names := slices.Concat(o.only, o.except)
	for name := range o.methods {
		names = append(names, name)
	}
	for _, name := range names {
		if _, ok := t.MethodByName(name); !ok {
			return fmt.Errorf("an option names the method %s, which %s does not have", name, t)
		}
	}
	return nil
}

// isPlumbing reports whether a method is there for fmt and not for callers.
func isPlumbing(t reflect.Type, name string) bool {
	switch name {
	case "String":
		return t.Implements(reflect.TypeFor[fmt.Stringer]())
	case "GoString":
		return t.Implements(reflect.TypeFor[fmt.GoStringer]())
	case "Error":
		return t.Implements(errorType)
	}
	return false
}

// wireName makes the first word of a Go name lower case: "List" is "list",
// "GetByID" "getByID", "URLFor" "urlFor", "ID" "id".
func wireName(name string) string {
	r := []rune(name)
	for i := range r {
		if i > 0 && i+1 < len(r) && unicode.IsLower(r[i+1]) {
			break
		}
		if !unicode.IsUpper(r[i]) {
			break
		}
		r[i] = unicode.ToLower(r[i])
	}
	return string(r)
}

// newMethod works out a function. The call of the method goes through
// reflection; Adapter replaces it.
func newMethod(name string, fn reflect.Value, o options) (*method, error) {
	t := fn.Type()
	m := &method{name: name, help: o.help, short: o.short, told: o.signatures, params: value.Params{Names: o.params, Variadic: t.IsVariadic()}}
	hasContext := t.NumIn() > 0 && t.In(0) == contextType
	for i := range t.NumIn() {
		in := t.In(i)
		if in == contextType {
			if i > 0 {
				return nil, errors.New("the context must be the first parameter")
			}
			continue
		}
		m.types = append(m.types, in)
		if err := m.parameter(in, i == t.NumIn()-1 && !t.IsVariadic()); err != nil {
			return nil, fmt.Errorf("parameter %d: %w", len(m.types), err)
		}
	}
	if n := len(o.params); n > 0 && n != len(m.types) {
		noun := "parameters"
		if n == 1 {
			noun = "parameter"
		}
		return nil, fmt.Errorf("rpc.Params names %d %s, the function has %d", n, noun, len(m.types))
	}
	m.params.Required = required(m.types, t.IsVariadic())
	if err := m.checkSignatures(); err != nil {
		return nil, err
	}
	hasError, err := m.results(t)
	if err != nil {
		return nil, err
	}
	if m.short && (m.streams != nil || m.upload != nil) {
		return nil, errors.New("a function that streams waits for its consumer: register it without rpc.Short")
	}
	m.call = func(ctx context.Context, req *Request) (any, error) {
		in := make([]reflect.Value, 0, len(m.types)+1)
		if hasContext {
			in = append(in, reflect.ValueOf(ctx))
		}
		dst := make([]any, len(m.types))
		for i, t := range m.types {
			p := reflect.New(t)
			dst[i] = p.Interface()
			in = append(in, p.Elem())
		}
		if err := m.decode(req, dst); err != nil {
			return nil, err
		}
		var out []reflect.Value
		if t.IsVariadic() {
			out = fn.CallSlice(in)
		} else {
			out = fn.Call(in)
		}
		if hasError {
			if err, _ := out[len(out)-1].Interface().(error); err != nil {
				return nil, err
			}
		}
		if m.result == nil {
			return value.Void{}, nil
		}
		return out[0].Interface(), nil
	}
	return m, nil
}

// parameter checks the type of a parameter.
func (m *method) parameter(t reflect.Type, last bool) error {
	item := uploadOf(t)
	if item == nil {
		return value.Check(t)
	}
	if !last {
		return errors.New("a stream must be the last parameter, and the only one")
	}
	m.upload, m.uploadList = item, reflect.SliceOf(item)
	if item == bytesType && itemsOf(t) == nil {
		m.uploadList = bytesType
	}
	return value.Check(item)
}

// required counts the parameters that callers may not leave out.
func required(types []reflect.Type, variadic bool) int {
	n := len(types)
	if variadic {
		n--
	}
	for n > 0 && types[n-1].Kind() == reflect.Pointer {
		n--
	}
	return n
}

// results works out what a function returns.
func (m *method) results(t reflect.Type) (hasError bool, err error) {
	n := t.NumOut()
	if n > 0 && t.Out(n-1) == errorType {
		hasError = true
		n--
	}
	switch {
	case n == 0:
		return hasError, nil
	case n > 1:
		return false, fmt.Errorf("expected the results (), (error), (T) or (T, error), got %s: return several values as a struct", t)
	case t.Out(0) == errorType:
		return false, errors.New("expected one error, as the last result")
	}
	m.result = t.Out(0)
	if m.streams = itemsOf(m.result); m.streams == nil && m.result.Implements(readerType) {
		m.streams = bytesType
	}
	if m.streams != nil {
		if err := value.Check(m.streams); err != nil {
			return false, fmt.Errorf("stream: %w", err)
		}
		return hasError, nil
	}
	if m.result.Kind() == reflect.Func || m.result.Kind() == reflect.Chan {
		return false, fmt.Errorf("result: %s cannot cross the wire; to stream, return an iter.Seq2[T, error] or an io.Reader", m.result)
	}
	if err := value.Check(m.result); err != nil {
		return false, fmt.Errorf("result: %w", err)
	}
	return hasError, nil
}

// decode reads the arguments of a request into dst.
func (m *method) decode(req *Request, dst []any) error {
	args := req.Args
	if args == nil {
		args = Values(nil)
	}
	var err error
	switch {
	case m.upload != nil:
		err = m.decodeUpload(req, args, dst)
	case req.Next != nil:
		return Errorf(CodeInvalidParams, "%s: got a stream as the last argument; this method takes none", m.name)
	default:
		err = args.Decode(dst, &m.params)
	}
	if err == nil {
		return nil
	}
	if f := new(Fault); errors.As(err, &f) {
		return f // a message that is broken, not one that does not fit
	}
	return Errorf(CodeInvalidParams, "%s: %s", m.name, faultText(err.Error()))
}
