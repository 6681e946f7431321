package native

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestMutualTLS: certificates of clients, with and without a login beside them.
func TestMutualTLS(t *testing.T) {
	servers, clients, strangers := newTestAuthority(t, "servers"), newTestAuthority(t, "clients"), newTestAuthority(t, "strangers")
	own := servers.issue(nil)
	good := clients.issue(named("spiffe://example/bot"))
	var mu sync.Mutex
	var seen []rpc.Identity
	handler := methods{"who": func(ctx context.Context, _ *rpc.Request) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, rpc.PeerFrom(ctx).Identity)
		return nil, nil
	}}
	take := func() []rpc.Identity {
		mu.Lock()
		defer mu.Unlock()
		defer func() { seen = nil }()
		return seen
	}
	credential := func(c tls.Certificate) string { return "cert:" + hex.EncodeToString(keyHash(c.Leaf))[:16] }
	byDNS := clients.issue(func(c *x509.Certificate) { c.DNSNames = []string{"bot.example", "other.example"} })
	byName := clients.issue(func(c *x509.Certificate) { c.Subject.CommonName = "bot" })
	for _, login := range []bool{false, true} {
		name := map[bool]string{false: "certificates alone", true: "with a login"}[login]
		t.Run(name, func(t *testing.T) {
			var failed failedLogins
			srv := &Server{Handler: handler, Objects: echoObjects, Events: failed.events(), TLS: &tls.Config{
				Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients.pool,
			}}
			cfg := DialConfig{Logger: quiet}
			if login {
				srv.Login, cfg.Login = serverLogin(), clientLogin()
			}
			testServer(t, "tls://127.0.0.1:0", srv)
			for _, tt := range []struct {
				name    string
				certs   []tls.Certificate
				want    rpc.Identity
				refused bool
			}{
				{"a URI", []tls.Certificate{good}, rpc.Identity{Name: "spiffe://example/bot", Credential: credential(good)}, false},
				{"a DNS name", []tls.Certificate{byDNS}, rpc.Identity{Name: "bot.example", Credential: credential(byDNS)}, false},
				{"a common name", []tls.Certificate{byName}, rpc.Identity{Name: "bot", Credential: credential(byName)}, false},
				{"another authority", []tls.Certificate{strangers.issue(named("spiffe://example/bot"))}, rpc.Identity{}, true},
				{"self-signed", []tls.Certificate{(&testAuthority{t: t}).issue(named("spiffe://example/bot"))}, rpc.Identity{}, true},
				{"expired", []tls.Certificate{clients.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })}, rpc.Identity{}, true},
				{"not yet valid", []tls.Certificate{clients.issue(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })}, rpc.Identity{}, true},
				{"for servers alone", []tls.Certificate{clients.issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })}, rpc.Identity{}, true},
				{"none", nil, rpc.Identity{}, true},
			} {
				t.Run(tt.name, func(t *testing.T) {
					certs := tt.certs
					cfg.TLS = &tls.Config{RootCAs: servers.pool, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
						if certs == nil {
							return &tls.Certificate{}, nil
						}
						return &certs[0], nil // whatever the server asks for
					}}
					c, err := Dial(testContext(t), srv.Addr(), cfg)
					if err == nil {
						defer c.Close()
						_, err = c.Call(testContext(t), &rpc.Request{Method: "who"})
					}
					got := take()
					if tt.refused {
						if !errors.Is(err, ErrCertificateRefused) || !errors.Is(err, ErrAuth) || len(got) > 0 {
							t.Errorf("got %v and calls of %v; want %v", err, got, ErrCertificateRefused)
							return
						}
						if err := failed.wait(t); err == nil {
							t.Error("the server did not notice")
						}
						return
					}
					want := tt.want
					if login { // which names the peer
						want = rpc.Identity{Name: "bot", Credential: "bot.k1"}
					}
					if err != nil || len(got) != 1 || got[0] != want {
						t.Errorf("got %v, %v; want one call of %v", got, err, want)
					}
				})
			}
			// Objects know their peer too.
			cc := ConnConfig{Login: cfg.Login, TLS: &tls.Config{RootCAs: servers.pool, Certificates: []tls.Certificate{good}}}
			conn, err := DialConn(testContext(t), srv.Addr(), cc)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			var back string
			if err := errors.Join(conn.Send(testContext(t), "x"), conn.Recv(testContext(t), &back)); err != nil || back != "x" {
				t.Errorf("an object: got %q, %v", back, err)
			}
			// A server that the client does not trust gets no call.
			cc.TLS = &tls.Config{RootCAs: strangers.pool, Certificates: []tls.Certificate{good}}
			if _, err := DialConn(testContext(t), srv.Addr(), cc); !errors.Is(err, ErrUntrusted) {
				t.Errorf("an untrusted server: got %v; want %v", err, ErrUntrusted)
			}
		})
	}
	t.Run("without names", func(t *testing.T) {
		if id, _, err := identityOf(clients.issue(func(c *x509.Certificate) { c.Subject.CommonName = "" }).Leaf); err == nil {
			t.Errorf("got %v; want an error", id)
		}
	})
}

// TestEndPointBinding: the hash of RFC 5929 follows the signature of the
// certificate.
func TestEndPointBinding(t *testing.T) {
	for _, tt := range []struct {
		alg  x509.SignatureAlgorithm
		want int // bytes
	}{
		{x509.ECDSAWithSHA256, 32}, {x509.ECDSAWithSHA384, 48}, {x509.ECDSAWithSHA512, 64},
	} {
		made := newTestAuthority(t, "own").issue(func(c *x509.Certificate) { c.SignatureAlgorithm = tt.alg })
		if got, err := endPoint(made.Certificate[0]); err != nil || len(got) != tt.want {
			t.Errorf("%v: got %x, %v; want %d bytes", tt.alg, got, err, tt.want)
		}
		// Both ends come to the same, whichever of several certificates is shown.
		login := clientLogin()
		login.binding = "tls-server-end-point"
		other := newTestAuthority(t, "other").issue(func(c *x509.Certificate) { c.DNSNames = []string{"other.example"} })
		for _, cfg := range []*tls.Config{
			{Certificates: []tls.Certificate{made}},
			{Certificates: []tls.Certificate{other, made}},
			{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &made, nil }},
		} {
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin(), TLS: cfg})
			testClient(t, srv.Addr(), DialConfig{Login: login, TLS: &tls.Config{ServerName: "other.example"}})
			testClient(t, srv.Addr(), DialConfig{Login: login})
		}
	}
	made := edCertificate(t)
	if got, err := endPoint(made.Certificate[0]); err != nil || len(got) != 32 {
		t.Errorf("Ed25519: got %x, %v; want 32 bytes", got, err)
	}
}

// TestOneCertificateForAServer: the certificate that a Server makes is the same for
// its listeners, and another one for each Server.
func TestOneCertificateForAServer(t *testing.T) {
	pinOf := func(url string) string {
		t.Helper()
		c, err := rawTLS(t, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return formatPin(keyHash(c.ConnectionState().PeerCertificates[0]))
	}
	srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin()})
	l, err := srv.Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	other := testServer(t, "tls://127.0.0.1:0", &Server{Handler: echo, Login: serverLogin()})
	a, b, c := pinOf(srv.Addr()), pinOf(urlOf(l.Addr())), pinOf(other.Addr())
	if a != b || a == c {
		t.Errorf("got %s and %s of one server, %s of another; want two the same", a, b, c)
	}
	srv.Close()
	<-done
}
