package native

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/internal/faultproxy"
	"github.com/parley-rpc/parley/rpc"
)

// Of the cells. Dead peers are found quickly, so that the tests are quick.
const (
	faultPing = slower * 100 * time.Millisecond
	faultDead = slower * 800 * time.Millisecond
	faultDial = slower * 500 * time.Millisecond
	shortCall = slower * 400 * time.Millisecond // ends before faultDead
	soonCall  = slower * 300 * time.Millisecond
	longCall  = 15 * time.Second // ends after all

	faultLarge = 1 << 20 // bytes of a message that is sent or received
)

// onTime is by how much a deadline may be missed, and how long a broken
// connection may be unnoticed, besides what the machine was late in the meantime.
// Under the race detector three times as much.
func onTime() time.Duration {
	if raceEnabled {
		return 3 * lateness
	}
	return lateness
}

// faultPhase is what a client is at when the fault comes.
type faultPhase string

const (
	idle      faultPhase = "idle"
	sending   faultPhase = "sending"
	handling  faultPhase = "handler running"
	receiving faultPhase = "receiving"
)

var faultPhases = []faultPhase{idle, sending, handling, receiving}

// faultServer counts what its handlers do.
type faultServer struct {
	*Server
	blocked atomic.Int32 // calls of block
	entered chan struct{}
	release chan struct{}

	mu   sync.Mutex
	runs map[int]int // guarded by mu; how often each call ran
}

func newFaultServer(t testing.TB, network string) *faultServer {
	s := &faultServer{entered: make(chan struct{}, 16), release: make(chan struct{}), runs: map[int]int{}}
	s.Server = testServer(t, testURL(t, network), &Server{
		Handler: callerFunc(s.handle), Limits: Limits{PingAfter: faultPing, DeadAfter: faultDead},
	})
	return s
}

// handle answers echo(id, b), sink(id, b), blob(id, size), block(id) and panic(id).
func (s *faultServer) handle(ctx context.Context, req *rpc.Request) (any, error) {
	var id, size int
	var b []byte
	dst := []any{&id, &b}
	if req.Method == "blob" {
		dst[1] = &size
	}
	if err := req.Args.Decode(dst, nil); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.runs[id]++
	s.mu.Unlock()
	switch req.Method {
	case "echo":
		return b, nil
	case "sink":
		return int64(crc32.ChecksumIEEE(b)), nil
	case "blob":
		return blobOf(id, size), nil
	case "block":
		s.blocked.Add(1)
		defer s.blocked.Add(-1)
		s.entered <- struct{}{}
		select {
		case <-s.release:
			return b, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case "panic":
		panic("on purpose")
	}
	return nil, rpc.Errorf(rpc.CodeMethodNotFound, "method not found: %s", req.Method)
}

// ranOnce checks that no call was repeated.
func (s *faultServer) ranOnce(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range s.runs {
		if n > 1 {
			t.Errorf("call %d ran %d times", id, n)
		}
	}
}

// begunCalls counts the calls of which something was sent and no answer has come.
func (s *session) begunCalls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.st.calls)
}

// blobOf returns bytes that tell calls and places apart, at little cost.
func blobOf(id, size int) []byte {
	b := make([]byte, size)
	var block [1 << 10]byte
	for i := range len(block) / 8 {
		binary.BigEndian.PutUint64(block[8*i:], uint64(id+i<<32)*0x9e3779b97f4a7c15)
	}
	for at := 0; at < size; at += len(block) {
		copy(b[at:], block[:])
		if at+8 <= size {
			binary.BigEndian.PutUint64(b[at:], uint64(id)<<32|uint64(at))
		}
	}
	return b
}

// callIDs numbers the calls of a test run.
var callIDs atomic.Int64

// makeCall makes a call and checks its answer, if there is one.
func makeCall(ctx context.Context, c rpc.Caller, method string, size int) error {
	id := int(callIDs.Add(1))
	switch method {
	case "sink":
		b := blobOf(id, size)
		sum, err := rpc.Invoke[int64](ctx, c, method, id, b)
		if err == nil && sum != int64(crc32.ChecksumIEEE(b)) {
			return wrongAnswer(method)
		}
		return err
	case "blob":
		got, err := rpc.Invoke[[]byte](ctx, c, method, id, size)
		if err == nil && !bytes.Equal(got, blobOf(id, size)) {
			return wrongAnswer(method)
		}
		return err
	}
	b := blobOf(id, size)
	got, err := rpc.Invoke[[]byte](ctx, c, method, id, b)
	if err == nil && !bytes.Equal(got, b) {
		return wrongAnswer(method)
	}
	return err
}

// wrongAnswer is an answer that belongs to no call, or to another one.
type wrongAnswer string

func (e wrongAnswer) Error() string { return string(e) + ": the answer is not that of this call" }

