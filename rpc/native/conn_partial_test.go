package native

import (
	"net"
	"strings"
	"testing"
)

// TestSendGoesOnWhereTheSocketStopped: of a long object the socket takes a part at
// once; the rest follows behind that part.
func TestSendGoesOnWhereTheSocketStopped(t *testing.T) {
	ctx := testContext(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	from := newConn(a, handshakeResult{}, connOptions{maxMessage: 64 << 20})
	to := newConn(b, handshakeResult{}, connOptions{maxMessage: 64 << 20})
	defer from.Close()
	defer to.Close()
	want := strings.Repeat("0123456789", 3<<20)
	sent := make(chan error, 1)
	go func() { sent <- from.Send(ctx, want) }()
	var got string
	if err := to.Recv(ctx, &got); err != nil || got != want {
		t.Errorf("got %d bytes, %v; want the %d that were sent", len(got), err, len(want))
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}
