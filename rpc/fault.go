package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// Fault codes, the same on every transport. Those from -32768 to -32000 are
// the protocol's ("Specification for Fault Code Interoperability", 2001-05-16);
// applications use codes outside of it.
const (
	CodeNotWellFormed    = -32700 // the message could not be parsed
	CodeEncoding         = -32701 // its character encoding is not supported
	CodeInvalidCharacter = -32702 // it holds a character that its encoding does not have
	CodeInvalidRequest   = -32600 // parsed, but not a call
	CodeMethodNotFound   = -32601 // no such method, or none that this caller may use
	CodeInvalidParams    = -32602 // the arguments do not fit the function
	CodeInternal         = -32603 // a panic, or a result that cannot be encoded
	CodeApplication      = -32500 // an error that the function returned
	CodeSystem           = -32400
	CodeTransport        = -32300
	CodeNotAuthenticated = -32001
	CodeOverLimit        = -32003
	CodeDeadlineExceeded = -32004
	CodeCancelled        = -32005
	CodeShuttingDown     = -32006
)

// ErrServerClosed is what the servers of all transports end with: Serve and
// ListenAndServe return an error that is it, by errors.Is, when Shutdown or Close
// is done.
var ErrServerClosed = errors.New("rpc: the server is closed")

// maxFaultText bounds the text of a fault, in bytes.
const maxFaultText = 4096

// faultText makes the text of an error fit to cross the wire.
func faultText(text string) string {
	if len(text) <= maxFaultText && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	return value.Clip(text, maxFaultText)
}

// Fault is the answer "no" as it crosses the wire. Getting one means that the
// peer was reached, and answered.
type Fault struct {
	Code    int
	Message string

	answered bool   // it came over a Caller
	method   string // that has answered with it, if that is known
}

// Errorf makes a Fault. Codes from -32768 to -32000 belong to the protocol.
func Errorf(code int, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// AnswerOf marks f as what the method of a Caller has answered, "" if that is not
// known, and returns f. Clients mark the faults that they have read: a function that
// returns one has not made it, and its code may be about a call of which the caller
// of the function knows nothing. See [FaultOf].
func (f *Fault) AnswerOf(method string) *Fault {
	f.answered, f.method = true, method
	return f
}

// isProtocol reports whether the code belongs to the protocol.
func (f *Fault) isProtocol() bool { return f.Code >= -32768 && f.Code <= -32000 }

// Error returns "fault -32601: ...".
func (f *Fault) Error() string { return fmt.Sprintf("fault %d: %s", f.Code, f.Message) }

// Is reports whether target is a Fault with the same code, whatever its
// message. A fault for a deadline is also context.DeadlineExceeded, one for a
// cancellation context.Canceled.
func (f *Fault) Is(target error) bool {
	if t, ok := target.(*Fault); ok {
		return t.Code == f.Code
	}
	return f.Code == CodeDeadlineExceeded && target == context.DeadlineExceeded ||
		f.Code == CodeCancelled && target == context.Canceled
}

// FaultOf returns the fault that stands for err on the wire: a Fault itself; for
// an error that wraps one its code, for a deadline and a cancellation their
// codes, else CodeApplication, each with the error's text. It is nil for a nil
// error.
//
// It is what a server makes of the error of its Handler, so that one that passes
// calls on to another Caller passes codes on as well. A Registry does not, of the
// functions that it holds: a fault with a code of the protocol that a function has
// got for a call of its own is an error of the function, CodeApplication.
func FaultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	switch {
	case errors.As(err, &f):
		if err == error(f) { //nolint:errorlint // whether it is the fault itself is the question
			return f
		}
		return &Fault{Code: f.Code, Message: faultText(err.Error())}
	case errors.Is(err, context.DeadlineExceeded):
		return &Fault{Code: CodeDeadlineExceeded, Message: "deadline exceeded"}
	case errors.Is(err, context.Canceled):
		return &Fault{Code: CodeCancelled, Message: "cancelled"}
	}
	return &Fault{Code: CodeApplication, Message: faultText(err.Error())}
}

// Sent says how far a call got before its link broke.
type Sent int

const (
	// Unknown: the call may or may not have run. Only calls that can be repeated
	// without harm may be sent again.
	Unknown Sent = iota
	// NotSent: no byte of the call left, or the peer said that it did not take it.
	// It did not run and may be sent again.
	NotSent
)

// String returns "not sent" or "outcome unknown".
func (s Sent) String() string {
	if s == NotSent {
		return "not sent"
	}
	return "outcome unknown"
}

// LinkError is the answer that did not come: the peer could not be reached or
// the connection broke. A Fault is the other case; together they tell apart
// "not sent", "unknown outcome" and "answered".
type LinkError struct {
	Sent Sent
	Op   string // what was being done: "dial tcp://127.0.0.1:16000", "call add"
	Err  error
}

// Error returns "call add: outcome unknown: connection reset by peer".
func (e *LinkError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Op, e.Sent, e.Err) }

// Unwrap returns the cause.
func (e *LinkError) Unwrap() error { return e.Err }
