//go:build unix

package xmlrpc

import (
	"net"
	"testing"
	"time"
)

// TestUnreadIsNotSilent: many callers at once, on a machine that has not got to
// read their requests, are not those who have to make room.
func TestUnreadIsNotSilent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cs := newConns(200)
	connect := func(says string) (peer net.Conn, c *conn) {
		t.Helper()
		peer, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { peer.Close() })
		if _, err := peer.Write([]byte(says)); err != nil {
			t.Fatal(err)
		}
		nc, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { nc.Close() })
		for deadline := time.Now().Add(5 * time.Second); says != "" && !unread(nc); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("what was sent does not arrive")
			}
		}
		c, ok := cs.add(nc, "")
		if !ok {
			t.Fatal("a connection was turned away")
		}
		c.reading.begin() // as net/http does
		return peer, c
	}
	_, speaks := connect("POST / HTTP/1.1\r\n")
	for range maxSilentLocal - 1 {
		connect("")
	}
	speaks.since = speaks.since.Add(-2 * silentGrace)
	connect("")
	if speaks.place == nil {
		t.Fatal("a connection whose request waits to be read had to make room")
	}
	// Once it is read, and is no request yet, it is as silent as the others.
	if _, err := speaks.Conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	connect("")
	if speaks.place != nil {
		t.Error("a connection that has stopped in the middle of its request keeps its place")
	}
}
