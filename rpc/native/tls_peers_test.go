package native

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestPlainPeerOnATLSPort: what does not speak TLS is sent away with its first
// bytes, and one that waits for the other side is told what to look at.
func TestPlainPeerOnATLSPort(t *testing.T) {
	var failed failedLogins
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), Events: failed.events()})
	plain := "tcp://" + addressOf(srv.Addr())
	t.Run("session without a login", func(t *testing.T) {
		began := time.Now()
		_, err := Dial(testContext(t), plain, DialConfig{DangerouslyWithoutAuth: true, Logger: quiet})
		if err == nil || errors.Is(err, ErrAuth) || time.Since(began) > 4*time.Second {
			t.Errorf("got %v after %v; want an error at once", err, time.Since(began))
		}
		if err := failed.wait(t); !errors.Is(err, ErrNoTLS) || !strings.Contains(err.Error(), "tls://") {
			t.Errorf("the server: got %v; want %v, and tls://", err, ErrNoTLS)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		for _, first := range []string{"GET / HTTP/1.1\r\n\r\n", string(frameOf("\x80\x04K\x05.")), strings.Repeat("\xff", 100)} {
			nc := rawDial(t, plain)
			nc.Write([]byte(first))
			// An alert may come, and then the end.
			for b := make([]byte, 100); ; {
				if _, err := nc.Read(b); err != nil {
					if errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("after %.20q: the connection is still there", first)
					}
					break
				}
			}
			if err := failed.wait(t); !errors.Is(err, ErrNoTLS) {
				t.Errorf("%.20q: got %v; want %v", first, err, ErrNoTLS)
			}
		}
	})
	t.Run("authkey", func(t *testing.T) {
		// Each side waits for the other: the one that dialed gives up first.
		t.Parallel()
		_, err := DialConn(testContext(t), plain, ConnConfig{Auth: oneKey(testKey)})
		if !errors.Is(err, ErrNoChallenge) || !strings.Contains(err.Error(), "tls://") {
			t.Errorf("got %v; want %v, and tls://", err, ErrNoChallenge)
		}
	})
}

// TestTLSPeerOnAPlainPort: a client that wants TLS learns at once that there is
// none, and the server says so in its log.
func TestTLSPeerOnAPlainPort(t *testing.T) {
	var log logBuffer
	for name, srv := range map[string]*Server{
		"authkey":         {Handler: echo},
		"without a login": {Handler: echo, Objects: echoObjects, DangerouslyWithoutAuth: true},
		"session alone":   {Handler: echo, DangerouslyWithoutAuth: true},
	} {
		t.Run(name, func(t *testing.T) {
			srv.Logger = log.logger()
			testServer(t, "tcp://127.0.0.1:0", srv)
			began := time.Now()
			_, err := Dial(testContext(t), "tls://"+addressOf(srv.Addr()), DialConfig{Login: clientLogin(), Logger: quiet})
			if err == nil || errors.Is(err, ErrAuth) || time.Since(began) > 4*time.Second || !strings.Contains(err.Error(), "TLS") {
				t.Errorf("got %v after %v; want an error about TLS at once, which is no ErrAuth", err, time.Since(began))
			}
			if name == "authkey" && (!errors.Is(err, ErrNoTLS) || !strings.Contains(err.Error(), "tcp:// with Auth")) {
				t.Errorf("got %v; want %v, and tcp:// with Auth", err, ErrNoTLS)
			}
			if name == "authkey" {
				// The client above may have gone before the server has read a byte of it.
				rawDial(t, srv.Addr()).Write(clientHello(t))
				log.wait(t, "auth_fail", "serve it on tls://")
			}
		})
	}
	// Something that is no server of ours at all, and one that says nothing.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		if nc, err := l.Accept(); err == nil {
			nc.Write([]byte("220 mail.example ESMTP\r\n"))
			nc.Close()
		}
		if nc, err := l.Accept(); err == nil {
			defer nc.Close()
			nc.Read(make([]byte, 1<<16))
			nc.Read(make([]byte, 1<<16)) // until the client has gone
		}
	}()
	url := "tls://" + l.Addr().String()
	if _, err := Dial(testContext(t), url, DialConfig{Login: clientLogin(), Logger: quiet}); !errors.Is(err, ErrNoTLS) || errors.Is(err, ErrAuth) {
		t.Errorf("a mail server: got %v; want %v", err, ErrNoTLS)
	}
	_, err = Dial(testContext(t), url, DialConfig{Login: clientLogin(), DialTimeout: 100 * time.Millisecond, Logger: quiet})
	if !errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, ErrAuth) {
		t.Errorf("a silent server: got %v; want a time-out", err)
	}
	<-over
}

