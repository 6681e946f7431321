package native

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// meter stands between a client and a server and counts what goes through.
type meter struct {
	url      string
	gate     sync.Mutex    // stops what goes to the server
	up, down atomic.Uint64 // bytes to the server, to the client
}

func newMeter(t testing.TB, server string) *meter {
	t.Helper()
	l, err := listen("tcp://127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{url: urlOf(l.Addr())}
	var work sync.WaitGroup
	pass := func(to, from net.Conn, count *atomic.Uint64) {
		defer to.Close()
		b := make([]byte, 32<<10)
		for {
			if count == &m.up {
				m.gate.Lock()
				m.gate.Unlock() //nolint:staticcheck // it is only waited for
			}
			n, err := from.Read(b)
			count.Add(uint64(n))
			if _, failed := to.Write(b[:n]); err != nil || failed != nil {
				return
			}
		}
	}
	work.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := dial(context.Background(), server)
			if err != nil {
				client.Close()
				continue
			}
			work.Go(func() { pass(server, client, &m.up) })
			work.Go(func() { pass(client, server, &m.down) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		work.Wait()
	})
	return m
}

// wantStats waits until got returns want.
func wantStats[T comparable](t testing.TB, what string, want T, got func() T) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); got() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: got\n%+v; want\n%+v", what, got(), want)
		}
	}
}

