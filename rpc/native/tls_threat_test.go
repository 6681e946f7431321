package native

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
)

// TestRelayWithTLSTerminated: somebody on the way who speaks TLS to both ends and
// passes the login on gets into neither.
func TestRelayWithTLSTerminated(t *testing.T) {
	credentials, secret := testLogins(t)
	endPoint := clientLogin()
	endPoint.binding = "tls-server-end-point"
	for _, tt := range []struct {
		name           string
		server, client Authenticator
	}{
		{"scram", credentials, secret},
		{"tls-exporter", serverLogin(), clientLogin()},
		{"tls-server-end-point", serverLogin(), endPoint},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var handler countCalls
			var failed failedLogins
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: &handler, Objects: echoObjects, Login: tt.server, Events: failed.events()})
			direct := testClient(t, srv.Addr(), DialConfig{Login: tt.client})
			if _, err := direct.Call(testContext(t), &rpc.Request{Method: "call"}); err != nil {
				t.Fatalf("without the relay: %v", err)
			}
			relay := startTLSRelay(t, srv.Addr())
			c, err := Dial(testContext(t), relay.url(), DialConfig{Login: tt.client, Logger: quiet})
			if err == nil {
				_, err = c.Call(testContext(t), &rpc.Request{Method: "call"})
				c.Close()
				t.Fatalf("a client logged in through the relay; its call: %v", err)
			}
			if !errors.Is(err, ErrLoginRefused) || !errors.Is(err, ErrAuth) {
				t.Errorf("the client: got %v; want %v", err, ErrLoginRefused)
			}
			if err := failed.wait(t); err == nil {
				t.Error("the server did not notice")
			}
			if relay.passed.Load() == 0 {
				t.Error("nothing went through the relay")
			}
			if n := handler.n.Load(); n != 1 {
				t.Errorf("the handler ran %d times; want 1, without the relay", n)
			}
			if got := srv.Stats().Sessions; got != 1 {
				t.Errorf("got %d sessions; want 1", got)
			}
		})
	}
}

// TestServerWithoutTheKey: a client that is led to another server finds out, and
// sends it nothing but the login.
func TestServerWithoutTheKey(t *testing.T) {
	_, secret := testLogins(t)
	t.Run("other credentials", func(t *testing.T) {
		others, _ := testLogins(t) // with the same id
		var handler countCalls
		srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: &handler, Login: others})
		_, err := Dial(testContext(t), srv.Addr(), DialConfig{Login: secret, Logger: quiet})
		if !errors.Is(err, ErrLoginRefused) {
			t.Errorf("got %v; want %v", err, ErrLoginRefused)
		}
		_, err = DialConn(testContext(t), srv.Addr(), ConnConfig{Login: secret})
		if !errors.Is(err, ErrLoginRefused) {
			t.Errorf("DialConn: got %v; want %v", err, ErrLoginRefused)
		}
		if handler.n.Load() != 0 {
			t.Error("the handler ran")
		}
	})
	t.Run("half of the credential", func(t *testing.T) {
		// What knows the client's proof, as a file for HTTP does, and not the server's.
		entry, err := secret.Entry(auth.UseChannel, "bot")
		if err != nil {
			t.Fatal(err)
		}
		entry.ServerKey = make([]byte, len(entry.ServerKey))
		half, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		var handler countCalls
		srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: &handler, Login: half})
		c, err := Dial(testContext(t), srv.Addr(), DialConfig{Login: secret, Logger: quiet})
		if !errors.Is(err, ErrServerUnproven) || !errors.Is(err, ErrAuth) {
			t.Errorf("got %v; want %v", err, ErrServerUnproven)
		}
		if err == nil {
			c.Close()
		}
		if n := srv.Stats().Sessions; n != 0 || handler.n.Load() != 0 {
			t.Errorf("got %d sessions, %d calls; want none", n, handler.n.Load())
		}
	})
	t.Run("lets everybody in", func(t *testing.T) {
		// It plays along, and has nothing to prove itself with.
		received := make(chan []byte, 1)
		srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: liar{received}})
		_, err := Dial(testContext(t), srv.Addr(), DialConfig{Login: clientLogin(), Logger: quiet})
		if !errors.Is(err, ErrServerUnproven) || !errors.Is(err, ErrAuth) {
			t.Errorf("got %v; want %v", err, ErrServerUnproven)
		}
		if rest := wantWithin(t, received, "the end of the connection"); len(rest) > 0 {
			t.Errorf("after the login came %q; want nothing", rest)
		}
	})
}

// liar is a server's login that proves nothing.
type liar struct{ received chan []byte }

