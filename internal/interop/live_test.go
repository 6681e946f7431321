//go:build peers

package interop

import "testing"

// TestLivePeers runs the programs that need more than Go and Python.
func TestLivePeers(t *testing.T) {
	for _, p := range peers {
		if p.live {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				testLive(t, p)
			})
		}
	}
}
