package trials

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// TestMain lets the test program be its own children.
func TestMain(m *testing.M) {
	harness.RunChild(os.Args[1:], func(string) (*harness.Peer, error) { return nil, errors.New("there are no peers here") }, Roles())
	os.Exit(m.Run())
}

func TestSoak(t *testing.T) {
	var out strings.Builder
	if err := Soak(t.Context(), 3000, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "none lost, doubled or mixed up") {
		t.Errorf("got %q", &out)
	}
}

// The server of a soak finds calls that are lost or come twice.
func TestSoakCounts(t *testing.T) {
	var c soakCounts
	for _, step := range []struct {
		m  soakMark
		ok bool
	}{
		{soakMark{0, 1}, true},
		{soakMark{0, 2}, true},
		{soakMark{1, 1}, true},
		{soakMark{0, 2}, false},  // doubled
		{soakMark{0, 4}, false},  // 3 is lost
		{soakMark{64, 1}, false}, // nobody
		{soakMark{-1, 1}, false},
		{soakMark{0, 3}, true},
	} {
		if err := c.arrive(step.m); (err == nil) != step.ok {
			t.Errorf("call %v: got %v; want ok %v", step.m, err, step.ok)
		}
	}
	if err := soakCheck(soakAnswer[string]{soakMark{1, 2}, "a"}, soakMark{2, 2}, "a", func(a, b string) bool { return a == b }); !errors.Is(err, work.ErrWrong) {
		t.Errorf("the answer to another caller: got %v; want %v", err, work.ErrWrong)
	}
	if err := soakCheck(soakAnswer[string]{soakMark{1, 2}, "a"}, soakMark{1, 2}, "b", func(a, b string) bool { return a == b }); !errors.Is(err, work.ErrWrong) {
		t.Errorf("other content: got %v; want %v", err, work.ErrWrong)
	}
}