func (l liar) Authenticate(_ context.Context, _ func(string) ([]byte, error), read func() ([]byte, error), write func([]byte) error) (rpc.Identity, error) {
	read()
	write([]byte("r=nonce"))
	read()
	write([]byte("v=" + strings.Repeat("A", 32)))
	rest, _ := read()
	l.received <- rest
	return rpc.Identity{}, errors.New("done")
}

// TestDowngrade: neither side goes below TLS 1.3 and parley/1, whatever the other
// one offers.
func TestDowngrade(t *testing.T) {
	var failed failedLogins
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), Events: failed.events()})
	for _, tt := range []struct {
		name string
		cfg  *tls.Config
		want string // in the server's error
	}{
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12, NextProtos: []string{alpn}}, "unsupported versions"},
		{"no ALPN", &tls.Config{}, `ALPN) is ""`},
		{"another ALPN", &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, "application protocol"},
	} {
		t.Run("client with "+tt.name, func(t *testing.T) {
			c, err := rawTLS(t, srv.Addr(), tt.cfg)
			if err == nil { // the server looks at it last
				if _, err = c.Read(make([]byte, 1)); err == nil {
					t.Error("the server spoke")
				}
			}
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the client: got %v; want a refusal", err)
			}
			if err := failed.wait(t); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the server: got %v; want %q", err, tt.want)
			}
		})
	}
	certificate := newTestAuthority(t, "own").issue(nil)
	for _, tt := range []struct {
		name string
		cfg  *tls.Config
		want string
	}{
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12, NextProtos: []string{alpn}}, "no TLS 1.3"},
		{"no ALPN", &tls.Config{}, `ALPN) is ""`},
		{"another ALPN", &tls.Config{NextProtos: []string{"h2"}}, "another kind of server"},
	} {
		t.Run("server with "+tt.name, func(t *testing.T) {
			tt.cfg.Certificates = []tls.Certificate{certificate}
			got := make(chan []byte, 1)
			url := tlsPeer(t, tt.cfg, func(c *tls.Conn) {
				b, _ := io.ReadAll(c)
				got <- b
			})
			_, err := Dial(testContext(t), url, DialConfig{Login: clientLogin(), Logger: quiet})
			if !errors.Is(err, ErrNoTLS) || errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %v with %q", err, ErrNoTLS, tt.want)
			}
			if b := wantWithin(t, got, "the end of the connection"); len(b) > 0 {
				t.Errorf("the client sent %q; want nothing", b)
			}
		})
	}
}

// tlsPeer starts a server of another kind, for one connection.
func tlsPeer(t testing.TB, cfg *tls.Config, serve func(*tls.Conn)) (url string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		serve(c.(*tls.Conn))
	}()
	t.Cleanup(func() {
		l.Close()
		<-over
	})
	return "tls://" + l.Addr().String()
}

// TestPinMismatch: a login that would succeed does not happen with another key than
// that of Pin.
func TestPinMismatch(t *testing.T) {
	authority := newTestAuthority(t, "own")
	certificate, other := authority.issue(nil), authority.issue(nil)
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	pin, wrong := formatPin(keyHash(certificate.Leaf)), formatPin(keyHash(other.Leaf))
	for _, roots := range []*x509.CertPool{nil, authority.pool} {
		cfg := DialConfig{Login: clientLogin(), Pin: pin, TLS: &tls.Config{RootCAs: roots}, Logger: quiet}
		c := testClient(t, srv.Addr(), cfg)
		if got, err := rpc.Invoke[string](testContext(t), c, "echo", "call"); err != nil || got != "call" {
			t.Errorf("with the right pin: got %q, %v", got, err)
		}
		asked := false
		login := clientLogin()
		login.asked = func(int) error { asked = true; return nil }
		cfg.Login, cfg.Pin = login, wrong
		_, err := Dial(testContext(t), srv.Addr(), cfg)
		if !errors.Is(err, ErrUntrusted) || !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), pin) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("got %v; want %v with both keys", err, ErrUntrusted)
		}
		if asked {
			t.Error("the login began")
		}
	}
	for _, pin := range []string{"sha256/", "sha256/AAAA", strings.TrimPrefix(pin, "sha256/"), "md5/" + pin[7:], pin + "=", pin[:40]} {
		if _, err := Dial(testContext(t), srv.Addr(), DialConfig{Login: clientLogin(), Pin: pin}); err == nil || !strings.Contains(err.Error(), "Pin: got") {
			t.Errorf("Pin %q: got %v; want an error that says what a pin is", pin, err)
		}
	}
}

