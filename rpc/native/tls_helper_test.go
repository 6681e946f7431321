package native

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
)

// testLogins returns what a server and its client log in with: a generated key,
// which costs nothing.
func testLogins(t testing.TB) (*auth.Credentials, *auth.Secret) {
	t.Helper()
	secret, err := auth.GenerateSecret("bot.k1")
	if err != nil {
		t.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseChannel, "bot")
	if err != nil {
		t.Fatal(err)
	}
	server, err := auth.NewCredentials([]auth.Entry{entry}, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return server, secret
}

// testAuthority signs certificates.
type testAuthority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newTestAuthority(t testing.TB, name string) *testAuthority {
	a := &testAuthority{t: t, pool: x509.NewCertPool()}
	made := a.issue(func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.BasicConstraintsValid = name, true, true
		c.KeyUsage = x509.KeyUsageCertSign
	})
	a.cert, a.key = made.Leaf, made.PrivateKey.(*ecdsa.PrivateKey)
	a.pool.AddCert(a.cert)
	return a
}

// issue makes a certificate for 127.0.0.1, and for clients, which edit changes.
func (a *testAuthority) issue(edit func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "somebody"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if edit != nil {
		edit(template)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// named gives a certificate a URI.
func named(uri string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		u, err := url.Parse(uri)
		if err != nil {
			panic(err)
		}
		c.URIs = []*url.URL{u}
	}
}

// countCalls is a handler that counts how often it runs.
type countCalls struct{ n atomic.Int32 }

func (c *countCalls) Call(context.Context, *rpc.Request) (any, error) {
	c.n.Add(1)
	return "answer", nil
}

// failedLogins keeps the errors of logins that fail at a server.
type failedLogins struct {
	mu   sync.Mutex
	errs []error // guarded by mu
}

func (f *failedLogins) events() Events {
	return Events{LoginFailed: func(_ *rpc.Peer, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.errs = append(f.errs, err)
	}}
}

// wait waits for the next failure.
func (f *failedLogins) wait(t testing.TB) (err error) {
	t.Helper()
	within(t, 10*time.Second, "for a login that fails at the server", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.errs) > 0 {
			err, f.errs = f.errs[0], f.errs[1:]
		}
		return err != nil
	})
	return err
}

// addressOf returns what net.Dial takes for a URL.
func addressOf(url string) string {
	_, address, _ := strings.Cut(url, "://")
	return address
}

// rawTLS connects to a server with TLS alone, and whatever it says.
func rawTLS(t testing.TB, url string, cfg *tls.Config) (*tls.Conn, error) {
	t.Helper()
	if cfg == nil {
		cfg = &tls.Config{NextProtos: []string{alpn}}
	}
	cfg.InsecureSkipVerify = true
	nc, err := net.Dial("tcp", addressOf(url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	c := tls.Client(nc, cfg)
	return c, c.Handshake()
}

// tlsRelay ends TLS with a certificate of its own and passes on what is inside.
type tlsRelay struct {
	net.Listener
	running sync.WaitGroup
	passed  atomic.Int64 // bytes
}

func startTLSRelay(t testing.TB, server string) *tlsRelay {
	t.Helper()
	made := newTestAuthority(t, "relay").issue(nil)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{made}, NextProtos: []string{alpn}})
	if err != nil {
		t.Fatal(err)
	}
	r := &tlsRelay{Listener: l}
	r.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			r.running.Go(func() {
				defer client.Close()
				server, err := tls.Dial("tcp", addressOf(server), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpn}})
				if err != nil {
					return
				}
				var ways sync.WaitGroup
				pass := func(to, from net.Conn) {
					n, _ := io.Copy(to, from) // however it ends
					r.passed.Add(n)
					to.Close()
				}
				ways.Go(func() { pass(server, client) })
				ways.Go(func() { pass(client, server) })
				ways.Wait()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.running.Wait()
	})
	return r
}

func (r *tlsRelay) url() string { return "tls://" + r.Addr().String() }

// whoCalls answers with the identity of its caller, who must be of the native
// transport.
func whoCalls(n *atomic.Int32) func(context.Context, *rpc.Request) (any, error) {
	return func(ctx context.Context, _ *rpc.Request) (any, error) {
		n.Add(1)
		p := rpc.PeerFrom(ctx)
		if p.Transport != "native" {
			return nil, rpc.Errorf(1, "transport %s", p.Transport)
		}
		if _, ok := p.Addr.(interface{ AddrPort() netip.AddrPort }); !ok && p.Addr.Network() != "unix" {
			return nil, rpc.Errorf(1, "address %T", p.Addr)
		}
		return p.Name, nil
	}
}

// secured puts TLS on both ends of a connection.
func secured(t testing.TB, a, b net.Conn) (server, client net.Conn) {
	t.Helper()
	serverCfg, err := serverTLS(nil, ephemeralCertificate)
	if err != nil {
		t.Fatal(err)
	}
	clientCfg, err := clientTLS(nil, "127.0.0.1", "", true)
	if err != nil {
		t.Fatal(err)
	}
	s, c := newTLSConn(a, serverCfg, true), newTLSConn(b, clientCfg, false)
	done := make(chan error, 1)
	go func() { done <- s.handshake() }()
	if err := errors.Join(c.handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return s, c
}

// edCertificate makes a certificate whose signature has no hash of its own.
func edCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
