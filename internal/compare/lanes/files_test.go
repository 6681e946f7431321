//go:build unix

package lanes

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-rpc/parley/internal/compare/measure"
)

// Too few files for all connections are found out before anything is started, with
// what to type; with as many as it says that it needs, this process can measure all
// of it, and none of its children has more open.
func TestOpenFiles(t *testing.T) {
	watch(t)
	names := []string{"xmlrpc", "native-unix"}
	works := []string{"add-1", "add-8", "add-64", "records-1-8"}
	all, err := newRun(t.Context(), Options{Depth: Full}, all())
	if err != nil {
		t.Fatal(err)
	}
	if n := all.files(); n < 11*(1+8+64)-64 || n > 1024 {
		t.Errorf("a full comparison: got %d files; want one for each caller of each work, and no more than most systems grant", n)
	}
	r, err := newRun(t.Context(), tiny(works...), withLanes(names...))
	if err != nil {
		t.Fatal(err)
	}
	need := r.files()
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if measure.OpenFiles() < uint64(need) {
		t.Fatalf("got %d files that may be open; want %d at least, to test anything", measure.OpenFiles(), need)
	}
	limit := func(n int) {
		few := old
		few.Cur = setTo(few.Cur, n)
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	})
	limit(64)
	_, err = runTiny(t.Context(), tiny(works...), withLanes(names...))
	if want := fmt.Sprintf("compare: a process may have 64 files open, and this comparison needs about %d for its connections: raise the limit (ulimit -n 512)", need); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v; want %s", err, want)
	}
	limit(need)
	o, most := tiny(works...), 0
	o.Progress = func(int, int, string) {
		for _, pid := range children(t) {
			if open, err := os.ReadDir("/proc/" + pid + "/fd"); err == nil { // it may have ended
				most = max(most, len(open))
			}
		}
	}
	result, err := runTiny(t.Context(), o, withLanes(names...))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range result.Rows {
		if row.Failed != "" {
			t.Errorf("with %d files, %s at %s: %s", need, row.Lane, row.Work, row.Failed)
		}
	}
	if _, err := os.Stat("/proc/self/fd"); err == nil && (most < 1+8+64+8 || most > need) {
		t.Errorf("a child had %d files open; want a connection for each caller, and at most %d", most, need)
	}
	if len(result.Gaps) > 0 {
		t.Errorf("with %d files: got %q", need, result.Gaps)
	}
}

// setTo is a number in the type that a limit has on this system.
func setTo[T int64 | uint64](_ T, n int) T { return T(n) }
