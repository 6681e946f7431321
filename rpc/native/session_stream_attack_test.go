package native

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// itemsOfBytes is the message of an item in CBOR.
func encoded(t testing.TB, v any) string {
	t.Helper()
	b, err := cbor.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// inParts is an item as two frames.
func inParts(id uint64, item string) string {
	half := len(item) / 2
	return frame(frameData, flagMore, id, string(binary.AppendUvarint(nil, uint64(len(item))))+item[:half]) + frame(frameData, 0, id, item[half:])
}

// hoarder is a registry with a function that takes one item of its upload and
// keeps it, and one that takes none, both until release.
func hoarder(t testing.TB) (reg *rpc.Registry, took chan error, release chan struct{}) {
	took, release = make(chan error, 1000), make(chan struct{})
	return streamRegistry(t, map[string]any{
		"keep": func(items iter.Seq2[any, error]) error {
			for _, err := range items {
				took <- err
				if err != nil {
					return err
				}
				<-release
			}
			return nil
		},
		"wait": func(iter.Seq2[any, error]) { <-release },
	}), took, release
}

// TestThreatItemsThatNeverStop: a peer that sends items as fast as they are taken
// does not keep a caller beyond its context.
func TestThreatItemsThatNeverStop(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"flood": func(ctx context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := 0; yield(i, nil); i++ {
				}
			}
		},
	})
	_, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(50*time.Millisecond, cancel)
	begun := time.Now()
	var last error
	for _, err := range rpc.Stream[int](ctx, client, "flood") {
		last = err
		time.Sleep(20 * time.Microsecond) // slower than they come
		if time.Since(begun) > 5*time.Second {
			t.Fatal("the loop goes on 5 s after its context was cancelled")
		}
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("got %v; want it to be cancelled", last)
	}
}

// TestConsumersThatPanic: a loop that ends in no orderly way ends its call, and
// the memory of that is nobody else's while an answer may come.
func TestConsumersThatPanic(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"count": func(n int) iter.Seq2[int, error] { return seqOf(n) },
		"echo":  func(s string) string { return s },
	})
	server, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	loop := func(n int, end func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			defer func() { _ = recover() }()
			for range rpc.Stream[int](context.Background(), client, "count", n) {
				time.Sleep(time.Duration(n%2) * time.Millisecond) // the answer has come
				end()
			}
		}()
		<-done
	}
	for range 50 {
		for _, n := range []int{100_000, 2, 3} {
			loop(n, func() { panic("on purpose") })
			loop(n, runtime.Goexit)
		}
		for _, want := range []string{"a", "b"} {
			if got, err := rpc.Invoke[string](testContext(t), client, "echo", want); err != nil || got != want {
				t.Fatalf("got %q, %v; want %q", got, err, want)
			}
		}
	}
	noStreams(t, server, client)
	eventually(t, "no call is left", func() bool { return client.begunCalls() == 0 })
}

func seqOf(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := 0; i < n && yield(i, nil); i++ {
		}
	}
}

// TestProducersThatPanic: nor does a producer take the process or its caller with
// it.
func TestProducersThatPanic(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"sum": func(items iter.Seq2[int, error]) (n int, err error) {
			for i, err := range items {
				if err != nil {
					return 0, err
				}
				n += i
			}
			return n, nil
		},
	})
	log := &logBuffer{}
	server, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{logger: log.logger()})
	for want, end := range map[string]func(){
		"call sum: upload: panic: on purpose":                    func() { panic("on purpose") },
		"call sum: upload: the producer has ended its goroutine": runtime.Goexit,
	} {
		_, err := rpc.Invoke[int](testContext(t), client, "sum", iter.Seq2[int, error](func(yield func(int, error) bool) {
			yield(1, nil)
			end()
		}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q", err, want)
		}
	}
	log.wait(t, "upload_panicked", "method=sum", "session_stream_attack_test.go")
	noStreams(t, server, client)
}

// TestThreatTinyItemsInParts: an item of two bytes takes two, also if it comes in
// two frames.
func TestThreatTinyItemsInParts(t *testing.T) {
	reg, _, release := hoarder(t)
	defer close(release)
	p, s := greeted(t, sessionConfig{handler: reg})
	p.send(frame(frameCall, flagUpload, 1, callBody("wait")))
	const n = 20_000
	p.send(strings.Repeat(inParts(1, "\x18\x64"), n))
	p.send(frame(framePing, 0, 7, ""))
	p.want(framePong, 7)
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.st.instreams[1]
	memory := 0
	for _, b := range f.queue {
		memory += cap(*b.memory)
	}
	if most := n*3/blockSize + 1; len(f.queue) > most || memory > s.st.streamed || s.st.streamed > most*blockSize {
		t.Errorf("%d items of 2 bytes are in %d pieces of %d bytes, %d are counted; want at most %d of %d bytes", n, len(f.queue), memory, s.st.streamed, most, blockSize)
	}
}

