// Package peertest finds and runs the peers in other languages that tests talk
// to.
//
// A test that needs such a peer is named TestLive…: that is how "make peers"
// finds it, to run it once for each CPython on the machine; "make test" runs it
// with python3 alone, and "go test" with all of them. One that needs more than Go
// and Python is named so too and stands in a file with the build tag peers: "make
// peers" alone compiles that, installs what it needs (see internal/interop) and
// runs it once. One that needs a Python but no particular one takes AnyPython, and
// is named as any other test.
//
// A machine without the peer skips the test, with the reason. With the
// environment variable PARLEY_REQUIRE_PEERS=1, as in "make test", it fails
// instead: what is claimed to work is then really tried.
package peertest

import (
	"os"
	"testing"
)

// RequireEnv is the environment variable that, set to 1, turns a missing peer
// into a failure.
const RequireEnv = "PARLEY_REQUIRE_PEERS"

// Missing ends the test because what it needs is not on this machine: it skips,
// or fails where peers are required. how tells how to install it.
func Missing(t testing.TB, what, how string) {
	t.Helper()
	if os.Getenv(RequireEnv) == "1" {
		t.Fatalf("missing peer: %s (%s=1 makes this a failure); to install: %s", what, RequireEnv, how)
	}
	t.Skipf("missing peer: %s; to install: %s", what, how)
}
