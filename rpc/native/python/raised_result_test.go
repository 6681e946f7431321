package python

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

type soldOut struct {
	Args []any `rpc:"args"`
}

func (e *soldOut) Error() string { return fmt.Sprint("sold out: ", e.Args) }

// An error is a fault on every wire, also one of a registered class. As a result
// it arrives as the exception that it is.
func TestRegisteredExceptionAsResult(t *testing.T) {
	reg := testRegistry(t)
	classes := pickle.NewRegistry()
	for _, err := range []error{
		reg.Register("fails", func() error { return &soldOut{[]any{"tea", 3}} }),
		reg.Register("gives", func() any { return &soldOut{[]any{"tea", 3}} }),
		classes.Name("shop.SoldOut", &soldOut{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, c := start(t, reg, Config{Pickle: pickle.Options{Registry: classes}})
	if got, want := exchange(t, c, value.Tuple{"fails", value.Tuple{}}), pickle.NewException("RuntimeError", "fault -32500: sold out: [tea 3]"); !cmp.Equal(got, any(want)) {
		t.Errorf("as an error: got %v; want %v", got, want)
	}
	ctx := testContext(t)
	if err := c.Send(ctx, value.Tuple{"gives", value.Tuple{}}); err != nil {
		t.Fatal(err)
	}
	data, err := c.RecvBytes(ctx)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := pickle.Decode(data, pickle.Options{Registry: classes})
	if want := any(&soldOut{[]any{"tea", int64(3)}}); err != nil || !cmp.Equal(got, want) {
		t.Errorf("as a result: got %v, %v; want %v", got, err, want)
	}
}
