package xmlrpc

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		b := newBudget(10)
		if !b.reserve(ctx, 6) || !b.reserve(ctx, 4) {
			t.Fatal("there was room for 10")
		}

		var served atomic.Int32
		done := make(chan struct{})
		for i, n := range []int64{8, 1} {
			go func() {
				if !b.reserve(ctx, n) {
					t.Errorf("waiter %d got nothing", i)
				}
				served.Add(1)
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		b.release(4)
		synctest.Wait()
		if served.Load() != 0 {
			t.Fatal("a small waiter went past a large one")
		}
		b.release(6)
		<-done
		<-done
		b.release(9)

		if !b.reserve(ctx, 10) {
			t.Fatal("not all was given back")
		}
		start := time.Now()
		if b.reserve(ctx, 1) || time.Since(start) != budgetWait {
			t.Errorf("a waiter was let go after %v; want %v", time.Since(start), budgetWait)
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if b.reserve(cancelled, 1) {
			t.Error("a waiter got room that was not there")
		}

		// One that gives up lets those behind it through.
		b.release(5)
		go func() {
			if b.reserve(ctx, 10) {
				t.Error("a waiter got room that was not there")
			}
			done <- struct{}{}
		}()
		time.Sleep(time.Second)
		if start := time.Now(); !b.reserve(ctx, 5) || time.Since(start) > budgetWait {
			t.Error("a waiter stayed behind one that has given up")
		}
		<-done
		b.release(10)
		if b.left != 10 || len(b.waiting) != 0 {
			t.Errorf("in the end %d are left and %d wait; want 10 and 0", b.left, len(b.waiting))
		}
	})
}