// flight is a call under way.
type flight struct {
	name     string
	begun    time.Time
	deadline time.Duration // after begun
	over     chan struct{}
	took     time.Duration // valid when over, like err
	err      error
}

func fly(c rpc.Caller, name, method string, size int, deadline time.Duration) *flight {
	f := &flight{name: name, begun: time.Now(), deadline: deadline, over: make(chan struct{})}
	go func() {
		defer close(f.over)
		ctx, cancel := context.WithDeadline(context.Background(), f.begun.Add(deadline))
		defer cancel()
		f.err = makeCall(ctx, c, method, size)
		f.took = time.Since(f.begun)
	}()
	return f
}

// outcome is what becomes of a call.
type outcome int

const (
	inTime   outcome = iota // anything but a wrong answer, by its deadline
	garbled                 // anything at all, by its deadline
	atOnce                  // Unknown, as soon as the connection is broken
	dead                    // Unknown, by its deadline or when the peer is held to be dead
	refused                 // NotSent, by its deadline
	answered                // the right answer
)

// check waits for the end of a call and looks at it. The fault came at since.
func (f *flight) check(t testing.TB, want outcome, since time.Time, allowed func() time.Duration) {
	t.Helper()
	select {
	case <-f.over:
	case <-time.After(longCall + 5*time.Second):
		buf := make([]byte, 1<<20)
		t.Fatalf("%s: it does not end\n%s", f.name, buf[:runtime.Stack(buf, true)])
	}
	end := f.begun.Add(f.took)
	due := f.begun.Add(f.deadline)
	var link *rpc.LinkError
	unknown := errors.As(f.err, &link) && link.Sent == rpc.Unknown
	expired := errors.Is(f.err, context.DeadlineExceeded)
	ok := true
	switch want {
	case atOnce:
		if ok = unknown; !expired {
			due = since
		}
	case dead:
		ok = unknown && (expired || errors.Is(f.err, ErrPeerDead))
		if dies := since.Add(faultDead); dies.Before(due) {
			due = dies
		}
	case refused:
		ok = link != nil && link.Sent == rpc.NotSent
	case answered:
		ok = f.err == nil
	}
	if wrong := wrongAnswer(""); !ok || want != garbled && errors.As(f.err, &wrong) {
		t.Errorf("%s: got %v after %v; want %v", f.name, f.err, f.took, want)
	}
	if late := end.Sub(due); late > allowed() {
		t.Errorf("%s: %v late (%v after %v); want at most %v", f.name, late, f.err, f.took, allowed())
	}
}

func (o outcome) String() string {
	return [...]string{"an end in time, and no wrong answer", "an end in time", "outcome unknown, at once", "outcome unknown, or ErrPeerDead", "not sent", "the right answer"}[o]
}

// testFaultProxy starts a proxy in front of a server, which ends with the test.
func testFaultProxy(t testing.TB, url string) (p *faultproxy.Proxy, through string) {
	t.Helper()
	network, server, err := parseAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	carrier := network
	if network == "tls" {
		carrier = "tcp"
	}
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "p")
	}
	if p, err = faultproxy.New(carrier, address, carrier, server); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, network + "://" + p.Addr()
}

// bystander calls on a connection of its own until stop, which says what it has
// noticed.
func bystander(t testing.TB, url string) (stop func(allowed func() time.Duration)) {
	t.Helper()
	c := testClient(t, url, DialConfig{})
	over := make(chan struct{})
	var wg sync.WaitGroup
	var worst time.Duration
	var failed error
	n := 0
	wg.Go(func() {
		for failed == nil {
			begin := time.Now()
			failed = makeCall(testContext(t), c, "echo", 100*(n%50))
			worst = max(worst, time.Since(begin))
			n++
			select {
			case <-over:
				return
			case <-time.After(slower * 2 * time.Millisecond):
			}
		}
	})
	return func(allowed func() time.Duration) {
		t.Helper()
		close(over)
		wg.Wait()
		if failed != nil {
			t.Errorf("another connection: %d calls, then %v; want it to notice nothing", n, failed)
		}
		if worst > allowed() {
			t.Errorf("another connection: a call took %v; want at most %v", worst, allowed())
		}
	}
}

// sockets counts the open ones of this process. Of other descriptors the runtime
// has some that it opens when it needs them first. Where there is no /proc it
// finds none.
func sockets() (n int) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// nothingLeft returns a check that nothing has stayed which was not there before.
func nothingLeft(t testing.TB) (check func()) {
	t.Helper()
	before, ignore := sockets(), goleak.IgnoreCurrent()
	return func() {
		t.Helper()
		if err := goleak.Find(ignore); err != nil {
			t.Errorf("goroutines are left: %v", err)
		}
		for end := time.Now().Add(2 * time.Second); sockets() > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("got %d sockets; want the %d there were before", sockets(), before)
				return
			}
		}
	}
}

// within waits until a condition holds.
func within(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("waited %v in vain: %s", limit, what)
			return
		}
	}
}
