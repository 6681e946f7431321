package rpc_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"math/big"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

func TestSignatures(t *testing.T) {
	type order struct{ ID int }
	type celsius float64
	for _, tt := range []struct {
		fn   any
		opts []rpc.Option
		want string
	}{
		{func() {}, nil, "[[nil]]"},
		{func() error { return nil }, nil, "[[nil]]"},
		{func(context.Context, int8, uint64, *big.Int) {}, nil, "[[nil int int] [nil int int int]]"},
		{func(bool, float32, celsius, string) error { return nil }, nil, "[[nil boolean double double string]]"},
		{func(time.Time, value.LocalTime, time.Duration) time.Time { return time.Time{} }, nil, "[[dateTime.iso8601 dateTime.iso8601 dateTime.iso8601 int]]"},
		{func([]byte, value.ByteArray, [4]byte, []string, value.Tuple) (value.Set, error) {
			return value.Set{}, nil
		}, nil, "[[array base64 base64 array array array]]"},
		{func(order, *order) *order { return nil }, nil, "[[struct struct] [struct struct struct]]"},
		{func(map[string]int, value.Map) {}, nil, "[[nil struct struct]]"},
		{func(string, *int, *bool) int { return 0 }, nil, "[[int string] [int string int] [int string int boolean]]"},
		{func(string, ...int) int { return 0 }, nil, "[[int string] [int string int]]"},
		{func(any) any { return nil }, nil, "[[any any]]"},
		// Text by methods of its own, and what XML-RPC has no form for.
		{func(netip.Addr) *netip.Prefix { return nil }, nil, "[[string string]]"},
		{func(value.Decimal, value.UUID, value.Range, complex128) *big.Rat { return nil }, nil, "[[any any any any any]]"},
		// Streams are what they are on a wire that has none.
		{func() iter.Seq2[order, error] { return nil }, nil, "[[array]]"},
		{func() (io.ReadCloser, error) { return nil, nil }, nil, "[[base64]]"},
		{func(string, iter.Seq2[int, error]) {}, nil, "[[nil string array]]"},
		{func(io.Reader) {}, nil, "[[nil base64]]"},
		{func(a, b any) any { return a }, []rpc.Option{rpc.Signature("int", "int", "int"), rpc.Signature("string", "string", "string")}, "[[int int int] [string string string]]"},
	} {
		reg := rpc.NewRegistry()
		if err := reg.Register("f", tt.fn, tt.opts...); err != nil {
			t.Fatal(err)
		}
		got, err := rpc.Invoke[[][]string](t.Context(), reg, "system.methodSignature", "f")
		if err != nil || fmt.Sprint(got) != tt.want {
			t.Errorf("%T: got %v, %v; want %s", tt.fn, got, err, tt.want)
		}
	}
}

// TestSignatureOfHandler: one that reads its arguments itself can say what it takes.
func TestSignatureOfHandler(t *testing.T) {
	h := func(context.Context, *rpc.Request) (any, error) { return nil, nil }
	reg := rpc.NewRegistry()
	if err := reg.Handle("mute", h); err != nil {
		t.Fatal(err)
	}
	if err := reg.Handle("told", h, rpc.Signature("int", "array"), rpc.Params("list")); err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]any{"mute": "undef", "told": []any{[]any{"int", "array"}}} {
		got, err := rpc.Invoke[any](t.Context(), reg, "system.methodSignature", method)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, (-want +got):\n%s", method, err, diff)
		}
	}
	for method, want := range map[string][]string{"mute": {}, "told": {"list"}, "system.methodParams": {"method"}} {
		got, err := rpc.Invoke[[]string](t.Context(), reg, "system.methodParams", method)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v, (-want +got):\n%s", method, err, diff)
		}
	}
}

func TestSignatureMistakes(t *testing.T) {
	reg := rpc.NewRegistry()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{reg.Register("f", func(any) {}, rpc.Signature("int", "integer")), `the word "integer"; want one of int`},
		{reg.Register("f", func(any) {}, rpc.Signature("int")), "tells of 0 parameters, the function has 1"},
		{reg.Register("f", func(any, *int) {}, rpc.Signature("int", "int", "int", "int")), "tells of 3 parameters, the function has 2"},
		{reg.Handle("f", nil, rpc.Signature("void")), `the word "void"`},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) {
			t.Errorf("got %v; want an error with %q", tt.err, tt.want)
		}
	}
}
