package xmlrpc_test

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// sameAlways lets everybody in as the same one.
type sameAlways struct{}

func (sameAlways) AuthenticateHTTP(context.Context, string, netip.Addr) (rpc.Identity, error) {
	return rpc.Identity{Name: "ann", Credential: "ann.k1"}, nil
}

func (sameAlways) Live(rpc.Identity, time.Time) bool { return true }
func (sameAlways) Changed() <-chan struct{}          { return nil }

// TestAllocationsOfLogin: a call on a connection that is logged in takes no memory
// more than one that need not be.
func TestAllocationsOfLogin(t *testing.T) {
	cost := func(a xmlrpc.Authenticator) float64 {
		addr := serve(t, &xmlrpc.Server{Auth: a, Handler: registry(t, map[string]any{"add": func(a, b int) int { return a + b }})})
		c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{Header: http.Header{"Authorization": {"Bearer x"}}})
		call := func() {
			if _, err := rpc.Invoke[int](context.Background(), c, "add", 3, 5); err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			call()
		}
		return testing.AllocsPerRun(500, call)
	}
	var without, with float64
	for range 3 { // pools that are emptied in between may cost one more
		without, with = cost(nil), cost(sameAlways{})
		if with <= without || raceEnabled { // which takes memory of its own
			return
		}
	}
	t.Errorf("a call takes %v allocations with a login and %v without; want the same", with, without)
}

// BenchmarkLogin makes calls one after the other with a login that is known
// already: a password that is remembered, and a key, which is checked each time.
func BenchmarkLogin(b *testing.B) {
	password, err := auth.NewPassphrase("ann", "correct horse battery staple")
	if err != nil {
		b.Fatal(err)
	}
	key, err := auth.GenerateSecret("bot")
	if err != nil {
		b.Fatal(err)
	}
	for name, secret := range map[string]*auth.Secret{"password": password, "key": key} {
		b.Run(name, func(b *testing.B) {
			entry, err := secret.Entry(auth.UseHTTP, name)
			if err != nil {
				b.Fatal(err)
			}
			credentials, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{Logger: quiet})
			if err != nil {
				b.Fatal(err)
			}
			reg := registry(b, map[string]any{"add": rpc.Func2(func(_ context.Context, x, y int) (int, error) { return x + y, nil })})
			c := newClient(b, "http://"+serve(b, &xmlrpc.Server{Auth: credentials, Handler: reg}), xmlrpc.ClientConfig{Login: secret})
			call := func() {
				if sum, err := rpc.Invoke[int](context.Background(), c, "add", 3, 5); sum != 8 || err != nil {
					b.Fatal(sum, err)
				}
			}
			call() // by which the password is known
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
}
