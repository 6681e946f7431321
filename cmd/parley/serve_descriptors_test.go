//go:build unix

package main

import (
	"net"
	"testing"
	"time"
)

// TestThreatDescriptors: silent connections to one listener do not take the
// descriptors of the others. Half of them are for each: whoever fills one up leaves
// the other alone.
func TestThreatDescriptors(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.files = 64
	s := h.serve(t)
	s.awaitLog(t, "which take 16 therefore")
	network, addr := address(t, s.native)
	var silent []net.Conn
	for range h.files {
		c, err := net.Dial(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	if began, got := time.Now(), s.call(t, s.xmlrpc, "add", "3", "5", "--timeout", "4s"); got.code != 0 {
		t.Errorf("with %d silent connections to the other listener, after %v: got %v; want an answer", len(silent), time.Since(began), got)
	}
}
