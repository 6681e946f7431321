package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/faultproxy"
	"github.com/parley-rpc/parley/rpc"
)

// TestFlippedByteEndsTheConnection: whichever bit of a record changes on the way, in
// either direction, the connection is over and no wrong byte is delivered. Without
// TLS the same would change an argument or a result.
func TestFlippedByteEndsTheConnection(t *testing.T) {
	// A record is type, version, length, what is sealed, and the tag.
	places := []int64{0, 1, 2, 4, 5, 6, 20, 60, 100}
	for _, way := range []faultproxy.Direction{faultproxy.Up, faultproxy.Down} {
		for _, at := range places {
			t.Run(fmt.Sprintf("%v/%d", way, at), func(t *testing.T) {
				// A length that became larger is noticed when more has come.
				quick := Limits{PingAfter: 100 * time.Millisecond, DeadAfter: 15 * time.Second}
				reasons, wrong := make(chan error, 4), make(chan []byte, 4)
				want := bytes.Repeat([]byte("payload "), 20)
				handler := callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
					var b []byte
					if err := req.Args.Decode([]any{&b}, nil); err != nil {
						return nil, err
					}
					if !bytes.Equal(b, want) {
						wrong <- b
					}
					return b, nil
				})
				srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: handler, Limits: quick})
				proxy, url := testFaultProxy(t, srv.Addr())
				c := testClient(t, url, DialConfig{Limits: quick, Events: Events{SessionEnded: func(_ *rpc.Peer, reason error) { reasons <- reason }}})
				if got, err := rpc.Invoke[[]byte](testContext(t), c, "echo", want); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("before: got %q, %v", got, err)
				}
				before := c.live.Load()
				proxy.Set(way, faultproxy.Fault{Alter: faultproxy.FlipBit(8*at + at%8)})
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				got, err := rpc.Invoke[[]byte](ctx, c, "echo", want)
				link := new(rpc.LinkError)
				if err == nil || !errors.As(err, &link) || link.Sent != rpc.Unknown {
					t.Errorf("the call: got %q, %v; want a LinkError, Unknown", got, err)
				}
				if reason := wantWithin(t, reasons, "the end of the session"); errors.Is(reason, ErrClosed) || errors.Is(reason, ErrPeerDead) {
					t.Errorf("the session ended with %v; want what was wrong with its bytes", reason)
				}
				if before.ended() == nil {
					t.Error("the session goes on")
				}
				select {
				case b := <-wrong:
					t.Errorf("a handler got %q", b)
				default:
				}
				if err := proxy.Heal(); err != nil {
					t.Fatal(err)
				}
				if got, err := rpc.Invoke[[]byte](ctx, c, "echo", want); err != nil || !bytes.Equal(got, want) {
					t.Errorf("afterwards: got %q, %v", got, err)
				}
			})
		}
	}
}
