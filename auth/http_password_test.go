package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
)

// TestFailureBucket: wrong passwords of an address are bounded, those of this
// machine are not, and neither a right one that is remembered nor a key is held up.
func TestFailureBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, key := webCredentials(t)
		try := func(from netip.Addr, authorization string) (int, time.Duration) {
			_, err := c.AuthenticateHTTP(t.Context(), authorization, from)
			return status(err)
		}
		if s, _ := try(farHost, basic("ann", httpPassword)); s != 200 {
			t.Fatalf("got status %d", s)
		}
		for range 50 { // none of this is a wrong password
			try(farHost, "")
			try(farHost, "Basic x")
			try(farHost, "Bearer "+testKeyText)
			try(farHost, basic("ann", httpPassword))
		}
		before := f.calls.Load()
		for i := range limits.FailureBurst {
			if s, _ := try(farHost, basic(fmt.Sprint("user", i), wrongOne)); s != 401 {
				t.Fatalf("wrong password %d: got status %d; want 401", i, s)
			}
		}
		for range 5 {
			if s, after := try(farHost, basic("bob", "bob's own password")); s != 429 || after <= 0 || after > limits.FailurePause {
				t.Errorf("after %d wrong passwords: got status %d, Retry-After %v; want 429 and up to %v", limits.FailureBurst, s, after, limits.FailurePause)
			}
		}
		if n := f.calls.Load() - before; n != limits.FailureBurst {
			t.Errorf("%d passwords were checked; want %d", n, limits.FailureBurst)
		}
		for what, authorization := range map[string]string{
			"a password that is remembered": basic("ann", httpPassword), "a key": "Bearer " + key.Reveal(), "a key as password": basic("bot.k1", key.Reveal()),
		} {
			if s, _ := try(farHost, authorization); s != 200 {
				t.Errorf("%s: got status %d; want 200", what, s)
			}
		}
		if s, _ := try(otherHost, basic("bob", wrongOne)); s != 401 {
			t.Errorf("another host: got status %d; want 401", s)
		}
		// The mapped form is the same address; of IPv6 a whole network is.
		if s, _ := try(netip.MustParseAddr("::ffff:192.0.2.1"), basic("bob", wrongOne)); s != 429 {
			t.Errorf("the same address in IPv6: got status %d; want 429", s)
		}
		for i := range limits.FailureBurst {
			try(netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1)), basic("bob", wrongOne))
		}
		if s, _ := try(netip.MustParseAddr("2001:db8::ffff:1:1%eth0"), basic("bob", wrongOne)); s != 429 {
			t.Errorf("another address of the same /64: got status %d; want 429", s)
		}
		if s, _ := try(netip.MustParseAddr("2001:db8:0:1::1"), basic("bob", wrongOne)); s != 401 {
			t.Errorf("the next /64: got status %d; want 401", s)
		}
		// One local program with an old password must not lock out the others.
		for _, from := range []netip.Addr{thisHost, netip.IPv6Loopback(), {}} {
			for range 3 * limits.FailureBurst {
				if s, _ := try(from, basic("bob", wrongOne)); s != 401 {
					t.Fatalf("%v: got status %d; want 401", from, s)
				}
			}
		}
		time.Sleep(limits.FailurePause)
		if s, _ := try(farHost, basic("bob", wrongOne)); s != 401 {
			t.Errorf("after a pause: got status %d; want 401", s)
		}
		if s, _ := try(farHost, basic("bob", wrongOne)); s != 429 {
			t.Errorf("and once more: got status %d; want 429", s)
		}
	})
}