// TestStatsOfAScript: each kind of outcome is counted, once, on both sides.
func TestStatsOfAScript(t *testing.T) {
	entered, ended := make(chan struct{}, 1), make(chan error, 1)
	server := methods{
		"echo":  echo.Call,
		"block": block(entered, ended),
		"no":    func(context.Context, *rpc.Request) (any, error) { return nil, rpc.Errorf(7, "no") },
		"back": func(ctx context.Context, _ *rpc.Request) (any, error) {
			p := rpc.PeerFrom(ctx)
			_, err := rpc.Invoke[int](ctx, p, "echo", 1)
			_, fault := rpc.Invoke[int](ctx, p, "nothing")
			short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			_, late := rpc.Invoke[int](short, p, "block")
			if err != nil || fault == nil || late == nil {
				return nil, errors.Join(err, fault, late)
			}
			return nil, nil
		},
		"cut": func(ctx context.Context, _ *rpc.Request) (any, error) {
			cut(ctx)
			<-ctx.Done()
			return nil, nil
		},
	}
	once := &cutter{cuts: 1}
	server["once"] = once.Call
	clientEntered, clientEnded := make(chan struct{}, 1), make(chan error, 1)
	client := methods{"echo": echo.Call, "block": block(clientEntered, clientEnded)}

	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: server, DangerouslyWithoutAuth: true})
	m := newMeter(t, srv.Addr())
	c := testClient(t, m.url, DialConfig{Handler: client, DangerouslyWithoutAuth: true})
	ctx := testContext(t)

	for i := range 5 {
		if _, err := rpc.Invoke[int](ctx, c, "echo", i); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // in parts, both ways
		if _, err := rpc.Invoke[[]byte](ctx, c, "echo", make([]byte, 300<<10)); err != nil {
			t.Fatal(err)
		}
	}
	// One that the kernel does not take at once.
	m.gate.Lock()
	open := sync.OnceFunc(m.gate.Unlock)
	t.Cleanup(open)
	stalled := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[[]byte](ctx, c, "echo", make([]byte, 15<<20))
		stalled <- err
	}()
	wantStats(t, "bytes that are stuck", true, func() bool { return c.Stats().BytesQueued > 1<<20 })
	time.Sleep(20 * time.Millisecond)
	open()
	if err := wantWithin(t, stalled, "for a large call"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := rpc.Invoke[int](ctx, c, "no"); err == nil {
			t.Fatal("no fault")
		}
	}
	if _, err := rpc.Invoke[any](ctx, c, "back"); err != nil {
		t.Fatal(err)
	}
	<-clientEntered
	wantWithin(t, clientEnded, "for the handler of the client")

	// One that is given up, and its late answer.
	cancelled, cancel := context.WithCancel(ctx)
	go func() {
		<-entered
		cancel()
	}()
	_, err := rpc.Invoke[any](cancelled, c, "block")
	wantLink(t, "a call that is given up", err, rpc.Unknown, context.Canceled)
	wantWithin(t, ended, "for the handler")
	// One that never leaves.
	_, err = rpc.Invoke[any](cancelled, c, "echo")
	wantLink(t, "a call without time", err, rpc.NotSent, context.Canceled)
	_, err = rpc.Invoke[any](ctx, c, "echo", make([]byte, defaultMaxMessage+1))
	wantLink(t, "a call that is too large", err, rpc.NotSent, ErrTooLarge)

	wantStats(t, "calls of the client", CallsMade{Begun: 15, Answered: 9, Faulted: 3, NotSent: 2, Unknown: 1, GivenUp: 2},
		func() CallsMade { return c.Stats().Calls })
	wantStats(t, "calls that the server serves", CallsServed{Begun: 13, Answered: 9, Faulted: 4},
		func() CallsServed { return srv.Stats().Served })
	wantStats(t, "calls back", CallsMade{Begun: 3, Answered: 1, Faulted: 1, Unknown: 1, GivenUp: 1},
		func() CallsMade {
			got := srv.Stats().Calls
			if got.Faulted == 2 && got.Unknown == 0 && got.GivenUp == 0 {
				// The end of its time has crossed the wire as the fault of the handler,
				// before it was noticed here.
				got.Faulted, got.Unknown, got.GivenUp = 1, 1, 1
			}
			return got
		})
	wantStats(t, "calls that the client serves", CallsServed{Begun: 3, Answered: 1, Faulted: 2},
		func() CallsServed { return c.Stats().Served })

	// Bytes, while nothing goes on.
	wantStats(t, "bytes of the client", [2]uint64{m.down.Load(), m.up.Load()}, func() [2]uint64 {
		s := c.Stats()
		return [2]uint64{s.BytesRead, s.BytesWritten}
	})
	wantStats(t, "bytes of the server", [2]uint64{m.up.Load(), m.down.Load()}, func() [2]uint64 {
		s := srv.Stats()
		return [2]uint64{s.BytesRead, s.BytesWritten}
	})
	if n := m.up.Load(); n < 15<<20 {
		t.Errorf("only %d bytes went to the server", n)
	}

	// The connection is lost under one call, and under one that is repeated.
	_, err = rpc.Invoke[any](ctx, c, "cut")
	wantLink(t, "a call whose connection is cut", err, rpc.Unknown, nil)
	if _, err := rpc.Invoke[any](rpc.WithIdempotent(ctx), c, "once"); err != nil {
		t.Fatal(err)
	}
	wantStats(t, "calls of the client, after reconnections", CallsMade{Begun: 17, Answered: 10, Faulted: 3, NotSent: 2, Unknown: 2, GivenUp: 2, Repeated: 1},
		func() CallsMade { return c.Stats().Calls })
	wantStats(t, "calls that the server serves, after reconnections", CallsServed{Begun: 16, Answered: 10, Faulted: 4, Lost: 2},
		func() CallsServed { return srv.Stats().Served })
	// The writer may not have come back yet.
	wantStats(t, "bytes in queues", 0, func() uint64 { return c.Stats().BytesQueued + srv.Stats().BytesQueued })
	if s := c.Stats(); !s.Connected || s.Connects != 3 || s.Reconnects != 2 || s.ConnectFailures != 0 {
		t.Errorf("the client: got %+v; want it connected for the third time", s)
	}
	if s := srv.Stats(); s.Sessions != 3 || s.SessionsOpen != 1 || s.Conns != 3 || s.ConnsOpen != 1 {
		t.Errorf("the server: got %+v; want one session of three", s)
	}

	// Afterwards all is still there.
	before := c.Stats().Calls
	c.Close()
	if s := c.Stats(); s.Connected || s.Calls != before {
		t.Errorf("the client that is closed: got %+v; want the calls %+v", s, before)
	}
	wantStats(t, "the server without its client", [4]uint64{3, 0, 3, 0}, func() [4]uint64 {
		s := srv.Stats()
		return [4]uint64{s.Sessions, s.SessionsOpen, s.Conns, s.ConnsOpen}
	})
	if got := srv.Stats().Served.Begun; got != 16 {
		t.Errorf("the server has forgotten calls: got %d; want 16", got)
	}
	_, err = rpc.Invoke[any](ctx, c, "echo")
	wantLink(t, "a call of a closed client", err, rpc.NotSent, ErrClosed)
	before.Begun++
	before.NotSent++
	if got := c.Stats().Calls; got != before {
		t.Errorf("after another call: got %+v; want %+v", got, before)
	}
}

