package native

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/value"
)

// TestBudgetAddsUp: whatever purses take and give, what is left and what they
// have drawn is the total, none uses what it has not got, and nothing is kept.
func TestBudgetAddsUp(t *testing.T) {
	for _, total := range []int64{1, 10, 1000, 1 << 20} {
		var p pool
		p.fill(total, 32)
		accounts := make([]account, 20)
		for i := range accounts {
			accounts[i] = account{pool: &p, own: 8}
		}
		rnd := rand.New(rand.NewPCG(1, uint64(total)))
		refused := 0
		for range 50_000 {
			a := &accounts[rnd.IntN(len(accounts))]
			n := rnd.Int64N(max(2, total/8))
			if rnd.IntN(2) == 0 {
				a.give(min(n, a.used))
			} else if free := p.left.Load(); !a.take(n) {
				refused++
				if a.used+n-a.own-a.drawn <= free {
					t.Fatalf("total %d: %d of %d more were refused with %d left", total, n, a.used, free)
				}
			}
			sum := p.left.Load()
			for i := range accounts {
				a := &accounts[i]
				if sum += a.drawn; a.used > a.own+a.drawn || a.drawn < 0 || a.used <= a.own && a.drawn > 0 {
					t.Fatalf("total %d: a purse uses %d, has %d and has drawn %d", total, a.used, a.own, a.drawn)
				}
			}
			if sum != total || p.left.Load() < 0 {
				t.Fatalf("total %d: %d are left, together with what is drawn %d", total, p.left.Load(), sum)
			}
		}
		for i := range accounts {
			accounts[i].give(accounts[i].used)
		}
		if left := p.left.Load(); left != total || refused == 0 {
			t.Errorf("total %d: %d are left in the end, %d were refused", total, left, refused)
		}
	}
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to be that %s", what)
		}
	}
}

// wantBudget waits until all of a budget is there.
func wantBudget(t testing.TB, b *budget) {
	t.Helper()
	eventually(t, "the budget is whole", func() bool {
		return b.memory.left.Load() == b.memory.total && b.calls.left.Load() == b.calls.total
	})
}

// wantOverLimit checks that a call is refused, by words.
func wantOverLimit(t testing.TB, f wireFrame, words string) {
	t.Helper()
	fault, err := parseFault([]byte(f.body))
	if err != nil || fault.Code != rpc.CodeOverLimit || !strings.Contains(fault.Message, words) {
		t.Fatalf("got %v, %v; want fault %d with %q", fault, err, rpc.CodeOverLimit, words)
	}
}

// sleeper answers when it is told to: "echo" at once, all others at the end of
// their context.
var sleeper = callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
	if req.Method == "echo" {
		return echo(ctx, req)
	}
	<-ctx.Done()
	return nil, nil
})

// TestCallsOfAllConnectionsAreBounded: one peer with many connections cannot have
// more calls than the server allows in all, and others are served meanwhile.
func TestCallsOfAllConnectionsAreBounded(t *testing.T) {
	shared := newBudget(64<<20, 20)
	cfg := sessionConfig{handler: sleeper, budget: shared}
	first, s1 := greeted(t, cfg)
	second, _ := greeted(t, cfg)
	for i := range ownCalls + 15 {
		first.send(frame(frameCall, 0, uint64(2*i+1), callBody("sleep")))
	}
	for i := range ownCalls + 5 {
		second.send(frame(frameCall, 0, uint64(2*i+1), callBody("sleep")))
	}
	eventually(t, "all calls are taken", func() bool { return shared.calls.left.Load() == 0 })
	second.send(frame(framePing, 0, 1, "")) // is answered when they have been looked at
	second.want(framePong, 1)
	first.send(frame(frameCall, 0, 101, callBody("echo", 1)))
	wantOverLimit(t, first.want(frameFault, 101), "20 calls at once on all connections")
	second.send(frame(frameCall, flagMore, 103, "\xc8\x01"+callBody("echo", 1)), frame(frameCall, 0, 103, strings.Repeat("x", 200-len(callBody("echo", 1)))))
	wantOverLimit(t, second.want(frameFault, 103), "20 calls at once on all connections")

	third, _ := greeted(t, cfg) // has some for itself
	for i := range ownCalls {
		third.send(frame(frameCall, 0, uint64(2*i+1), callBody("echo", 1)))
		third.want(frameResult, uint64(2*i+1))
	}
	first.send(frame(frameCancel, 0, 1, ""))
	first.want(frameResult, 1)
	second.send(frame(frameCall, 0, 105, callBody("echo", 1)))
	second.want(frameResult, 105)
	s1.Close()
	second.nc.Close()
	wantBudget(t, shared)
}