// TestWindowOfTinyItems: a peer that keeps to its credit is not broken off, however
// small its items are.
func TestWindowOfTinyItems(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"late": func(items iter.Seq2[int, error]) (n int, err error) {
			time.Sleep(100 * time.Millisecond) // until the window is full
			for _, err := range items {
				if err != nil {
					return 0, err
				}
				if n++; n == 64<<10 { // half of the window was given back, and all of a block is still at hand
					time.Sleep(100 * time.Millisecond)
				}
			}
			return n, nil
		},
	})
	limits := Limits{MaxMessage: 256 << 10, MaxBuffered: 256 << 10, StreamWindow: 128 << 10}
	server, client := testPipe(t, sessionConfig{handler: reg, limits: limits}, sessionConfig{})
	const n = 400_000
	ones := iter.Seq2[int, error](func(yield func(int, error) bool) {
		for i := 0; i < n && yield(1, nil); i++ {
		}
	})
	if got, err := rpc.Invoke[int](testContext(t), client, "late", ones); err != nil || got != n {
		t.Errorf("got %d, %v; want %d", got, err, n)
	}
	noStreams(t, server, client)
}

// TestThreatItemsThatKeepLargeMemory: what waits to be taken keeps no more memory
// than is counted, though messages were larger before.
func TestThreatItemsThatKeepLargeMemory(t *testing.T) {
	reg, _, release := hoarder(t)
	defer close(release)
	for range 50 {
		b := make([]byte, 0, maxKept)
		putMessage(&b)
	}
	p, s := greeted(t, sessionConfig{handler: reg})
	const calls = 40
	for id := uint64(1); id < 2*calls; id += 2 {
		p.send(frame(frameCall, flagUpload, id, callBody("wait")), frame(frameData, 0, id, "\x01"), inParts(id, encoded(t, make([]byte, smallItem))))
	}
	p.send(frame(framePing, 0, 7, ""))
	p.want(framePong, 7)
	s.mu.Lock()
	defer s.mu.Unlock()
	memory := 0
	for _, f := range s.st.instreams {
		for _, b := range f.queue {
			memory += cap(*b.memory)
		}
	}
	if len(s.st.instreams) != calls || memory > 4*s.st.streamed {
		t.Errorf("%d streams keep %d bytes, %d are counted", len(s.st.instreams), memory, s.st.streamed)
	}
}

// TestThreatItemsOfEmptyMaps: what items are decoded to is counted while functions
// have them, and bounded for a connection and for a server.
func TestThreatItemsOfEmptyMaps(t *testing.T) {
	maps := make([]any, 100_000)
	for i := range maps {
		maps[i] = map[string]any{}
	}
	item := encoded(t, maps)
	weight := cbor.Weigh([]byte(item))
	for name, cfg := range map[string]sessionConfig{
		"a connection": {limits: Limits{MaxMessage: 1 << 20, MaxBuffered: 3 * weight}},
		"a server":     {budget: newBudget(3*weight, 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			reg, took, release := hoarder(t)
			cfg.handler = reg
			p, s := greeted(t, cfg)
			const calls = 8
			for id := uint64(1); id < 2*calls; id += 2 {
				p.send(frame(frameCall, flagUpload, id, callBody("keep")))
				p.send(inFrames(id, item))
			}
			failed := 0
			for range calls {
				if err := <-took; err != nil {
					failed++
				}
			}
			if failed < calls-3 || failed == calls {
				t.Errorf("%d of %d items were refused; want %d", failed, calls, calls-2)
			}
			close(release)
			for id := uint64(1); id < 2*calls; id += 2 {
				p.send(frame(frameData, flagEnd, id, ""))
			}
			noStreams(t, s)
			eventually(t, "nothing is counted", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.st.purse.memory.used == 0
			})
		})
	}
}

// inFrames is a large item.
func inFrames(id uint64, item string) (frames string) {
	size := string(binary.AppendUvarint(nil, uint64(len(item))))
	for len(item) > chunkSize {
		frames += frame(frameData, flagMore, id, size+item[:chunkSize])
		item, size = item[chunkSize:], ""
	}
	return frames + frame(frameData, 0, id, item)
}

