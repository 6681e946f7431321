package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/notation"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// No message names what only a program can set.
func TestNoGoOptionsInMessages(t *testing.T) {
	var tooLong xmlvalue.Options
	tooLong.MaxString = 4
	_, limit := xmlvalue.ReadCall([]byte("<methodCall><methodName>abcdefgh</methodName><params/></methodCall>"), tooLong)
	for _, err := range []error{
		limit,
		native.ErrKeyNeeded,
		errors.New("a number longer than Options.MaxDigits"),
		errors.New("more values than Options.MaxElements"),
		errors.New("an answer of more than 3 bytes, which ClientConfig.MaxAnswer allows"),
		errors.New("it asks for the authkey challenge: use tcp:// with Auth, or have it listen on tls://"),
		errors.New("unknown authority; set TLS.RootCAs to the authority that signed it, or use a Login without RootCAs"),
		errors.New("valid for x; dial the name that it is for, or set TLS.ServerName"),
	} {
		var stderr bytes.Buffer
		report(&stderr, err)
		for _, name := range []string{"Options", "Config", "AllowMD5", "TLS.", "set Auth", "with Auth"} {
			if strings.Contains(stderr.String(), name) {
				t.Errorf("got %q, which names %s", stderr.String(), name)
			}
		}
	}
	// What a server says stays as it is.
	var stderr bytes.Buffer
	if report(&stderr, rpc.Errorf(1, "see Options.MaxDigits")); stderr.String() != "fault 1: see Options.MaxDigits\n" {
		t.Errorf("got %q", stderr.String())
	}
}

// A server that asks for SHA-1 is not helped by MD5, and neither is its client.
func TestHintAtMD5(t *testing.T) {
	for reason, want := range map[string]bool{
		"it asks for HMAC-MD5: Python 3.11 and older need AllowMD5": true,
		"it names no digest that is known here: \"{sha1}\"":         false,
		"it is too short: 0 bytes":                                  false,
	} {
		var stderr bytes.Buffer
		code := report(&stderr, fmt.Errorf("dial: %w: %s", native.ErrPolicy, reason))
		if got := strings.Contains(stderr.String(), "--allow-md5"); got != want || code != exit.Auth {
			t.Errorf("got code %d and %q; want code 5, a hint at --allow-md5: %v", code, stderr.String(), want)
		}
	}
}

// TestThreatTerminal: what a server says in a fault does not reach the terminal as
// a command to it.
func TestThreatTerminal(t *testing.T) {
	var stderr bytes.Buffer
	code := report(&stderr, &rpc.Fault{Code: -1, Message: "a\x1b[31m\u009b2J\u202e\x7f\tb\nfault -32601: ‘ü’ \\x1b"})
	if want := "fault -1: a\\x1b[31m\\u009b2J\\u202e\\x7f\\tb; fault -32601: ‘ü’ \\x1b\n"; stderr.String() != want || code != exit.Fault {
		t.Errorf("got code %d and %q; want 3 and %q", code, stderr.String(), want)
	}
}

// TestThreatBrokenResult: an answer that cannot be read is no mistake in the
// command line.
func TestThreatBrokenResult(t *testing.T) {
	var d cbor.Decoder
	d.Reset([]byte{0x9b, 0, 0, 1, 0, 0, 0, 0, 0}, cbor.Options{})
	_, err := rpc.Deliver(&d, &rpc.Request{Method: "add"})
	if err = notation.Unsendable(fmt.Errorf("native: call add: %w", err)); exit.Code(err) != exit.Link {
		t.Errorf("got exit code %d for %v; want 4", exit.Code(err), err)
	}
}