// TestHalfSentCallsOfAllConnectionsAreBounded: memory for what is arriving is
// shared, and small calls need none of it.
func TestHalfSentCallsOfAllConnectionsAreBounded(t *testing.T) {
	shared := newBudget(1<<20, 100)
	cfg := sessionConfig{handler: sleeper, budget: shared}
	p, s := greeted(t, cfg)
	half := func(id uint64) []string {
		const total = 512 << 10
		frames := []string{frame(frameCall, flagMore, id, "\x80\x80\x20"+strings.Repeat("x", chunkSize))}
		for n := chunkSize; n < total/2; n += chunkSize {
			frames = append(frames, frame(frameCall, flagMore, id, strings.Repeat("x", chunkSize)))
		}
		return frames
	}
	p.send(half(1)...)
	p.send(half(3)...)
	p.send(frame(framePing, 0, 1, ""))
	p.want(framePong, 1)
	other, _ := greeted(t, cfg)
	other.send(half(1)...)
	other.send(frame(frameCancel, 0, 1, "")) // of a call that is refused when it is complete, or now
	wantOverLimit(t, other.want(frameFault, 1), "all connections of this server together")
	for id := uint64(3); id < 9; id += 2 {
		other.send(frame(frameCall, 0, id, callBody("echo", "x")))
		other.want(frameResult, id)
	}
	if left := shared.memory.left.Load(); left > 256<<10 {
		t.Errorf("%d bytes are left; want the calls that were sent by half to be counted", left)
	}
	p.send(frame(frameCancel, 0, 1, ""))
	p.want(frameFault, 1) // behind which its memory is free
	other.send(half(11)...)
	other.send(frame(frameCancel, 0, 11, ""))
	if f := other.want(frameFault, 11); !strings.Contains(f.body, "cancel") {
		t.Errorf("after the first call was given up: got %q; want there to be memory", f.body)
	}
	s.Close()
	wantBudget(t, shared)
}

// TestUnreadResultsAreCounted: what waits for a peer that does not read is
// counted for all connections together.
func TestUnreadResultsAreCounted(t *testing.T) {
	shared := newBudget(1<<20, 100)
	blob := make([]byte, 400<<10)
	handler := callerFunc(func(context.Context, *rpc.Request) (any, error) { return blob, nil })
	a, b := net.Pipe()
	defer b.Close()
	s := testSession(t, a, sessionConfig{handler: handler, budget: shared})
	p := &wirePeer{t: t, nc: b}
	greeted := make(chan struct{})
	go func() {
		defer close(greeted)
		p.send(frame(frameHello, 0, 0, string(testHello.append(nil))))
	}()
	if _, err := readFrame(b, nil, 1<<20); err != nil { // HELLO
		t.Fatal(err)
	}
	<-greeted
	for id := uint64(1); id < 8; id += 2 {
		p.send(frame(frameCall, 0, id, callBody("blob")))
	}
	eventually(t, "two results wait, two are refused", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.st.lastSeen == 7 && s.st.running.n == 2 && s.st.workers.empty()
	})
	faults := 0
	b.SetReadDeadline(time.Now().Add(5 * time.Second))
	for answers := 0; answers < 4; {
		b, err := readFrame(b, nil, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		switch h, n, err := parseFrameHead(b, len(b)); {
		case err != nil:
			t.Fatal(err)
		case h.kind == frameFault:
			wantOverLimit(t, wireFrame{h, string(b[n:])}, "all connections of this server together")
			faults++
			answers++
		case h.kind == frameResult && !h.more():
			answers++
		}
	}
	if faults != 2 {
		t.Errorf("got %d faults; want 2", faults)
	}
	wantSettled(t, s)
	wantBudget(t, shared)
}

// splitCall returns the frames of a CALL of any size.
func splitCall(id uint64, message string) string {
	var b bytes.Buffer
	size := string(binary.AppendUvarint(nil, uint64(len(message))))
	for first := true; ; first = false {
		chunk, flags := firstChunk([]byte(message))
		message = message[len(chunk):]
		if first && flags == 0 {
			b.WriteString(frame(frameCall, 0, id, string(chunk)))
		} else if first {
			b.WriteString(frame(frameCall, flags, id, size+string(chunk)))
		} else {
			b.WriteString(frame(frameCall, flags, id, string(chunk)))
		}
		if flags == 0 {
			return b.String()
		}
	}
}

// emptyMaps is a call whose values take sixty times its bytes.
func emptyMaps(method string, n int) string {
	maps := make([]any, n)
	for i := range maps {
		maps[i] = map[string]any{}
	}
	return callBody(method, maps)
}

