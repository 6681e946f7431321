//go:build unix

package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

// TestThreatDescriptors: silent connections to one listener do not take the
// descriptors of the others.
func TestThreatDescriptors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		listeners, given int
		files            uint64
		want             int
		warns            string
	}{
		{5, 0, 1 << 20, 0, ""},
		{5, 0, 5*defaultMaxConns + spareFiles, 0, ""},
		{5, 0, 5*defaultMaxConns + spareFiles - 1, defaultMaxConns - 1, "which take 1023 therefore"},
		{5, 0, 64, 6, "64 files"},
		{5, 0, 8, 1, "8 files"},
		{2, 100, 1024, 100, ""},
		{2, 1000, 1024, 1000, "set limits.max_conns to 496"},
		{0, 0, 64, 0, ""},
	} {
		cfg := config{Native: make([]nativeConfig, tt.listeners/2), XMLRPC: make([]xmlrpcConfig, tt.listeners-tt.listeners/2)}
		cfg.Limits.MaxConns = tt.given
		got, warning := cfg.fitConns(tt.files)
		if got != tt.want || (warning == "") != (tt.warns == "") || !strings.Contains(warning, tt.warns) {
			t.Errorf("%d listeners of %d, %d files: got %d and %q; want %d and %q", tt.listeners, tt.given, tt.files, got, warning, tt.want, tt.warns)
		}
	}

	// Half of the descriptors are for each listener: whoever fills one up leaves
	// the other alone.
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
