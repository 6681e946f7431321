package native

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/faultproxy"
	"github.com/parley-rpc/parley/rpc"
)

// TestSilentPeerIsFoundByDefault: within 15 s. That the limits are kept is shown
// by TestSilentPeer in simulated time, and here for real.
func TestSilentPeerIsFoundByDefault(t *testing.T) {
	l, err := Limits{}.withDefaults()
	if err != nil || l.PingAfter != 5*time.Second || l.DeadAfter != 15*time.Second {
		t.Errorf("got PingAfter %v, DeadAfter %v, %v; want 5 s and 15 s", l.PingAfter, l.DeadAfter, err)
	}
}

// TestSlowWayIsNotDead: a message that takes far longer than DeadAfter to pass,
// since the way is slow, does not make either side believe that the other one is
// dead, although its PING or the answer to it waits behind the message.
func TestSlowWayIsNotDead(t *testing.T) {
	stalls := watchStalls(t)
	var cells sync.WaitGroup
	defer cells.Wait()
	for _, network := range []string{"tcp", "unix", "tls"} {
		for _, method := range []string{"sink", "blob"} {
			cells.Go(func() {
				t.Run(network+"/"+method, func(t *testing.T) {
					stalls.trials(t, func(t testing.TB, _ func() time.Duration) { slowWay(t, network, method) })
				})
			})
		}
	}
}

func slowWay(t testing.TB, network, method string) {
	srv := newFaultServer(t, network)
	proxy, url := testFaultProxy(t, srv.Addr())
	c := testClient(t, url, DialConfig{Limits: Limits{PingAfter: faultPing, DeadAfter: faultDead}})
	// Frames come often enough for their receiver not to ask by itself, and what is
	// sent takes longer than faultDead to arrive.
	const size, bandwidth = 1_500_000, 700_000 / slower
	proxy.Set(faultproxy.Up, faultproxy.Fault{Bandwidth: bandwidth, Latency: 3 * faultPing})
	proxy.Set(faultproxy.Down, faultproxy.Fault{Bandwidth: bandwidth})
	f := fly(c, "a slow call", method, size, longCall)
	<-f.over
	if f.err != nil {
		t.Errorf("got %v after %v; want the answer, since bytes have come all the time", f.err, f.took)
	}
	if f.took < 3*faultDead/2 {
		t.Errorf("it took %v; want more than %v for the test to mean anything", f.took, 3*faultDead/2)
	}
}

// TestFlippedBitInAHead: with any bit of the head of a frame flipped, on either
// way, calls keep their deadlines, and the client is back soon: a length that has
// become larger must not make a session deaf for as long as it takes to fill.
func TestFlippedBitInAHead(t *testing.T) {
	const head = headerSize + 3 // type, flags, id
	check := nothingLeft(t)
	t.Run("bits", func(t *testing.T) {
		srv := newFaultServer(t, "unix")
		stalls := watchStalls(t)
		places := make(chan struct{}, 28) // cells at the same time
		var cells sync.WaitGroup
		defer cells.Wait()
		for _, way := range []faultproxy.Direction{faultproxy.Up, faultproxy.Down} {
			for bit := range int64(8 * head) {
				places <- struct{}{}
				cells.Go(func() {
					defer func() { <-places }()
					t.Run(fmt.Sprintf("%v/%d", way, bit), func(t *testing.T) {
						stalls.trials(t, func(t testing.TB, allowed func() time.Duration) { flippedBit(t, srv, way, bit, allowed) })
					})
				})
			}
		}
	})
	check()
}

func flippedBit(t testing.TB, srv *faultServer, way faultproxy.Direction, bit int64, allowed func() time.Duration) {
	proxy, url := testFaultProxy(t, srv.Addr())
	c := testClient(t, url, DialConfig{DialTimeout: faultDial, Limits: Limits{PingAfter: faultPing, DeadAfter: faultDead}})
	if err := makeCall(testContext(t), c, "echo", 10); err != nil {
		t.Fatal(err)
	}
	var flipped atomic.Bool // for once: the next login is not to fail of it
	proxy.Set(way, faultproxy.Fault{Alter: func(at int64, b []byte) {
		if bit/8 < at+int64(len(b)) && !flipped.Swap(true) {
			faultproxy.FlipBit(bit)(at, b)
		}
	}})
	since := time.Now()
	for i := 0; ; i++ {
		f := fly(c, "a call", "echo", 10, soonCall)
		want := inTime
		if i == 0 {
			want = garbled
		}
		f.check(t, want, since, allowed)
		if f.err == nil && i > 0 {
			return
		}
		// The session is given up, then another one begins.
		if took := time.Since(since); took > faultDead+faultPing+soonCall+firstRetry+allowed() {
			t.Errorf("the client is not back after %v: %v", took, f.err)
			return
		}
	}
}

// TestSilentLoginIsNoWrongKey: a server that is stopped, or that somebody has
// put a silent relay in front of, is tried again soon, unlike one that has another
// key.
func TestSilentLoginIsNoWrongKey(t *testing.T) {
	a, b := testSockets(t, "unix")
	defer a.Close()
	h := handshake{auth: oneKey(testKey), role: dialerRole, timeout: 20 * time.Millisecond}
	_, err := h.run(t.Context(), b)
	if !errors.Is(err, ErrNoChallenge) {
		t.Fatalf("a silent listener: got %v; want %v", err, ErrNoChallenge)
	}
	var back backoff
	back.note(&rpc.LinkError{Sent: rpc.NotSent, Op: "dial", Err: err})
	if err := back.refused(); err != nil {
		t.Errorf("the next call is refused without an attempt: %v", err)
	}
	if wait := back.wait(); wait > firstRetry {
		t.Errorf("the next attempt waits %v; want %v at most", wait, firstRetry)
	}
	back.note(&rpc.LinkError{Sent: rpc.NotSent, Op: "dial", Err: ErrKeyRefused})
	if back.refused() == nil {
		t.Error("a wrong key is tried again at once")
	}
}
