package native

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestSilentPeer: after PingAfter it is asked for a sign of life, after DeadAfter
// given up. Time is simulated.
func TestSilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := greeted(t, sessionConfig{})
		begin := time.Now()
		wantAt := func(seconds int, kind frameType, id uint64) {
			t.Helper()
			f, ok := <-p.read
			if took := time.Since(begin); !ok || f.kind != kind || f.id != id || took != time.Duration(seconds)*time.Second {
				t.Fatalf("after %v: got %v %d (connection open: %v); want %v %d after %d s", took, f.kind, f.id, ok, kind, id, seconds)
			}
		}
		wantAt(5, framePing, 1)
		p.send(frame(framePong, 0, 1, ""))
		wantAt(10, framePing, 2) // no answer: two more chances
		wantAt(15, framePing, 3)
		called := make(chan error, 1)
		go func() {
			_, err := rpc.Invoke[any](context.Background(), s, "call")
			called <- err
		}()
		wantAt(15, frameCall, 2)
		if f, ok := <-p.read; ok {
			t.Fatalf("got %v %d; want the end", f.kind, f.id)
		}
		if took := time.Since(begin); took != 20*time.Second {
			t.Errorf("it was given up after %v; want 20 s, 15 after its last sign of life", took)
		}
		wantLink(t, "a call", <-called, rpc.Unknown, ErrPeerDead)
		if _, err := rpc.Invoke[any](context.Background(), s, "call"); !errors.Is(err, ErrPeerDead) {
			t.Errorf("a call afterwards: %v", err)
		}
	})
}

// TestIdleSessionLives: two live peers without anything to say keep it up.
func TestIdleSessionLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := testPipe(t, sessionConfig{handler: echo}, sessionConfig{limits: Limits{PingAfter: 7 * time.Second}})
		time.Sleep(time.Hour)
		if _, err := rpc.Invoke[int](context.Background(), client, "echo", 1); err != nil {
			t.Errorf("after an hour: %v", err)
		}
		for _, s := range []*session{server, client} {
			if err := s.ended(); err != nil {
				t.Errorf("it has ended: %v", err)
			}
		}
	})
}

// TestIdleSessionTakesLittle: what a busy time has taken is given back, also by
// the side that never has to ask for a sign of life, since the other one does.
func TestIdleSessionTakesLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := testPipe(t, sessionConfig{handler: echo}, sessionConfig{limits: Limits{PingAfter: 3 * time.Second}})
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, err := rpc.Invoke[[]byte](context.Background(), client, "echo", make([]byte, 10_000)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		time.Sleep(2*defaultPingAfter + time.Second)
		for _, s := range []*session{server, client} {
			synctest.Wait()
			s.mu.Lock()
			st := &s.st
			if n := cap(st.out) + cap(st.spare) + 8*cap(st.large) + 8*cap(st.workers.queue); n > 1<<10 || st.workers.waiting > 0 || st.calls != nil {
				t.Errorf("%d bytes, %d workers, calls %v", n, st.workers.waiting, st.calls)
			}
			s.mu.Unlock()
			s.update(func(st *state) {}) // the lock works still
		}
	})
}

// TestNoHello: a peer that does not begin is not waited for.
func TestNoHello(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, s := newWirePeer(t, sessionConfig{})
		begin := time.Now()
		<-s.gone
		if took := time.Since(begin); took != defaultHandshakeTimeout || !errors.Is(s.ended(), ErrPeerDead) {
			t.Errorf("it ended after %v with %v; want %v", took, s.ended(), defaultHandshakeTimeout)
		}
	})
}

