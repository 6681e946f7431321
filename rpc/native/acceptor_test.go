package native

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// 200 sockets that say nothing do not keep an honest peer out, and are gone
// when their time is over.
func TestSilentSocketsKeepNobodyOut(t *testing.T) {
	ctx := testContext(t)
	log := &logBuffer{}
	l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: oneKey(testKey), HandshakeTimeout: 2 * time.Second, Logger: log.logger()})
	silent := make([]net.Conn, 200)
	for i := range silent {
		silent[i] = rawDial(t, l.Addr())
		if i%2 == 1 { // some begin an answer
			silent[i].Write([]byte{0, 0, 0})
		}
	}
	last := silent[len(silent)-1].LocalAddr().String()
	eventually(t, "the last of them is accepted", func() bool {
		l.acceptor.mu.Lock()
		defer l.acceptor.mu.Unlock()
		n := len(l.acceptor.pending)
		return n > 0 && l.acceptor.pending[n-1].nc.RemoteAddr().String() == last
	})
	time.Sleep(loginGrace)
	began := time.Now()
	c, err := DialConn(ctx, l.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatalf("an honest login: %v", err)
	}
	defer c.Close()
	s, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if took := time.Since(began); took > time.Second {
		t.Errorf("an honest login took %v; want less than 1 s", took)
	}
	var n int
	if err := c.Send(ctx, 7); err != nil {
		t.Fatal(err)
	}
	if err := s.Recv(ctx, &n); err != nil || n != 7 {
		t.Errorf("got %d, %v; want 7", n, err)
	}
	l.acceptor.mu.Lock()
	if got := len(l.acceptor.pending); got > maxPendingLoopback {
		t.Errorf("pending: got %d; want %d at most", got, maxPendingLoopback)
	}
	l.acceptor.mu.Unlock()

	for i, nc := range silent {
		nc.SetReadDeadline(began.Add(5 * time.Second))
		for {
			if _, err := readFrame(nc, nil, maxHandshake); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("silent socket %d is still there", i)
				}
				break
			}
		}
	}
	if n := strings.Count(log.String(), "rate_limited"); n < 1 || n > 5 {
		t.Errorf("got %d lines about the limit; want a few, not one for each", n)
	}
}

// fakeConn is a connection from anywhere.
type fakeConn struct {
	net.Conn
	remote net.Addr
}

func (c fakeConn) RemoteAddr() net.Addr { return c.remote }

// fakeListener accepts what the test gives it.
type fakeListener struct {
	conns  chan net.Conn
	errs   chan error
	closed chan struct{}
	once   sync.Once
}

func newFakeListener() *fakeListener {
	return &fakeListener{conns: make(chan net.Conn), errs: make(chan error), closed: make(chan struct{})}
}

func (l *fakeListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case err := <-l.errs:
		return nil, err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *fakeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *fakeListener) Addr() net.Addr { return &net.TCPAddr{} }

// connect makes a connection from an address and returns the peer's end.
func (l *fakeListener) connect(from string) net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- fakeConn{ours, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	return theirs
}

// alive reports whether the other end of a pipe is open, after all that was
// written to it has been read.
func alive(nc net.Conn) bool {
	buf := make([]byte, 1024)
	for {
		nc.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := nc.Read(buf); err != nil {
			return errors.Is(err, os.ErrDeadlineExceeded)
		}
	}
}

func countAlive(conns []net.Conn) int {
	n := 0
	for _, nc := range conns {
		if alive(nc) {
			n++
		}
	}
	return n
}

func discardDelivery(nc net.Conn, _ handshakeResult, done func()) {
	nc.Close()
	done()
}

