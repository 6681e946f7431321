package native

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
	"github.com/parley-rpc/parley/rpc"
)

// TestOnlyWrongProofsCount: silence, broken messages and another binding are held
// against nobody; proofs that are wrong are, from addresses beyond loopback, and
// the next connections are closed before TLS.
func TestOnlyWrongProofsCount(t *testing.T) {
	wrong := clientLogin()
	wrong.key = "a wrong one"
	tooLong := Authenticator(authenticatorFunc(func(_ func() ([]byte, error), write func([]byte) error) error {
		return write([]byte("no login at all"))
	}))
	for _, tt := range []struct {
		name    string
		client  Authenticator
		blocked bool
	}{
		{"wrong proofs", wrong, true},
		{"other messages", tooLong, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := listen("tcp://127.0.0.1:0", false)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := serverTLS(nil, ephemeralCertificate)
			if err != nil {
				t.Fatal(err)
			}
			var failed failedLogins
			events := failed.events()
			a := startAcceptor(fromAfar{l}, acceptorConfig{
				login:    &login{auth: serverLogin(), tls: cfg, server: true},
				logger:   quiet,
				entrance: &entrance{events: &events},
				deliver:  func(nc net.Conn, _ handshakeResult, done func()) { nc.Close(); done() },
			})
			defer a.Close()
			url := "tls://" + l.Addr().String()
			for range limits.FailureBurst {
				if _, err := DialConn(testContext(t), url, ConnConfig{Login: tt.client}); err == nil {
					t.Fatal("it logged in")
				}
				failed.wait(t)
			}
			c, err := DialConn(testContext(t), url, ConnConfig{Login: clientLogin()})
			if err == nil {
				c.Close()
			}
			if tt.blocked && (err == nil || errors.Is(err, ErrAuth)) || !tt.blocked && err != nil {
				t.Errorf("an honest login afterwards: got %v; want it blocked: %v", err, tt.blocked)
			}
		})
	}
}

// authenticatorFunc is a client's login that fails in its own way.
type authenticatorFunc func(read func() ([]byte, error), write func([]byte) error) error

func (f authenticatorFunc) Authenticate(_ context.Context, _ func(string) ([]byte, error), read func() ([]byte, error), write func([]byte) error) (rpc.Identity, error) {
	if err := f(read, write); err != nil {
		return rpc.Identity{}, err
	}
	_, err := read()
	return rpc.Identity{}, errors.Join(err, errors.New("no login"))
}

// fromAfar is a listener whose connections seem to come from another machine.
type fromAfar struct{ net.Listener }

func (l fromAfar) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return afar{nc}, nil
}

type afar struct{ net.Conn }

func (afar) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1234}
}

// TestAllowFromHoldsBeforeTLS: an address that may not connect sees no byte of TLS.
func TestAllowFromHoldsBeforeTLS(t *testing.T) {
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), AllowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	nc := rawDial(t, "tcp://"+addressOf(srv.Addr()))
	nc.Write(clientHello(t)) // or the connection is gone already
	if b, err := io.ReadAll(nc); len(b) > 0 {
		t.Errorf("got %q, %v; want nothing", b, err)
	}
}

// TestSlowProofIsNotSentAway: a client that computes its proof for a while is not
// taken for one that says nothing.
func TestSlowProofIsNotSentAway(t *testing.T) {
	const work = loginGrace + 200*time.Millisecond
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin()})
	for range 10 {
		began, took := time.Now(), time.Duration(0)
		slow := clientLogin()
		slow.asked = func(message int) error {
			if message < 2 {
				return nil
			}
			time.Sleep(work)
			before := srv.Stats().Conns
			for range 2 * maxPendingLoopback { // who would be glad of the place
				rawDial(t, "tcp://"+addressOf(srv.Addr()))
			}
			within(t, 10*time.Second, "for them to be accepted", func() bool { return srv.Stats().Conns >= before+2*maxPendingLoopback })
			took = time.Since(began)
			return nil
		}
		c, err := Dial(testContext(t), srv.Addr(), DialConfig{Login: slow, Logger: quiet})
		if err == nil {
			c.Close()
			return
		}
		if took < argonGrace {
			t.Fatalf("after %v: %v", took, err)
		}
		t.Logf("the machine was too slow: it took %v", took)
	}
	t.Error("the machine was too slow, over and over")
}

// TestProofIsTold: the acceptor learns when its peer has proved who it is: by its
// certificate, or by the login.
func TestProofIsTold(t *testing.T) {
	authority := newTestAuthority(t, "clients")
	certificate := authority.issue(nil)
	for _, mutual := range []bool{false, true} {
		user := &tls.Config{}
		if mutual {
			user.ClientAuth, user.ClientCAs = tls.RequireAndVerifyClientCert, authority.pool
		}
		cfg, err := serverTLS(user, ephemeralCertificate)
		if err != nil {
			t.Fatal(err)
		}
		client, err := clientTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}, "127.0.0.1", "", true)
		if err != nil {
			t.Fatal(err)
		}
		a, b := testSockets(t, "tcp")
		defer a.Close()
		defer b.Close()
		var mu sync.Mutex
		told := 0
		count := func() int {
			mu.Lock()
			defer mu.Unlock()
			return told
		}
		result := make(chan error, 1)
		go func() {
			l := &login{auth: serverLogin(), tls: cfg, mutual: mutual, server: true}
			_, _, err := l.run(testContext(t), a, func(s loginStep) {
				mu.Lock()
				defer mu.Unlock()
				if s == stepProved {
					told++
				}
			})
			result <- err
		}()
		fake := clientLogin()
		atProof := -1
		fake.asked = func(message int) error {
			if message == 2 {
				atProof = count()
			}
			return nil
		}
		_, _, err = (&login{auth: fake, tls: client}).run(testContext(t), b, nil)
		if err = errors.Join(err, wantWithin(t, result, "the server")); err != nil {
			t.Fatal(err)
		}
		want := map[bool][2]int{false: {0, 1}, true: {1, 2}}[mutual]
		if got := [2]int{atProof, count()}; got != want {
			t.Errorf("mutual %v: got %d before the proof and %d after; want %v", mutual, got[0], got[1], want)
		}
	}
}

