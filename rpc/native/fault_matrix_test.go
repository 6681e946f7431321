package native

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/faultproxy"
	"github.com/parley-rpc/parley/rpc"
)

// fault is a row of the matrix: what happens to a connection, and what may
// become of the calls on it.
type fault struct {
	name  string
	begin func(c *faultCell)
	// flights is what becomes of the calls that are under way, and next of one that
	// is made during the fault.
	flights, next outcome
	// plain says that the fault is one of frames, which TLS hides.
	plain bool
	// loses says that the session must end, also if it is idle.
	loses bool
	// size is that of the messages, in bytes, if all of them has to pass slowly.
	size int
}

// faultCell is one test: a fault in a phase on a network.
type faultCell struct {
	fault
	t       testing.TB
	network string
	phase   faultPhase
	srv     *faultServer
	proxy   *faultproxy.Proxy
	victim  *Client
	before  *session // of the victim when the fault comes
	allowed func() time.Duration
}

// both sets the fault of both directions.
func both(f faultproxy.Fault) func(*faultCell) {
	return func(c *faultCell) {
		c.proxy.Set(faultproxy.Up, f)
		c.proxy.Set(faultproxy.Down, f)
	}
}

// way is the direction in which the phase sends.
func (c *faultCell) way() faultproxy.Direction {
	if c.phase == sending || c.phase == idle {
		return faultproxy.Up
	}
	return faultproxy.Down
}

// oneWay sets the fault of the direction that is busy.
func oneWay(f faultproxy.Fault) func(*faultCell) {
	return func(c *faultCell) {
		c.proxy.Heal()
		c.proxy.Set(c.way(), f)
	}
}

// broken ends the connections as f does, after which new ones are healthy.
func broken(f func(*faultproxy.Proxy)) func(*faultCell) {
	return func(c *faultCell) {
		f(c.proxy)
		c.proxy.Heal()
	}
}

// rewritten changes one CALL or RESULT.
func rewritten(f func(frame []byte) (out []byte, last bool)) func(*faultCell) {
	return func(c *faultCell) {
		var done atomic.Bool
		oneWay(faultproxy.Fault{Rewrite: func(frame []byte) ([]byte, bool) {
			kind := frameType(0)
			if len(frame) > headerSize {
				kind = frameType(frame[headerSize])
			}
			if kind != frameCall && kind != frameResult || done.Swap(true) {
				return frame, false
			}
			return f(bytes.Clone(frame))
		}})(c)
	}
}

// waitLost waits until the session has ended, so that the next call needs another.
func (c *faultCell) waitLost() {
	select {
	case <-c.before.dead:
	case <-time.After(5 * time.Second): // which is told by its own check
	}
}

// withID returns a frame with another id, which takes 5 bytes.
func withID(frame []byte, id uint64) []byte {
	const at = headerSize + 2
	_, n := binary.Uvarint(frame[at:])
	out := append(binary.AppendUvarint(bytes.Clone(frame[:at]), id), frame[at+n:]...)
	binary.BigEndian.PutUint32(out, uint32(len(out)-headerSize))
	return out
}

