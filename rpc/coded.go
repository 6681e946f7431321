package rpc

import (
	"context"
	"errors"
)

// codedError is the error of a function with the code that its caller gets, as the
// interceptors see it: the fault is found first, and behind it what the function
// has returned.
type codedError struct {
	fault  *Fault
	err    error
	nested bool // err is about a call that the function has made
}

func (a *codedError) Error() string { return a.fault.Message }

func (a *codedError) Unwrap() []error { return []error{a.fault, a.err} }

// code gives the error that a function has returned its code.
func (r *Registry) code(ctx context.Context, err error) error {
	for _, m := range r.door.Load().mapped {
		if errors.Is(err, m.target) {
			return &codedError{&Fault{Code: m.code, Message: faultText(err.Error())}, err, false}
		}
	}
	// What is found out here is about the call of the function, and must not look like
	// what is said of the call to it: "method not found", where the method has run.
	// Only that there was no more time is true of both.
	var f *Fault
	if !errors.As(err, &f) || !f.answered || !f.isProtocol() {
		return err
	}
	if over := ctx.Err(); over != nil && f.Is(over) {
		return err
	}
	text := err.Error()
	if err == error(f) { //nolint:errorlint // whether something was said around it is the question
		text = "the answer of " + f.method + ": " + f.Message
		if f.method == "" {
			text = "the answer to a call: " + f.Message
		}
	}
	return &codedError{&Fault{Code: CodeApplication, Message: faultText(text)}, err, true}
}