// TestStatsWhileCallsRun: no view of them is inconsistent, and nothing that
// rises falls, while connections come and go.
func TestStatsWhileCallsRun(t *testing.T) {
	const callers = 8
	var ran atomic.Int64
	srv := testServer(t, testURL(t, "unix"), &Server{Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		ran.Add(1)
		switch rand.N(40) {
		case 0:
			cut(ctx)
		case 1:
			return nil, rpc.Errorf(1, "no")
		}
		return echo.Call(ctx, req)
	})})
	c := testClient(t, srv.Addr(), DialConfig{WaitForReady: true})
	var over atomic.Bool
	var work sync.WaitGroup
	var made, answered, faulted, notSent, unknown atomic.Uint64
	for i := range callers {
		ctx := testContext(t)
		if i%2 == 0 {
			ctx = rpc.WithIdempotent(ctx)
		}
		work.Go(func() {
			for !over.Load() {
				made.Add(1)
				_, err := rpc.Invoke[any](ctx, c, "f", 1)
				switch f, link := new(rpc.Fault), new(rpc.LinkError); {
				case err == nil:
					answered.Add(1)
				case errors.As(err, &f):
					faulted.Add(1)
				case isUnknown(err):
					unknown.Add(1)
				case errors.As(err, &link): // three connections were lost just before
					notSent.Add(1)
				default:
					t.Errorf("a call: %v", err)
					return
				}
			}
		})
	}
	var last CallsMade
	var lastServed CallsServed
	looks := 0
	// A caller may have ended a call and begun another one while it was looked at.
	for begin := time.Now(); time.Since(begin) < 300*time.Millisecond; looks++ {
		got, served := c.Stats().Calls, srv.Stats().Served
		if sum := got.Answered + got.Faulted + got.NotSent + got.Unknown + got.InFlight; got.InFlight > 2*callers || sum != got.Begun {
			t.Fatalf("got %+v with %d callers", got, callers)
		}
		if sum := served.Answered + served.Faulted + served.Lost + served.InFlight; served.InFlight > served.Begun || sum != served.Begun {
			t.Fatalf("got %+v", served)
		}
		if got.Begun < last.Begun || got.Answered < last.Answered || got.Faulted < last.Faulted || got.Unknown < last.Unknown ||
			served.Begun < lastServed.Begun || served.Answered < lastServed.Answered || served.Faulted < lastServed.Faulted || served.Lost < lastServed.Lost {
			t.Fatalf("got %+v, %+v after %+v, %+v", got, served, last, lastServed)
		}
		last, lastServed = got, served
	}
	over.Store(true)
	work.Wait()
	got := c.Stats().Calls
	want := CallsMade{Begun: made.Load(), Answered: answered.Load(), Faulted: faulted.Load(), NotSent: notSent.Load(), Unknown: unknown.Load(), Repeated: got.Repeated}
	if got != want || got.Repeated == 0 || got.Unknown == 0 {
		t.Errorf("in the end: got %+v; want %+v, with calls that were repeated and that were not", got, want)
	}
	c.Close()
	wantStats(t, "the server in the end", true, func() bool {
		s := srv.Stats().Served
		return s.InFlight == 0 && s.Waiting == 0 && s.Begun == s.Answered+s.Faulted+s.Lost && s.Begun >= uint64(ran.Load())
	})
	t.Logf("%d looks at %d calls: %+v", looks, made.Load(), got)
}

// TestStatsOfACallOnTwoSessions: one that began on the first and ended on the
// second has never ended without a beginning.
func TestStatsOfACallOnTwoSessions(t *testing.T) {
	c := &Client{sessions: map[*session]struct{}{}}
	var both [2]*session
	for i := range both {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		both[i] = newSession(context.Background(), a, sessionConfig{})
		both[i].born = both[0].born.Add(time.Duration(i))
		c.sessions[both[i]] = struct{}{}
	}
	var over atomic.Bool
	var work sync.WaitGroup
	defer work.Wait()
	defer over.Store(true)
	work.Go(func() {
		for !over.Load() {
			both[0].update(func(st *state) { st.count.made.begun++ })
			both[1].update(func(st *state) { st.count.made.end(frameResult) })
		}
	})
	for begin := time.Now(); time.Since(begin) < 50*time.Millisecond; {
		if s := c.Stats().Calls; s.Answered > s.Begun || s.InFlight > s.Begun {
			t.Fatalf("got %+v", s)
		}
	}
}