var faults = []fault{
	{name: "reset", flights: atOnce, next: inTime, loses: true, begin: broken((*faultproxy.Proxy).Reset)},
	{name: "close", flights: atOnce, next: inTime, loses: true, begin: broken((*faultproxy.Proxy).Hangup)},
	{name: "close in mid-frame", plain: true, flights: atOnce, next: inTime, loses: true, begin: rewritten(func(f []byte) ([]byte, bool) {
		return f[:len(f)/2], true
	})},
	{name: "close after 1 byte", flights: atOnce, next: inTime, loses: true, begin: oneWay(faultproxy.Fault{CloseAfter: 1})},
	{name: "refuse", flights: atOnce, next: refused, loses: true, begin: func(c *faultCell) {
		c.proxy.Refuse()
		c.proxy.Reset()
		c.waitLost()
	}},
	{name: "close after 100000 bytes", flights: inTime, next: inTime, begin: oneWay(faultproxy.Fault{CloseAfter: 100_000})},
	{name: "oversize length", plain: true, flights: atOnce, next: inTime, loses: true, begin: rewritten(func(f []byte) ([]byte, bool) {
		binary.BigEndian.PutUint32(f, 1<<31-1)
		return f, false
	})},
	{name: "duplicate id", plain: true, flights: atOnce, next: inTime, loses: true, begin: rewritten(func(f []byte) ([]byte, bool) {
		const flags = headerSize + 1
		g := bytes.Clone(f)
		g[flags] &^= flagMore // of the same id, and another message
		return append(g, g...), false
	})},
	{name: "accept then silent", flights: atOnce, next: refused, loses: true, begin: func(c *faultCell) {
		both(faultproxy.Fault{Discard: true})(c)
		c.proxy.Reset()
		c.waitLost()
	}},
	{name: "half-open", flights: dead, next: inTime, loses: true, begin: func(c *faultCell) {
		c.proxy.Strand()
		c.proxy.Heal()
	}},
	{name: "silent", flights: dead, next: inTime, loses: true, begin: both(faultproxy.Fault{Discard: true})},
	{name: "silent one way", flights: inTime, next: inTime, loses: true, begin: oneWay(faultproxy.Fault{Discard: true})},
	{name: "reader that stops", flights: dead, next: inTime, loses: true, begin: both(faultproxy.Fault{Stop: true})},
	{name: "reader that stops one way", flights: inTime, next: inTime, loses: true, begin: oneWay(faultproxy.Fault{Stop: true})},
	{name: "truncated frame", plain: true, flights: garbled, next: garbled, loses: true, begin: rewritten(func(f []byte) ([]byte, bool) { return f[:len(f)-1], false })},
	{name: "flipped bit", plain: true, flights: garbled, next: garbled, begin: oneWay(faultproxy.Fault{Alter: faultproxy.FlipBit(8*3 + 5)})},
	{name: "latency", flights: answered, next: inTime, begin: both(faultproxy.Fault{Latency: 30 * time.Millisecond})},
	{name: "bandwidth", flights: answered, next: inTime, begin: both(faultproxy.Fault{Bandwidth: 8 << 20})},
	{name: "slow reader", flights: answered, next: inTime, size: 150_000, begin: oneWay(faultproxy.Fault{Bandwidth: 512 << 10})},
	{name: "one byte at a time", flights: answered, next: inTime, size: 20_000, begin: both(faultproxy.Fault{Dribble: true})},
	{name: "unknown id", plain: true, flights: atOnce, next: inTime, loses: true, begin: rewritten(func(f []byte) ([]byte, bool) { return withID(f, 1<<31), false })},
	{name: "handler panic", flights: answered, next: answered, begin: func(c *faultCell) {
		c.proxy.Heal()
		for range 3 {
			err := makeCall(testContext(c.t), c.victim, "panic", 10)
			if f := new(rpc.Fault); !errors.As(err, &f) || f.Code != rpc.CodeInternal || !strings.Contains(f.Message, "(id ") {
				c.t.Errorf("a call that panics: got %v; want fault %d with an id", err, rpc.CodeInternal)
			}
		}
		if c.before.ended() != nil {
			c.t.Errorf("the connection is gone: %v", c.before.ended())
		}
	}},
}

// TestFaults is the matrix of faults, phases and networks. Whatever happens, no
// call outlives its deadline, calls in flight fail at once when their connection
// breaks, other connections notice nothing, no call runs twice, nothing is left,
// and the client is back within its back-off.
func TestFaults(t *testing.T) {
	stalls := watchStalls(t)
	// They mostly wait, so more of them at a time than there are processors.
	for together := range slices.Chunk(faults, 2) {
		check := nothingLeft(t)
		var cells sync.WaitGroup
		for _, f := range together {
			for _, network := range []string{"tcp", "unix", "tls"} {
				if f.plain && network == "tls" {
					continue
				}
				for _, phase := range faultPhases {
					cells.Go(func() {
						t.Run(strings.Join([]string{f.name, network, string(phase)}, "/"), func(t *testing.T) {
							stalls.trials(t, func(t testing.TB, allowed func() time.Duration) {
								(&faultCell{t: t, fault: f, network: network, phase: phase, allowed: allowed}).run()
							})
						})
					})
				}
			}
		}
		cells.Wait()
		check()
	}
}

