package service

import (
	"strings"
	"testing"
)

// TestConnectionsFitDescriptors: no more connections than the process can have open.
func TestConnectionsFitDescriptors(t *testing.T) {
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
		cfg := Config{Native: make([]NativeConfig, tt.listeners/2), XMLRPC: make([]XMLRPCConfig, tt.listeners-tt.listeners/2)}
		cfg.Limits.MaxConns = tt.given
		got, warning := cfg.fitConns(tt.files)
		if got != tt.want || (warning == "") != (tt.warns == "") || !strings.Contains(warning, tt.warns) {
			t.Errorf("%d listeners of %d, %d files: got %d and %q; want %d and %q", tt.listeners, tt.given, tt.files, got, warning, tt.want, tt.warns)
		}
	}
}
