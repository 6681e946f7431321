package xmlrpc

import (
	"fmt"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestThreatManyEndlessRefusals: while as many refusals as may be are followed by
// something that is still to be read, the next one ends its connection at once.
func TestThreatManyEndlessRefusals(t *testing.T) {
	s := &Server{Handler: rpc.NewRegistry(), MaxBody: 64 << 10, Logger: slog.New(slog.DiscardHandler)}
	ln, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(ln) }()
	t.Cleanup(func() { s.Close(); <-served })
	for range maxLingering {
		if !s.endpoint.lingering.take() {
			t.Fatal("no room from the beginning")
		}
	}
	send := func() error {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(30 * time.Second))
		const size = 24 << 20
		fmt.Fprintf(c, "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n", size)
		_, err = c.Write(make([]byte, size))
		return err
	}
	if send() == nil {
		t.Error("one more was read to its end")
	}
	s.endpoint.lingering.free()
	for range 2 { // one after the other
		if err := send(); err != nil {
			t.Errorf("with room: %v", err)
		}
		for deadline := time.Now().Add(30 * time.Second); s.endpoint.lingering.taken.Load() != maxLingering-1; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the room was not given back")
			}
		}
	}
}