// TestBindingIsOfTheConnection: a login gets the binding of what it runs on, and
// none where there is none.
func TestBindingIsOfTheConnection(t *testing.T) {
	l := &login{}
	tcp := rawDial(t, testServer(t, "tcp://127.0.0.1:0", &Server{Handler: echo}).Addr())
	for _, kind := range []string{"", "tls-exporter", "tls-server-end-point", "tls-unique"} {
		if _, err := l.binding(tcp, kind); err == nil {
			t.Errorf("binding %q of a plain TCP connection: got no error", kind)
		}
	}
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin()})
	secured := func() *tlsConn {
		cfg, err := clientTLS(nil, "127.0.0.1", "", true)
		if err != nil {
			t.Fatal(err)
		}
		c := newTLSConn(rawDial(t, "tcp://"+addressOf(srv.Addr())), cfg, false)
		if err := c.handshake(); err != nil {
			t.Fatal(err)
		}
		return c
	}
	one, other := secured(), secured()
	for _, kind := range []string{"", "tls-unique", "tls-exporter "} {
		if b, err := l.binding(one, kind); err == nil {
			t.Errorf("binding %q inside TLS: got %x and no error", kind, b)
		}
	}
	a, errA := l.binding(one, "tls-exporter")
	b, errB := l.binding(other, "tls-exporter")
	if errA != nil || errB != nil || len(a) != exporterSize || string(a) == string(b) {
		t.Errorf("tls-exporter of two connections: got %x (%v) and %x (%v); want 32 bytes, of each its own", a, errA, b, errB)
	}
	a, errA = l.binding(one, "tls-server-end-point")
	b, errB = l.binding(other, "tls-server-end-point")
	if errA != nil || errB != nil || len(a) != 32 || string(a) != string(b) {
		t.Errorf("tls-server-end-point of two connections: got %x (%v) and %x (%v); want the same 32 bytes", a, errA, b, errB)
	}
}

// TestMixedListeners: one Server serves each address by what is set for it.
func TestMixedListeners(t *testing.T) {
	var peers atomic.Int32
	handler := methods{"who": whoCalls(&peers)}
	srv := testServer(t, "tcp://127.0.0.1:0", &Server{Handler: handler, Auth: oneKey(testKey), Login: serverLogin()})
	urls := map[string]string{"tcp": srv.Addr()}
	done := make(chan error, 2)
	for _, network := range []string{"tls", "unix"} {
		l, err := srv.Listen(testURL(t, network))
		if err != nil {
			t.Fatal(err)
		}
		urls[network] = urlOf(l.Addr())
		go func() { done <- srv.Serve(l) }()
	}
	t.Cleanup(func() {
		srv.Close()
		for range 2 {
			<-done
		}
	})
	for network, want := range map[string]string{"tcp": "id0", "unix": "id0", "tls": "bot"} {
		c := testClient(t, urls[network], DialConfig{Auth: oneKey(testKey), Login: clientLogin()})
		if got, err := rpc.Invoke[string](testContext(t), c, "who"); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", network, got, err, want)
		}
	}
	if !strings.HasPrefix(urls["tls"], "tls://127.0.0.1:") {
		t.Errorf("the URL of the listener: got %s; want tls://127.0.0.1 and a port", urls["tls"])
	}
}

