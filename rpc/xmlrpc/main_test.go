package xmlrpc_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// quiet is a logger for what nobody looks at.
var quiet = slog.New(slog.DiscardHandler)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

// bounded returns a context for what must be done in time.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// logText is a log for a test to read.
type logText struct {
	mu  sync.Mutex // protects buf
	buf bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// serve runs srv on a free loopback port until the test ends and returns its
// address. A server without a logger keeps its log to itself.
func serve(t testing.TB, srv *xmlrpc.Server) string {
	t.Helper()
	return serveAt(t, srv, "127.0.0.1:0").String()
}

func serveAt(t testing.TB, srv *xmlrpc.Server, addr string) net.Addr {
	t.Helper()
	if srv.Logger == nil {
		srv.Logger = slog.New(slog.DiscardHandler)
	}
	ln, err := srv.Listen(addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: got %v; want http.ErrServerClosed", err)
		}
	})
	return ln.Addr()
}

// newClient returns a client that is closed when the test ends.
func newClient(t testing.TB, url string, config xmlrpc.ClientConfig) *xmlrpc.Client {
	t.Helper()
	c, err := xmlrpc.NewClient(url, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// callerFunc is a Caller that is not a registry.
type callerFunc func(ctx context.Context, req *rpc.Request) (any, error)

func (f callerFunc) Call(ctx context.Context, req *rpc.Request) (any, error) { return f(ctx, req) }

// echo answers its arguments as a list.
var echo = callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
	var list []any
	if err := req.Args.Decode([]any{&list}, &value.Params{Variadic: true}); err != nil {
		return nil, err
	}
	return list, nil
})

// never is a Caller that must not be reached.
func never(t testing.TB) rpc.Caller {
	return callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		t.Errorf("the handler was reached: %s", req.Method)
		return nil, nil
	})
}

// registry returns a registry with fns, by wire name, that logs nothing.
func registry(t testing.TB, fns map[string]any) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	for name, fn := range fns {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

// document returns a call without arguments.
func document(method string) string {
	return "<?xml version='1.0'?><methodCall><methodName>" + method + "</methodName><params/></methodCall>"
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   string
	closed bool // the server closes the connection
}

// dial opens a connection that is closed when the test ends.
func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(bounded(t), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// readAnswer reads one answer from a connection.
func readAnswer(t testing.TB, r *bufio.Reader) answer {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatalf("read the answer's body: %v", err)
	}
	return answer{resp.StatusCode, resp.Header, string(body), resp.Close}
}

// raw sends bytes as they are and returns the answer.
func raw(t testing.TB, addr, text string) answer {
	t.Helper()
	c := dial(t, addr)
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, bufio.NewReader(c))
}

// request writes a request with a body and headers, one per argument.
func request(line, host, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\r\n", line)
	if host != "" {
		fmt.Fprintf(&b, "Host: %s\r\n", host)
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	for _, h := range headers {
		fmt.Fprintf(&b, "%s\r\n", h)
	}
	return b.String() + "\r\n" + body
}

// post makes a call with a given document.
func post(t testing.TB, addr, body string, headers ...string) answer {
	t.Helper()
	return raw(t, addr, request("POST /RPC2 HTTP/1.1", addr, body, append(headers, "Content-Type: text/xml")...))
}

// wantFault checks that an answer is a fault with this code.
func wantFault(t testing.TB, a answer, code int, parts ...string) {
	t.Helper()
	if a.status != http.StatusOK || !strings.Contains(a.body, fmt.Sprintf("<int>%d</int>", code)) {
		t.Errorf("got status %d, %.300s; want 200 with fault %d", a.status, a.body, code)
	}
	for _, part := range parts {
		if !strings.Contains(a.body, part) {
			t.Errorf("got %.300s; want a fault with %q", a.body, part)
		}
	}
}

// wantAlive checks that a server answers calls.
func wantAlive(t testing.TB, addr string) {
	t.Helper()
	if a := post(t, addr, document("system.listMethods")); a.status != http.StatusOK || !strings.Contains(a.body, "methodResponse") {
		t.Errorf("the next call got status %d, %.300s", a.status, a.body)
	}
}

// wait fails the test unless ch is closed or sends in time.
func wait[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("waited %v in vain: %s", patience, what)
	}
	return v
}

// mount serves srv in the mux of another server and returns its URL.
func mount(t testing.TB, srv http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/RPC2", srv)
	hs := &http.Server{Handler: mux, ReadTimeout: patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		hs.Serve(ln)
	}()
	t.Cleanup(func() {
		hs.Close()
		<-done
	})
	return "http://" + ln.Addr().String()
}

// socketPath returns a path for a unix socket, which must be short.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "xmlrpc") //nolint:usetesting // its path would be too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// selfSigned returns a certificate for 127.0.0.1, and who trusts it.
func selfSigned(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// newHTTPTransport returns a transport of a test's own.
func newHTTPTransport() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }
