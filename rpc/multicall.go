package rpc

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

const multicallName = "system.multicall"

// Element is one call of a Multicall.
type Element struct {
	Method string
	Args   Values
	// Into points to where the result goes. Nil: it becomes Result, a dynamic
	// value.
	Into   any
	Result any
	// Err is what became of the call, as Caller.Call returns it: nil, a *Fault, a
	// *LinkError, an error of an argument that cannot be sent or of a result that
	// does not fit.
	Err error
}

// Multicall makes calls in one request, by the method system.multicall that most
// XML-RPC servers have, and every Registry. Each element gets its result or its
// error; the calls are made in their order, and go on after one that fails.
//
//	calls := []rpc.Element{
//		{Method: "add", Args: rpc.Values{3, 5}, Into: &sum},
//		{Method: "catalog.get", Args: rpc.Values{2}, Into: &product},
//	}
//	err := rpc.Multicall(ctx, client, calls)
//
// It returns nil if all calls succeeded, else an error that wraps the first one
// there is. The elements are plain data, made in a loop as often as not, and not
// a builder that hands out futures: nothing has to be asked in the right order,
// and an error is where its call is.
//
// A Multicaller has options.
func Multicall(ctx context.Context, c Caller, calls []Element) error {
	return Multicaller{Caller: c}.Call(ctx, calls)
}

// Multicaller makes calls in one request, or in few; see Multicall.
type Multicaller struct {
	Caller Caller
	// Most is how many calls one request may hold. More calls are sent in several
	// requests, one after another. Zero means 64, which is what a Registry takes;
	// other servers have other limits. A negative number is an error of Call.
	Most int
	// OneByOne makes each call by itself where the server has no system.multicall.
	// Servers say that with all kinds of faults, which can also mean that some of the
	// calls have run. So they are asked first with a multicall of no calls: a fault
	// says that there is none, or none for this caller. No call is made twice, and it
	// costs one request more.
	OneByOne bool
	// Unwrapped takes each result as it stands, where other servers put it into a list of
	// one: supervisor and RPC::XML::Server of Perl answer so. A result of one that
	// is a list of one cannot be told from a result in a list, so this has to be
	// said.
	Unwrapped bool
}

// Call makes the calls. All have the one context, with its deadline, metadata
// and WithIdempotent.
//
// An argument that cannot be sent is the error of its element, and the others
// are sent without it. (On a Registry itself nothing is sent, and it is the fault
// of the request.) A request that fails as a whole (a link that broke, a
// server that takes no more than 20 calls at once, an answer with another number
// of results) is the error of each of its elements, and the requests behind it
// are not sent: their elements have a *LinkError that is NotSent. Nothing is
// repeated, but for what the Caller itself repeats and what a TokenCaller does
// when its token has expired.
//
// An element may not be a multicall itself, nor have a stream as an argument.
func (m Multicaller) Call(ctx context.Context, calls []Element) error {
	if m.Most < 0 {
		return errors.New("rpc: Multicaller.Most is negative; zero means its default")
	}
	most := m.Most
	if most == 0 {
		most = maxMulticall
	}
	b := batch{Multicaller: m, call: m.Caller.Call}
	b.Most = most
	for i := range calls {
		b.calls = append(b.calls, &calls[i])
		calls[i].Result, calls[i].Err = nil, nil
	}
	if t, ok := m.Caller.(*TokenCaller); ok {
		b.inPartsWith(ctx, t)
	} else {
		b.inParts(ctx)
	}
	return firstError(calls)
}

