package native

import (
	"context"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// onlyMethod is an Authorizer that allows one method.
type onlyMethod string

func (m onlyMethod) Allow(_ context.Context, _ rpc.Identity, method string) bool {
	return method == string(m)
}

// TestThreatShortMethodsByTheirOrder: the answers of short functions overtake
// others; that must not tell a peer which functions there are that it may not call.
func TestThreatShortMethodsByTheirOrder(t *testing.T) {
	reg := rpc.NewRegistry()
	for _, name := range []string{"open", "secret"} {
		if err := reg.Register(name, func() int { return 1 }, rpc.Short()); err != nil {
			t.Fatal(err)
		}
	}
	reg.Authorizer = onlyMethod("open")
	a, _ := tcpPair(t)
	r := newReader(newSession(t.Context(), a, sessionConfig{handler: reg}))
	for name, want := range map[string]bool{"open": true, "secret": false, "unknown": false} {
		if got := r.method([]byte(name)).short; got != want {
			t.Errorf("%s: got short %v; want %v", name, got, want)
		}
	}
}
