package rpctest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// count yields the numbers below n, and then err if there is one.
func count(n int, err error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(0, err)
		}
	}
}

// drain reads a stream to its end.
func drain[T any](seq iter.Seq2[T, error]) (items []T, err error) {
	for item, e := range seq {
		if e != nil {
			return items, e
		}
		items = append(items, item)
	}
	return items, nil
}

func testStreams(t *testing.T, tr Transport) {
	step := make(chan struct{}, 1)
	reg, _ := newRegistry()
	reg.MaxItems = 10_000
	register(t, reg, functions{
		"count":   func(n int) iter.Seq2[int, error] { return count(n, nil) },
		"broken":  func(n int) iter.Seq2[int, error] { return count(n, rpc.Errorf(77, "broken off")) },
		"refused": func() (iter.Seq2[int, error], error) { return nil, rpc.Errorf(78, "no stream today") },
		"panics": func(n int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range n {
					if !yield(i, nil) {
						return
					}
				}
				panic(canary)
			}
		},
		"records": func(n int) iter.Seq2[item, error] {
			return func(yield func(item, error) bool) {
				for _, it := range manyItems(n) {
					if !yield(it, nil) {
						return
					}
				}
			}
		},
		"list": func(n int) []int { return numbers(n) },
		"any":  func() any { return []any{int64(1), "two", nil} },
		"one":  func() int { return 1 },
		// steps yields the next item only when its consumer has told that it has
		// got the one before.
		"steps": func(ctx context.Context, n int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range n {
					if !yield(i, nil) {
						return
					}
					select {
					case <-step:
					case <-ctx.Done():
						yield(0, ctx.Err())
						return
					}
				}
			}
		},
		"endless": func(ctx context.Context) iter.Seq2[int, error] { return count(math.MaxInt, nil) },
		"stalls": func(ctx context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				if yield(1, nil) {
					<-ctx.Done()
					yield(0, ctx.Err())
				}
			}
		},
	})
	c := tr.Connect(t, reg)

	for _, n := range []int{0, 1, 2, 100, 5000} {
		items, err := drain(rpc.Stream[int](tr.bounded(t), c, "count", n))
		if err != nil || len(items) != n {
			t.Errorf("count(%d) gave %d items, %v", n, len(items), err)
		}
		for i, item := range items {
			if item != i {
				t.Fatalf("item %d of count(%d) is %d", i, n, item)
			}
		}
		list, err := rpc.Invoke[[]int](tr.bounded(t), c, "count", n)
		if err != nil || !same(list, items) && n > 0 || len(list) != n {
			t.Errorf("count(%d) collected gave %d items, %v", n, len(list), err)
		}
	}
	if list, err := rpc.Invoke[any](tr.bounded(t), c, "count", 0); err != nil || !same([]any{}, list) {
		t.Errorf("an empty stream collected is %#v, %v; want an empty list", list, err)
	}
	records, err := drain(rpc.Stream[item](tr.bounded(t), c, "records", 700))
	if err != nil || !same(manyItems(700), records) {
		t.Errorf("700 records came as %d, %v", len(records), err)
	}
	list, err := drain(rpc.Stream[int](tr.bounded(t), c, "list", 500))
	if err != nil || !same(numbers(500), list) {
		t.Errorf("a list read as a stream: %d items, %v; want 500", len(list), err)
	}
	items, err := drain(rpc.Stream[any](tr.bounded(t), c, "any"))
	if err != nil || !same([]any{int64(1), "two", nil}, items) {
		t.Errorf("a dynamic list read as a stream: %v, %v", items, err)
	}

	for _, tt := range []struct {
		method string
		args   []any
		items  int // before the error, on a wire that pushes
		code   int
	}{
		{"broken", []any{3}, 3, 77},
		{"broken", []any{0}, 0, 77},
		{"panics", []any{3}, 3, rpc.CodeInternal},
		{"refused", nil, 0, 78},
		{"no.such", nil, 0, rpc.CodeMethodNotFound},
		{"count", []any{"x"}, 0, rpc.CodeInvalidParams},
	} {
		what := fmt.Sprintf("%s%v", tt.method, tt.args)
		got, err := drain(rpc.Stream[int](tr.bounded(t), c, tt.method, tt.args...))
		wantFault(t, what, err, tt.code)
		if tr.Pushes && len(got) != tt.items || !tr.Pushes && len(got) != 0 {
			t.Errorf("%s gave %d items before its error", what, len(got))
		}
		_, err = rpc.Invoke[any](tr.bounded(t), c, tt.method, tt.args...)
		wantFault(t, what+" collected", err, tt.code)
		tr.wantAlive(t, c)
	}
	if got, err := drain(rpc.Stream[int](tr.bounded(t), c, "one")); err == nil {
		t.Errorf("an integer read as a stream gave %v", got)
	}
	if got, err := drain(rpc.Stream[string](tr.bounded(t), c, "count", 2)); err == nil {
		t.Errorf("integers read as texts gave %q", got)
	}
	tr.wantAlive(t, c)

	// What is collected is bounded.
	_, err = rpc.Invoke[any](tr.bounded(t), c, "endless")
	wantFault(t, "an endless stream collected", err, rpc.CodeOverLimit)

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := drain(rpc.Stream[int](ctx, c, "stalls")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a stream that stalls ended with %v; want context.DeadlineExceeded", err)
	}
	tr.wantAlive(t, c)

	if !tr.Pushes {
		return
	}
	n := 0
	for i, err := range rpc.Stream[int](tr.bounded(t), c, "steps", 20) {
		if err != nil || i != n {
			t.Fatalf("item %d is %d, %v", n, i, err)
		}
		n++
		select {
		case step <- struct{}{}:
		case <-time.After(tr.Patience):
			t.Fatal("the producer does not wait where it should")
		}
	}
	if n != 20 {
		t.Errorf("%d items; want 20", n)
	}
}

