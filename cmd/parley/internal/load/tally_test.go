package load

import (
	"context"
	"testing"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc"
)

// A server that has a new code for each fault takes no memory by that.
func TestBenchManyFaultCodes(t *testing.T) {
	t.Parallel()
	var counted Tally
	for i := range 1000 {
		if !counted.GoOn(rpc.Errorf(100+i, "fault number %d", i)) {
			t.Fatal("a fault ended it")
		}
	}
	list := counted.List()
	if len(list) != maxFaultCodes+1 || list[0].Count != 1000-maxFaultCodes || list[0].Message != "and other codes" || list[1].Code != 100 {
		t.Errorf("got %d kinds, first %+v; want %d codes, and the others together, the most frequent first", len(list), list[0], maxFaultCodes)
	}
	for err, want := range map[error]bool{
		&rpc.LinkError{Op: "call add"}: true, errGone{&rpc.LinkError{Op: "call add"}}: false, context.DeadlineExceeded: true,
		rpc.Errorf(rpc.CodeNotAuthenticated, "gone"): false, terminal.ErrInterrupted: false,
	} {
		if got := counted.GoOn(err); got != want {
			t.Errorf("%v: goes on: %v; want %v", err, got, want)
		}
	}
	if counted.Links != 2 || counted.TimeOuts != 1 {
		t.Errorf("got %d links and %d time-outs; want 2 and 1", counted.Links, counted.TimeOuts)
	}
}
