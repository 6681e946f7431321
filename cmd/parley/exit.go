package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// The exit codes, which scripts rely on.
const (
	exitAnswered = 0 // the call was answered, the command did what it should
	exitFailed   = 1 // anything that has no code of its own
	exitUsage    = 2 // the command line, or something it names, cannot be used
	exitFault    = 3 // the server answered with a fault
	exitLink     = 4 // no connection, or it broke
	exitAuth     = 5 // not authenticated
	exitDeadline = 6 // no answer in time
)

// usageError is a mistake in the command line, or in what it refers to.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// exitCode returns the code that stands for err.
func exitCode(err error) int {
	var usage *usageError
	var fault *rpc.Fault
	var link *rpc.LinkError
	switch {
	case err == nil:
		return exitAnswered
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, native.ErrAuth), errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated}):
		return exitAuth
	case errors.Is(err, context.DeadlineExceeded):
		return exitDeadline
	case errors.As(err, &fault):
		return exitFault
	case errors.As(err, &link):
		return exitLink
	}
	return exitFailed
}

// report says on stderr, in one line, why a command failed, and returns the
// code to exit with.
func report(stderr io.Writer, err error) int {
	code := exitCode(err)
	if code != exitAnswered {
		text := strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
		// A fault stands at the start of its line, so that scripts find its code.
		if code != exitFault {
			text = "parley: " + text
		}
		fmt.Fprintln(stderr, text)
	}
	return code
}