// The oldest that has proved nothing makes room, of the same host first.
func TestPlacesBeforeLogin(t *testing.T) {
	for _, test := range []struct {
		name  string
		from  func(i int) string
		conns int
		want  int // stay, the youngest
	}{
		{"one host", func(i int) string { return fmt.Sprintf("192.0.2.1:%d", 1000+i) }, 20, maxPendingPerHost},
		{"one IPv6 network", func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1000", i+1) }, 20, maxPendingPerHost},
		{"one host in both notations", func(i int) string { return []string{"192.0.2.1:1", "[::ffff:192.0.2.1]:1"}[i%2] }, 20, maxPendingPerHost},
		{"loopback", func(i int) string { return fmt.Sprintf("127.0.0.%d:1000", i%3+1) }, 50, maxPendingLoopback},
		{"many hosts", func(i int) string { return fmt.Sprintf("192.0.2.%d:1000", i+1) }, 100, maxPending},
		{"many IPv6 networks", func(i int) string { return fmt.Sprintf("[2001:db8:0:%x::1]:1000", i) }, 100, maxPending},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newFakeListener()
				a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: quiet, deliver: discardDelivery})
				defer a.Close()
				var conns []net.Conn
				old := test.conns - test.want
				for i := range test.conns {
					if i == old {
						time.Sleep(loginGrace)
					}
					conns = append(conns, l.connect(test.from(i)))
				}
				synctest.Wait()
				if got := countAlive(conns[:old]); got != 0 {
					t.Errorf("%d of the oldest %d are there; want none", got, old)
				}
				if got := countAlive(conns[old:]); got != test.want {
					t.Errorf("%d of the youngest %d are there; want all", got, test.want)
				}
				time.Sleep(defaultHandshakeTimeout)
				synctest.Wait()
				if got := countAlive(conns); got != 0 {
					t.Errorf("after %v: %d are there; want none", defaultHandshakeTimeout, got)
				}
			})
		})
	}
}

// One host that fills its places takes none from another.
func TestPlacesAreCountedByHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: quiet, deliver: discardDelivery})
		defer a.Close()
		honest := l.connect("198.51.100.7:1")
		for i := range 200 {
			l.connect(fmt.Sprintf("192.0.2.1:%d", 1000+i))
		}
		synctest.Wait()
		if !alive(honest) {
			t.Error("another host's flood closed an honest connection")
		}
	})
}

func TestMaxConns(t *testing.T) {
	ctx := testContext(t)
	l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: oneKey(testKey), MaxConns: 2})
	cfg := ConnConfig{Auth: oneKey(testKey)}
	var clients, servers []*Conn
	for range 2 {
		c, err := DialConn(ctx, l.Addr(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s, err := l.Accept(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		clients, servers = append(clients, c), append(servers, s)
	}
	if _, err := DialConn(ctx, l.Addr(), cfg); err == nil || errors.Is(err, ErrAuth) {
		t.Errorf("a third connection: got %v; want an error that is not ErrAuth", err)
	}
	servers[0].Close()
	servers[0].Close() // frees one place only
	c, err := DialConn(ctx, l.Addr(), cfg)
	if err != nil {
		t.Fatalf("after one was closed: %v", err)
	}
	defer c.Close()
	s, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if c, err := DialConn(ctx, l.Addr(), cfg); err == nil {
		c.Close()
		t.Error("closing twice freed two places")
	}
	clients[1].Close()
}

// A full listener lets a login under way make room for another.
func TestMaxConnsAndSilentSockets(t *testing.T) {
	ctx := testContext(t)
	l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: oneKey(testKey), MaxConns: 1})
	for range 5 {
		rawDial(t, l.Addr())
	}
	c, err := DialConn(ctx, l.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestAllowFrom(t *testing.T) {
	prefixes := func(texts ...string) (all []netip.Prefix) {
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	for _, test := range []struct {
		allow []netip.Prefix
		from  net.Addr
		want  bool
	}{
		{nil, &net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, true},
		{[]netip.Prefix{}, &net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, false},
		{prefixes("192.0.2.0/24"), &net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, true},
		{prefixes("192.0.2.0/24"), &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1")}, true},
		{prefixes("192.0.2.0/24"), &net.TCPAddr{IP: net.ParseIP("192.0.3.1")}, false},
		{prefixes("10.0.0.0/8", "2001:db8::/32"), &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Zone: "eth0"}, true},
		{prefixes("10.0.0.0/8"), &net.UnixAddr{}, true},
	} {
		a := &acceptor{acceptorConfig: acceptorConfig{allowFrom: test.allow}}
		if got := a.admits(test.from); got != test.want {
			t.Errorf("%v from %v: got %v; want %v", test.allow, test.from, got, test.want)
		}
	}

	log := &logBuffer{}
	l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: oneKey(testKey), AllowFrom: prefixes("192.0.2.0/24"), Logger: log.logger()})
	wantEOF(t, rawDial(t, l.Addr())) // without a byte
	_, err := DialConn(testContext(t), l.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err == nil || !strings.Contains(err.Error(), "not admit this address") {
		t.Errorf("got %v; want an error that says what may be wrong", err)
	}
	log.wait(t, "address not in AllowFrom")
}

// A lack of descriptors is waited out, with growing pauses.
func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		delivered := make(chan struct{}, 1)
		a := startAcceptor(l, acceptorConfig{logger: quiet, deliver: func(nc net.Conn, _ handshakeResult, done func()) {
			discardDelivery(nc, handshakeResult{}, done)
			delivered <- struct{}{}
		}})
		emfile := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		var pauses []time.Duration
		for range 11 {
			began := time.Now()
			l.errs <- emfile // taken after the pause for the one before
			pauses = append(pauses, time.Since(began))
		}
		if want := "[0s 5ms 10ms 20ms 40ms 80ms 160ms 320ms 640ms 1s 1s]"; fmt.Sprint(pauses) != want {
			t.Errorf("pauses: got %v; want %s", pauses, want)
		}
		l.connect("192.0.2.1:1")
		<-delivered
		began := time.Now()
		l.errs <- emfile
		l.connect("192.0.2.1:1")
		<-delivered
		if took := time.Since(began); took != firstBackoff {
			t.Errorf("after a success: got a pause of %v; want %v", took, firstBackoff)
		}
		l.errs <- emfile
		began = time.Now()
		a.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close within a pause took %v; want nothing", took)
		}
		if err := a.failure(); err != nil {
			t.Errorf("got %v; want no failure", err)
		}
	})
}