// TestPeerTakesNothing: one that sends, but reads nothing, is given up as well.
func TestPeerTakesNothing(t *testing.T) {
	for _, kind := range []string{"pipe", "tcp"} {
		t.Run(kind, func(t *testing.T) {
			var a, b net.Conn
			if kind == "pipe" {
				a, b = net.Pipe()
			} else {
				a, b = testSockets(t, kind)
			}
			client := testSession(t, b, sessionConfig{dialer: true, limits: Limits{DeadAfter: 200 * time.Millisecond}})
			var wg sync.WaitGroup
			defer wg.Wait()
			defer a.Close()
			wg.Go(func() {
				a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
				for err := error(nil); err == nil; time.Sleep(20 * time.Millisecond) {
					_, err = a.Write([]byte(frame(frameExtension, 0, 0, "alive")))
				}
			})
			wantWithin(t, client.ready, "for HELLO")
			for range 20 {
				wg.Go(func() {
					_, err := rpc.Invoke[any](testContext(t), client, "echo", make([]byte, 1<<20))
					if !errors.Is(err, ErrPeerDead) {
						t.Errorf("got %v; want %v", err, ErrPeerDead)
					}
				})
			}
			wantWithin(t, client.gone, "for the session to end")
		})
	}
}

// TestCloseWaitsForAll: nothing of a session is left when Close returns.
func TestCloseWaitsForAll(t *testing.T) {
	var inside atomic.Int32
	entered := make(chan struct{}, 50)
	server, client := testPair(t, "tcp", sessionConfig{handler: methods{"slow": func(ctx context.Context, _ *rpc.Request) (any, error) {
		inside.Add(1)
		defer inside.Add(-1)
		entered <- struct{}{}
		<-ctx.Done()
		time.Sleep(20 * time.Millisecond)
		return nil, nil
	}}}, sessionConfig{})
	failed := make(chan error, 50)
	for range 50 {
		go func() {
			_, err := rpc.Invoke[any](testContext(t), client, "slow")
			failed <- err
		}()
	}
	for range 50 {
		wantWithin(t, entered, "for a handler to begin")
	}
	server.Close()
	if n := inside.Load(); n != 0 {
		t.Errorf("%d handlers are left", n)
	}
	for range 50 {
		wantLink(t, "a call", wantWithin(t, failed, "for a caller"), rpc.Unknown, io.ErrUnexpectedEOF)
	}
	server.Close()
}

// TestGoawayTellsWhatWasNotTaken: calls that meet a GOAWAY fail with NotSent, and
// those before it are answered.
func TestGoawayTellsWhatWasNotTaken(t *testing.T) {
	a, b := testSockets(t, "tcp")
	client := testSession(t, b, sessionConfig{dialer: true})
	a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
	wantWithin(t, client.ready, "for HELLO")
	got := make([]chan error, 3)
	for i := range got {
		got[i] = make(chan error, 1)
		go func() {
			_, err := rpc.Invoke[int](testContext(t), client, "call")
			got[i] <- err
		}()
		for client.places() <= i {
			time.Sleep(time.Millisecond)
		}
	}
	a.Write([]byte(frame(frameGoaway, 0, 1, "\x00bye")))
	for _, c := range got[1:] {
		wantLink(t, "a call that was not taken", wantWithin(t, c, "for a caller"), rpc.NotSent, ErrGoingAway)
	}
	_, err := rpc.Invoke[int](testContext(t), client, "call")
	wantLink(t, "a new call", err, rpc.NotSent, ErrGoingAway)
	a.Write([]byte(frame(frameResult, 0, 1, "\x07")))
	if err := wantWithin(t, got[0], "for the first caller"); err != nil {
		t.Errorf("the call that was taken: %v", err)
	}
	// Now that all is answered, the side that was told closes the connection.
	wantWithin(t, client.gone, "for the session to end")
	if err := client.ended(); !errors.Is(err, ErrGoingAway) {
		t.Errorf("it ended with %v; want %v", err, ErrGoingAway)
	}
	a.Close()
}