// TestCertificateIsVerified: with RootCAs the certificate counts, host name
// included, whatever the login would say.
func TestCertificateIsVerified(t *testing.T) {
	authority, stranger := newTestAuthority(t, "own"), newTestAuthority(t, "stranger")
	elsewhere := authority.issue(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"elsewhere.example"} })
	expired := authority.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	for _, tt := range []struct {
		name string
		cert tls.Certificate
		host string
		want string // empty: it is trusted
	}{
		{"good", authority.issue(nil), "", ""},
		{"named", elsewhere, "elsewhere.example", ""},
		{"another host", elsewhere, "", "ServerName"},
		{"another authority", stranger.issue(nil), "", "RootCAs"},
		{"expired", expired, "", "expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), TLS: &tls.Config{Certificates: []tls.Certificate{tt.cert}}})
			cfg := DialConfig{Login: clientLogin(), TLS: &tls.Config{RootCAs: authority.pool, ServerName: tt.host}, Logger: quiet}
			c, err := Dial(testContext(t), srv.Addr(), cfg)
			if err == nil {
				c.Close()
			}
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v; want it to be trusted", err)
			case tt.want != "" && (!errors.Is(err, ErrUntrusted) || !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v; want %v with %q", err, ErrUntrusted, tt.want)
			}
			// The login alone does without.
			testClient(t, srv.Addr(), DialConfig{Login: clientLogin()})
		})
	}
}

// TestUserChecksConnection: VerifyConnection of the user is asked on both ends, and
// may refuse.
func TestUserChecksConnection(t *testing.T) {
	refuse := errors.New("not on Sundays")
	no := func(tls.ConnectionState) error { return refuse }
	var failed failedLogins
	strict := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), TLS: &tls.Config{VerifyConnection: no}, Events: failed.events()})
	if c, err := Dial(testContext(t), strict.Addr(), DialConfig{Login: clientLogin(), Logger: quiet}); err == nil {
		c.Close()
		t.Error("a client got in that the server's VerifyConnection refused")
	}
	if err := failed.wait(t); !errors.Is(err, refuse) {
		t.Errorf("the server: got %v; want %v", err, refuse)
	}
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin()})
	_, err := Dial(testContext(t), srv.Addr(), DialConfig{Login: clientLogin(), Logger: quiet, TLS: &tls.Config{VerifyConnection: no}})
	if !errors.Is(err, refuse) {
		t.Errorf("the client: got %v; want %v", err, refuse)
	}
}

// TestPassphraseLogin: the whole of it, with argon2id.
func TestPassphraseLogin(t *testing.T) {
	secret, err := auth.NewPassphrase("bot.k2", "correct horse battery staple")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseChannel, "bot")
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	who := make(chan rpc.Identity, 1)
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Login: credentials, Handler: callerFunc(func(ctx context.Context, _ *rpc.Request) (any, error) {
		who <- rpc.PeerFrom(ctx).Identity
		return nil, nil
	})})
	c := testClient(t, srv.Addr(), DialConfig{Login: secret})
	if _, err := c.Call(testContext(t), &rpc.Request{Method: "call"}); err != nil {
		t.Fatal(err)
	}
	if got, want := <-who, (rpc.Identity{Name: "bot", Credential: "bot.k2"}); got != want {
		t.Errorf("the peer: got %+v; want %+v", got, want)
	}
}

// TestRefusedLoginIsNotRepeated: a client whose credential has gone away, or that
// is led elsewhere, says so with each call and does not knock all the time, also if
// it would wait for a server.
func TestRefusedLoginIsNotRepeated(t *testing.T) {
	credentials, secret := testLogins(t)
	var failed failedLogins
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: credentials, Events: failed.events()})
	c := testClient(t, srv.Addr(), DialConfig{Login: secret, WaitForReady: true})
	if _, err := rpc.Invoke[int](testContext(t), c, "echo", 1); err != nil {
		t.Fatal(err)
	}
	other, err := auth.GenerateSecret("other.k1")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := other.Entry(auth.UseChannel, "other")
	if err == nil {
		err = credentials.Replace([]auth.Entry{entry})
	}
	if err != nil {
		t.Fatal(err)
	}
	waitLost(t, c)
	for range 50 {
		if _, err := rpc.Invoke[int](testContext(t), c, "echo", 1); !errors.Is(err, ErrLoginRefused) || !errors.Is(err, ErrAuth) {
			t.Fatalf("a call: got %v; want %v", err, ErrLoginRefused)
		}
	}
	failed.wait(t)
	if n := srv.Stats().LoginsFailed; n > 2 { // five seconds lie between two of them
		t.Errorf("got %d logins for 50 calls; want one, or one more on a slow machine", n)
	}
}
