package xmlrpc

import (
	"net"
	"net/http"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// fakeConn is a connection from an address, which knows whether it was closed.
type fakeConn struct {
	net.Conn
	from   net.Addr
	closed bool
}

func (f *fakeConn) RemoteAddr() net.Addr { return f.from }
func (f *fakeConn) Close() error         { f.closed = true; return nil }

func from(addr string) *fakeConn {
	return &fakeConn{from: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1))}
}

// TestSilentConnectionsMakeRoom follows who has to leave for whom.
func TestSilentConnectionsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cs := newConns(500)
		connect := func(addr string) (*fakeConn, *conn) {
			t.Helper()
			f := from(addr)
			c, ok := cs.add(f, "")
			if !ok || f.closed {
				t.Fatalf("a connection from %s was turned away", addr)
			}
			c.reading.begin() // as net/http does
			return f, c
		}

		// One address may hold 64 silent connections for as long as it likes, loopback 128.
		first, _ := connect("192.0.2.1")
		second, _ := connect("192.0.2.1")
		for range maxSilentEach - 2 {
			connect("192.0.2.1")
		}
		connect("192.0.2.1")
		if first.closed {
			t.Fatal("a connection had no time to speak")
		}
		time.Sleep(silentGrace + 1)
		connect("192.0.2.1")
		if !first.closed || second.closed {
			t.Errorf("for one more of its address the oldest has to leave and no other: %v, %v", first.closed, second.closed)
		}
		other, _ := connect("192.0.2.2")
		local, _ := connect("127.0.0.1")
		for range maxSilentLocal - 1 {
			connect("127.0.0.1")
		}
		time.Sleep(silentGrace + 1)
		if second.closed || local.closed {
			t.Error("another address had to leave")
		}
		connect("127.0.0.1")
		if second.closed || !local.closed {
			t.Errorf("for one more of loopback its oldest has to leave: %v, %v", second.closed, local.closed)
		}

		// Of all addresses together there are 256, and then the oldest of all leaves.
		for i := cs.silent.Len(); i < maxSilent; i++ {
			connect(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String())
		}
		time.Sleep(silentGrace + 1)
		connect("203.0.113.1")
		if !second.closed || other.closed {
			t.Errorf("for one more of all the oldest has to leave: %v, %v", second.closed, other.closed)
		}

		// One that has spoken stays, however full it gets.
		spoken, c := connect("203.0.113.2")
		c.heard()
		c.heard()
		for range 600 {
			connect("203.0.113.3")
			if len(cs.open) > cs.max || cs.silent.Len() > cs.max {
				t.Fatalf("%d connections are open", len(cs.open))
			}
		}
		if spoken.closed {
			t.Error("a connection that has spoken had to leave")
		}
		if len(cs.open) != cs.max {
			t.Errorf("%d connections are open; want %d", len(cs.open), cs.max)
		}

		// When all have spoken, nobody is let in.
		for e := cs.silent.Front(); e != nil; e = cs.silent.Front() {
			e.Value.(*conn).heard()
		}
		f := from("203.0.113.4")
		if _, ok := cs.add(f, ""); ok || !f.closed {
			t.Error("a connection was let in where there is no room")
		}
		c.Close()
		c.Close()
		connect("203.0.113.4")

		// The end: those without a request leave.
		for c := range cs.open {
			c.Close()
			break
		}
		_, busy := connect("203.0.113.5")
		busy.state.Store(int32(http.StateActive))
		cs.end()
		if len(cs.open) != 1 {
			t.Errorf("%d connections are left; want the one with a request", len(cs.open))
		}
		if _, ok := cs.add(from("203.0.113.5"), ""); ok {
			t.Error("a connection was let in after the end")
		}
	})
}

// TestRoomForTheCallersOfAnAddress: one client that makes 64 calls at once keeps all
// its connections, however long its machine takes to speak on them.
func TestRoomForTheCallersOfAnAddress(t *testing.T) {
	for _, addr := range []string{"192.0.2.1", "127.0.0.1"} {
		synctest.Test(t, func(t *testing.T) {
			cs := newConns(500)
			var all []*fakeConn
			for range 64 {
				f := from(addr)
				c, ok := cs.add(f, "")
				if !ok {
					t.Fatal("a connection was turned away")
				}
				c.reading.begin()
				all = append(all, f)
				time.Sleep(silentGrace / 10)
			}
			for i, f := range all {
				if f.closed {
					t.Errorf("%s: connection %d of 64 had to leave", addr, i)
				}
			}
		})
	}
}

// TestWorkIsNotSilence: a connection whose handshake or head the server is working
// on does not have to leave, one that does not take what it is sent does.
func TestWorkIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cs := newConns(500)
		connect := func() (*fakeConn, *conn) {
			f := from("127.0.0.1")
			c, _ := cs.add(f, "")
			c.reading.begin()
			return f, c
		}
		first, at := connect()
		second, full := connect()
		for range maxSilentLocal - 2 {
			connect()
		}
		time.Sleep(silentGrace + 1)
		at.reading.done()
		full.reading.done()
		third, _ := connect()
		if first.closed || second.closed {
			t.Error("a connection had to leave whose peer was not waited for")
		}
		full.writing.begin()
		connect()
		if first.closed || !second.closed {
			t.Errorf("for one more: closed the one that is worked on %v, the one that takes nothing %v; want the other alone", first.closed, second.closed)
		}
		if third.closed {
			t.Error("a connection had no time to speak")
		}
	})
}

// TestConnectionsWithoutLoginStaySilent: where callers have to log in, a request
// that is turned down is as good as none; one that is being looked at does not
// have to leave but for want of any other.
func TestConnectionsWithoutLoginStaySilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cs := newConns(maxSilentEach + 2)
		connect := func() (*fakeConn, *conn) {
			t.Helper()
			f := from("192.0.2.1")
			c, ok := cs.add(f, "")
			if !ok || f.closed {
				t.Fatal("a connection was turned away")
			}
			c.reading.begin() // as net/http does
			return f, c
		}
		deciding, d := connect()
		d.decide()
		inside, in := connect()
		in.decide()
		in.heard()
		in.turnedDown() // a later request: it is known all the same
		refused, r := connect()
		r.decide()
		next, _ := connect()
		for range maxSilentEach - 3 {
			connect()
		}
		time.Sleep(silentGrace + 1)
		r.turnedDown()
		connect()
		if !refused.closed || next.closed || deciding.closed || inside.closed {
			t.Errorf("got refused closed %v, the next %v, the one that is looked at %v, the one that is in %v; want the first alone", refused.closed, next.closed, deciding.closed, inside.closed)
		}
		// All there are: those that are looked at leave when there is nobody else.
		for c := range cs.open {
			if c != in {
				c.decide()
			}
		}
		for len(cs.open) < cs.max {
			_, c := connect()
			c.decide()
		}
		connect()
		if !deciding.closed || inside.closed {
			t.Errorf("for want of others: got the oldest that is looked at closed %v, the one that is in %v", deciding.closed, inside.closed)
		}
		// What has left does not come back.
		d.turnedDown()
		r.heard()
		for e := cs.silent.Front(); e != nil; e = e.Next() {
			if e.Value.(*conn) == d || e.Value.(*conn) == r {
				t.Error("a connection that was closed is on the list")
			}
		}
	})
}
