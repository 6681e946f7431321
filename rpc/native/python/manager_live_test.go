package python

import (
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

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