// TestThreatStreamsWithoutCredit: items for which a peer gives no credit are
// counted while they wait.
func TestThreatStreamsWithoutCredit(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"pieces": func() iter.Seq2[[]byte, error] {
			return func(yield func([]byte, error) bool) {
				for yield(make([]byte, 60_000), nil) {
				}
			}
		},
	})
	const memory = 4 << 20
	b := newBudget(memory, 1000)
	p, s := greeted(t, sessionConfig{handler: reg, budget: b})
	const calls = 200
	for id := uint64(1); id < 2*calls; id += 2 {
		p.send(frame(frameCall, flagItems, id, callBody("pieces")))
	}
	faults, most := 0, (memory+ownMemory)/60_000
	for faults < calls-most {
		if f := p.next(); f.kind == frameFault {
			if !strings.Contains(f.body, "MaxMemory") {
				t.Fatalf("got the fault %q; want one about MaxMemory", f.body)
			}
			faults++
		}
	}
	for id := uint64(1); id < 2*calls; id += 2 {
		p.send(frame(frameCancel, 0, id, ""))
	}
	for ; faults < calls; faults++ {
		for p.next().kind != frameFault {
		}
	}
	noStreams(t, s)
	eventually(t, "all of the budget is left", func() bool { return b.memory.left.Load() == memory }) // the writer has some
}

// TestNothingFollowsAnItemThatIsCut: a function that does not heed the errors of
// Yield breaks no rule of the session.
func TestNothingFollowsAnItemThatIsCut(t *testing.T) {
	careless := callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		for ctx.Err() == nil {
			_ = req.Yield(make([]byte, 8<<20))
		}
		for range 10 {
			_ = req.Yield("more")
		}
		return nil, nil
	})
	p, _ := greeted(t, sessionConfig{handler: careless})
	body := callBody("careless")
	cuts := 0
	for id := uint64(1); cuts < 3 && id < 60; id += 2 {
		p.send(frame(frameCall, flagItems, id, string(appendTimeout(nil, 20*time.Millisecond))+body[1:]),
			frame(frameCredit, 0, id, string(binary.AppendUvarint(nil, 1<<29))))
		left := 0
		for f := p.next(); f.kind != frameFault && (f.kind != frameResult || left > 0); f = p.next() {
			body := f.body
			if begins := left == 0; begins && f.more() {
				total, n := binary.Uvarint([]byte(body))
				left, body = int(total), body[n:]
			} else if begins {
				left = len(body)
			}
			if left -= len(body); f.kind != frameData || f.more() == (left == 0) {
				t.Fatalf("got %v of %d bytes, with %d more of an item to come", f.kind, len(body), left+len(body))
			}
		}
		if left > 0 {
			cuts++
		}
	}
	if cuts == 0 {
		t.Error("no item was cut: the test proves nothing")
	}
	p.send(frame(framePing, 0, 7, ""))
	p.want(framePong, 7)
}

// TestUploadIsOverWithItsFunction: who keeps the iterator of an upload gets no
// items any more, nor the end of a complete one.
func TestUploadIsOverWithItsFunction(t *testing.T) {
	kept := make(chan iter.Seq2[int, error], 1)
	reg := streamRegistry(t, map[string]any{
		"keep": func(items iter.Seq2[int, error]) { kept <- items },
	})
	p, s := greeted(t, sessionConfig{handler: reg})
	p.send(frame(frameCall, flagUpload, 1, callBody("keep")), frame(frameData, 0, 1, "\x01"), frame(frameData, flagEnd, 1, ""))
	p.want(frameResult, 1)
	noStreams(t, s)
	n := 0
	for _, err := range <-kept {
		if n++; err == nil {
			t.Error("got an item after the function has returned")
		}
	}
	if n != 1 {
		t.Error("the upload ended as if it were complete")
	}
}

// TestItemsAreNotTakenTwice: a call of which items have come is not made again,
// whatever its peer says.
func TestItemsAreNotTakenTwice(t *testing.T) {
	p, s := greeted(t, sessionConfig{})
	var got []any
	req := &rpc.Request{Method: "items", Yield: func(item any) error { got = append(got, item); return nil }}
	c, err := s.calls.encode(req)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		patience := newPatience(testContext(t), 0)
		done <- s.do(&patience, c)
	}()
	id := p.want(frameCall, 2).id
	p.send(frame(frameData, 0, id, "\x01"), frame(frameGoaway, 0, 0, "\x00bye"))
	if err := <-done; err == nil || !c.usedUp() || len(got) != 1 {
		t.Errorf("got %v and %v; used up: %v; want an item, an error and true", got, err, c.usedUp())
	}
	c.free()
}

