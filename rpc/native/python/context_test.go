package python

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"
)

type testValue struct{}

// TestLazyContext: it is what context.WithTimeout would have made.
func TestLazyContext(t *testing.T) {
	const long = time.Hour
	base := context.WithValue(t.Context(), testValue{}, 7)
	expired, cancelExpired := context.WithDeadline(base, time.Now().Add(time.Minute))
	defer cancelExpired()
	ended, end := context.WithCancel(base)
	end()
	asked := func(c *lazyContext) *lazyContext { c.Done(); return c }
	cancelled := func(c *lazyContext) *lazyContext { c.end(); return c }
	for _, test := range []struct {
		name string
		ctx  *lazyContext
		want error
	}{
		{"runs", newLazyContext(base, long), nil},
		{"runs, asked", asked(newLazyContext(base, long)), nil},
		{"is over", newLazyContext(base, -1), context.DeadlineExceeded},
		{"is over, asked", asked(newLazyContext(base, -1)), context.DeadlineExceeded},
		{"base has ended", newLazyContext(ended, long), context.Canceled},
		{"base has ended, asked", asked(newLazyContext(ended, long)), context.Canceled},
		{"ended", cancelled(newLazyContext(base, long)), context.Canceled},
		{"ended, then asked", asked(cancelled(newLazyContext(base, long))), context.Canceled},
		{"asked, then ended", cancelled(asked(newLazyContext(base, long))), context.Canceled},
		{"is over, then ended", cancelled(asked(newLazyContext(base, -1))), context.DeadlineExceeded},
		{"base ends first", newLazyContext(expired, long), nil},
	} {
		if got := test.ctx.Err(); got != test.want {
			t.Errorf("%s: got %v; want %v", test.name, got, test.want)
		}
		if got := context.Cause(test.ctx); got != test.want {
			t.Errorf("%s: cause: got %v; want %v", test.name, got, test.want)
		}
		if got := test.ctx.Value(testValue{}); got != 7 {
			t.Errorf("%s: value: got %v; want 7", test.name, got)
		}
		select {
		case <-test.ctx.Done():
			if test.want == nil {
				t.Errorf("%s: got one that is done", test.name)
			}
		default:
			if test.want != nil {
				t.Errorf("%s: got one that is not done", test.name)
			}
		}
		test.ctx.end()
		if <-test.ctx.Done(); test.ctx.Err() == nil {
			t.Errorf("%s: after its end: got no error", test.name)
		}
	}
	if got, _ := newLazyContext(expired, long).Deadline(); time.Until(got) > time.Minute {
		t.Errorf("deadline: got %v; want that of its base", got)
	}
	if got, _ := newLazyContext(base, time.Second).Deadline(); time.Until(got) > time.Second {
		t.Errorf("deadline: got %v; want its own", got)
	}
}

// TestLazyContextEndsByTime: whoever waits is told, without having looked at Err.
func TestLazyContextEndsByTime(t *testing.T) {
	c := newLazyContext(context.Background(), 10*time.Millisecond)
	select {
	case <-c.Done():
	case <-time.After(30 * time.Second):
		t.Fatal("it does not end")
	}
	if c.Err() != context.DeadlineExceeded {
		t.Errorf("got %v; want %v", c.Err(), context.DeadlineExceeded)
	}
}

// TestChildrenOfLazyContext: they end with it, and take no goroutine.
func TestChildrenOfLazyContext(t *testing.T) {
	c := newLazyContext(context.Background(), time.Hour)
	before := runtime.NumGoroutine()
	var children []context.Context
	for range 100 {
		child, cancel := context.WithCancel(c)
		defer cancel()
		children = append(children, child)
	}
	if n := runtime.NumGoroutine() - before; n > 50 {
		t.Errorf("got %d more goroutines; want none", n)
	}
	c.end()
	for _, child := range children {
		<-child.Done()
		if !errors.Is(child.Err(), context.Canceled) {
			t.Errorf("got %v; want %v", child.Err(), context.Canceled)
		}
	}
}

// TestLazyContextErrStays: what Err has said it says again.
func TestLazyContextErrStays(t *testing.T) {
	c := newLazyContext(t.Context(), time.Millisecond)
	c.end()
	for time.Now().Before(c.deadline) {
		time.Sleep(time.Millisecond)
	}
	<-c.Done()
	if got := c.Err(); got != context.Canceled {
		t.Errorf("got %v behind context.Canceled; want it again", got)
	}
}
