package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/native"
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