// TestStatisticsOfStreams: a call ends once in them, whoever breaks its stream off.
func TestStatisticsOfStreams(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"count":   seqOf,
		"ignores": func(iter.Seq2[int, error]) {},
		"reads": func(items iter.Seq2[int, error]) error {
			for _, err := range items {
				if err != nil {
					return err
				}
			}
			return nil
		},
	})
	srv := testServer(t, testURL(t, "unix"), &Server{Handler: reg})
	c := testClient(t, srv.Addr(), DialConfig{})
	ctx := testContext(t)
	for _, n := range []int{3, 1_000_000} {
		for range rpc.Stream[int](ctx, c, "count", n) {
			time.Sleep(10 * time.Millisecond) // the answer to the first call has come
			break
		}
	}
	broken := func(yield func(int, error) bool) { yield(0, errBroke) }
	for _, method := range []string{"ignores", "reads"} {
		_, err := rpc.Invoke[any](ctx, c, method, iter.Seq2[int, error](broken))
		if method == "reads" && !errors.Is(err, errBroke) {
			t.Errorf("%s: got %v; want %v", method, err, errBroke)
		}
	}
	calls := c.Stats().Calls
	if calls.Begun != 4 || calls.InFlight != 0 || calls.NotSent != 0 || calls.Unknown != calls.GivenUp || calls.GivenUp < 2 {
		t.Errorf("got %+v; want 4 calls that are over, at least 2 of them given up, none not sent", calls)
	}
}

// TestThreatFramesOfStreamsThatAreOver: floods of them cost no memory, and nothing
// else waits for them.
func TestThreatFramesOfStreamsThatAreOver(t *testing.T) {
	reg := streamRegistry(t, map[string]any{"ignores": func(items iter.Seq2[int, error]) iter.Seq2[int, error] { return seqOf(1) }})
	p, s := greeted(t, sessionConfig{handler: reg})
	p.send(frame(frameCall, flagUpload|flagItems, 1, callBody("ignores")))
	p.want(frameData, 1)
	p.want(frameResult, 1)
	flood := strings.Repeat(frame(frameCredit, 0, 1, "\x01")+frame(frameData, 0, 1, "\x01"), 10_000)
	large := frame(frameData, flagMore, 1, "\xff\xff\xff\x07x") // of 16 MiB, never completed
	p.send(flood, large, flood, frame(frameData, flagEnd, 1, ""), frame(frameData, flagEnd, 1, ""))
	p.send(frame(framePing, 0, 7, ""))
	p.want(framePong, 7)
	noStreams(t, s)
}

// TestInterceptorsSeeItems: an interceptor may stand in for Yield and Next.
func TestInterceptorsSeeItems(t *testing.T) {
	reg := streamRegistry(t, map[string]any{
		"mirror": func(items iter.Seq2[int, error]) iter.Seq2[int, error] { return items },
		"hash":   func(r io.Reader) ([]byte, error) { return io.ReadAll(r) },
	})
	var up, down int
	reg.Use(func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			if take := req.Next; take != nil {
				req.Next = func(dst any) error {
					err := take(dst)
					if err == nil {
						up++
					}
					return err
				}
			}
			if yield := req.Yield; yield != nil {
				req.Yield = func(item any) error { down++; return yield(item) }
			}
			return next(ctx, req)
		}
	})
	_, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
	n := 0
	for i, err := range rpc.Stream[int](testContext(t), client, "mirror", seqOf(10)) {
		if err != nil || i != n {
			t.Fatalf("item %d: got %d, %v", n, i, err)
		}
		n++
	}
	if n != 10 || up != 10 || down != 10 {
		t.Errorf("%d items came, the interceptor has seen %d and %d; want 10", n, up, down)
	}
	content := bytes.Repeat([]byte("x"), 100_000)
	if got, err := rpc.Invoke[[]byte](testContext(t), client, "hash", io.MultiReader(bytes.NewReader(content))); err != nil || !bytes.Equal(got, content) || up == 10 {
		t.Errorf("got %d bytes, %v; the interceptor has seen %d items", len(got), err, up)
	}
}

// TestConsumersThatPanicAtTheEnd: nor is a call waited for that has been answered.
func TestConsumersThatPanicAtTheEnd(t *testing.T) {
	p, s := greeted(t, sessionConfig{})
	over := make(chan struct{})
	go func() {
		defer close(over)
		for range 20 { // which of two things that have come is seen first is a matter of chance
			c, err := s.calls.encode(&rpc.Request{Method: "items", Yield: func(any) error { panic("on purpose") }})
			if err != nil {
				t.Error(err)
				return
			}
			patience := newPatience(testContext(t), 0)
			c.streaming.open(s)
			if err := s.send(&patience, c); err != nil {
				t.Error(err)
				return
			}
			id := (<-p.read).id
			p.send(frame(frameData, 0, id, "\x01"), frame(frameResult, 0, id, encoded(t, nil)))
			eventually(t, "the answer has come", func() bool { return len(c.done) == 1 })
			func() {
				defer func() { _ = recover() }()
				_ = s.converse(&patience, c)
				t.Error("the consumer has not panicked")
			}()
			c.free()
		}
	}()
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Fatal("the caller hangs")
	}
	noStreams(t, s)
}
