package native

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// prove answers the challenge on a connection that was accepted, and stops when
// it is welcome.
func prove(t *testing.T, nc net.Conn) {
	t.Helper()
	challenge, err := readFrame(nc, nil, maxHandshake)
	if err != nil {
		t.Fatal(err)
	}
	response, _, err := respond([]byte(testKey), challenge[len(challengePrefix):], dialectUnknown, false)
	if err != nil {
		t.Fatal(err)
	}
	nc.Write(frameOf(string(response)))
	wantFrame(t, nc, welcome)
}

// A peer that has proved its key keeps its place while there are others that
// have proved nothing, however old they are.
func TestProvedPeersLeaveLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: quiet, deliver: discardDelivery})
		defer a.Close()
		proved := l.connect("192.0.2.1:1")
		prove(t, proved)
		var conns []net.Conn
		for i := range 3 * maxPendingPerHost {
			if i == maxPendingPerHost {
				time.Sleep(loginGrace)
			}
			conns = append(conns, l.connect(fmt.Sprintf("192.0.2.1:%d", 2+i)))
		}
		synctest.Wait()
		if !alive(proved) {
			t.Error("it was closed to make room, although others had proved nothing")
		}
		if got := countAlive(conns[:maxPendingPerHost]); got != 0 {
			t.Errorf("old ones that have proved nothing: got %d; want none", got)
		}
	})
}

// Peers that stop as soon as they have proved their key keep nobody out: the
// one that has been silent longest makes room.
func TestProvedPeersThatStopMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		delivered := make(chan struct{}, 1)
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: quiet, maxConns: maxPendingLoopback, deliver: func(nc net.Conn, r handshakeResult, done func()) {
			discardDelivery(nc, r, done)
			delivered <- struct{}{}
		}})
		defer a.Close()
		login := func() error {
			nc := l.connect("127.0.0.1:9")
			defer nc.Close()
			_, err := clientHandshake(t.Context(), nc, oneKey(testKey), true)
			return err
		}
		var stopped []net.Conn
		for range maxPendingLoopback {
			nc := l.connect("127.0.0.1:1")
			prove(t, nc)
			stopped = append(stopped, nc)
			time.Sleep(time.Millisecond)
		}
		if err := login(); err == nil {
			t.Error("all places are taken by peers that have just proved their key, and one had to leave")
		}
		if got := countAlive(stopped); got != len(stopped) {
			t.Fatalf("got %d; want all %d, whose last word was not long ago", got, len(stopped))
		}
		time.Sleep(proofGrace)
		if err := login(); err != nil {
			t.Errorf("an honest login: %v", err)
		}
		<-delivered
		if alive(stopped[0]) || countAlive(stopped) != len(stopped)-1 {
			t.Errorf("oldest alive: %v, of all %d; want the oldest gone, and no other", alive(stopped[0]), countAlive(stopped))
		}
	})
}

// TestThreatOneHostTakesAllPlaces: a host that connects faster than connections get
// old does not drive out others that are about to log in.
func TestThreatOneHostTakesAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: quiet, deliver: discardDelivery})
		defer a.Close()
		honest := l.connect("192.0.2.1:1")
		var flood []net.Conn
		for range defaultMaxConns + 100 {
			flood = append(flood, l.connect("203.0.113.5:1"))
		}
		synctest.Wait()
		if got := countAlive(flood); got > crowd*maxPendingPerHost {
			t.Errorf("one host has %d connections; want %d at most", got, crowd*maxPendingPerHost)
		}
		if _, err := clientHandshake(t.Context(), honest, oneKey(testKey), true); err != nil {
			t.Errorf("an honest login: %v", err)
		}
	})
}

