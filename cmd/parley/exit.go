package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

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

// exitCodes tells them to users.
const exitCodes = `Exit codes:

    0  answered
    1  failed for another reason than these
    2  the command line cannot be used
    3  the server answered with a fault, which stands on standard error
    4  could not connect, or the link broke
    5  not authenticated
    6  no answer in time`

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
	case failedLogin(err):
		return exitAuth
	case errors.Is(err, context.DeadlineExceeded):
		return exitDeadline
	case errors.As(err, &fault):
		return exitFault
	case errors.As(err, &link), errors.Is(err, rpc.ErrResult): // what came is no answer
		return exitLink
	}
	return exitFailed
}

// failedLogin reports whether one side could not prove itself to the other. A
// peer that does not take part in the login is no peer at all: a broken link.
func failedLogin(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted) || errors.Is(err, native.ErrAuth) && !errors.Is(err, native.ErrNoChallenge) ||
		errors.Is(err, &rpc.Fault{Code: rpc.CodeNotAuthenticated})
}

// visible escapes what a server could use to play with a terminal. What has been
// escaped before stays as it is.
func visible(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// report says on stderr, in one line, why a command failed, and returns the
// code to exit with.
func report(stderr io.Writer, err error) int {
	code := exitCode(err)
	if code != exitAnswered {
		text := visible(strings.ReplaceAll(strings.TrimSpace(inOurWords(err)), "\n", "; "))
		// A fault stands at the start of its line, so that scripts find its code.
		if code != exitFault {
			text = "parley: " + text
		}
		head, rest, _ := strings.Cut(text, ": ")
		fmt.Fprintln(stderr, newPainter(stderr).failure(head+":"), rest)
	}
	return code
}