// TestCallsInTheQueueWereNotSent: when a session ends, its callers are told which
// of their calls the peer cannot have seen.
func TestCallsInTheQueueWereNotSent(t *testing.T) {
	a, b := net.Pipe()
	client := testSession(t, b, sessionConfig{dialer: true})
	if _, err := readFrame(a, nil, 1<<10); err != nil { // HELLO; nothing else is read
		t.Fatal(err)
	}
	a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
	wantWithin(t, client.ready, "for HELLO")
	for i, want := range []rpc.Sent{rpc.Unknown, rpc.NotSent, rpc.NotSent, rpc.NotSent} {
		got := make(chan error, 1)
		size := 10
		if i == 3 {
			size = 200_000
		}
		go func() {
			_, err := rpc.Invoke[any](testContext(t), client, "call", make([]byte, size))
			got <- err
		}()
		for client.places() <= i {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(5 * time.Millisecond) // the writer has taken the first one
		defer func() {
			wantLink(t, "call "+string(rune('1'+i)), wantWithin(t, got, "for a caller"), want, nil)
		}()
	}
	a.Close()
}

// TestNothingOfTheWriteLeft: a call whose write failed at its first byte was not
// sent.
func TestNothingOfTheWriteLeft(t *testing.T) {
	a, b := testSockets(t, "unix")
	defer a.Close()
	client := testSession(t, b, sessionConfig{dialer: true})
	a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
	wantWithin(t, client.ready, "for HELLO")
	if err := a.(*net.UnixConn).CloseRead(); err != nil { // and does not say that it closes
		t.Fatal(err)
	}
	_, err := rpc.Invoke[any](testContext(t), client, "call", 1)
	wantLink(t, "the call", err, rpc.NotSent, nil)
	_, err = rpc.Invoke[any](testContext(t), client, "call", 1)
	wantLink(t, "the next one", err, rpc.NotSent, nil)
	wantWithin(t, client.gone, "for the session to end")
}

// TestLeavingAtTheStart: a session that is told to leave before its peer has said
// anything does not wait for it.
func TestLeavingAtTheStart(t *testing.T) {
	p, s := newWirePeer(t, sessionConfig{})
	p.want(frameHello, 0)
	s.leave()
	p.want(frameGoaway, 0)
	for lingers := false; !lingers; time.Sleep(time.Millisecond) {
		s.update(func(st *state) { lingers = st.lingering })
	}
	p.send(frame(frameHello, 0, 0, string(testHello.append(nil))))
	p.wantEnd()
	if wantWithin(t, s.gone, "for the session to end"); !errors.Is(s.ended(), ErrClosed) {
		t.Errorf("it ended with %v; want %v", s.ended(), ErrClosed)
	}
}

// TestAnswersOutliveTheWriter: when the peer has gone, what it answered before
// still arrives.
func TestAnswersOutliveTheWriter(t *testing.T) {
	a, b := testSockets(t, "unix")
	client := testSession(t, b, sessionConfig{dialer: true})
	a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
	wantWithin(t, client.ready, "for HELLO")
	first := make(chan error, 1)
	go func() {
		got, err := rpc.Invoke[string](testContext(t), client, "first")
		if err == nil && got != strings.Repeat("x", 60_000) {
			err = errors.New("wrong answer")
		}
		first <- err
	}()
	for client.places() < 1 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond)
	client.mu.Lock() // the reader gets no further than the answer
	a.Write([]byte(frame(frameResult, 0, 1, "\x79\xea\x60"+strings.Repeat("x", 60_000))))
	a.Close()
	client.mu.Unlock()
	rpc.Invoke[any](testContext(t), client, "second") // fails to write, or to be answered
	if err := wantWithin(t, first, "for the answer"); err != nil {
		t.Errorf("got %v; want the answer", err)
	}
}

