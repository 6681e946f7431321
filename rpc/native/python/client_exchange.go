package python

import (
	"context"
	"errors"
	"fmt"
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
	result any
}

// readReply reads an answer. Its error is errMalformed, or for an answer that is
// one but has a value in it that cannot be read.
func (w *wire) readReply(data []byte) (reply, error) {
	v, err := w.unpack(data)
	if err != nil {
		return reply{}, err
	}
	pair, ok := sequence(v)
	if !ok || len(pair) != 2 {
		return reply{}, fmt.Errorf("%w: expected a pair such as ('#RETURN', 8), got %s", errMalformed, whatIs(v))
	}
	switch kind, _ := pair[0].(string); kind {
	case kindReturn, kindProxy, kindError, kindTraceback, kindUnserializable:
		return reply{kind, pair[1]}, nil
	}
	return reply{}, fmt.Errorf("%w: expected '#RETURN' or another kind of answer, got %s", errMalformed, whatIs(pair[0]))
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
	text, isText := r.result.(string)
	switch {
	case r.kind == kindReturn || r.kind == kindProxy:
		return nil
	case r.kind == kindError:
		return errorOf(r.result)
	case !isText:
		return fmt.Errorf("%w: expected text behind '%s', got %s", errMalformed, r.kind, whatIs(r.result))
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
	case error:
		r := &Raised{Text: v.Error(), Value: v}
		return r.withFault(rpc.CodeApplication)
	case map[string]any: // in XML, the attributes of the exception
		code, ok1 := v["faultCode"].(int64)
		text, ok2 := v["faultString"].(string)
		if ok1 && ok2 && int64(int32(code)) == code {
			return &rpc.Fault{Code: int(code), Message: value.Clip(text, maxExceptionText)}
		}
		r := &Raised{Text: "the function raised an exception, and XML does not tell which", Value: v}
		return r.withFault(rpc.CodeApplication)
	}
	return fmt.Errorf("%w: expected an exception behind '#ERROR', got %s", errMalformed, whatIs(v))
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
