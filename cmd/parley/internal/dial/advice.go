package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/login"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// reworded is an error in the words of the command line.
type reworded struct {
	error
	text string
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.error }

// advice is what to do about an error of a call, where it holds.
type advice struct {
	when func(t *Target, err error) bool
	say  string
}

// advices are what a caller can do about errors; the first that holds is said.
var advices = []advice{
	{func(t *Target, err error) bool {
		return t.isHTTP() && strings.Contains(err.Error(), "malformed HTTP") // an error without a type
	}, "what answers there speaks no HTTP; if it is Parley's native channel, its URL begins with tcp://, or tls://"},
	{func(t *Target, err error) bool {
		return t.scheme() == "http" && errors.Is(err, io.EOF)
	}, "a server that speaks TLS there does so; then its URL begins with tls://, or https://"},
	{func(t *Target, err error) bool {
		return t.scheme() == "https" && strings.Contains(err.Error(), "no application protocol") // an error without a type
	}, "what answers there speaks TLS and no HTTP; if it is Parley's native channel, its URL begins with tls://"},
	{func(t *Target, err error) bool {
		var header tls.RecordHeaderError
		return t.scheme() == "https" && errors.As(err, &header) && header.RecordHeader[0] == 0
	}, "what answers there speaks neither TLS nor HTTP; if it is Parley's native channel, its URL begins with tcp://"},
	{func(t *Target, err error) bool {
		var header tls.RecordHeaderError
		return t.scheme() == "https" && (errors.As(err, &header) || errors.Is(err, http.ErrSchemeMismatch))
	}, "the server speaks no TLS there; for plain HTTP the URL begins with http://"},
	{func(_ *Target, err error) bool {
		var answer *xmlrpc.AnswerError
		return errors.As(err, &answer) && answer.Status == http.StatusBadRequest && strings.Contains(answer.Start, "HTTP request to an HTTPS server")
	}, "the server speaks HTTPS there; the URL begins with https://"},
	{func(t *Target, err error) bool {
		return t.isHTTP() && errors.Is(err, syscall.ECONNREFUSED)
	}, "nothing listens there; check that the server runs and has this address"},
	{
		func(_ *Target, err error) bool { return errors.Is(err, native.ErrKeyNeeded) },
		"--authkey-file FILE is the key that it asks for",
	},
	{func(_ *Target, err error) bool {
		var authority x509.UnknownAuthorityError
		return errors.As(err, &authority)
	}, "--ca FILE names the authority, or the server's own certificate"},
}

// Advise says what an error of a call means to who has made it: in one form for
// those that all transports have, and with what to do about it.
func (t *Target) Advise(err error) error {
	var mistake *usage.Error
	if err == nil || errors.As(err, &mistake) {
		return err
	}
	var answer *xmlrpc.AnswerError
	switch {
	case t.outOfTime(err):
		return &reworded{err, fmt.Sprintf("no answer within %v (--timeout)", t.Timeout)}
	case errors.As(err, &answer) && answer.Status == http.StatusUnauthorized:
		return &reworded{err, t.loginRefused()}
	case t.AuthkeyFile == "" && (t.scheme() == "tcp" || t.scheme() == "unix" && t.CredentialFile == "") && exit.FailedLogin(err) && !errors.Is(err, native.ErrPolicy):
		if path, pathErr := login.DefaultPath(); pathErr == nil {
			return usage.Hint(err, "the key is that of "+path+", since there is no --authkey-file")
		}
	}
	for _, h := range advices {
		if h.when(t, err) {
			return usage.Hint(err, h.say)
		}
	}
	return err
}

// outOfTime reports whether it is --timeout that an error is about. A server may
// have limits of its own, and say in a fault that they are over.
func (t *Target) outOfTime(err error) bool {
	if exit.Code(err) != exit.Deadline {
		return false
	}
	var fault *rpc.Fault
	return !errors.As(err, &fault) || !t.begin.IsZero() && time.Since(t.begin) >= t.Timeout-t.Timeout/10
}

// loginRefused is what an answer with status 401 means.
func (t *Target) loginRefused() string {
	switch {
	case t.User != "":
		return "the server refused the login: it does not know " + terminal.Printable(t.User) + " (--user) with this password"
	case t.CredentialFile != "":
		return "the server refused the login: the credential in " + terminal.Printable(t.CredentialFile) + " (--credential-file) is unknown there, not for HTTP, expired or revoked"
	}
	return "the server refused the login: it wants one; give --user NAME, or --credential-file FILE"
}

func (t *Target) scheme() string {
	scheme, _, _ := strings.Cut(t.URL, "://")
	return scheme
}

// isHTTP reports whether the URL is one of XML-RPC.
func (t *Target) isHTTP() bool { return strings.HasPrefix(t.scheme(), "http") }
