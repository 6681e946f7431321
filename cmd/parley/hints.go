package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// hinted is an error with what to do about it behind its text.
type hinted struct {
	error
	hint string
}

func (e *hinted) Error() string { return e.error.Error() + "; " + e.hint }
func (e *hinted) Unwrap() error { return e.error }

// reworded is an error in the words of the command line.
type reworded struct {
	error
	text string
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.error }

// hint says what to do about an error of a call, where it holds.
type hint struct {
	when func(t *target, err error) bool
	say  string
}

// hints are what a caller can do about errors; the first that holds is said.
var hints = []hint{
	{func(t *target, err error) bool {
		return t.isHTTP() && strings.Contains(err.Error(), "malformed HTTP") // an error without a type
	}, "what answers there speaks no HTTP; if it is Parley's native channel, its URL begins with tcp://, or tls://"},
	{func(t *target, err error) bool {
		var header tls.RecordHeaderError
		return t.scheme() == "https" && (errors.As(err, &header) || errors.Is(err, http.ErrSchemeMismatch))
	}, "the server speaks no TLS there; for plain HTTP the URL begins with http://"},
	{func(_ *target, err error) bool {
		var answer *xmlrpc.AnswerError
		return errors.As(err, &answer) && answer.Status == http.StatusBadRequest && strings.Contains(answer.Start, "HTTP request to an HTTPS server")
	}, "the server speaks HTTPS there; the URL begins with https://"},
	{func(t *target, err error) bool {
		return t.isHTTP() && errors.Is(err, syscall.ECONNREFUSED)
	}, "nothing listens there; check that the server runs and has this address"},
	{
		func(_ *target, err error) bool { return errors.Is(err, native.ErrKeyNeeded) },
		"--authkey-file FILE is the key that it asks for",
	},
	{func(_ *target, err error) bool {
		var authority x509.UnknownAuthorityError
		return errors.As(err, &authority)
	}, "--ca FILE names the authority, or the server's own certificate"},
}

// advise says what an error of a call means to who has made it: in one form for
// those that all transports have, and with what to do about it.
func (t *target) advise(err error) error {
	var usage *usageError
	if err == nil || errors.As(err, &usage) {
		return err
	}
	var answer *xmlrpc.AnswerError
	switch {
	case t.outOfTime(err):
		return &reworded{err, fmt.Sprintf("no answer within %v (--timeout)", t.Timeout)}
	case errors.As(err, &answer) && answer.Status == http.StatusUnauthorized:
		return &reworded{err, t.loginRefused()}
	case t.AuthkeyFile == "" && (t.scheme() == "tcp" || t.scheme() == "unix" && t.CredentialFile == "") && failedLogin(err) && !errors.Is(err, native.ErrPolicy):
		if path, pathErr := stateKeyPath(); pathErr == nil {
			return &hinted{err, "the key is that of " + path + ", since there is no --authkey-file"}
		}
	}
	for _, h := range hints {
		if h.when(t, err) {
			return &hinted{err, h.say}
		}
	}
	return err
}

// outOfTime reports whether it is --timeout that an error is about. A server may
// have limits of its own, and say in a fault that they are over.
func (t *target) outOfTime(err error) bool {
	if exitCode(err) != exitDeadline {
		return false
	}
	var fault *rpc.Fault
	return !errors.As(err, &fault) || !t.begin.IsZero() && time.Since(t.begin) >= t.Timeout-t.Timeout/10
}

// loginRefused is what an answer with status 401 means.
func (t *target) loginRefused() string {
	switch {
	case t.User != "":
		return "the server refused the login: it does not know " + printable(t.User) + " (--user) with this password"
	case t.CredentialFile != "":
		return "the server refused the login: the credential in " + printable(t.CredentialFile) + " (--credential-file) is unknown there, not for HTTP, expired or revoked"
	}
	return "the server refused the login: it wants one; give --user NAME, or --credential-file FILE"
}

func (t *target) scheme() string {
	scheme, _, _ := strings.Cut(t.URL, "://")
	return scheme
}

// isHTTP reports whether the URL is one of XML-RPC.
func (t *target) isHTTP() bool { return strings.HasPrefix(t.scheme(), "http") }

// notForYou says of a server that lacks a function which servers usually have that
// it is there all the same. A fault about one of names is about that function.
func notForYou(err error, function string, names ...string) error {
	var fault *rpc.Fault
	if !errors.As(err, &fault) || fault.Code != rpc.CodeMethodNotFound {
		return err
	}
	for _, name := range names {
		if strings.Contains(fault.Message, name) {
			return err
		}
	}
	return &hinted{err, "the server answers, but has no " + function + " for you: its policy may not give you system.*"}
}

// options is what the packages call options, in the words of the command line.
var options = strings.NewReplacer(
	" (Options.NoNil)", "",
	" (Options.Int32Only)", "",
	", or set Options.BigInteger", "",
	", or set Options.NonFinite", "",
	"more values than Options.MaxElements", "more values than are taken",
	"longer than Options.MaxString", "longer than any that is taken",
	"longer than Options.MaxDigits", "longer than any that is taken",
	", which ClientConfig.MaxAnswer allows", ", which is the most that is taken",
	", and none is set here: set Auth", "",
	"Python 3.11 and older need AllowMD5", "to let Python 3.11 and older log in, add --allow-md5",
	"; set TLS.RootCAs to the authority that signed it, or use a Login without RootCAs", "",
	"; dial the name that it is for, or set TLS.ServerName", "; the URL has to have the name that it is for",
	"use tcp:// with Auth, or have it listen on tls://", "use tcp:// with --authkey-file, or have it listen on tls://",
	"tls:// needs Login, or TLS with a certificate of this side", "tls:// needs --credential-file, or --cert and --key",
)

// inOurWords returns the text of an error without the names of options that only
// programs can set. What a server says in a fault stays as it is.
func inOurWords(err error) string {
	text := err.Error()
	var fault *rpc.Fault
	if errors.As(err, &fault) {
		return text
	}
	return options.Replace(text)
}