// testLeavingStreams: a consumer that leaves its loop ends the producer, and a
// slow one holds up no other call.
func testLeavingStreams(t *testing.T, tr Transport) {
	ended := make(chan string, 8)
	reg, _ := newRegistry()
	reg.MaxItems = 1000
	register(t, reg, functions{
		"endless": func() iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				defer func() { ended <- "endless" }()
				for i := 0; yield(i, nil); i++ {
				}
			}
		},
		"waits": func(ctx context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				defer func() { ended <- "waits" }()
				if yield(1, nil) {
					<-ctx.Done()
				}
			}
		},
		"hundred": func() iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				defer func() { ended <- "hundred" }()
				for i := range 100 {
					if !yield(i, nil) {
						return
					}
				}
			}
		},
	})
	c := tr.Connect(t, reg)

	leave := func(method string, after int) {
		t.Helper()
		n := 0
		for _, err := range rpc.Stream[int](tr.bounded(t), c, method) {
			if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
			tr.wantAlive(t, c) // in the middle of a stream
			if n++; n == after {
				break
			}
		}
		if n != after {
			t.Errorf("%s: left after %d items; want %d", method, n, after)
		}
		if got := wait(t, tr, ended, "for the producer of "+method+" to end"); got != method {
			t.Errorf("%s ended; want %s", got, method)
		}
		tr.wantAlive(t, c)
	}
	leave("hundred", 1)
	leave("hundred", 5)
	if !tr.Pushes {
		// The items come as one list, so that an endless stream meets the bound.
		_, err := drain(rpc.Stream[int](tr.bounded(t), c, "endless"))
		wantFault(t, "endless", err, rpc.CodeOverLimit)
		wait(t, tr, ended, "for the endless producer to end")
		return
	}
	leave("endless", 1)
	leave("endless", 50)
	leave("waits", 1)

	// A consumer that waits for something else while the producer goes on.
	n := 0
	for i, err := range rpc.Stream[int](tr.bounded(t), c, "endless") {
		if err != nil || i != n {
			t.Fatalf("item %d is %d, %v", n, i, err)
		}
		if n++; n%1000 == 0 {
			time.Sleep(20 * time.Millisecond)
			tr.wantAlive(t, c)
		}
		if n == 5000 {
			break
		}
	}
	wait(t, tr, ended, "for the endless producer to end")
}
