package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/internal/limits"
	"github.com/parley-rpc/parley/rpc"
)

// A stranger who sends a byte now and then has no more time than a silent one.
func TestDribbledLoginEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: quiet, deliver: discardDelivery})
		defer a.Close()
		nc := l.connect("192.0.2.1:1")
		began := time.Now()
		if _, err := readFrame(nc, nil, maxHandshake); err != nil {
			t.Fatal(err)
		}
		for _, b := range frameOf(strings.Repeat("x", maxHandshake)) {
			if _, err := nc.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(began); took < defaultHandshakeTimeout || took > defaultHandshakeTimeout+200*time.Millisecond {
			t.Errorf("the connection lived for %v; want %v", took, defaultHandshakeTimeout)
		}
	})
}

// What follows a login that fails is not read, whatever it is: no call runs, no
// object is decoded.
func TestNothingRunsBeforeTheLogin(t *testing.T) {
	var ran atomic.Int32
	srv := testServer(t, testURL(t, "unix"), &Server{
		Handler: methods{"x": func(context.Context, *rpc.Request) (any, error) { ran.Add(1); return nil, nil }},
		Objects: serveFunc(func(context.Context, *Conn) error { ran.Add(1); return nil }),
	})
	hello := frame(frameHello, 0, 0, string(testHello.append(nil)))
	object := string(frameOf("\x80\x04cposix\nsystem\n\x8c\x02id\x85R."))
	tried := map[string]string{
		"a session":            hello + frame(frameCall, 0, 1, callBody("x")),
		"an object":            object,
		"behind a wrong proof": string(frameOf("{sha256}"+strings.Repeat("\x00", 32))) + hello + frame(frameCall, 0, 1, callBody("x")) + object,
		"behind a challenge":   string(frameOf(challengePrefix+pyMessage(true))) + object,
		"behind a welcome":     string(frameOf(welcome)) + hello + object,
	}
	for name, says := range tried {
		nc := rawDial(t, srv.Addr())
		if _, err := readFrame(nc, nil, maxHandshake); err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, says)
		rest, _ := io.ReadAll(nc)
		if len(rest) > 0 && string(rest) != string(frameOf(failure)) {
			t.Errorf("%s: got %q; want a refusal at most", name, rest)
		}
		nc.Close()
	}
	eventually(t, "each has failed", func() bool { return int(srv.Stats().LoginsFailed)+int(ran.Load()) == len(tried) })
	srv.Close()
	if n := ran.Load(); n != 0 {
		t.Errorf("%d handlers ran without a login", n)
	}
}

// Each listener has 1024 connections at most where nothing else is said.
func TestConnectionsAreBoundedByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		var dones []func()
		delivered := make(chan func())
		a := startAcceptor(l, acceptorConfig{logger: quiet, deliver: func(nc net.Conn, _ handshakeResult, done func()) {
			delivered <- func() { nc.Close(); done() }
		}})
		defer a.Close()
		for i := range 1024 {
			l.connect(fmt.Sprintf("10.0.%d.%d:1", i/250, i%250))
			dones = append(dones, <-delivered)
		}
		if nc := l.connect("192.0.2.1:1"); alive(nc) {
			t.Error("there are more than 1024 connections")
		}
		dones[7]()
		l.connect("192.0.2.1:1")
		dones = append(dones, <-delivered)
		dones[7] = func() {}
		for _, done := range dones {
			done()
		}
	})
}

// unreadable is a connection that must not be read.
type unreadable struct {
	fakeConn
	read *atomic.Bool
}

func (c unreadable) Read([]byte) (int, error) { c.read.Store(true); return 0, io.EOF }

// An address that may not connect is looked at before a byte is read, and is told
// nothing.
func TestForbiddenAddressIsNotRead(t *testing.T) {
	l := newFakeListener()
	log := &logBuffer{}
	a := startAcceptor(l, acceptorConfig{auth: oneKey(testKey), logger: log.logger(), allowFrom: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, deliver: discardDelivery})
	defer a.Close()
	var read atomic.Bool
	ours, theirs := net.Pipe()
	l.conns <- unreadable{fakeConn{ours, &net.TCPAddr{IP: net.ParseIP("192.0.2.1"), Port: 1}}, &read}
	if n, err := theirs.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("got %d bytes, %v; want the end", n, err)
	}
	log.wait(t, "address not in AllowFrom")
	if read.Load() {
		t.Error("it was read from an address that may not connect")
	}
}

// Wrong secrets inside TLS are limited by host as those of the challenge are, and
// nothing else counts.
func TestWrongLoginsAreLimited(t *testing.T) {
	serverConfig, err := serverTLS(nil, ephemeralCertificate)
	if err != nil {
		t.Fatal(err)
	}
	clientConfig, err := clientTLS(nil, "192.0.2.9", "", true)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := newFakeListener()
		log := &logBuffer{}
		a := startAcceptor(l, acceptorConfig{login: &login{auth: serverLogin(), tls: serverConfig, server: true}, logger: log.logger(), deliver: discardDelivery})
		defer a.Close()
		try := func(from, key string) error {
			nc := l.connect(from)
			me := clientLogin()
			me.key = key
			_, _, err := (&login{auth: me, tls: clientConfig}).run(t.Context(), nc, nil)
			nc.Close()
			synctest.Wait()
			return err
		}
		for range 2 * limits.FailureBurst { // no proofs at all
			l.connect("192.0.2.1:1").Close()
		}
		synctest.Wait()
		for i := range limits.FailureBurst {
			if err := try("192.0.2.1:1", "a guess"); !errors.Is(err, ErrLoginRefused) {
				t.Fatalf("guess %d: got %v; want %v", i, err, ErrLoginRefused)
			}
		}
		if err := try("192.0.2.1:1", fakeKey); err == nil || errors.Is(err, ErrAuth) {
			t.Errorf("one more, and the right key: got %v; want to be closed before TLS", err)
		}
		if err := try("192.0.2.2:1", fakeKey); err != nil {
			t.Errorf("another host: got %v; want it let in", err)
		}
		log.wait(t, "too many wrong keys from this address")
		time.Sleep(limits.FailurePause)
		if err := try("192.0.2.1:1", fakeKey); err != nil {
			t.Errorf("after a pause: got %v; want it let in", err)
		}
	})
}