// A password that was right is remembered for a while, and not for ever; and no
// more than so many are.
func TestProvedPasswordsAreForgotten(t *testing.T) {
	if provedFor != 5*time.Minute {
		t.Errorf("got %v; want 5 min", provedFor)
	}
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		try := func(checks int32) {
			t.Helper()
			before := f.calls.Load()
			if _, err := c.AuthenticateHTTP(t.Context(), basic("ann", httpPassword), farHost); err != nil {
				t.Fatal(err)
			}
			if n := f.calls.Load() - before; n != checks {
				t.Errorf("%d passwords were checked; want %d", n, checks)
			}
		}
		try(1)
		time.Sleep(provedFor - time.Nanosecond)
		try(0) // which does not prolong it
		time.Sleep(time.Nanosecond)
		try(1)
		try(0)

		var l provedList
		now := time.Now()
		key := func(i int) proofKey { return proofKey{byte(i), byte(i >> 8)} }
		for i := range 3 * maxProved {
			l.add(key(i), now.Add(provedFor), now)
			if !l.has(key(i), now) || len(l.until) > maxProved || len(l.order) > maxProved {
				t.Fatalf("after %d: %d are remembered in %d places", i, len(l.until), len(l.order))
			}
		}
		if l.has(key(2*maxProved-1), now) || !l.has(key(2*maxProved), now) {
			t.Error("not the oldest was forgotten")
		}
		for range 2 * maxProved { // the same again and again leaves the others alone
			l.add(key(3*maxProved-1), now.Add(provedFor), now)
		}
		if len(l.until) > maxProved || len(l.order) > maxProved || !l.has(key(3*maxProved-1), now) {
			t.Errorf("%d are remembered in %d places", len(l.until), len(l.order))
		}
	})
}

// Those who give the same password at the same time wait for one check.
func TestSamePasswordsAreCheckedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		f.hold = make(chan struct{})
		leader, leave := context.WithCancel(t.Context())
		defer leave()
		var right, wrong atomic.Int32
		var wg sync.WaitGroup
		login := func(ctx context.Context, password string) {
			wg.Go(func() {
				if _, err := c.AuthenticateHTTP(ctx, basic("ann", password), farHost); err == nil {
					right.Add(1)
				} else if s, _ := status(err); s == 401 {
					wrong.Add(1)
				}
			})
		}
		login(leader, httpPassword)
		synctest.Wait()
		for range 50 {
			login(t.Context(), httpPassword)
		}
		synctest.Wait()
		if n := f.calls.Load(); n != 1 {
			t.Errorf("%d checks are under way; want 1", n)
		}
		close(f.hold)
		wg.Wait()
		if n := f.calls.Load(); n != 1 || right.Load() != 51 {
			t.Errorf("%d checks, %d were let in; want 1 and 51", n, right.Load())
		}
		// They are wrong together, and each of them counts.
		f.hold = make(chan struct{})
		for range limits.FailureBurst {
			login(t.Context(), wrongOne)
		}
		synctest.Wait()
		close(f.hold)
		wg.Wait()
		if n := f.calls.Load(); n != 2 || wrong.Load() != limits.FailureBurst {
			t.Errorf("%d checks, %d were refused; want 2 and %d", n, wrong.Load(), limits.FailureBurst)
		}
		_, err := c.AuthenticateHTTP(t.Context(), basic("bob", wrongOne), farHost)
		if s, _ := status(err); s != 429 {
			t.Errorf("after that: got status %d; want 429", s)
		}
	})
}

// One who leaves while waiting for its turn does not take the others with it.
func TestWaitingForWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		c.web.work = &workroom{most: 1, free: 1}
		f.hold = make(chan struct{})
		var wg sync.WaitGroup
		login := func(ctx context.Context, id, password string) *error {
			result := new(error)
			wg.Go(func() { _, *result = c.AuthenticateHTTP(ctx, basic(id, password), farHost) })
			synctest.Wait()
			return result
		}
		login(t.Context(), "bob", wrongOne) // holds the room
		ctx, leave := context.WithCancel(t.Context())
		gone := login(ctx, "ann", httpPassword)
		stays := login(t.Context(), "ann", httpPassword)
		leave()
		synctest.Wait()
		close(f.hold)
		wg.Wait()
		if s, _ := status(*gone); s != 503 {
			t.Errorf("who left: got %v", *gone)
		}
		if *stays != nil {
			t.Errorf("who waited for it: %v", *stays)
		}
	})
}

