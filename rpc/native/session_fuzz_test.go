package native

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// echoShort is a handler whose function echo is short.
type echoShort struct{ callerFunc }

func (echoShort) Short(method string) bool { return method == "echo" }

// FuzzSession feeds arbitrary bytes to a session that serves and calls. Whatever
// they are, it neither panics nor hangs, and ends with the connection.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"",
		frame(framePing, 0, 1, ""),
		frame(frameCall, 0, 1, callBody("echo", 1, "x", []byte{1})),
		frame(frameCall, 0, 1, callBody("back")),
		frame(frameCall, flagMore, 1, "\x05ab") + frame(frameCall, 0, 1, "cde"),
		frame(frameCall, 0, 1, callBody("echo")) + frame(frameCancel, 0, 1, ""),
		frame(frameResult, 0, 2, "\x01"),
		frame(frameResult, flagMore, 2, "\x05ab") + frame(frameFault, 0, 2, "\x02x"),
		frame(frameGoaway, 0, 2, "\x00bye"),
		frame(frameGoaway, 0, 0, "\x01you"),
		frame(0x99, 7, 1, "extension"),
		"\xff\xff\xff\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, b := net.Pipe()
		s := testSession(t, a, sessionConfig{
			limits: Limits{MaxCalls: 4, MaxMessage: 64 << 10, MaxBuffered: 128 << 10},
			handler: echoShort{func(ctx context.Context, req *rpc.Request) (any, error) {
				if req.Method == "back" {
					return req.Peer.Call(ctx, &rpc.Request{Method: "there"})
				}
				return echo(ctx, req)
			}},
		})
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			io.Copy(io.Discard, b)
		}()
		b.SetWriteDeadline(time.Now().Add(10 * time.Second))
		b.Write([]byte(frame(frameHello, 0, 0, string(testHello.append(nil)))))
		called := make(chan struct{})
		go func() {
			defer close(called)
			select {
			case <-s.ready:
				rpc.Invoke[any](context.Background(), s, "ask", 1) // CALL 2
			case <-s.gone:
			}
		}()
		if _, err := b.Write(data); errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("the session does not read")
		}
		b.Close()
		for _, c := range []chan struct{}{s.gone, called, drained} {
			select {
			case <-c:
			case <-time.After(10 * time.Second):
				t.Fatal("the session does not end")
			}
		}
	})
}