// firstError returns nil if there is none.
func firstError(calls []Element) error {
	first, failed := -1, 0
	for i := range calls {
		if calls[i].Err == nil {
			continue
		}
		if failed++; first < 0 {
			first = i
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("rpc: multicall: %d of %d calls failed, first calls[%d] (%s): %w",
		failed, len(calls), first, value.Clip(calls[first].Method, 64), calls[first].Err)
}

// batch is calls that are made together.
type batch struct {
	Multicaller
	calls []*Element
	call  Handler // makes a request
}

// inPartsWith makes the calls over a TokenCaller, and those once more that were
// refused because the token had expired, with a new one.
func (b *batch) inPartsWith(ctx context.Context, t *TokenCaller) {
	for try := range 2 {
		current, err := t.token(ctx)
		for _, e := range b.calls {
			e.Err = err
		}
		if err != nil {
			return
		}
		b.call = func(ctx context.Context, req *Request) (any, error) { return t.callWith(ctx, current, req) }
		b.inParts(ctx)
		if try > 0 {
			return
		}
		var again []*Element
		for _, e := range b.calls {
			if t.refused(e.Err) {
				again = append(again, e)
			}
		}
		if len(again) == 0 {
			return
		}
		b.calls = again
		t.expire(current)
	}
}

// inParts makes the calls in requests of at most Most, or one by one.
func (b *batch) inParts(ctx context.Context) {
	if b.OneByOne && len(b.calls) > 0 && !b.supported(ctx) {
		b.oneByOne(ctx)
		return
	}
	for start := 0; start < len(b.calls); start += b.Most {
		end := min(start+b.Most, len(b.calls))
		err := b.part(ctx, b.calls[start:end])
		if err == nil {
			continue
		}
		for _, e := range b.calls[end:] {
			e.Err = &LinkError{Sent: NotSent, Op: "call " + value.Clip(e.Method, 64), Err: fmt.Errorf("the request before it failed: %w", err)}
		}
		return
	}
}

// sentElement is an Element on the wire.
type sentElement struct {
	Method string `rpc:"methodName"`
	Params []any  `rpc:"params"`
}

// part makes one request. An error is that of each of its calls.
func (b *batch) part(ctx context.Context, calls []*Element) error {
	left := make([]*Element, 0, len(calls))
	sent := make([]sentElement, 0, len(calls))
	for _, e := range calls {
		left = append(left, e)
		sent = append(sent, sentElement{e.Method, e.Args})
	}
	for len(left) > 0 {
		var answers []value.Deferred
		_, err := b.call(ctx, newRequest(ctx, multicallName, Values{sent}, &answers))
		if i, cause := unsent(err, len(left)); i >= 0 { // nothing has left yet
			left[i].Err = fmt.Errorf("rpc: call %s: %w", value.Clip(left[i].Method, 64), cause)
			left = append(left[:i], left[i+1:]...)
			sent = append(sent[:i], sent[i+1:]...)
			if err = ctx.Err(); err == nil {
				continue
			}
			err = &LinkError{Sent: NotSent, Op: "call " + multicallName, Err: err} // each try writes all that is left
		}
		if err == nil && len(answers) != len(left) {
			err = fmt.Errorf("%w: %s: expected %d results, got %d", ErrResult, multicallName, len(left), len(answers))
		}
		for i, e := range left {
			if err != nil {
				e.Err = err
			} else {
				e.take(answers[i], b.Unwrapped)
			}
		}
		return err
	}
	return nil
}

// supported reports whether a multicall of no calls is answered with anything but
// a fault, or what says the same as a fault does: status 404, in HTTP.
func (b *batch) supported(ctx context.Context) bool {
	_, err := b.call(ctx, newRequest(ctx, multicallName, Values{[]sentElement{}}, nil))
	var f *Fault
	return !errors.As(err, &f) && !errors.Is(err, &Fault{Code: CodeMethodNotFound})
}

func (b *batch) oneByOne(ctx context.Context) {
	for _, e := range b.calls {
		e.Result, e.Err = b.call(ctx, newRequest(ctx, e.Method, e.Args, e.Into))
		if e.Into != nil {
			e.Result = nil
		}
	}
}

// unsent returns the number of the element that has an argument that cannot be
// sent, and why, -1 if err is of another kind.
func unsent(err error, n int) (int, *value.Error) {
	var v *value.Error
	var fault *Fault
	var link *LinkError
	if !errors.As(err, &v) || errors.Is(err, ErrResult) || errors.As(err, &fault) || errors.As(err, &link) {
		return -1, nil
	}
	number, rest, ok := strings.Cut(strings.TrimPrefix(v.Path, "params[0]["), "]")
	if i, wrong := strconv.Atoi(number); wrong == nil && ok && len(number) < len(v.Path) && i >= 0 && i < n {
		return i, &value.Error{Path: rest, Offset: v.Offset, Err: v.Err}
	}
	return -1, nil
}

// take takes what the server answered to one call: a list of one result, or a
// struct that is a fault. An unwrapped result is in no list.
func (e *Element) take(answer value.Deferred, unwrapped bool) {
	if items, ok := answer.Items(); ok && !unwrapped {
		if len(items) != 1 {
			e.Err = fmt.Errorf("%w: %s: expected a list of one result, got %d; for a server that puts results into no list, set Multicaller.Unwrapped", ErrResult, multicallName, len(items))
			return
		}
		answer, unwrapped = items[0], true
	} else if f := faultIn(answer.Value(), unwrapped); f != nil {
		e.Err = f.AnswerOf(e.Method)
		return
	}
	if !unwrapped {
		e.Err = fmt.Errorf("%w: %s: expected a list of one result or a fault, got %s; for a server that puts results into no list, set Multicaller.Unwrapped", ErrResult, multicallName, value.Word(answer.Value()))
		return
	}
	into := e.Into
	if into == nil {
		into = &e.Result
	}
	if err := answer.Convert(into); err != nil {
		e.Err = fmt.Errorf("%w: %w", ErrResult, err)
	}
}

// faultIn returns the fault that v is, nil if it is none. Servers send it here as
// they do alone, with one of its two parts missing too. Where a struct may also be
// a result, one is not enough.
func faultIn(v any, unwrapped bool) *Fault {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	code, hasCode := m["faultCode"]
	message, hasMessage := m["faultString"]
	if !hasCode && !hasMessage || unwrapped && (!hasCode || !hasMessage) {
		return nil
	}
	number, text := value.FaultParts(code, message)
	return &Fault{Code: number, Message: value.ClipLines(text, maxFaultText)}
}
