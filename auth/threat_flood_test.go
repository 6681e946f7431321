package auth

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestThreatPasswordFlood: those who try wrong passwords without end do not lock
// out who has logged in before, also not after the five minutes for which that is
// remembered; neither by filling the room for checks nor by spending what wrong
// passwords their address has.
func TestThreatPasswordFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		c.web.work = &workroom{most: 1, free: 1}
		login := func(id, password string) int {
			_, err := c.AuthenticateHTTP(t.Context(), basic(id, password), farHost)
			s, _ := status(err)
			return s
		}
		if got := login("ann", httpPassword); got != 200 {
			t.Fatalf("got status %d; want 200", got)
		}
		time.Sleep(2 * provedFor)

		// The room is full.
		f.hold = make(chan struct{})
		for i := range 1 + workQueue {
			go func() {
				_, _ = c.AuthenticateHTTP(t.Context(), basic("bob", fmt.Sprint("wrong password ", i)), thisHost)
			}()
		}
		synctest.Wait()
		if got := login("ann", httpPassword); got != 200 {
			t.Errorf("who has logged in before got status %d; want 200", got)
		}
		if got := login("ann", wrongOne); got != 503 {
			t.Errorf("a wrong password got status %d; want 503", got)
		}
		close(f.hold)
		synctest.Wait()
		f.hold = nil

		// The address has been wrong too often.
		for range wrongBurst {
			login("bob", wrongOne)
		}
		if got := login("bob", wrongOne); got != 429 {
			t.Fatalf("after %d wrong passwords: got status %d; want 429", wrongBurst, got)
		}
		if got := login("ann", httpPassword); got != 200 {
			t.Errorf("who has logged in before from the same address got status %d; want 200", got)
		}
		if got := login("ann", wrongOne); got != 429 {
			t.Errorf("a wrong password got status %d; want 429", got)
		}

		// With room it is checked again after five minutes, and after a day it has to be.
		time.Sleep(provedFor)
		if before := f.calls.Load(); login("ann", httpPassword) != 200 || f.calls.Load() != before+1 {
			t.Errorf("%d checks after five minutes; want 1", f.calls.Load()-before)
		}
		time.Sleep(provedKept)
		f.hold = make(chan struct{})
		for i := range 1 + workQueue {
			go func() {
				_, _ = c.AuthenticateHTTP(t.Context(), basic("bob", fmt.Sprint("wrong password ", i)), thisHost)
			}()
		}
		synctest.Wait()
		if got := login("ann", httpPassword); got != 503 {
			t.Errorf("a day after the login: got status %d; want 503", got)
		}
		close(f.hold)
		synctest.Wait()
	})
}