// TestContextOfAHandler looks at the contract of context.Context.
func TestContextOfAHandler(t *testing.T) {
	type key struct{}
	base := context.WithValue(context.Background(), key{}, "carried")
	t.Run("cancelled", func(t *testing.T) {
		c := &callContext{base: base}
		if _, ok := c.Deadline(); ok || c.Err() != nil || c.Value(key{}) != "carried" {
			t.Errorf("a new context: deadline %v, error %v, value %v", ok, c.Err(), c.Value(key{}))
		}
		child, cancel := context.WithTimeout(context.WithValue(c, key{}, "other"), time.Hour)
		defer cancel()
		direct, cancelDirect := context.WithCancel(c)
		defer cancelDirect()
		called := make(chan struct{})
		context.AfterFunc(c, func() { close(called) })
		stop := context.AfterFunc(c, func() { t.Error("a function that was stopped was called") })
		if !stop() || stop() {
			t.Error("stop says the wrong thing")
		}
		c.end(context.Canceled)
		c.end(context.DeadlineExceeded)
		for _, ctx := range []context.Context{c, child, direct} {
			wantWithin(t, ctx.Done(), "for a context to end")
			if err := ctx.Err(); err != context.Canceled || context.Cause(ctx) != context.Canceled {
				t.Errorf("got %v, cause %v; want %v", err, context.Cause(ctx), context.Canceled)
			}
		}
		wantWithin(t, called, "for AfterFunc")
		late := make(chan struct{})
		context.AfterFunc(c, func() { close(late) })
		wantWithin(t, late, "for an AfterFunc that comes late")
		lateToo := make(chan struct{})
		if stop := c.AfterFunc(func() { close(lateToo) }); stop() {
			t.Error("stop says that it has prevented what has happened")
		}
		wantWithin(t, lateToo, "for an AfterFunc that comes late")
	})
	t.Run("deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, asked := range []bool{false, true} {
				c := &callContext{base: base, deadline: time.Now().Add(time.Second)}
				if d, ok := c.Deadline(); !ok || time.Until(d) != time.Second || c.Err() != nil {
					t.Errorf("deadline in %v, %v, error %v", time.Until(d), ok, c.Err())
				}
				if asked {
					<-c.Done()
				} else {
					time.Sleep(time.Second)
				}
				if c.Err() != context.DeadlineExceeded {
					t.Errorf("got %v; want a deadline", c.Err())
				}
				<-c.Done()
			}
			c := &callContext{base: base, deadline: time.Now().Add(time.Second)}
			c.Done()
			c.end(context.Canceled)
			if time.Sleep(2 * time.Second); c.Err() != context.Canceled {
				t.Errorf("got %v; want what came first", c.Err())
			}
		})
	})
}

// TestLimitsOfASession are checked where they are set.
func TestLimitsOfASession(t *testing.T) {
	for _, tt := range []struct {
		limits Limits
		want   string // "" is accepted
	}{
		{Limits{}, ""},
		{Limits{MaxMessage: 64 << 10, MaxCalls: 1, MaxBuffered: 64 << 10, PingAfter: 1, DeadAfter: 1}, ""},
		{Limits{MaxMessage: 1 << 30}, ""},
		{Limits{DeadAfter: time.Second}, ""},
		{Limits{PingAfter: time.Hour}, ""},
		{Limits{MaxMessage: -1}, "MaxMessage"},
		{Limits{MaxMessage: 64<<10 - 1}, "MaxMessage"},
		{Limits{MaxMessage: 1<<30 + 1}, "MaxMessage"},
		{Limits{MaxCalls: -1}, "MaxCalls"},
		{Limits{MaxCalls: 1<<20 + 1}, "MaxCalls"},
		{Limits{MaxBuffered: -1}, "MaxBuffered"},
		{Limits{MaxBuffered: 1 << 20}, "MaxBuffered"},
		{Limits{PingAfter: -1}, "PingAfter"},
		{Limits{DeadAfter: -1}, "DeadAfter"},
		{Limits{PingAfter: 2, DeadAfter: 1}, "DeadAfter"},
	} {
		got, err := tt.limits.withDefaults()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: got %v; want an error about %q", tt.limits, err, tt.want)
		}
		if err == nil && (got.MaxBuffered < got.MaxMessage || got.DeadAfter < got.PingAfter) {
			t.Errorf("%+v became %+v", tt.limits, got)
		}
	}
}
