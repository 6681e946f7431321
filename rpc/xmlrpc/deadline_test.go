package xmlrpc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

type deadlineKey struct{}

// A deadlineContext is what context.WithDeadline gives, looked at in every order.
func TestDeadlineContext(t *testing.T) {
	type step func(c context.Context)
	done := func(c context.Context) { c.Done() }
	err := func(c context.Context) { _ = c.Err() }
	for name, before := range map[string][]step{"unseen": nil, "waited for": {done}, "asked": {err}, "both": {err, done, err}} {
		for end, want := range map[string]error{"parent": context.Canceled, "deadline": context.DeadlineExceeded, "end": context.Canceled, "deadline, then end": context.DeadlineExceeded, "none": nil} {
			t.Run(name+"/"+end, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					parent, cancel := context.WithCancel(context.WithValue(t.Context(), deadlineKey{}, "v"))
					defer cancel()
					deadline := time.Now().Add(time.Minute)
					c := withDeadline(parent, deadline)
					defer c.end()
					for _, do := range before {
						do(c)
					}
					switch end {
					case "parent":
						cancel()
					case "deadline":
						time.Sleep(time.Minute)
					case "end":
						c.end()
					case "deadline, then end":
						time.Sleep(time.Minute)
						c.end()
						c.end()
						cancel()
					}
					synctest.Wait()
					if got := c.Err(); !errors.Is(got, want) || (got == nil) != (want == nil) {
						t.Errorf("Err: got %v; want %v", got, want)
					}
					select {
					case <-c.Done():
						if want == nil {
							t.Error("Done is closed")
						}
					default:
						if want != nil {
							t.Error("Done is open")
						}
					}
					if got := c.Err(); !errors.Is(got, want) {
						t.Errorf("Err after Done: got %v; want %v", got, want)
					}
					if got, ok := c.Deadline(); !ok || !got.Equal(deadline) {
						t.Errorf("Deadline: got %v, %t", got, ok)
					}
					if got := c.Value(deadlineKey{}); got != "v" {
						t.Errorf("Value: got %v", got)
					}
				})
			})
		}
	}
}

func TestDeadlineContextOfAnEarlierParent(t *testing.T) {
	parent, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := withDeadline(parent, time.Now().Add(time.Hour))
	defer c.end()
	want, _ := parent.Deadline()
	if got, _ := c.Deadline(); !got.Equal(want) {
		t.Errorf("got %v; want that of the parent, %v", got, want)
	}
}

// Children end with it, and need no goroutine to do so: synctest would not return
// while one waits.
func TestDeadlineContextEndsItsChildren(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := withDeadline(t.Context(), time.Now().Add(time.Minute))
		child, cancel := context.WithCancel(c)
		defer cancel()
		called := false
		stop := context.AfterFunc(c, func() { called = true })
		defer stop()
		forever, forget := context.WithCancel(c) // nobody ends this one before c
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(child.Err(), context.DeadlineExceeded) || !errors.Is(forever.Err(), context.DeadlineExceeded) || !called {
			t.Errorf("got %v, %v, called %t", child.Err(), forever.Err(), called)
		}
		forget()
		c.end()
	})
}

// Most calls end unseen: that takes no timer, and one allocation.
func TestDeadlineContextCostsNoTimer(t *testing.T) {
	parent := t.Context()
	at := time.Now().Add(time.Hour)
	if n := testing.AllocsPerRun(100, func() {
		c := withDeadline(parent, at)
		_ = c.Err()
		_ = c.Value(deadlineKey{})
		c.end()
	}); n > 1 {
		t.Errorf("got %v allocations; want 1", n)
	}
}
