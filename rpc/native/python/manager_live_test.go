package python

import (
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// managerRegistry has names that matter to managers.
func managerRegistry(t testing.TB) *rpc.Registry {
	t.Helper()
	reg := testRegistry(t)
	for name, fn := range map[string]any{
		"catalog.find":    func(name string) string { return "a " + name },
		"catalog.class":   func() {},
		"deep.down.reach": func() string { return "deep" },
		"rpc.hidden":      func() {},
		"print":           func() string { return "printed" },
		"class":           func() {},
		"_secret":         func() {},
		"aset":            func() value.Set { return value.Set{Items: []any{1, 2}} },
		"acomplex":        func() []any { return []any{complex(1, 2)} },
	} {
		if err := reg.Register(name, fn, rpc.Params("name")); err != nil {
			if err := reg.Register(name, fn); err != nil {
				t.Fatal(err)
			}
		}
	}
	return reg
}

// TestLiveManagers serves unmodified clients of multiprocessing.managers of every
// CPython found, with both of their serializers.
func TestLiveManagers(t *testing.T) {
	script, err := os.ReadFile("testdata/manager_client.py")
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHandler(managerRegistry(t), Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range peertest.Pythons(t) {
		for _, serializer := range []string{"pickle", "xmlrpclib"} {
			t.Run(version.String()+" "+serializer, func(t *testing.T) {
				t.Parallel()
				_, url := serve(t, "tcp://127.0.0.1:0", key(t, !version.AtLeast(3, 12)), h)
				host, port, _ := strings.Cut(strings.TrimPrefix(url, "tcp://"), ":")
				args := []string{testKey, host, port, serializer, "fork"}
				if version.Major > 2 && serializer == "pickle" {
					args = append(args, "spawn")
				}
				if got := peertest.RunPython(t, testContext(t), version.Path, string(script), args...); got != "ok\n" {
					t.Errorf("got %q; want ok", got)
				}
			})
		}
	}
}