// TestNoResumption: no server hands out tickets, and a client keeps none.
func TestNoResumption(t *testing.T) {
	cache := tls.NewLRUClientSessionCache(8)
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin()})
	for range 2 {
		c, err := rawTLS(t, srv.Addr(), &tls.Config{NextProtos: []string{alpn}, ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		if c.ConnectionState().DidResume {
			t.Error("a connection was resumed")
		}
		c.Write(frameOf("no login"))
		io.Copy(io.Discard, c) // reads a ticket, if there is one
		c.Close()
	}
	if s, ok := cache.Get("127.0.0.1"); ok {
		t.Errorf("the server has handed out a ticket: %v", s)
	}
}

// TestCutOffIsNoEnd: a socket that ends without the farewell of TLS was cut off,
// also between two messages; with it the end is one.
func TestCutOffIsNoEnd(t *testing.T) {
	server, client := testConns(t, "tls", ListenConfig{Login: serverLogin()}, ConnConfig{Login: clientLogin()})
	client.nc.(*tlsConn).Conn.Close()
	if _, err := server.RecvBytes(testContext(t)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: got %v; want %v", err, io.ErrUnexpectedEOF)
	}
	server, client = testConns(t, "tls", ListenConfig{Login: serverLogin()}, ConnConfig{Login: clientLogin()})
	client.Close()
	if _, err := server.RecvBytes(testContext(t)); !errors.Is(err, io.EOF) {
		t.Errorf("closed: got %v; want %v", err, io.EOF)
	}
}

// TestCloseWaitsForNobody: neither a peer that takes nothing nor a write under way
// holds up the end.
func TestCloseWaitsForNobody(t *testing.T) {
	a, b := testSockets(t, "tcp")
	defer a.Close()
	_, client := secured(t, a, b)
	over := make(chan error, 1)
	go func() {
		_, err := client.Write(make([]byte, 64<<20)) // until the socket is full
		over <- err
	}()
	c := client.(*tlsConn)
	within(t, 10*time.Second, "for the socket to be full", func() bool {
		c.below.mu.Lock()
		defer c.below.mu.Unlock()
		before := c.below.sealed
		c.below.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		c.below.mu.Lock()
		return before > 0 && before == c.below.sealed
	})
	began := time.Now()
	client.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	if err := wantWithin(t, over, "the end of the write"); err == nil {
		t.Error("the write succeeded")
	}
	// The same without a writer: the last alert finds no room.
	a, b = testSockets(t, "unix")
	defer a.Close()
	_, client = secured(t, a, b)
	for _, size := range []int{64 << 10, 1 << 10, 1} {
		fill := make([]byte, size)
		for b.SetWriteDeadline(time.Now().Add(50*time.Millisecond)) == nil {
			if _, err := b.Write(fill); err != nil {
				break
			}
		}
	}
	b.SetWriteDeadline(time.Time{})
	time.AfterFunc(10*time.Second, func() { a.Close() }) // or a Close that waits would do so for ever
	began = time.Now()
	client.Close()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close with a full socket took %v", took)
	}
}

// TestPeerCannotMakeUsTalk: what a peer can have this side say, as answers to
// KeyUpdates, does not gather without bound.
func TestPeerCannotMakeUsTalk(t *testing.T) {
	b := &below{established: true}
	answer := make([]byte, 27)
	n := 0
	for ; n < 1<<20; n += len(answer) {
		if _, err := b.Write(answer); err != nil {
			break
		}
	}
	if n > maxCaused {
		t.Errorf("got %d bytes that nobody has asked for; want at most %d", n, maxCaused)
	}
	b.prepare(100)
	if _, err := b.Write(bytes.Repeat(answer, 200)); err != nil {
		t.Errorf("what is asked for: %v", err)
	}
	b.take()
	if _, err := b.Write(answer); err != nil {
		t.Errorf("after a write: %v", err)
	}
}

// TestBrokenWriteStaysBroken: behind a record of which a part is missing nothing
// would be understood.
func TestBrokenWriteStaysBroken(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	_, client := secured(t, a, b)
	client.SetWriteDeadline(longAgo)
	if n, err := client.Write([]byte("x")); err == nil || n == 0 {
		t.Errorf("a write without time: got %d bytes, %v; want them counted, and an error", n, err)
	}
	client.SetWriteDeadline(time.Time{})
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(io.Discard, a) })
	if n, err := client.Write([]byte("y")); err == nil {
		t.Errorf("the next one: wrote %d bytes; want an error", n)
	}
	a.Close()
	reading.Wait()
}

// TestConnInTLSIsBrokenByHalfAMessage: what was encrypted cannot be taken back, so a
// Send that is given up ends what can be sent, also if no byte has left.
func TestConnInTLSIsBrokenByHalfAMessage(t *testing.T) {
	a, b := net.Pipe() // which takes nothing that nobody reads
	defer a.Close()
	_, client := secured(t, a, b)
	c := newConn(client, handshakeResult{}, connOptions{})
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.SendBytes(ctx, []byte("x")); !errors.Is(err, ErrBroken) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a Send without room: got %v; want %v", err, ErrBroken)
	}
	if err := c.SendBytes(testContext(t), []byte("y")); !errors.Is(err, ErrBroken) {
		t.Errorf("the next one: got %v; want %v", err, ErrBroken)
	}
}
