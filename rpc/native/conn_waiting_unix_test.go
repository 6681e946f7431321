//go:build unix

package native

import (
	"testing"
	"time"
)

// TestWaiting: a Conn tells, without a Recv, that something has come or that its
// peer has left. Inside TLS it does not know.
func TestWaiting(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		t.Run(network, func(t *testing.T) {
			server, client := testConns(t, network, listenKey, dialKey)
			if server.Waiting() || client.Waiting() {
				t.Error("nothing was sent, and something is waiting")
			}
			if network == "tls" {
				return
			}
			ctx := testContext(t)
			for i := range 2 {
				if err := client.Send(ctx, i); err != nil {
					t.Fatal(err)
				}
			}
			within(t, 10*time.Second, "for the messages", server.Waiting)
			for i := range 2 {
				if !server.Waiting() {
					t.Errorf("message %d has come, and nothing is waiting", i)
				}
				var got int
				if err := server.Recv(ctx, &got); err != nil || got != i {
					t.Fatalf("got %d, %v; want %d", got, err, i)
				}
			}
			if server.Waiting() {
				t.Error("all was received, and something is waiting")
			}
			client.Close()
			within(t, 10*time.Second, "for the peer to leave", server.Waiting)
			server.Close()
			if !server.Waiting() {
				t.Error("a closed Conn: nothing is waiting; want what Recv would return at once")
			}
		})
	}
}
