package python

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// What the server of a BaseManager answers (CPython's
// Lib/multiprocessing/managers.py): a pair of a kind and what belongs to it.
const (
	kindReturn         = "#RETURN"         // the result
	kindProxy          = "#PROXY"          // (names of methods, Token)
	kindError          = "#ERROR"          // an exception
	kindTraceback      = "#TRACEBACK"      // text
	kindUnserializable = "#UNSERIALIZABLE" // text
)

// GetValue is the method of every [Proxy] that returns the object itself, as a
// copy. "__str__" and "__repr__" are there for every Proxy as well.
const GetValue = "#GETVALUE"

// reply is one answer of a manager.
type reply struct {
	kind   string
	result answer
	shared *pickle.Object // kindReturn: the result is this proxy of an object
}

// readReply reads an answer. Its error is errMalformed, or for an answer that is
// one but has a value in it that cannot be read.
func (w *wire) readReply(data []byte) (reply, error) {
	a, err := w.read(data)
	unknown := err // a class in it is not known
	if err != nil {
		var ok bool
		if a, ok = w.readOpaque(data, err); !ok {
			return reply{}, err
		}
	}
	pair, ok := a.parts()
	if !ok || len(pair) != 2 {
		return reply{}, fmt.Errorf("%w: expected a pair such as ('#RETURN', 8)", errMalformed)
	}
	kind, err := pair[0].value()
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	r := reply{result: pair[1]}
	switch r.kind, _ = kind.(string); r.kind {
	case kindProxy, kindError, kindTraceback, kindUnserializable:
		return r, nil
	case kindReturn:
		v, err := r.result.open()
		if err != nil {
			return reply{}, err
		}
		if o, ok := v.(*pickle.Object); ok && o.How == pickle.Call && o.Class() == "multiprocessing.managers.RebuildProxy" {
			r.shared, unknown = o, nil
		}
		return r, unknown
	}
	return reply{}, fmt.Errorf("%w: expected '#RETURN' or another kind of answer, got %s", errMalformed, whatIs(kind))
}

// whatIs names a value that a peer has sent.
func whatIs(v any) string {
	switch v := v.(type) {
	case value.Tuple:
		return fmt.Sprintf("a tuple of %d", len(v))
	case string:
		return "'" + value.Clip(v, 64) + "'"
	}
	return value.Word(v)
}

// failure returns the error that a reply stands for, nil if it has a result.
// methods are those that the object has.
func (r reply) failure(method string, methods []string) error {
	if r.kind == kindReturn || r.kind == kindProxy {
		return nil
	}
	v, err := r.result.value()
	text, isText := v.(string)
	switch {
	case err != nil:
		return err
	case r.kind == kindError:
		return errorOf(v)
	case !isText:
		return fmt.Errorf("%w: expected text behind '%s', got %s", errMalformed, r.kind, whatIs(v))
	}
	raised := raisedIn(text)
	switch {
	case r.kind == kindUnserializable:
		raised.Text = strings.TrimPrefix(raised.Class+": "+raised.Text, ": ")
		raised.Class = "the result cannot be sent"
		return raised.withFault(rpc.CodeInternal)
	case methods != nil && !slices.Contains(methods, method) && !slices.Contains(everyProxy, method):
		raised.Class, raised.Text = "AttributeError", "method not found: "+method
		return raised.withFault(rpc.CodeMethodNotFound)
	}
	if f := passedOn(raised.Text); f != nil {
		return f
	}
	return raised.withFault(rpc.CodeApplication)
}

// everyProxy are the methods that objects have without naming them.
var everyProxy = []string{GetValue, "__str__", "__repr__"}

// errorOf returns the error for what stands behind '#ERROR'.
func errorOf(v any) error {
	switch v := v.(type) {
	case *pickle.Exception:
		return faultOf(v)
	case *pickle.Object:
		args := pickle.Exception{Class: v.Class(), Args: v.Args}
		r := &Raised{Class: v.Class(), Text: args.Text(), Args: v.Args, Value: v}
		return r.withFault(rpc.CodeApplication)
	case map[string]any: // in XML, the attributes of the exception
		code, ok1 := v["faultCode"].(int64)
		text, ok2 := v["faultString"].(string)
		if ok1 && ok2 && int64(int32(code)) == code {
			return rpc.Errorf(int(code), "%s", value.Clip(text, maxExceptionText)).AnswerOf("")
		}
		r := &Raised{Text: "the function raised an exception, and XML does not tell which", Value: v}
		return r.withFault(rpc.CodeApplication)
	}
	if err := asError(v); err != nil {
		r := &Raised{Text: err.Error(), Value: err}
		return r.withFault(rpc.CodeApplication)
	}
	return fmt.Errorf("%w: expected an exception behind '#ERROR', got %s", errMalformed, whatIs(v))
}

// asError returns v as an error if its type, or a pointer to it, is one: an
// exception whose class is registered.
func asError(v any) error {
	if err, ok := v.(error); ok || v == nil {
		return err
	}
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	err, _ := p.Interface().(error)
	return err
}

// failedExchange is a call that got no answer.
type failedExchange struct {
	sent rpc.Sent
	err  error
	due  bool // the connection is sound, and the answer is still to come
}

// converse sends a message and returns what comes back.
func converse(ctx context.Context, conn *native.Conn, message []byte) ([]byte, *failedExchange) {
	if err := conn.SendBytes(ctx, message); err != nil {
		sent := rpc.Unknown
		if ctx.Err() != nil && !errors.Is(err, native.ErrBroken) {
			sent = rpc.NotSent
		}
		return nil, &failedExchange{sent: sent, err: err}
	}
	data, err := conn.RecvBytes(ctx)
	if err != nil {
		return nil, &failedExchange{err: noEOF(err), due: ctx.Err() != nil}
	}
	return data, nil
}
