package carry

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

// What there was no time for is untried, whoever was to try it, and is counted: it
// is no "no", and the error is not that of a context.
func TestWhatThereWasNoTimeFor(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var tried atomic.Int32
	table, err := TryGo(ctx, func(int, int, string) {
		if tried.Add(1) == 20 {
			cancel()
		}
	})
	var late *TimeError
	if !errors.As(err, &late) || !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v; want a TimeError", err)
	}
	left := 0
	for _, a := range table {
		untried := false
		for _, o := range a.Lanes {
			untried = untried || o.Verdict == Untried
		}
		if untried {
			left++
		}
	}
	if late.Total != len(trials()) || late.Left != left || left == 0 || left > late.Total-2 {
		t.Errorf("got %d of %d left, and %d in the table; want the same, and most of %d", late.Left, late.Total, left, len(trials()))
	}
}
