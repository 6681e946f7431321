package auth

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/parley-rpc/parley/internal/limits"
)

// TestThreatGuessesAgainstTheCache: who has to wait for wrong passwords cannot go
// on guessing against what others have proved, which costs an HMAC for each guess;
// those who have proved it from the same address are not held up.
func TestThreatGuessesAgainstTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		login := func(password string) int {
			_, err := c.AuthenticateHTTP(t.Context(), basic("ann", password), farHost)
			s, _ := status(err)
			return s
		}
		elsewhere := func(id, password string) int {
			_, err := c.AuthenticateHTTP(t.Context(), basic(id, password), otherHost)
			s, _ := status(err)
			return s
		}
		if s := login(httpPassword); s != 200 {
			t.Fatalf("got status %d", s)
		}
		if s := elsewhere("ann", httpPassword); s != 200 || f.calls.Load() != 1 {
			t.Errorf("from an address that may try: got status %d and %d checks; want 200 of the first check", s, f.calls.Load())
		}
		c.web.proved = provedList{} // some minutes later
		if s := login(httpPassword); s != 200 {
			t.Fatalf("got status %d", s)
		}
		for i := range limits.FailureBurst {
			elsewhere("ann", fmt.Sprint("a guess, number ", i))
		}
		if s := elsewhere("ann", httpPassword); s != 429 {
			t.Errorf("a right guess while it has to wait: got status %d; want 429", s)
		}
		for i := range limits.FailureBurst {
			login(fmt.Sprint("a wrong one, number ", i))
		}
		if s := login("one more"); s != 429 {
			t.Errorf("the address of who is known: got status %d; want 429", s)
		}
		if s := login(httpPassword); s != 200 {
			t.Errorf("who has proved it from there: got status %d; want 200", s)
		}
	})
}
