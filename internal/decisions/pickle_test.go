package decisions

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native/pickle"
)

// Decision 005: reading a pickle with Python's own reader runs what its writer
// likes, and reading the same bytes here runs nothing.
func TestLivePickleRunsCodeInPython(t *testing.T) {
	python := peertest.Python(t)
	dir := t.TempDir()
	message, mark := filepath.Join(dir, "message"), filepath.Join(dir, "mark")
	peertest.RunPython(t, t.Context(), python, `
import os, pickle, sys
class Harmless(object):
    def __reduce__(self):
        return os.mkdir, (sys.argv[2],)
with open(sys.argv[1], "wb") as f:
    pickle.dump(Harmless(), f)
`, message, mark)
	data, err := os.ReadFile(message)
	if err != nil {
		t.Fatal(err)
	}

	_, _, err = pickle.Decode(data, pickle.Options{})
	var class *pickle.ClassError
	if !errors.As(err, &class) {
		t.Errorf("read in Go: got %v; want a ClassError", err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Fatal("read in Go: the code in the message has run")
	}

	peertest.RunPython(t, t.Context(), python, "import pickle, sys\npickle.load(open(sys.argv[1], 'rb'))\n", message)
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("read in Python: got %v; want the folder that the message makes", err)
	}
}

// The same decision: a short message can describe more values than any memory
// holds, so that the limits are for what is described and not for its bytes.
func TestSharedValuesAreCounted(t *testing.T) {
	data := []byte{0x80, 2, ']', 'q', 0} // an empty list, kept as 0
	for i := range byte(100) {           // then a list that holds the last one twice
		data = append(data, ']', 'q', i+1, '(', 'h', i, 'h', i, 'e')
	}
	data = append(data, '.')
	// 100 levels are beyond the limit of depth as well, which is not the point.
	_, _, err := pickle.Decode(data, pickle.Options{MaxDepth: 200})
	if !errors.Is(err, pickle.ErrLimit) {
		t.Errorf("%d bytes that stand for 2^100 values: got %v; want ErrLimit", len(data), err)
	}
}