// TestHeavyCallsWaitTheirTurn: arguments that take sixty times their bytes are
// not all decoded at once. The calls wait in order, others pass them, and one
// that is given up in line is answered at once.
func TestHeavyCallsWaitTheirTurn(t *testing.T) {
	shared := newBudget(64<<20, 100)
	begun, proceed := make(chan int, 10), make(chan struct{})
	handler := callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		if req.Method == "echo" {
			return echo(ctx, req)
		}
		var args []any
		err := decodeAll(req, &args)
		begun <- len(args[0].([]any))
		<-proceed
		return 1, err
	})
	p, s := greeted(t, sessionConfig{handler: handler, budget: shared, limits: Limits{MaxMessage: 64 << 10, MaxBuffered: 4 << 20}})
	for i := range 6 { // 1.9 MB each, decoded
		p.send(frame(frameCall, 0, uint64(2*i+1), emptyMaps("heavy", 30_000+i)))
	}
	wantBegun := func(want ...int) {
		t.Helper()
		got := map[int]bool{}
		for range want {
			select {
			case n := <-begun:
				got[n-30_000] = true
			case <-time.After(5 * time.Second):
				t.Fatalf("begun: got %v; want %v", got, want)
			}
		}
		for _, n := range want {
			if !got[n] {
				t.Fatalf("begun: got %v; want %v", got, want)
			}
		}
	}
	wantBegun(0, 1)
	p.send(frame(frameCall, 0, 13, callBody("echo", 1)))
	p.want(frameResult, 13)
	p.send(frame(frameCancel, 0, 5, "")) // waits in line
	p.want(frameFault, 5)
	s.mu.Lock()
	waiting, load := len(s.st.heavy.line), s.st.heavy.load
	s.mu.Unlock()
	if waiting != 3 || load < 3<<20 || load > 4<<20 || len(begun) > 0 {
		t.Errorf("got %d in line, %d bytes decoded, %d more begun; want 3, up to 4 MiB, 0", waiting, load, len(begun))
	}
	proceed <- struct{}{}
	wantBegun(3)
	close(proceed)
	wantBegun(4, 5)
	for range 5 {
		if f := <-p.read; f.kind != frameResult {
			t.Errorf("got %v %d %q; want a result", f.kind, f.id, f.body)
		}
	}
	wantSettled(t, s)
	wantBudget(t, shared)
}

// TestValuesOfAllConnectionsAreBounded: a heavy call for whose values the server
// has no room is refused, and its connection goes on.
func TestValuesOfAllConnectionsAreBounded(t *testing.T) {
	shared := newBudget(3<<20, 100)
	cfg := sessionConfig{handler: sleeper, budget: shared}
	heavy := emptyMaps("heavy", 30_000)
	first, _ := greeted(t, cfg)
	first.send(frame(frameCall, 0, 1, heavy), frame(framePing, 0, 1, ""))
	first.want(framePong, 1)
	second, s := greeted(t, cfg)
	second.send(frame(frameCall, 0, 1, heavy))
	wantOverLimit(t, second.want(frameFault, 1), "all connections of this server together")
	second.send(splitCall(3, emptyMaps("heavy", 70_000)))
	wantOverLimit(t, second.want(frameFault, 3), "all connections of this server together")
	second.send(frame(frameCall, 0, 5, callBody("echo", 1)))
	second.want(frameResult, 5)
	wantSettled(t, s)
	first.nc.Close()
	wantBudget(t, shared)
	second.send(frame(frameCall, 0, 7, heavy), frame(frameCancel, 0, 7, ""))
	second.want(frameResult, 7)
}

