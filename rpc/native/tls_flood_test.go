package native

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// stopAt are how far a client goes before it falls silent.
var stopAt = []struct {
	name string
	stop func(t testing.TB, url string) error
}{
	{"nothing", func(t testing.TB, url string) error { rawDial(t, "tcp://"+addressOf(url)); return nil }},
	{"half a ClientHello", func(t testing.TB, url string) error {
		hello := clientHello(t)
		_, err := rawDial(t, "tcp://"+addressOf(url)).Write(hello[:len(hello)/2])
		return err
	}},
	{"ClientHello", func(t testing.TB, url string) error {
		_, err := rawDial(t, "tcp://"+addressOf(url)).Write(clientHello(t))
		return err
	}},
	{"TLS", func(t testing.TB, url string) error { _, err := rawTLS(t, url, nil); return err }},
	{"first message", func(t testing.TB, url string) error {
		c, err := rawTLS(t, url, nil)
		if err == nil {
			_, err = c.Write(frameOf("p=tls-exporter,,n=bot.k1,r=Y2xpZW50bm9uY2UtMjRieXRlcy0wMTIz"))
		}
		return err
	}},
}

// clientHello returns the first bytes of a client.
func clientHello(t testing.TB) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	client := tls.Client(there, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpn}})
	over := make(chan struct{})
	go func() { defer close(over); client.Handshake(); there.Close() }()
	defer func() { here.Close(); <-over }()
	b := make([]byte, 5)
	if _, err := io.ReadFull(here, b); err != nil {
		t.Fatal(err)
	}
	b = append(b, make([]byte, binary.BigEndian.Uint16(b[3:]))...)
	if _, err := io.ReadFull(here, b[5:]); err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSilentTLSSocketsKeepNobodyOut: 200 connections that go so far and no further
// delay no honest client, and are gone when the time for a login is over, 10 s if
// nothing else is said.
func TestSilentTLSSocketsKeepNobodyOut(t *testing.T) {
	const silent, most = 200, 100
	if loginTimeout != 10*time.Second {
		t.Errorf("the time for a login: got %v; want 10 s", loginTimeout)
	}
	for _, how := range stopAt {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel() // each waits for the deadline of the login
			credentials, secret := testLogins(t)
			var srv *Server
			// All of them have to be there before the time of the first is over, which a
			// machine that is busy needs more of.
			limit := 3 * time.Second
			for ; ; limit *= 2 {
				srv = testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: credentials, HandshakeTimeout: limit, MaxConns: most})
				began := time.Now()
				for range silent {
					// One that has to make room in the middle of this fails; others have come
					// after it.
					if err := how.stop(t, srv.Addr()); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") {
						t.Fatal(err)
					}
				}
				took := time.Since(began)
				t.Logf("%d connections in %v", silent, took)
				if took < limit/2 || limit > time.Minute {
					break
				}
			}
			pending := func() int {
				a := srv.acceptors[0]
				a.mu.Lock()
				defer a.mu.Unlock()
				return len(a.pending)
			}
			within(t, 10*time.Second, "for them to be accepted", func() bool { return pending() >= most/2 })
			opened := time.Now()
			c := testClient(t, srv.Addr(), DialConfig{Login: secret})
			if got, err := rpc.Invoke[string](testContext(t), c, "echo", "call"); err != nil || got != "call" {
				t.Errorf("an honest client: got %q, %v", got, err)
			}
			if took := time.Since(opened); took > 2*time.Second*lateFactor() {
				t.Errorf("an honest login took %v; want less than 2 s", took)
			}
			within(t, (limit+time.Second)*lateFactor(), "for the silent ones to be gone", func() bool { return pending() == 0 })
			if got, err := rpc.Invoke[string](testContext(t), c, "echo", "again"); err != nil || got != "again" {
				t.Errorf("the honest client afterwards: got %q, %v", got, err)
			}
		})
	}
}

// lateFactor is by how much a loaded machine may be late.
func lateFactor() time.Duration {
	if raceEnabled {
		return 3
	}
	return 1
}

// TestAcceptDoesNotWaitForTLS: a handshake that hangs keeps no other one from
// beginning.
func TestAcceptDoesNotWaitForTLS(t *testing.T) {
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin()})
	for range 3 {
		rawDial(t, "tcp://"+addressOf(srv.Addr()))
		testClient(t, srv.Addr(), DialConfig{Login: clientLogin()})
	}
}

