package native

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

func addRegistry(t testing.TB, opts ...rpc.Option) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	if err := reg.Register("add", rpc.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }), opts...); err != nil {
		t.Fatal(err)
	}
	return reg
}

// TestServerAllocations: what add takes on the server's side. The client of this
// test takes nothing.
func TestServerAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for name, opts := range map[string][]rpc.Option{"worker": nil, "short": {rpc.Short()}} {
		a, b := testSockets(t, "unix")
		defer b.Close()
		b.SetDeadline(time.Now().Add(20 * time.Second))
		s := testSession(t, a, sessionConfig{handler: addRegistry(t, opts...)})
		io.WriteString(b, frame(frameHello, 0, 0, string(testHello.append(nil))))
		wantWithin(t, s.ready, "for HELLO")
		if _, err := readFrame(b, nil, 1<<10); err != nil { // theirs
			t.Fatal(err)
		}
		body := callBody("add", 3, 5)
		id, out, in := uint64(1), make([]byte, 0, 64), make([]byte, 64)
		got := testing.AllocsPerRun(2000, func() {
			out = append(appendSessionHead(out[:0], frameCall, 0, id, len(body)), body...)
			id += 2
			if _, err := b.Write(out); err != nil {
				t.Fatal(err)
			}
			n, err := b.Read(in)
			if err != nil || in[n-1] != 8 {
				t.Fatalf("got %q, %v", in[:n], err)
			}
		})
		// The context of the call, which its function may keep, and the two
		// parameters of the function.
		t.Logf("%s: %v", name, got)
		if want := 2.0; got > want {
			t.Errorf("%s: add takes %v allocations; want at most %v", name, got, want)
		}
	}
}

// countingConn counts what its owner writes.
type countingConn struct {
	net.Conn
	written atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b))) // before the other end can answer
	return c.Conn.Write(b)
}

// TestBytesOnTheWire: a call of add takes 19 bytes there and 8 back, the heads
// of the frames included. A byte more would be one more for every call.
func TestBytesOnTheWire(t *testing.T) {
	a, b := net.Pipe()
	there, back := &countingConn{Conn: b}, &countingConn{Conn: a}
	_, client := testSessions(t, back, there, sessionConfig{handler: addRegistry(t)}, sessionConfig{})
	add := func() {
		t.Helper()
		if sum, err := rpc.Invoke[int](context.Background(), client, "add", 3, 5); err != nil || sum != 8 {
			t.Fatal(sum, err)
		}
	}
	add()
	for range 50 {
		before, beforeBack := there.written.Load(), back.written.Load()
		add()
		if got, gotBack := there.written.Load()-before, back.written.Load()-beforeBack; got != 19 || gotBack != 8 {
			t.Fatalf("got %d bytes there, %d back; want 19 and 8", got, gotBack)
		}
	}
	if n := len(appendSessionHead(nil, frameCall, 0, 127, 0)); n != headerSize+3 {
		t.Errorf("the head of a small frame has %d bytes; want %d", n, headerSize+3)
	}
	if n := len(binary.AppendUvarint(nil, uint64(defaultCallTimeout.Microseconds()))); n != 4 {
		t.Errorf("the default time-out takes %d bytes; want 4", n)
	}
}