// TestBudgetOfServer: what is set wrong is said, and all listeners share one.
func TestBudgetOfServer(t *testing.T) {
	for _, tt := range []struct {
		srv  *Server
		want string
	}{
		{&Server{MaxMemory: -1}, "MaxMemory: got -1"},
		{&Server{MaxMemory: 1 << 20}, "at least Limits.MaxMessage (16777216)"},
		{&Server{MaxCalls: -1}, "MaxCalls: got -1"},
	} {
		tt.srv.Handler, tt.srv.Auth = sleeper, oneKey(testKey)
		if l, err := tt.srv.Listen("tcp://127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, %v; want an error with %q", l, err, tt.want)
		}
	}
	srv := &Server{Handler: sleeper, MaxCalls: 3}
	testServer(t, testURL(t, "unix"), srv)
	shared := srv.budget
	l, err := srv.Listen(testURL(t, "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	client := testClient(t, urlOf(l.Addr()), DialConfig{})
	ctx, cancel := context.WithCancel(testContext(t))
	results := make(chan error, 20)
	for range ownCalls + 4 {
		go func() {
			_, err := rpc.Invoke[any](ctx, client, "sleep")
			results <- err
		}()
	}
	if err := <-results; rpc.FaultOf(err).Code != rpc.CodeOverLimit {
		t.Errorf("one call too many: got %v; want a fault", err)
	}
	if srv.budget != shared || shared.calls.left.Load() != 0 {
		t.Errorf("got %d calls left; want 0, of the budget of the first listener", shared.calls.left.Load())
	}
	cancel()
	for range ownCalls + 3 {
		<-results
	}
	wantBudget(t, shared)
	srv.Close()
	<-done
}

// TestWeighAllocations: what is estimated is near to what decoded values take.
func TestWeighAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	list := func(n int, item any) any {
		items := make([]any, n)
		for i := range items {
			items[i] = item
		}
		return items
	}
	for name, v := range map[string]any{
		"ints":        list(100_000, 1000),
		"empty maps":  list(100_000, map[string]any{}),
		"empty lists": list(100_000, []any{}),
		"a table":     list(20_000, map[string]any{"a": 1000}),
		"records":     list(10_000, map[string]any{"a": 1000, "name": "a name of some length", "c": 1.5}),
		"text":        strings.Repeat("x", 1<<20),
		"texts":       list(10_000, strings.Repeat("x", 100)),
	} {
		data, err := cbor.AppendArgs(nil, []any{v})
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		var args []any
		runtime.GC()
		runtime.ReadMemStats(&before)
		in := incoming{args: data}
		if err := in.Decode([]any{&args}, &value.Params{Variadic: true}); err != nil {
			t.Fatal(err)
		}
		in = incoming{}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(args)
		actual, estimate := int(after.HeapAlloc)-int(before.HeapAlloc), weigh(data)
		if t.Logf("%s: %d bytes, estimated %d, kept %d", name, len(data), estimate, actual); actual > 2*estimate || estimate > 2*actual {
			t.Errorf("%s: estimated %d bytes, it takes %d", name, estimate, actual)
		}
	}
}

// TestRefusedCallsInPartsAreForgotten: those that have ended do not count as
// calls under way.
func TestRefusedCallsInPartsAreForgotten(t *testing.T) {
	p, s := greeted(t, sessionConfig{handler: sleeper, limits: Limits{MaxCalls: 1}})
	p.send(frame(frameCall, 0, 1, callBody("sleep")))
	for id := uint64(3); id < 23; id += 2 {
		p.send(frame(frameCall, flagMore, id, "\x03ab"))
		if id%4 == 1 {
			p.send(frame(frameCall, 0, id, "c"))
		} else {
			p.send(frame(frameCancel, 0, id, ""))
		}
		wantOverLimit(t, p.want(frameFault, id), "1 calls at once on one connection")
	}
	p.send(frame(frameCancel, 0, 1, ""))
	p.want(frameResult, 1)
	wantSettled(t, s)
}

// TestDroppedMessages: a message of objects for which there is no memory is read
// over, in whatever pieces it comes, and the next one is received.
func TestDroppedMessages(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	shared := newBudget(512<<10, 10)
	c := newConn(a, handshakeResult{}, connOptions{budget: shared})
	defer c.Close()
	large, small := frameOf(strings.Repeat("x", 3<<20)), frameOf("small")
	go func() {
		for rest := append(append(append([]byte{}, large...), small...), frameOf(strings.Repeat("y", 500<<10))...); len(rest) > 0; {
			n, err := b.Write(rest[:min(len(rest), 10_007)])
			if rest = rest[n:]; err != nil {
				return
			}
		}
	}()
	ctx, cancel := context.WithTimeout(testContext(t), time.Millisecond)
	defer cancel()
	_, err := c.RecvBytes(ctx)
	ctx = testContext(t)
	if errors.Is(err, context.DeadlineExceeded) { // it goes on where it was
		_, err = c.RecvBytes(ctx)
	}
	if fault := rpc.FaultOf(err); fault.Code != rpc.CodeOverLimit {
		t.Errorf("got %v; want a fault", err)
	}
	if got, err := c.RecvBytes(ctx); string(got) != "small" || err != nil {
		t.Errorf("the next message: got %q, %v", got, err)
	}
	if got, err := c.RecvBytes(ctx); len(got) != 500<<10 || err != nil {
		t.Errorf("one that fits: got %d bytes, %v", len(got), err)
	}
	if err := c.Hold(600 << 10); err != nil {
		t.Error(err)
	}
	if err := c.Hold(100 << 10); err == nil || c.Hold(-1) == nil {
		t.Errorf("more than there is: got %v; want an error", err)
	}
	c.Release(600 << 10)
	wantBudget(t, shared)
}