// TestStatsOfALimit: calls that a limit turns away are counted as faults.
func TestStatsOfALimit(t *testing.T) {
	entered, ended := make(chan struct{}, 1), make(chan error, 1)
	p, s := greeted(t, sessionConfig{handler: methods{"block": block(entered, ended)}, limits: Limits{MaxCalls: 1}})
	p.send(frame(frameCall, 0, 1, callBody("block")))
	wantWithin(t, entered, "for the handler")
	p.send(frame(frameCall, 0, 3, callBody("block")))
	p.want(frameFault, 3)
	served := func() callCounts {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.st.count.served
	}
	if got, want := served(), (callCounts{begun: 2, faulted: 1}); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
	p.send(frame(frameCancel, 0, 1, ""))
	p.want(frameFault, 1)
	if got, want := served(), (callCounts{begun: 2, faulted: 2}); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

// TestWaitingCallIsInFlight: a call that waits for its server has begun.
func TestWaitingCallIsInFlight(t *testing.T) {
	url := freeURL(t, "unix")
	stop := restart(t, url, &Server{Handler: echo})
	c := testClient(t, url, DialConfig{WaitForReady: true})
	stop()
	waitLost(t, c)
	result := make(chan error, 1)
	go func() {
		_, err := rpc.Invoke[int](testContext(t), c, "echo", 1)
		result <- err
	}()
	wantStats(t, "a call that waits", CallsMade{Begun: 1, InFlight: 1}, func() CallsMade { return c.Stats().Calls })
	wantStats(t, "the connection", true, func() bool {
		s := c.Stats()
		return !s.Connected && s.Connects == 1 && s.ConnectFailures > 0
	})
	restart(t, url, &Server{Handler: echo})
	if err := wantWithin(t, result, "for the call"); err != nil {
		t.Fatal(err)
	}
	wantStats(t, "afterwards", CallsMade{Begun: 1, Answered: 1}, func() CallsMade { return c.Stats().Calls })
}

// TestStatsOfQueues: what cannot be written counts as queued, and calls without a
// worker as waiting.
func TestStatsOfQueues(t *testing.T) {
	var total tally
	a, b := net.Pipe()
	defer b.Close()
	s := testSession(t, a, sessionConfig{handler: echo})
	go func() {
		b.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
	}()
	wantFrame(t, b, frame(frameHello, 0, 0, string(hello{sessionVersion, sessionVersion, s.limits.MaxMessage, s.limits.MaxCalls, s.limits.StreamWindow}.append(nil)))[headerSize:])
	<-s.ready
	failed := make(chan error, 2)
	for _, size := range []int{10_000, 200_000} {
		go func() {
			_, err := rpc.Invoke[any](testContext(t), s, "f", make([]byte, size))
			failed <- err
		}()
		wantStats(t, "bytes that the peer does not take", true, func() bool {
			n := total.add(s).queued
			return n > size && n < 11_000+size
		})
	}
	s.end(ErrClosed)
	for range 2 {
		wantWithin(t, failed, "for a call")
	}
}

// TestRoundTrip: it is measured on a silent session and on a busy one. Time is
// simulated.
func TestRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pings []time.Duration
		p, s := greeted(t, sessionConfig{events: Events{Pinged: func(_ *rpc.Peer, d time.Duration) { pings = append(pings, d) }}})
		ping := func() time.Duration { return new(tally).add(s).ping }
		if got := ping(); got != 0 {
			t.Errorf("before the first: got %v; want 0", got)
		}
		for i, delay := range []time.Duration{30 * time.Millisecond, time.Second} {
			if f := <-p.read; f.kind != framePing || f.id != uint64(i+1) {
				t.Fatalf("got %v %d; want PING %d", f.kind, f.id, i+1)
			}
			time.Sleep(delay)
			p.send(frame(framePong, 0, uint64(i+1), ""))
			synctest.Wait()
			if got := ping(); got != delay {
				t.Errorf("round trip %d: got %v; want %v", i+1, got, delay)
			}
		}
		// The peer is never silent for long, and yet is asked.
		stop := make(chan struct{})
		busy := time.Now()
		var talk sync.WaitGroup
		talk.Go(func() {
			for n := range uint64(30) {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					p.send(frame(framePing, 0, n+1, ""))
				}
			}
		})
		for {
			f := <-p.read
			if f.kind == framePong {
				continue
			}
			if f.kind != framePing || f.id != 3 {
				t.Errorf("got %v %d; want PING 3", f.kind, f.id)
			}
			if took := time.Since(busy); took > 2*defaultPingAfter {
				t.Errorf("the busy peer was asked after %v", took)
			}
			break
		}
		close(stop)
		talk.Wait()
		time.Sleep(70 * time.Millisecond)
		p.send(frame(framePong, 0, 1, "")) // an older one, again
		time.Sleep(70 * time.Millisecond)
		p.send(frame(framePong, 0, 3, ""))
		synctest.Wait()
		if got := ping(); got < 140*time.Millisecond || got > 2*time.Second {
			t.Errorf("on a busy session: got %v", got)
		}
		if len(pings) != 3 || pings[0] != 30*time.Millisecond || pings[1] != time.Second || pings[2] != ping() {
			t.Errorf("Pinged: got %v", pings)
		}
		p.send(frame(framePong, 0, 3, "")) // again
		synctest.Wait()
		if len(pings) != 3 {
			t.Errorf("a second PONG measured something: %v", pings)
		}
	})
}