// Hundreds of programs of this machine that start at once are all let in, however
// long each takes; what only connects still leaves half of all places to others.
func TestManyLoginsOfThisMachineAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: quiet, deliver: discardDelivery})
		defer a.Close()
		honest := l.connect("192.0.2.1:1")
		var crowded []net.Conn
		for i := range 500 {
			crowded = append(crowded, l.connect(fmt.Sprintf("127.0.0.1:%d", 1000+i)))
		}
		synctest.Wait()
		for i, nc := range crowded {
			if _, err := clientHandshake(t.Context(), nc, oneKey(testKey), true); err != nil {
				t.Fatalf("login %d of 500 at once: %v", i, err)
			}
			nc.Close()
		}
		synctest.Wait()
		var flood []net.Conn
		for range defaultMaxConns + 100 {
			flood = append(flood, l.connect("127.0.0.1:1"))
		}
		synctest.Wait()
		if got := countAlive(flood); got > defaultMaxConns/2 {
			t.Errorf("this machine has %d connections; want %d at most", got, defaultMaxConns/2)
		}
		if _, err := clientHandshake(t.Context(), honest, oneKey(testKey), true); err != nil {
			t.Errorf("an honest login from elsewhere: %v", err)
		}
	})
}

// TestThreatSocketsAgainstLogins: whoever only connects makes room before a peer
// that is in the middle of its login in TLS, however long that takes.
func TestThreatSocketsAgainstLogins(t *testing.T) {
	now := time.Now()
	pending := func(age time.Duration, secured, proved bool) *pendingConn {
		nc, other := net.Pipe()
		t.Cleanup(func() { other.Close() })
		return &pendingConn{nc: nc, silent: now.Add(-age), secured: secured, proved: proved}
	}
	proved, login, older, younger := pending(9*time.Second, true, true), pending(8*time.Second, true, false), pending(7*time.Second, false, false), pending(6*time.Second, false, false)
	a := &acceptor{pending: []*pendingConn{proved, login, older, younger}, conns: 4}
	for i, want := range []*pendingConn{older, younger, login, proved} {
		if !a.evict(func(*pendingConn) bool { return true }, now, loginGrace) || !want.evicted {
			t.Fatalf("the one to leave at %d is another: proved %v, login %v, older %v, younger %v", i, proved.evicted, login.evicted, older.evicted, younger.evicted)
		}
	}
}

// Many honest peers may come at the same time: none has to leave before it could
// have said anything.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const peers = 200
		l := newFakeListener()
		log := &logBuffer{}
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: log.logger(), deliver: discardDelivery})
		defer a.Close()
		var conns []net.Conn
		for range peers {
			conns = append(conns, l.connect("127.0.0.1:1"))
		}
		time.Sleep(loginGrace - 1)
		for i, nc := range conns {
			if _, err := clientHandshake(t.Context(), nc, oneKey(testKey), true); err != nil {
				t.Fatalf("login %d: %v", i, err)
			}
			nc.Close()
		}
		synctest.Wait()
		log.wantNot(t, "rate_limited", "auth_fail")
	})
}

// A flood of logins that fail does not become a flood of lines, and how many were
// left out is told, also when the flood is over.
func TestRefusalsAreThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		log := &logBuffer{}
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: log.logger(), deliver: discardDelivery})
		defer a.Close()
		flood := func(n int) {
			for range n {
				nc := l.connect("127.0.0.1:1")
				readFrame(nc, nil, maxHandshake)
				nc.Close()
			}
			synctest.Wait()
		}
		want := func(lines int, text string) {
			t.Helper()
			if got := strings.Count(log.String(), "msg=auth_fail"); got != lines || !strings.Contains(log.String(), text) {
				t.Errorf("got %d lines in\n%s; want %d, and %q", got, log, lines, text)
			}
		}
		flood(100)
		want(maxRefusals, "")
		log.wantNot(t, "suppressed")
		time.Sleep(time.Second)
		flood(1)
		want(maxRefusals+1, "suppressed=90")
		flood(100)
		a.Close()
		want(2*maxRefusals+1, "suppressed=91")
	})
}
