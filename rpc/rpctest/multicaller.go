package rpctest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// testMulticaller: calls that are made together end as they would by themselves.
func testMulticaller(t *testing.T, tr Transport) {
	type item struct {
		Name string `rpc:"name"`
		When time.Time
	}
	when := time.Date(2024, 2, 29, 12, 30, 45, 0, time.UTC)
	var mu sync.Mutex // protects order
	var order []string
	c := tr.connect(t, functions{
		"add":   func(a, b int) int { return a + b },
		"item":  func(name string) item { return item{name, when} },
		"bytes": func() []byte { return []byte{0, 255} },
		"none":  func() {},
		"fail":  func() error { return rpc.Errorf(42, "no <luck>") },
		"note": func(s string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, s)
		},
		"whose": func(ctx context.Context) string { return rpc.MetaFrom(ctx)["tenant"] },
		"slow":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	})

	var sum int
	var got item
	var raw []byte
	var wrong string
	calls := []rpc.Element{
		{Method: "add", Args: rpc.Values{3, 5}, Into: &sum},
		{Method: "fail"},
		{Method: "item", Args: rpc.Values{"<tea> & more"}, Into: &got},
		{Method: "add", Args: rpc.Values{1, "x"}, Into: &sum},
		{Method: "add", Args: rpc.Values{1, 2}, Into: &wrong},
		{Method: "add", Args: rpc.Values{1, make(chan int)}},
		{Method: "bytes", Into: &raw},
		{Method: "no.such"},
		{Method: "none", Into: new(value.Void)},
		{Method: "add", Args: rpc.Values{20, 22}},
		{Method: "system.multicall", Args: rpc.Values{[]any{}}},
	}
	if tr.Local { // nothing is sent, and the arguments of a multicall are one value
		calls[5].Method = "no.such"
		calls[5].Args = nil
	}
	err := rpc.Multicall(tr.bounded(t), c, calls)
	if err == nil || !strings.Contains(err.Error(), "6 of 11 calls failed, first calls[1] (fail)") || !errors.Is(err, &rpc.Fault{Code: 42}) {
		t.Errorf("got error %v; want one that wraps the first, fault 42", err)
	}
	if sum != 8 || got.Name != "<tea> & more" || !got.When.Equal(when) || string(raw) != "\x00\xff" || calls[9].Result != int64(42) {
		t.Errorf("got %d, %+v, %x, %v", sum, got, raw, calls[9].Result)
	}
	wantFault(t, "calls[1]", calls[1].Err, 42, "no <luck>")
	wantFault(t, "calls[3]", calls[3].Err, rpc.CodeInvalidParams, "params[1]: expected int, got string")
	if !errors.Is(calls[4].Err, rpc.ErrResult) || !strings.Contains(calls[4].Err.Error(), "expected string, got int") {
		t.Errorf("a result that does not fit: got %v; want ErrResult", calls[4].Err)
	}
	if e := calls[5].Err; e == nil || !tr.Local && !strings.Contains(e.Error(), "chan int cannot cross the wire") {
		t.Errorf("an argument that cannot be sent: got %v", e)
	}
	wantFault(t, "calls[7]", calls[7].Err, rpc.CodeMethodNotFound)
	wantFault(t, "calls[10]", calls[10].Err, rpc.CodeInvalidRequest)
	for _, i := range []int{0, 2, 6, 8, 9} {
		if calls[i].Err != nil {
			t.Errorf("calls[%d]: %v", i, calls[i].Err)
		}
	}

	// None, and more than one request can hold, in their order.
	if err := rpc.Multicall(tr.bounded(t), c, nil); err != nil {
		t.Errorf("no calls: %v", err)
	}
	var many []rpc.Element
	var want []string
	for i := range 150 {
		many = append(many, rpc.Element{Method: "note", Args: rpc.Values{fmt.Sprint(i)}})
		want = append(want, fmt.Sprint(i))
	}
	if err := rpc.Multicall(tr.bounded(t), c, many); err != nil {
		t.Errorf("150 calls: %v", err)
	}
	if fmt.Sprint(order) != fmt.Sprint(want) {
		t.Errorf("150 calls arrived as %v", order)
	}
	err = rpc.Multicaller{Caller: c, Most: 65}.Call(tr.bounded(t), many)
	wantFault(t, "65 in one request", err, rpc.CodeOverLimit)
	if link := new(rpc.LinkError); !errors.As(many[149].Err, &link) || link.Sent != rpc.NotSent {
		t.Errorf("behind a request that failed: got %v; want not sent", many[149].Err)
	}

	// Metadata and the deadline are those of the context.
	whose := []rpc.Element{{Method: "whose"}}
	if err := rpc.Multicall(rpc.WithMeta(tr.bounded(t), map[string]string{"tenant": "acme"}), c, whose); err != nil || whose[0].Result != "acme" {
		t.Errorf("metadata: got %v, %v; want acme", whose[0].Result, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := rpc.Multicall(ctx, c, []rpc.Element{{Method: "slow"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want context.DeadlineExceeded", err)
	}
	if err := (rpc.Multicaller{Caller: c, Most: -1}).Call(tr.bounded(t), nil); err == nil {
		t.Error("Most -1 was not refused")
	}
}