// TestStatsOfConnections: those that are refused, that fail their login, and that
// send objects.
func TestStatsOfConnections(t *testing.T) {
	ctx := testContext(t)
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo, Objects: echoObjects, MaxConns: 3})
	_, err := Dial(ctx, srv.Addr(), DialConfig{Auth: oneKey("another key, as long as the other one"), Logger: quiet})
	wantLink(t, "a wrong key", err, rpc.NotSent, ErrKeyRefused)
	wantStats(t, "a failed login", ServerStats{Conns: 1, LoginsFailed: 1}, srv.Stats)
	testClient(t, srv.Addr(), DialConfig{})
	conn, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	view := func() [7]uint64 {
		s := srv.Stats()
		return [7]uint64{s.Conns, s.ConnsOpen, s.ConnsRefused, s.Sessions, s.SessionsOpen, s.Objects, s.ObjectsOpen}
	}
	wantStats(t, "one of each kind", [7]uint64{3, 2, 0, 1, 1, 1, 1}, view)
	rawDial(t, srv.Addr()) // says nothing, and makes room
	wantStats(t, "a silent one", [7]uint64{4, 3, 0, 1, 1, 1, 1}, view)
	third, err := DialConn(ctx, srv.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	wantStats(t, "one that takes its place", [7]uint64{5, 3, 1, 1, 1, 2, 2}, view)
	fourth := rawDial(t, srv.Addr())
	if _, err := fourth.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many: got %v; want EOF", err)
	}
	wantStats(t, "one too many", [7]uint64{6, 3, 2, 1, 1, 2, 2}, view)
	conn.Close()
	third.Close()
	wantStats(t, "without objects", [7]uint64{6, 1, 2, 1, 1, 2, 0}, view)
	srv.Close()
	wantStats(t, "at the end", [7]uint64{6, 0, 2, 1, 0, 2, 0}, view)
}

// TestStatsAreJSON: with names for collectors, and durations in nanoseconds.
func TestStatsAreJSON(t *testing.T) {
	for _, tt := range []struct {
		stats any
		want  []string
	}{
		{ClientStats{Ping: 3}, []string{`"connected":false`, `"ping_ns":3`, `"calls":{"begun":0`, `"bytes_written":0`}},
		{ServerStats{SlowestPing: 3}, []string{`"conns_open":0`, `"slowest_ping_ns":3`, `"served":{"begun":0`, `"logins_failed":0`}},
	} {
		b, err := json.Marshal(tt.stats)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(b), want) {
				t.Errorf("got %s; want %s in it", b, want)
			}
		}
	}
}
