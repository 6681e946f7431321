package service

import (
	"testing"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// TestThreatErrorsForStrangers: what goes wrong inside is hidden on every address
// that other machines reach, in TLS too.
func TestThreatErrorsForStrangers(t *testing.T) {
	t.Parallel()
	credentials, err := auth.NewCredentials(nil, auth.CredentialsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	server := &native.Server{Handler: rpc.NewRegistry(), Login: credentials}
	for url, want := range map[string]bool{"tls://0.0.0.0:0": true, "tls://127.0.0.1:0": false} {
		l, err := server.Listen(url)
		if err != nil {
			t.Fatal(err)
		}
		if got := beyondLoopback(l.Addr()); got != want {
			t.Errorf("%s can be reached from other machines: got %v; want %v", url, got, want)
		}
		l.Close()
	}
}
