package native

import (
	"testing"
	"time"
)

// TestGone: a Conn notices that its peer has left, without a Recv, inside TLS too.
func TestGone(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		t.Run(network, func(t *testing.T) {
			server, client := testConns(t, network, listenKey, dialKey)
			if server.Gone() {
				t.Error("it is gone before it has left")
			}
			if got, want := server.ackNow != nil, network != "unix"; got != want {
				t.Errorf("the kernel can be asked to acknowledge: got %v; want %v", got, want)
			}
			client.Close()
			within(t, 10*time.Second, "for the peer to be gone", server.Gone)
		})
	}
}