func (c *faultCell) run() {
	t := c.t
	c.srv = newFaultServer(t, c.network)
	var through string
	c.proxy, through = testFaultProxy(t, c.srv.Addr())
	c.victim = testClient(t, through, DialConfig{DialTimeout: faultDial, Limits: Limits{PingAfter: faultPing, DeadAfter: faultDead}})
	stop := bystander(t, c.srv.Addr())
	ctx := testContext(t)
	if err := makeCall(ctx, c.victim, "echo", 10); err != nil {
		t.Fatal(err)
	}
	c.before = c.victim.live.Load()
	flights := c.enter(t)

	since := time.Now()
	c.begin(c)
	next := fly(c.victim, "a call during the fault", "echo", 10, soonCall)
	if !c.loses {
		close(c.srv.release)
	}
	next.check(t, c.next, since, c.allowed)
	for _, f := range flights {
		f.check(t, c.flights, since, c.allowed)
	}
	if c.loses {
		within(t, max(0, time.Until(since.Add(faultDead)))+c.allowed(), "for the end of the session that is broken", func() bool {
			return c.before.ended() != nil
		})
		within(t, max(0, time.Until(since.Add(faultDead)))+c.allowed(), "for the handlers to end", func() bool {
			return c.srv.blocked.Load() == 0
		})
	}
	c.recover(t)
	stop(c.allowed)
	c.srv.ranOnce(t)
}

// enter brings the victim into the phase, and returns its calls that are under
// way: one that ends before the peer can be held to be dead, and one that does
// not.
func (c *faultCell) enter(t testing.TB) (flights []*flight) {
	if c.phase == idle {
		return nil
	}
	method, size := map[faultPhase]string{sending: "sink", handling: "block", receiving: "blob"}[c.phase], faultLarge
	if c.size > 0 {
		size = c.size
	}
	if c.phase == handling {
		size = 10
	}
	deadlines := []time.Duration{shortCall, longCall}
	if c.flights == answered {
		deadlines[0] = longCall
	}
	start := c.proxy.Bytes(c.way())
	if c.phase != handling {
		c.proxy.Set(c.way(), faultproxy.Fault{Bandwidth: 2 * size})
	}
	for _, d := range deadlines {
		flights = append(flights, fly(c.victim, fmt.Sprintf("a call with %v", d), method, size, d))
	}
	if c.phase == handling {
		for range flights {
			wantWithin(t, c.srv.entered, "for a handler")
		}
		return flights
	}
	within(t, 5*time.Second, "for the messages to be under way", func() bool {
		return c.proxy.Bytes(c.way())-start > int64(size)/20 && c.before.begunCalls() == len(flights)
	})
	for _, f := range flights {
		select {
		case <-f.over:
			t.Errorf("%s: it is over before the fault (%v)", f.name, f.err)
		default:
		}
	}
	return flights
}

// recover lifts the fault. The client must be back as soon as the attempt that
// is under way has ended and its back-off is over.
func (c *faultCell) recover(t testing.TB) {
	if err := c.proxy.Heal(); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	c.victim.mu.Lock()
	failures := c.victim.backoff.failures
	c.victim.mu.Unlock()
	limit := faultDial + min(firstRetry<<min(failures+1, 16), lastRetry)
	for {
		f := fly(c.victim, "a call after the fault", "echo", 1000, soonCall)
		f.check(t, inTime, begin, c.allowed)
		if f.err == nil {
			return
		}
		var link *rpc.LinkError
		if !errors.As(f.err, &link) {
			t.Errorf("a call after the fault: got %v; want an answer or a LinkError", f.err)
		}
		if took := time.Since(begin); took > limit+c.allowed() {
			t.Errorf("the client is not back %v after the fault, which is more than its back-off of %v: %v", took, limit, f.err)
			return
		}
		if errors.Is(f.err, context.Canceled) {
			t.Errorf("got %v; want an error that says what happened", f.err)
		}
	}
}
