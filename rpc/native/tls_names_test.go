package native

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// TestThreatNamesOfCertificates: what a certificate calls its owner stands in
// policies and in the log, so that it is held to what credentials are held to.
func TestThreatNamesOfCertificates(t *testing.T) {
	authority := newTestAuthority(t, "clients")
	for name, fits := range map[string]bool{
		"bot": true, `DOMAIN\bot`: true, "b\u00f6t": true, strings.Repeat("x", maxIdentity): true,
		"bot\nadmin": false, "bot\x00": false, "bot\u202e": false, strings.Repeat("x", maxIdentity+1): false,
	} {
		made := authority.issue(func(c *x509.Certificate) { c.Subject.CommonName = name })
		id, _, err := identityOf(made.Leaf)
		if fits && (err != nil || id.Name != name) || !fits && err == nil {
			t.Errorf("%.20q: got %.20q, %v; want it taken: %v", name, id.Name, err, fits)
		}
		if err != nil && len(err.Error()) > 512 {
			t.Errorf("%.20q: got an error of %d bytes; want 512 at most", name, len(err.Error()))
		}
	}
}

// TestThreatListenerOfAnotherServer: one that asks for no certificate, at a Server
// that knows its peers by theirs, lets nobody in, and ends no process.
func TestThreatListenerOfAnotherServer(t *testing.T) {
	authority := newTestAuthority(t, "clients")
	l, err := (&Server{Handler: echo, Login: serverLogin()}).Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var failed failedLogins
	var calls countCalls
	srv := &Server{Handler: &calls, Logger: quiet, Events: failed.events(), TLS: &tls.Config{
		Certificates: []tls.Certificate{authority.issue(nil)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.pool,
	}}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	defer func() {
		srv.Close()
		<-served
	}()
	if _, err := rawTLS(t, urlOf(l.Addr()), nil); err != nil {
		t.Fatal(err)
	}
	if err := failed.wait(t); !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("got %v; want that no certificate was asked for", err)
	}
	if n := calls.n.Load(); n != 0 {
		t.Errorf("got %d calls; want none", n)
	}
}

// TestThreatNamesBeyondAConstraint: an authority that may sign for team.example
// alone cannot make itself anybody else by the common name, which constraints
// (RFC 5280 section 4.2.1.10) do not reach.
func TestThreatNamesBeyondAConstraint(t *testing.T) {
	root := newTestAuthority(t, "root")
	signs := func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = "team", true, true, x509.KeyUsageCertSign
	}
	team := func(edit func(*x509.Certificate)) *testAuthority {
		made := root.issue(func(c *x509.Certificate) { signs(c); edit(c) })
		return &testAuthority{t: t, cert: made.Leaf, key: made.PrivateKey.(*ecdsa.PrivateKey)}
	}
	bound := team(func(c *x509.Certificate) {
		c.PermittedDNSDomainsCritical, c.PermittedDNSDomains = true, []string{"team.example"}
	})
	free := team(func(*x509.Certificate) {})
	called := func(name string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.Subject.CommonName, c.IPAddresses = name, nil }
	}
	for _, tt := range []struct {
		name string
		from *testAuthority
		edit func(*x509.Certificate)
		want string
	}{
		{"a DNS name within", bound, func(c *x509.Certificate) { c.DNSNames = []string{"bot.team.example"} }, "bot.team.example"},
		{"a DNS name beyond", bound, func(c *x509.Certificate) { c.DNSNames = []string{"admin.example"} }, ""},
		{"a common name beyond", bound, called("admin"), ""},
		{"a URI beyond", bound, named("admin"), ""},
		{"a URI without a constraint", free, named("spiffe://example/bot"), "spiffe://example/bot"},
		{"a common name without a constraint", free, called("bot"), "bot"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var failed failedLogins
			var seen rpc.Identity
			handler := methods{"who": func(ctx context.Context, _ *rpc.Request) (any, error) {
				seen = rpc.PeerFrom(ctx).Identity
				return nil, nil
			}}
			srv := testServer(t, "tls://127.0.0.1:0", &Server{Handler: handler, Events: failed.events(), TLS: &tls.Config{
				Certificates: []tls.Certificate{root.issue(nil)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: root.pool,
			}})
			made := tt.from.issue(tt.edit)
			made.Certificate = append(made.Certificate, tt.from.cert.Raw)
			c, err := Dial(testContext(t), srv.Addr(), DialConfig{Logger: quiet, TLS: &tls.Config{RootCAs: root.pool, Certificates: []tls.Certificate{made}}})
			if err == nil {
				defer c.Close()
				_, err = c.Call(testContext(t), &rpc.Request{Method: "who"})
			}
			if seen.Name != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", seen.Name, err, tt.want)
			}
		})
	}
}
