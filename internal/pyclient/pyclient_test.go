package pyclient

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// suite runs the tests of the package in the folder that is its first argument,
// with the command that is its second. A test that is skipped has failed.
const suite = `
import os, sys, unittest
root = sys.argv[1]
os.environ["PARLEY_SERVE"] = sys.argv[2]
sys.path.insert(0, root)
tests = unittest.defaultTestLoader.discover(os.path.join(root, "tests"), top_level_dir=root)
result = unittest.TextTestRunner(stream=sys.stderr).run(tests)
for test, why in result.skipped:
    sys.stderr.write("skipped: %s: %s\n" % (test, why))
print("%d tests" % result.testsRun)
sys.exit(not result.wasSuccessful() or len(result.skipped) > 0 or result.testsRun < 95)
`

// oldestMinor is the oldest Python 3 that the package is for.
const oldestMinor = 8

// TestLivePackage runs the tests of clients/python.
func TestLivePackage(t *testing.T) {
	pythons := peertest.Pythons(t)
	root, err := filepath.Abs("../../clients/python")
	if err != nil {
		t.Fatal(err)
	}
	command := filepath.Join(t.TempDir(), "parley")
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", command, "../../cmd/parley").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, v := range pythons {
		if !v.AtLeast(3, oldestMinor) {
			continue
		}
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Minute, errors.New("the tests of the package take too long"))
			defer cancel()
			if got := peertest.RunPython(t, ctx, v.Path, suite, root, command); !strings.HasSuffix(got, " tests\n") {
				t.Errorf("got %q; want the number of tests", got)
			}
		})
	}
}

// The package says so itself, instead of failing in the middle of its code.
func TestLiveOlderPython(t *testing.T) {
	root, err := filepath.Abs("../../clients/python")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range peertest.Pythons(t) {
		if v.AtLeast(3, oldestMinor) {
			continue
		}
		t.Run(v.String(), func(t *testing.T) {
			got := peertest.RunPython(t, t.Context(), v.Path, `
import sys
sys.path.insert(0, sys.argv[1])
try:
    import parley
except ImportError as e:
    print(e)
`, root)
			if want := "parley needs Python 3.8 or later\n"; got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}
