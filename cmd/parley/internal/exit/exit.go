// Package exit has the exit codes of the command, and tells which one an error
// stands for.
package exit

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// The exit codes, which scripts rely on.
const (
	Answered = 0 // the call was answered, the command did what it should
	Failed   = 1 // anything that has no code of its own
	Usage    = 2 // the command line, or something it names, cannot be used
	Fault    = 3 // the server answered with a fault
	Link     = 4 // no connection, or it broke
	Auth     = 5 // not authenticated
	Deadline = 6 // no answer in time
)

// Help tells them to users.
const Help = `Exit codes:

    0  answered
    1  failed for another reason than these
    2  the command line cannot be used
    3  the server answered with a fault, which stands on standard error
    4  could not connect, or the link broke
    5  not authenticated
    6  no answer in time`

// Code returns the code that stands for err.
func Code(err error) int {
	var mistake *usage.Error
	var fault *rpc.Fault
	var link *rpc.LinkError
	switch {
	case err == nil:
		return Answered
	case errors.As(err, &mistake):
		return Usage
	case FailedLogin(err):
		return Auth
	case errors.Is(err, context.DeadlineExceeded):
		return Deadline
	case errors.As(err, &fault):
		return Fault
	case errors.As(err, &link), errors.Is(err, rpc.ErrResult): // what came is no answer
		return Link
	}
	return Failed
}

// FailedLogin reports whether one side could not prove itself to the other. A
// peer that does not take part in the login is no peer at all: a broken link.
func FailedLogin(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted) || errors.Is(err, native.ErrAuth) && !errors.Is(err, native.ErrNoChallenge) ||
		errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated})
}
