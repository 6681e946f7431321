package python

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native"
)

// tlsScript is the client that users may copy, and then what a test does with it:
// call, with the arguments host, port and key.
func tlsScript(t testing.TB, script string) string {
	t.Helper()
	client, err := os.ReadFile("testdata/tls_client.py")
	if err != nil {
		t.Fatal(err)
	}
	return string(client) + `
import sys
def dial(key=sys.argv[3]):
    return connect(sys.argv[1], int(sys.argv[2]), key)
def refused(kind, text, *args):
    try:
        dial(*args)
    except kind as e:
        assert text in str(e), repr(e)
    else:
        assert False, 'logged in'
` + script + "\nprint('ok')\n"
}

// newSecret returns a new key, and what a server keeps of it.
func newSecret(t testing.TB, id, identity string) (*auth.Secret, auth.Entry) {
	t.Helper()
	secret, err := auth.GenerateSecret(id)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := secret.Entry(auth.UseChannel, identity)
	if err != nil {
		t.Fatal(err)
	}
	return secret, entry
}

// serveTLS runs a server inside TLS for these credentials, and returns its host
// and port.
func serveTLS(t testing.TB, logger *slog.Logger, entries ...auth.Entry) (host, port string) {
	t.Helper()
	credentials, err := auth.NewCredentials(entries, auth.CredentialsConfig{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: Handler(testRegistry(t)), Login: credentials, Logger: logger}
	l, err := s.Listen("tls://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, native.ErrServerClosed) {
			t.Errorf("Serve: got %v; want %v", err, native.ErrServerClosed)
		}
	})
	host, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// tlsPythons are the interpreters that the client in testdata is for; there may be
// none.
func tlsPythons(t testing.TB) []peertest.PythonVersion {
	t.Helper()
	var found []peertest.PythonVersion
	for _, v := range peertest.Pythons(t) {
		if v.AtLeast(3, 7) {
			found = append(found, v)
		}
	}
	return found
}

// A client of the standard library alone logs in inside TLS, and calls.
func TestLivePythonInTLS(t *testing.T) {
	secret, entry := newSecret(t, "deploy_bot.k1", "deploy-bot")
	script := tlsScript(t, `
with dial() as c:
    def call(name, *args):
        c.send((name, args))
        got = c.recv()
        if isinstance(got, Exception):
            raise got
        return got
    for args, want in [((3, 5), 8), (('Hello', 'World'), 'HelloWorld'), (([1], [2, 3]), [1, 2, 3]), ((2**70, 1), 2**70 + 1)]:
        assert call('add', *args) == want, (args, want)
    assert call('peer').split()[1] == 'deploy-bot', call('peer')
    for n in (0, 1, 16383, 16384, 16385, 1 << 20):
        assert call('identity', 'x' * n) == 'x' * n, n
    try:
        call('nosuch')
    except AttributeError as e:
        assert e.args == ('fault -32601: method not found: nosuch',), e
    else:
        assert False
with dial() as again:
    again.send(('add', (3, 5)))
    assert again.recv() == 8
`)
	for _, v := range tlsPythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			host, port := serveTLS(t, quiet, entry)
			if got := peertest.RunPython(t, testContext(t), v.Path, script, host, port, secret.Reveal()); strings.TrimSpace(got) != "ok" {
				t.Errorf("got %q; want ok", got)
			}
		})
	}
}

// The client is refused with another key, refuses a server that does not know the
// key, and one that it reaches through somebody in between.
func TestLivePythonInTLSIsRefused(t *testing.T) {
	secret, entry := newSecret(t, "bot.k1", "bot")
	other, _ := newSecret(t, "bot.k1", "bot")
	stranger, _ := newSecret(t, "stranger", "nobody")
	half := entry
	half.ServerKey = make([]byte, 32)

	for _, v := range tlsPythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			run := func(t *testing.T, script, host, port string, secret *auth.Secret) {
				t.Helper()
				if got := peertest.RunPython(t, testContext(t), v.Path, tlsScript(t, script), host, port, secret.Reveal()); strings.TrimSpace(got) != "ok" {
					t.Errorf("got %q; want ok", got)
				}
			}
			const refused = `refused(PermissionError, 'the server refused the login, or does not know the key')`
			log := &syncBuffer{}
			host, port := serveTLS(t, slog.New(slog.NewTextHandler(log, nil)), entry)
			run(t, refused, host, port, other)
			log.await(t, "login as bot.k1: the proof is wrong")
			run(t, refused, host, port, stranger)
			log.await(t, "login as stranger: there is no live credential")
			run(t, `refused(ValueError, 'a part of it was lost', sys.argv[3][:-1] + '01'[sys.argv[3][-1] == '0'])`, host, port, secret)

			nearHost, nearPort := relay(t, net.JoinHostPort(host, port))
			run(t, refused, nearHost, nearPort, secret)
			log.await(t, "bound to another channel")
			if strings.Contains(log.String(), "auth_ok") || strings.Contains(log.String(), "parley1_") {
				t.Errorf("log: got\n%s; want nobody let in, and no key", log)
			}

			host, port = serveTLS(t, quiet, half)
			run(t, refused, host, port, secret)
		})
	}
}

// relay stands between a client and the server at addr, with TLS on each side and
// a certificate of its own, and passes on what they send.
func relay(t testing.TB, addr string) (host, port string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "parley"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MinVersion:   tls.VersionTLS13, NextProtos: []string{"parley/1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer near.Close()
				far, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"parley/1"}})
				if err != nil {
					return
				}
				defer far.Close()
				running.Go(func() {
					defer far.Close()
					io.Copy(far, near)
				})
				io.Copy(near, far)
			})
		}
	})
	host, port, err = net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}
