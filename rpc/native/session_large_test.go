package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestLargeMessages: blobs of many sizes there and back, beside small calls.
func TestLargeMessages(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			_, client := testPair(t, kind, sessionConfig{handler: echo}, sessionConfig{})
			var wg sync.WaitGroup
			for i, size := range []int{0, 1, 4080, 4096, 4097, 32<<10 - 3, 32 << 10, chunkSize - 20, chunkSize - 3, chunkSize, chunkSize + 1, maxBody, 2 * chunkSize, 2*chunkSize + 1, 1 << 20, 3<<20 + 7} {
				wg.Go(func() {
					blob := bytes.Repeat([]byte{byte(i + 1)}, size)
					for range 3 {
						got, err := rpc.Invoke[[]byte](testContext(t), client, "echo", blob)
						if err != nil || !bytes.Equal(got, blob) {
							t.Errorf("%d bytes: got %d, %v", size, len(got), err)
						}
					}
				})
			}
			wg.Wait()
			for size := chunkSize - 40; size < chunkSize+8; size++ { // around the limit of a frame
				got, err := rpc.Invoke[[]byte](testContext(t), client, "echo", make([]byte, size))
				if err != nil || len(got) != size {
					t.Errorf("%d bytes: got %d, %v", size, len(got), err)
				}
			}
		})
	}
}

// TestBlobsAreTheCallersOwn: what was decoded does not change with the messages
// that follow.
func TestBlobsAreTheCallersOwn(t *testing.T) {
	_, client := testPair(t, "unix", sessionConfig{handler: echo}, sessionConfig{})
	ctx := testContext(t)
	var kept [][]byte
	for i := range 20 {
		got, err := rpc.Invoke[[][]byte](ctx, client, "echo", [][]byte{bytes.Repeat([]byte{byte(i)}, 100_000), bytes.Repeat([]byte{byte(i)}, 50+i)})
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, got...)
	}
	for i, blob := range kept {
		if !bytes.Equal(blob, bytes.Repeat([]byte{byte(i / 2)}, len(blob))) {
			t.Fatalf("blob %d has changed", i)
		}
	}
}

// TestGivingUpLargeMessages: calls and results in parts that are given up in the
// middle, again and again, with others beside them.
func TestGivingUpLargeMessages(t *testing.T) {
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			server, client := testPair(t, kind, sessionConfig{handler: echo}, sessionConfig{})
			var wg sync.WaitGroup
			blob := bytes.Repeat([]byte("blob"), 256<<10)
			for i := range 8 {
				wg.Go(func() {
					for j := range 15 {
						ctx, cancel := context.WithTimeout(testContext(t), time.Duration((i*j*37)%4000)*time.Microsecond)
						got, err := rpc.Invoke[[]byte](ctx, client, "echo", blob)
						if err == nil && !bytes.Equal(got, blob) {
							t.Error("the blob has changed")
						} else if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
							t.Errorf("got %v", err)
						}
						cancel()
					}
				})
				wg.Go(func() {
					for j := range 50 {
						if got, err := rpc.Invoke[int](testContext(t), client, "echo", j); err != nil || got != j {
							t.Errorf("a small call: %d, %v", got, err)
						}
					}
				})
			}
			wg.Wait()
			wantSettled(t, client)
			wantSettled(t, server)
		})
	}
}

// wantSettled waits until nothing is left of any call.
func wantSettled(t testing.TB, s *session) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		st := &s.st
		ok := st.idle() && st.held == 0 && st.slots.used == 0 && st.workers.empty() && st.err == nil
		text := fmt.Sprintf("%d calls, %d running, %d places, %d bytes held, %d+%d to write, error %v", len(st.calls), st.running.n, st.slots.used, st.held, len(st.out), len(st.large), st.err)
		s.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the session does not come to rest: %s", text)
		}
	}
}

// TestHelloComesFirst: also if a large message is there before the writer.
func TestHelloComesFirst(t *testing.T) {
	st := state{out: []byte("hello"), large: []*large{{kind: frameResult, id: 1, buf: make([]byte, headRoom+200_000), answer: &incoming{}}}}
	b := st.take(nil)
	if string(b) != "hello" {
		t.Errorf("first came %d bytes; want hello", len(b))
	}
	if b = st.take(b); len(b) < chunkSize {
		t.Errorf("then came %d bytes; want a frame of the large message", len(b))
	}
}

// TestCancelledAnswerKeepsItsMemory: a frame that is being written when its call
// is cancelled is not overwritten by later answers.
func TestCancelledAnswerKeepsItsMemory(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	handled := make(chan struct{}, 32)
	testSession(t, a, sessionConfig{handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		defer func() { handled <- struct{}{} }()
		n, err := intArg(req)
		return bytes.Repeat([]byte{byte(n)}, 200_000), err
	})})
	go io.WriteString(b, frame(frameHello, 0, 0, string(testHello.append(nil)))+frame(frameCall, 0, 1, callBody("blob", 1)))
	if _, err := readFrame(b, nil, 1<<20); err != nil { // HELLO
		t.Fatal(err)
	}
	first := make([]byte, 1000)
	if _, err := io.ReadFull(b, first); err != nil {
		t.Fatal(err)
	}
	io.WriteString(b, frame(frameCancel, 0, 1, ""))
	for id := uint64(3); id < 40; id += 2 {
		io.WriteString(b, frame(frameCall, 0, id, callBody("blob", 2)))
		wantWithin(t, handled, "for a handler")
	}
	time.Sleep(20 * time.Millisecond) // until the answers are encoded
	rest, err := readFrame(io.MultiReader(bytes.NewReader(first), b), nil, 1<<20)
	if err != nil || len(rest) < chunkSize {
		t.Fatalf("got a frame of %d bytes, %v: %q", len(rest), err, first[:60])
	}
	if body := rest[len(rest)-chunkSize+20:]; !bytes.Equal(body, bytes.Repeat([]byte{1}, len(body))) {
		t.Error("the frame was overwritten while it was sent")
	}
}