// TestTLSConfigurationIsChecked: what would make the login weaker, or leave it
// away, is said at the start.
func TestTLSConfigurationIsChecked(t *testing.T) {
	login, key := serverLogin(), oneKey(testKey)
	authority := newTestAuthority(t, "own")
	certificate := authority.issue(nil)
	asks := &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}
	weak := map[string]*tls.Config{
		"MaxVersion":           {MaxVersion: tls.VersionTLS12},
		"InsecureSkipVerify":   {InsecureSkipVerify: true},
		"KeyLogWriter":         {KeyLogWriter: os.Stderr},
		"GetConfigForClient":   {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }},
		"EncryptedClientHello": {EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{{}}},
	}
	for _, tt := range []struct {
		srv  *Server
		url  string
		want string
	}{
		{&Server{}, "tls://127.0.0.1:0", "tls:// needs Login"},
		{&Server{Auth: key}, "tls://127.0.0.1:0", "tls:// needs Login"},
		{&Server{DangerouslyWithoutAuth: true}, "tls://127.0.0.1:0", "tls:// needs Login"},
		{&Server{TLS: asks}, "tls://127.0.0.1:0", "ClientCAs"},
		{&Server{TLS: &tls.Config{ClientCAs: authority.pool, ClientAuth: tls.VerifyClientCertIfGiven}}, "tls://127.0.0.1:0", "tls:// needs Login"},
		{&Server{TLS: &tls.Config{ClientCAs: authority.pool, ClientAuth: tls.RequireAnyClientCert}}, "tls://127.0.0.1:0", "tls:// needs Login"},
		{&Server{Login: login, TLS: asks}, "tls://127.0.0.1:0", "ClientCAs"},
		{&Server{Login: login, TLS: &tls.Config{Certificates: []tls.Certificate{{}}}}, "tls://127.0.0.1:0", "Certificates[0]"},
		{&Server{Login: login}, "tcp://127.0.0.1:0", "Login needs TLS"},
		{&Server{Login: login, DangerouslyWithoutAuth: true}, testURL(t, "unix"), "choose one"},
	} {
		tt.srv.Handler, tt.srv.Logger = echo, quiet
		nl, err := tt.srv.Listen(tt.url)
		if err == nil {
			nl.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "native:") != 1 {
			t.Errorf("server on %s: got %v; want one error with %q", tt.url, err, tt.want)
		}
		l, err := Listen(tt.url, ListenConfig{Auth: tt.srv.Auth, Login: tt.srv.Login, TLS: tt.srv.TLS, DangerouslyWithoutAuth: tt.srv.DangerouslyWithoutAuth})
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("listener on %s: got %v; want %q", tt.url, err, tt.want)
		}
	}
	for name, cfg := range weak {
		nl, err := (&Server{Handler: echo, Login: login, TLS: cfg}).Listen("tls://127.0.0.1:0")
		if err == nil {
			nl.Close()
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a server with %s: got %v; want it to be refused", name, err)
		}
		if _, err := Dial(testContext(t), "tls://127.0.0.1:1", DialConfig{Login: login, TLS: cfg}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a client with %s: got %v; want it to be refused", name, err)
		}
	}
	pin := formatPin(keyHash(certificate.Leaf))
	for _, tt := range []struct {
		url  string
		cfg  ConnConfig
		want string
	}{
		{"tls://127.0.0.1:1", ConnConfig{}, "tls:// needs Login"},
		{"tls://127.0.0.1:1", ConnConfig{Auth: key}, "tls:// needs Login"},
		{"tls://127.0.0.1:1", ConnConfig{DangerouslyWithoutAuth: true}, "tls:// needs Login"},
		{"tls://127.0.0.1:1", ConnConfig{TLS: &tls.Config{RootCAs: authority.pool}}, "tls:// needs Login"},
		{"tcp://127.0.0.1:1", ConnConfig{Login: login}, "Login needs TLS"},
		{"tcp://127.0.0.1:1", ConnConfig{Auth: key, TLS: &tls.Config{}}, "use tls://"},
		{"tcp://127.0.0.1:1", ConnConfig{Auth: key, Pin: pin}, "use tls://"},
		{"unix:///nowhere", ConnConfig{Login: login, Pin: pin}, "use tls://"},
	} {
		_, err := DialConn(testContext(t), tt.url, tt.cfg)
		_, err2 := Dial(testContext(t), tt.url, DialConfig{Auth: tt.cfg.Auth, Login: tt.cfg.Login, TLS: tt.cfg.TLS, Pin: tt.cfg.Pin, DangerouslyWithoutAuth: tt.cfg.DangerouslyWithoutAuth})
		for _, err := range []error{err, err2} {
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), "native:") != 1 {
				t.Errorf("a client of %s: got %v; want one error with %q", tt.url, err, tt.want)
			}
		}
	}
	// What the user has set is not changed.
	user := &tls.Config{NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS10, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	cfg, err := clientTLS(user, "host", "", true)
	if err != nil {
		t.Fatal(err)
	}
	if user.NextProtos[0] != "h2" || user.MinVersion != tls.VersionTLS10 || user.ServerName != "" || user.InsecureSkipVerify {
		t.Errorf("the user's configuration was changed: %+v", user)
	}
	if cfg.NextProtos[0] != alpn || len(cfg.NextProtos) != 1 || cfg.MinVersion != tls.VersionTLS13 || !cfg.SessionTicketsDisabled || cfg.ClientSessionCache != nil {
		t.Errorf("got %+v; want TLS 1.3 and %s alone, and no resumption", cfg, alpn)
	}
}
