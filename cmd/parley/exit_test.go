package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// A server that asks for SHA-1 is not helped by MD5, and neither is its client.
func TestHintAtMD5(t *testing.T) {
	for reason, want := range map[string]bool{
		"the challenge asks for HMAC-MD5: Python 3.11 and older need AllowMD5": true,
		"its challenge names no digest that is known here: \"{sha1}\"":         false,
		"its challenge is too short: 0 bytes":                                  false,
	} {
		var stderr bytes.Buffer
		code := report(&stderr, fmt.Errorf("dial: %w: %s", native.ErrPolicy, reason))
		if got := strings.Contains(stderr.String(), "--allow-md5"); got != want || code != exitAuth {
			t.Errorf("got code %d and %q; want code 5, a hint at --allow-md5: %v", code, stderr.String(), want)
		}
	}
}

// TestThreatTerminal: what a server says in a fault does not reach the terminal as
// a command to it.
func TestThreatTerminal(t *testing.T) {
	var stderr bytes.Buffer
	code := report(&stderr, &rpc.Fault{Code: -1, Message: "a\x1b[31m\u009b2J\u202e\x7f\tb\nfault -32601: ‘ü’ \\x1b"})
	if want := "fault -1: a\\x1b[31m\\u009b2J\\u202e\\x7f\\tb; fault -32601: ‘ü’ \\x1b\n"; stderr.String() != want || code != exitFault {
		t.Errorf("got code %d and %q; want 3 and %q", code, stderr.String(), want)
	}
}

// TestThreatBrokenResult: an answer that cannot be read is no mistake in the
// command line.
func TestThreatBrokenResult(t *testing.T) {
	var d cbor.Decoder
	d.Reset([]byte{0x9b, 0, 0, 1, 0, 0, 0, 0, 0}, cbor.Options{})
	_, err := rpc.Deliver(&d, &rpc.Request{Method: "add"})
	if err = unsendable(fmt.Errorf("native: call add: %w", err)); exitCode(err) != exitLink {
		t.Errorf("got exit code %d for %v; want 4", exitCode(err), err)
	}
}