func TestAcceptGivesUpOnOtherErrors(t *testing.T) {
	l := newFakeListener()
	a := startAcceptor(l, acceptorConfig{logger: quiet, deliver: discardDelivery})
	defer a.Close()
	broken := errors.New("broken")
	l.errs <- broken
	<-a.ended
	if err := a.failure(); !errors.Is(err, broken) {
		t.Errorf("got %v; want %v", err, broken)
	}
}

// stop ends logins under way; wait waits for what was delivered.
func TestAcceptorStopAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		release := make(chan struct{})
		delivered := make(chan struct{})
		log := &logBuffer{}
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: log.logger(), deliver: func(nc net.Conn, _ handshakeResult, done func()) {
			close(delivered)
			<-release
			discardDelivery(nc, handshakeResult{}, done)
		}})
		honest := l.connect("192.0.2.1:1")
		if _, err := clientHandshake(t.Context(), honest, oneKey(testKey), false); err != nil {
			t.Fatal(err)
		}
		<-delivered
		silent := l.connect("192.0.2.1:2")
		a.stop()
		a.stop()
		if alive(silent) {
			t.Error("a login under way has survived stop")
		}
		log.wantNot(t, "auth_fail") // it is not the peer that failed
		if !alive(honest) {
			t.Error("a delivered connection was closed by stop")
		}
		waited := make(chan struct{})
		go func() { a.wait(); close(waited) }()
		synctest.Wait()
		select {
		case <-waited:
			t.Error("wait returned before deliver did")
		default:
		}
		close(release)
		<-waited
		if a.conns != 0 || len(a.pending) != 0 {
			t.Errorf("at the end: got %d connections, %d pending; want none", a.conns, len(a.pending))
		}
	})
}

func TestAuditEvents(t *testing.T) {
	ctx := testContext(t)
	log := &logBuffer{}
	l := testListener(t, "tcp://127.0.0.1:0", ListenConfig{Auth: keys{texts: []string{"first key", testKey}}, Logger: log.logger()})
	c, err := DialConn(ctx, l.Addr(), ConnConfig{Auth: oneKey(testKey)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.Close()
	s.Close()
	if _, err := DialConn(ctx, l.Addr(), ConnConfig{Auth: oneKey("another")}); !errors.Is(err, ErrKeyRefused) {
		t.Fatalf("got %v; want ErrKeyRefused", err)
	}
	log.wait(t, "auth_ok", "conn_close", "auth_fail")
	l.Close()
	text := log.String()
	for _, event := range []string{"auth_ok", "conn_close", "auth_fail"} {
		if got := strings.Count(text, "msg="+event); got != 1 {
			t.Errorf("%s: got it %d times in\n%s; want once", event, got, text)
		}
	}
	if !strings.Contains(text, "identity=id1") {
		t.Errorf("got\n%s; want identity=id1 in it", text)
	}
	log.wantNot(t, testKey, "first key", "another")
}