// TestSlowLoginEndsInTime: the deadline is absolute, for TLS and the login together,
// and a byte now and then does not move it.
func TestSlowLoginEndsInTime(t *testing.T) {
	const limit = 300 * time.Millisecond
	for _, how := range stopAt[1:] {
		t.Run(how.name, func(t *testing.T) {
			var failed failedLogins
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), HandshakeTimeout: limit, Events: failed.events()})
			began := time.Now()
			if err := how.stop(t, srv.Addr()); err != nil {
				t.Fatal(err)
			}
			err := failed.wait(t)
			if took := time.Since(began); took < limit/2 {
				t.Errorf("it ended after %v (%v); want %v", took, err, limit)
			}
			if !strings.Contains(err.Error(), limit.String()) {
				t.Errorf("got %v; want an error that names %v", err, limit)
			}
		})
	}
	t.Run("byte by byte", func(t *testing.T) {
		var failed failedLogins
		srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), HandshakeTimeout: limit, Events: failed.events()})
		c, err := rawTLS(t, srv.Addr(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var sending sync.WaitGroup
		over := make(chan struct{})
		sending.Go(func() {
			for _, b := range frameOf(strings.Repeat("x", 2000)) {
				select {
				case <-over:
					return
				case <-time.After(limit / 20):
					if _, err := c.Write([]byte{b}); err != nil {
						return
					}
				}
			}
		})
		if err := failed.wait(t); !strings.Contains(err.Error(), limit.String()) {
			t.Errorf("got %v; want an error that names %v", err, limit)
		}
		close(over)
		sending.Wait()
	})
}

// TestLoginBytesAreBounded: a message above 4096 bytes ends the login before it is
// taken, on both sides, and is not sent either.
func TestLoginBytesAreBounded(t *testing.T) {
	for _, size := range []int{maxLogin + 1, 1 << 20, 1<<31 - 1} {
		head := appendFrameHeader(nil, size)
		var failed failedLogins
		srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), HandshakeTimeout: 2 * time.Second, Events: failed.events()})
		c, err := rawTLS(t, srv.Addr(), nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Write(head)
		if err := failed.wait(t); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes announced to the server: got %v; want %v", size, err, ErrTooLarge)
		}
		certificate := newTestAuthority(t, "own").issue(nil)
		url := tlsPeer(t, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{alpn}}, func(c *tls.Conn) {
			c.Write(head)
			io.Copy(io.Discard, c)
		})
		_, err = Dial(testContext(t), url, DialConfig{Login: clientLogin(), DialTimeout: 2 * time.Second, Logger: quiet})
		if !errors.Is(err, ErrTooLarge) || !errors.Is(err, ErrAuth) {
			t.Errorf("%d bytes announced to the client: got %v; want %v", size, err, ErrTooLarge)
		}
	}
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	here.SetDeadline(time.Now().Add(time.Second)) // or it would wait for a reader
	m := loginMessages{nc: here}
	if err := m.write(make([]byte, maxLogin+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("sending %d bytes: got %v; want %v", maxLogin+1, err, ErrTooLarge)
	}
}

// TestLoginReadsNotAByteBeyond: what follows the last message of the login, in the
// same write, belongs to what comes next.
func TestLoginReadsNotAByteBeyond(t *testing.T) {
	const behind = "what follows"
	// play runs one side of a login by hand, and sends more along with its last
	// message.
	play := func(c *tls.Conn, f *fakeLogin, last int) error {
		n := 0
		_, err := f.Authenticate(context.Background(), func(string) ([]byte, error) {
			cs := c.ConnectionState()
			return cs.ExportKeyingMaterial(exporterLabel, nil, exporterSize)
		}, func() ([]byte, error) { return readFrame(c, nil, maxLogin) }, func(b []byte) error {
			b = frameOf(string(b))
			if n++; n == last {
				b = append(b, frameOf(behind)...)
			}
			_, err := c.Write(b)
			return err
		})
		return err
	}
	t.Run("server", func(t *testing.T) {
		l := testListener(t, "tls://127.0.0.1:0", ListenConfig{Login: serverLogin()})
		c, err := rawTLS(t, l.Addr(), nil)
		if err == nil {
			err = play(c, clientLogin(), 2)
		}
		if err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got, err := conn.RecvBytes(testContext(t)); err != nil || string(got) != behind {
			t.Errorf("got %q, %v; want %q", got, err, behind)
		}
	})
	t.Run("client", func(t *testing.T) {
		certificate := newTestAuthority(t, "own").issue(nil)
		url := tlsPeer(t, &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{alpn}}, func(c *tls.Conn) {
			if err := play(c, serverLogin(), 2); err != nil {
				t.Error(err)
			}
			io.Copy(io.Discard, c)
		})
		conn, err := DialConn(testContext(t), url, ConnConfig{Login: clientLogin()})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if got, err := conn.RecvBytes(testContext(t)); err != nil || string(got) != behind {
			t.Errorf("got %q, %v; want %q", got, err, behind)
		}
	})
}