// TestChecksAreBounded: so many at once, so many wait, and not for long.
func TestChecksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f, _ := webCredentials(t)
		c.web.work = &workroom{most: 2, free: 2}
		f.hold = make(chan struct{})
		results := make(chan int, 100)
		for i := range 100 {
			go func() {
				_, err := c.AuthenticateHTTP(t.Context(), basic(fmt.Sprint("user", i), wrongOne), thisHost)
				s, after := status(err)
				if s == 503 && after <= 0 {
					t.Error("a 503 does not say when to try again")
				}
				results <- s
			}()
		}
		synctest.Wait()
		if n := f.calls.Load(); n != 2 {
			t.Errorf("%d checks at the same time; want 2", n)
		}
		if n := len(results); n != 100-2-workQueue {
			t.Errorf("%d were turned away at once; want %d", n, 100-2-workQueue)
		}
		time.Sleep(workWait)
		synctest.Wait()
		if n := len(results); n != 98 {
			t.Errorf("%d were turned away after %v; want 98", n, workWait)
		}
		close(f.hold)
		counts := map[int]int{}
		for range 100 {
			counts[<-results]++
		}
		if counts[503] != 98 || counts[401] != 2 {
			t.Errorf("got %v; want 98 times 503, 2 times 401", counts)
		}
		if _, err := c.AuthenticateHTTP(t.Context(), basic("ann", httpPassword), thisHost); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

// A check that takes more memory takes the room of several.
func TestWorkroomSharesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &workroom{most: 3, free: 3}
		leaveSmall, err := w.enter(t.Context(), 19<<10)
		if err != nil {
			t.Fatal(err)
		}
		entered := make(chan func(), 2)
		for _, memory := range []int{256 << 10, 64 << 10} { // more than there is; and one behind it
			go func() {
				leave, err := w.enter(t.Context(), memory)
				if err != nil {
					t.Error(err)
				}
				entered <- leave
			}()
			synctest.Wait()
		}
		if len(entered) != 0 {
			t.Fatal("somebody came in before those who were first")
		}
		leaveSmall()
		synctest.Wait()
		if len(entered) != 1 || w.free != 0 {
			t.Fatalf("got %d in, %d units free; want 1 and 0", len(entered), w.free)
		}
		(<-entered)()
		(<-entered)()
		if w.free != 3 {
			t.Errorf("got %d units back; want 3", w.free)
		}
		// Who gives up leaves its place to those behind.
		leave, _ := w.enter(t.Context(), 128<<10)
		ctx, cancel := context.WithCancel(t.Context())
		big, small := make(chan error, 1), make(chan error, 1)
		go func() { _, err := w.enter(ctx, 192<<10); big <- err }()
		synctest.Wait()
		go func() { _, err := w.enter(t.Context(), 64<<10); small <- err }()
		synctest.Wait()
		cancel()
		if err := <-big; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v; want context.Canceled", err)
		}
		if err := <-small; err != nil {
			t.Error(err)
		}
		leave()
	})
}

// Who is removed, or gets another password, while the old one is being checked is
// not let in by it.
func TestRevokedDuringTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for what, entries := range map[string][]Entry{
			"removed": nil, "another password": {{ID: "ann", Identity: "ann", Use: UseHTTP, PHC: cheapPHC('c')}},
		} {
			c, f, _ := webCredentials(t)
			f.hold = make(chan struct{})
			result := make(chan error, 1)
			go func() {
				_, err := c.AuthenticateHTTP(t.Context(), basic("ann", httpPassword), thisHost)
				result <- err
			}()
			synctest.Wait()
			if err := c.Replace(entries); err != nil {
				t.Fatal(err)
			}
			close(f.hold)
			if s, _ := status(<-result); s != 401 {
				t.Errorf("%s: got status %d; want 401", what, s)
			}
		}
	})
}
