package auth

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// TestThreatNamesByTheTimeOfARefusal: once an address has to wait it is told so at
// once, without the work that hides the rest; that must not tell which names there
// are.
func TestThreatNamesByTheTimeOfARefusal(t *testing.T) {
	entries := make([]Entry, 2000)
	for i := range entries {
		entries[i] = Entry{ID: fmt.Sprintf("user%d", i), Identity: "user", Use: UseHTTP, PHC: cheapPHC('a')}
	}
	c, err := NewCredentials(entries, CredentialsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	c.web.verify = func(string, string) (bool, error) { return false, nil }
	from := netip.MustParseAddr("203.0.113.5")
	attempt := func(id string) int {
		_, err := c.AuthenticateHTTP(context.Background(), basic(id, "wrong password"), from)
		code, _ := status(err)
		return code
	}
	for attempt("user1") != 429 {
	}
	times := map[string][]time.Duration{}
	for range 500 {
		for _, id := range []string{"user1", "nobody"} {
			begin := time.Now()
			if code := attempt(id); code != 429 {
				t.Fatalf("%s: got %d; want 429", id, code)
			}
			times[id] = append(times[id], time.Since(begin))
		}
	}
	median := func(id string) time.Duration {
		slices.Sort(times[id])
		return times[id][len(times[id])/2]
	}
	if known, unknown := median("user1"), median("nobody"); unknown > 3*known || known > 3*unknown {
		t.Errorf("a refusal: got %v for a name that exists and %v for one that does not; want the same", known, unknown)
	}
}

// TestThreatGuesserWhoHangsUp: whoever does not wait for the answer has caused the
// work all the same, and it counts.
func TestThreatGuesserWhoHangsUp(t *testing.T) {
	c, _, _ := webCredentials(t)
	from := netip.MustParseAddr("203.0.113.5")
	checks := 0
	for i := range 100 {
		ctx, hangUp := context.WithCancel(context.Background())
		c.web.verify = func(string, string) (bool, error) {
			checks++
			hangUp()
			return false, nil
		}
		_, _ = c.AuthenticateHTTP(ctx, basic("nobody", fmt.Sprint("wrong password ", i)), from) // nobody reads it
		hangUp()
	}
	if checks > wrongBurst+1 { // one more if the test takes longer than a wrongPause
		t.Errorf("got %d passwords checked for an address; want %d", checks, wrongBurst)
	}
}