// TestSmallCallsBesideALargeOne: while a blob of 16 MiB is on its way, small
// calls are answered long before it.
func TestSmallCallsBesideALargeOne(t *testing.T) {
	_, client := testPair(t, "tcp", sessionConfig{handler: echo, limits: Limits{MaxMessage: 32 << 20}}, sessionConfig{limits: Limits{MaxMessage: 32 << 20}})
	ctx := testContext(t)
	var over atomic.Bool
	done := make(chan error, 1)
	begin := time.Now()
	go func() {
		_, err := rpc.Invoke[[]byte](ctx, client, "echo", make([]byte, 24<<20))
		over.Store(true)
		done <- err
	}()
	var worst time.Duration
	n := 0
	for !over.Load() {
		begin := time.Now()
		if _, err := rpc.Invoke[int](ctx, client, "echo", 1); err != nil {
			t.Fatal(err)
		}
		if !over.Load() {
			worst = max(worst, time.Since(begin))
			n++
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	t.Logf("blob: %v; %d small calls beside it, the slowest %v", took, n, worst)
	if n < 3 || worst > took*3/4 {
		t.Errorf("%d small calls beside a blob of %v, the slowest took %v", n, took, worst)
	}
}

// TestPeerStopsReading: its callers' deadlines hold, whatever they send, and
// other connections do not notice.
func TestPeerStopsReading(t *testing.T) {
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo})
	other := testClient(t, srv.Addr(), DialConfig{})
	for _, kind := range connections {
		t.Run(kind, func(t *testing.T) {
			var a, b net.Conn
			if kind == "pipe" {
				a, b = net.Pipe()
			} else {
				a, b = testSockets(t, kind)
			}
			defer a.Close()
			go a.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil))))) // and never a read
			client := testSession(t, b, sessionConfig{dialer: true, callTimeout: 300 * time.Millisecond})
			wantWithin(t, client.ready, "for HELLO")

			machine := machineLateness(t)
			const timeout = 300 * time.Millisecond
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			begin := time.Now()
			var wg sync.WaitGroup
			var worst atomic.Int64
			for i := range 300 {
				size := 100
				if i%10 == 0 {
					size = 1 << 20
				} else if i%3 == 0 {
					size = 60_000
				}
				ctx := ctx
				if i%2 == 0 {
					ctx = context.Background() // the default time-out
				}
				wg.Go(func() {
					_, err := rpc.Invoke[any](ctx, client, "echo", make([]byte, size))
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("a call of %d bytes: got %v; want a deadline", size, err)
					}
					for late := int64(time.Since(begin) - timeout); late > worst.Load(); {
						worst.Store(late)
					}
				})
			}
			for range 20 {
				begin := time.Now()
				if _, err := rpc.Invoke[int](testContext(t), other, "echo", 1); err != nil {
					t.Errorf("another connection: %v", err)
				}
				wantNotLate(t, "another connection", time.Since(begin), machine())
			}
			wg.Wait()
			t.Logf("the latest caller was %v late, a timer %v", time.Duration(worst.Load()), machine())
			wantNotLate(t, "a caller", time.Duration(worst.Load()), machine())
			client.mu.Lock()
			if n := client.st.queued(); n > maxQueuedControl {
				t.Errorf("%d bytes are queued; want at most %d", n, maxQueuedControl)
			}
			client.mu.Unlock()
		})
	}
}

// lateness is by how much a deadline may be missed, besides what the machine
// itself is late.
const lateness = 100 * time.Millisecond

// machineLateness measures by how much timers are late, since others use the
// machine as well, and returns the worst so far at each call.
func machineLateness(t testing.TB) func() time.Duration {
	var worst atomic.Int64
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		const step = 5 * time.Millisecond
		for {
			begin := time.Now()
			select {
			case <-over:
				return
			case <-time.After(step):
			}
			worst.Store(max(worst.Load(), int64(time.Since(begin)-step)))
		}
	}()
	t.Cleanup(func() {
		close(over)
		<-ended
	})
	return func() time.Duration { return time.Duration(worst.Load()) }
}

// wantNotLate checks that something happened within a time, not much later. It may
// have waited for the machine more than once.
func wantNotLate(t testing.TB, what string, late, machine time.Duration) {
	t.Helper()
	allowed := lateness + 4*machine
	if raceEnabled {
		allowed += time.Second // everything costs ten times as much
	}
	if late > allowed {
		t.Errorf("%s: %v late; want at most %v", what, late, allowed)
	}
}
