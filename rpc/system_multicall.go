package rpc

import (
	"context"
	"fmt"
	"reflect"
	"runtime/debug"
	"strconv"

	"github.com/parley-rpc/parley/rpc/value"
)

// maxMulticall is the most calls in one system.multicall.
const maxMulticall = 64

// Elements takes what the calls of one system.multicall answer, one after another
// and on one goroutine. A transport that writes each answer when it comes holds
// one result at a time, and what it cannot write is the fault of that element
// alone.
type Elements interface {
	// Begin says how many there will be. It is called once, before the first of
	// them.
	Begin(n int)
	// Add takes the next one: a result, or the fault in its place. Once it returns a
	// fault there is no room: the calls that follow are not made, and that fault is
	// added for each of them.
	Add(result any, fault *Fault) *Fault
}

// multicallElement is one call in a multicall. Calls without params are taken for
// calls without arguments, and other members are not looked at.
type multicallElement struct {
	Method string `rpc:"methodName"`
	Params []any  `rpc:"params"`
}

type multicallFault struct {
	Code    int    `rpc:"faultCode"`
	Message string `rpc:"faultString"`
}

// newMulticall makes the method of that name.
func (r *Registry) newMulticall() (*method, error) {
	m, err := newMethod(multicallName, reflect.ValueOf(func([]any) []any { return nil }), options{
		params: []string{"calls"},
		help:   "Several calls in one: a list of {methodName, params}. Each answer is a list of one result, or a fault.",
	})
	if err != nil {
		return nil, err
	}
	m.call = func(ctx context.Context, req *Request) (any, error) {
		var calls []any
		if err := m.decode(req, []any{&calls}); err != nil {
			return nil, err
		}
		if len(calls) > maxMulticall {
			return nil, Errorf(CodeOverLimit, "%s: at most %d calls, got %d", multicallName, maxMulticall, len(calls))
		}
		if req.Elements != nil {
			r.multicall(ctx, calls, req.Elements)
			return value.Void{}, nil
		}
		l := elementList{r: r, ctx: ctx}
		r.multicall(ctx, calls, &l)
		return l.list, nil
	}
	return m, nil
}

// multicall makes each call through the door, in the name of the one caller and
// under the one deadline: those that it comes before are answered with its fault.
func (r *Registry) multicall(ctx context.Context, calls []any, out Elements) {
	out.Begin(len(calls))
	var full *Fault
	for _, call := range calls {
		if full != nil {
			_ = out.Add(nil, full) // it is full
			continue
		}
		result, err := r.multicallOne(ctx, call)
		full = out.Add(result, FaultOf(err))
	}
}

func (r *Registry) multicallOne(ctx context.Context, call any) (any, error) {
	var e multicallElement
	if err := value.Convert(&e, call); err != nil {
		return nil, Errorf(CodeInvalidRequest, "%s: expected {methodName, params}: %v", multicallName, err)
	}
	switch e.Method {
	case "":
		return nil, Errorf(CodeInvalidRequest, "%s: expected {methodName, params}: there is no methodName", multicallName)
	case multicallName:
		return nil, Errorf(CodeInvalidRequest, "%s: a multicall cannot hold another", multicallName)
	}
	return r.Call(ctx, &Request{Method: e.Method, Args: Values(e.Params), Meta: MetaFrom(ctx)})
}

// elementList collects them for a transport that does not take them one by one. A
// result that no wire could carry is the fault of its element here.
type elementList struct {
	r    *Registry
	ctx  context.Context // of the one call that all are
	list []any
}

func (l *elementList) Begin(n int) { l.list = make([]any, 0, n) }

func (l *elementList) Add(result any, f *Fault) *Fault {
	var element any
	if f == nil {
		element, f = l.dynamic(result)
	}
	if f != nil {
		element = multicallFault{f.Code, f.Message}
	}
	l.list = append(l.list, element)
	return nil
}

// dynamic returns the list of one that a result is here. What is around that counts
// for how deep it is.
func (l *elementList) dynamic(result any) (element any, f *Fault) {
	name := multicallName + "[" + strconv.Itoa(len(l.list)) + "]"
	defer func() {
		if p := recover(); p != nil {
			f = l.r.internal(l.ctx, name, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	all, err := value.Dynamic([]any{[]any{result}})
	if err != nil {
		return nil, l.r.internal(l.ctx, name, fmt.Errorf("result: %w", err))
	}
	return all.([]any)[0], nil
}
