package native

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
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
		id, err := identityOf(made.Leaf)
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
