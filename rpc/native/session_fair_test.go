package native

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestHugeMessageLetsSmallCallsThrough: while 64 MiB are on their way, what a
// small call waits for is two frames of them at most, those that a writer has
// taken. By the clock that is 20 ms even where 64 KiB take 10: the peer here takes
// its time for each frame.
func TestHugeMessageLetsSmallCallsThrough(t *testing.T) {
	const size, pace = 64 << 20, time.Millisecond
	a, b := net.Pipe() // holds no byte itself
	defer b.Close()
	b.SetDeadline(time.Now().Add(20 * time.Second))
	client := testSession(t, a, sessionConfig{dialer: true})
	peer := testHello
	peer.maxMessage = size + 1<<10
	go io.WriteString(b, frame(frameHello, 0, 0, string(peer.append(nil))))
	var memory []byte
	next := func() (h frameHead) {
		t.Helper()
		var err error
		if memory, err = readFrame(b, memory, 1<<20); err == nil {
			h, _, err = parseFrameHead(memory, len(memory))
		}
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	next() // HELLO
	wantWithin(t, client.ready, "for HELLO")
	go rpc.Invoke[any](testContext(t), client, "take", make([]byte, size))
	for range 10 {
		if h := next(); h.kind != frameCall || h.id != 1 || !h.more() {
			t.Fatalf("got %s %d; want the large CALL", h.kind, h.id)
		}
	}
	for round := range uint64(20) {
		go rpc.Invoke[any](testContext(t), client, "small")
		queued := func() bool {
			client.mu.Lock()
			defer client.mu.Unlock()
			return client.st.nextID == 2*round+5
		}
		for !queued() {
			time.Sleep(time.Millisecond)
		}
		begin := time.Now()
		frames := 0
		for next().id == 1 {
			if frames++; frames > 2 {
				t.Fatalf("small call %d: %d frames of the large one went first; want at most 2", round, frames)
			}
			time.Sleep(pace)
		}
		t.Logf("small call %d: %d frames went first, %v", round, frames, time.Since(begin).Round(10*time.Microsecond))
	}
}
