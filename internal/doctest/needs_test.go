//go:build peers

package doctest

import (
	"slices"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// The documents with programs in other languages are played with all of them.
func TestLiveNeeds(t *testing.T) {
	python := peertest.PythonOfProtocol5(t)
	for _, d := range documents(t) {
		if slices.ContainsFunc(d.Blocks, func(b Block) bool { return b.Value("needs") != "" }) {
			t.Run(d.Path, func(t *testing.T) {
				t.Parallel()
				playFully(t, d, python, nil)
			})
		}
	}
}
