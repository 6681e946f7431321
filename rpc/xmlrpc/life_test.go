package xmlrpc_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// TestShutdownDrains: what was accepted is answered, what is idle is closed at
// once, what is new is refused.
func TestShutdownDrains(t *testing.T) {
	const calls = 20
	began, release := make(chan struct{}, calls), make(chan struct{})
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{
		"stay": func() string { began <- struct{}{}; <-release; return "done" },
	})}
	addr := serve(t, srv)

	silent := dial(t, addr) // has never said anything
	idle := dial(t, addr)   // has made a call
	io.WriteString(idle, request("POST / HTTP/1.1", addr, document("system.ping"), "Content-Type: text/xml"))
	idleReader := bufio.NewReader(idle)
	readAnswer(t, idleReader)

	answers := make(chan answer, calls)
	for range calls {
		go func() { answers <- post(t, addr, document("stay")) }()
	}
	for range calls {
		wait(t, began, "a call")
	}
	down := make(chan error, 1)
	start := time.Now()
	go func() { down <- srv.Shutdown(bounded(t)) }()
	for name, r := range map[string]io.Reader{"silent": silent, "idle": idleReader} {
		if _, err := r.Read(make([]byte, 1)); err == nil || time.Since(start) > 2*time.Second {
			t.Errorf("the %s connection was not closed at once: %v after %v", name, err, time.Since(start))
		}
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a new connection was taken")
	}
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned while calls run: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(release)
	for range calls {
		if got := wait(t, answers, "an answer"); got.status != 200 || !strings.Contains(got.body, "done") {
			t.Errorf("got status %d, %s", got.status, got.body)
		}
	}
	if err := wait(t, down, "Shutdown"); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestServeReturnsLast: a program that ends when Serve returns must not cut off
// the calls that Shutdown waits for.
func TestServeReturnsLast(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{"stay": func() { close(began); <-release }})}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served, down := make(chan error, 1), make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	addr := ln.Addr().String()
	c := dial(t, addr)
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("stay"), "Content-Type: text/xml"))
	wait(t, began, "the call")
	go func() { down <- srv.Shutdown(bounded(t)) }()
	select {
	case err := <-served:
		t.Errorf("Serve returned before the call was answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if err := wait(t, down, "Shutdown"); err != nil {
		t.Error(err)
	}
	if err := wait(t, served, "Serve"); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("got %v; want http.ErrServerClosed", err)
	}
	readAnswer(t, bufio.NewReader(c))
}

// TestSilentConnectionsDoNotDelayShutdown: nobody who has said nothing, or half
// a head, is waited for longer than for a head.
func TestSilentConnectionsDoNotDelayShutdown(t *testing.T) {
	srv := &xmlrpc.Server{Handler: registry(t, nil)}
	addr := serve(t, srv)
	for range 20 {
		dial(t, addr)
	}
	wantAlive(t, addr) // by now they have been accepted
	start := time.Now()
	if err := srv.Shutdown(bounded(t)); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("Shutdown took %v", took)
	}
}

// TestShutdownEndsInTime: a call that takes too long is cut off, and told.
func TestShutdownEndsInTime(t *testing.T) {
	began, told := make(chan struct{}), make(chan struct{})
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{
		"stay": func(ctx context.Context) { close(began); <-ctx.Done(); close(told) },
	})}
	addr := serve(t, srv)
	c := dial(t, addr)
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("stay"), "Content-Type: text/xml"))
	wait(t, began, "the call")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want context.DeadlineExceeded", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("Shutdown took %v in spite of its deadline", took)
	}
	wait(t, told, "the end of the call's context")
}

func TestClose(t *testing.T) {
	began := make(chan struct{})
	returned := false
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{
		"stay": func(ctx context.Context) {
			close(began)
			<-ctx.Done()
			time.Sleep(20 * time.Millisecond)
			returned = true
		},
	})}
	addr := serve(t, srv)
	c := dial(t, addr)
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("stay"), "Content-Type: text/xml"))
	wait(t, began, "the call")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !returned {
		t.Error("Close did not wait for the call")
	}
	if err := srv.ListenAndServe("127.0.0.1:0"); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("a server that was closed serves again: %v", err)
	}
	if err := srv.Shutdown(bounded(t)); err != nil {
		t.Errorf("Shutdown after Close: %v", err)
	}
}

// TestRefusesToStart: what cannot be served safely is not served.
func TestRefusesToStart(t *testing.T) {
	ok := registry(t, nil)
	for _, test := range []struct {
		name string
		srv  *xmlrpc.Server
		addr string
		want string
	}{
		{"all addresses", &xmlrpc.Server{Handler: ok}, ":0", "DangerouslyListenBeyondLoopback"},
		{"0.0.0.0", &xmlrpc.Server{Handler: ok}, "0.0.0.0:0", "DangerouslyListenBeyondLoopback"},
		{"[::]", &xmlrpc.Server{Handler: ok}, "[::]:0", "DangerouslyListenBeyondLoopback"},
		{"other address", &xmlrpc.Server{Handler: ok}, "192.0.2.1:0", "DangerouslyListenBeyondLoopback"},
		{"no handler", &xmlrpc.Server{}, "127.0.0.1:0", "Handler is nil"},
		{"no port", &xmlrpc.Server{Handler: ok}, "127.0.0.1", "host:port"},
		{"no directory", &xmlrpc.Server{Handler: ok}, "unix:/no/such/dir/s", "no such file"},
		{"TLS without certificate", &xmlrpc.Server{Handler: ok, TLS: &tls.Config{}}, "127.0.0.1:0", "certificate"},
		{"negative Timeout", &xmlrpc.Server{Handler: ok, Timeout: -1}, "127.0.0.1:0", "Timeout is negative"},
		{"negative MaxBody", &xmlrpc.Server{Handler: ok, MaxBody: -1}, "127.0.0.1:0", "MaxBody is negative"},
		{"negative MaxConns", &xmlrpc.Server{Handler: ok, MaxConns: -1}, "127.0.0.1:0", "MaxConns is negative"},
		{"negative MaxDepth", &xmlrpc.Server{Handler: ok, Values: xmlvalue.Options{MaxDepth: -1}}, "127.0.0.1:0", "MaxDepth"},
		{"path without slash", &xmlrpc.Server{Handler: ok, Paths: []string{"RPC2"}}, "127.0.0.1:0", "slash"},
		{"host with port", &xmlrpc.Server{Handler: ok, Hosts: []string{"a:80"}}, "127.0.0.1:0", "without scheme and port"},
		{"every host", &xmlrpc.Server{Handler: ok, Hosts: []string{"*"}}, "127.0.0.1:0", "without scheme and port"},
		{"type with parameter", &xmlrpc.Server{Handler: ok, ContentTypes: []string{"text/xml; charset=x"}}, "127.0.0.1:0", "without parameters"},
		{"bad prefix", &xmlrpc.Server{Handler: ok, AllowFrom: []netip.Prefix{{}}}, "127.0.0.1:0", "AllowFrom"},
	} {
		ln, err := test.srv.Listen(test.addr)
		if err == nil {
			ln.Close()
			t.Errorf("%s: was not refused", test.name)
			continue
		}
		if !strings.HasPrefix(err.Error(), "xmlrpc: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %q; want a reason with %q", test.name, err, test.want)
		}
	}

	// A listener made elsewhere is held to the same rule.
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := (&xmlrpc.Server{Handler: ok}).Serve(ln); err == nil || !strings.Contains(err.Error(), "DangerouslyListenBeyondLoopback") {
		t.Errorf("Serve beyond loopback: got %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener that was refused is still open: %v", err)
	}
	ln, err = (&xmlrpc.Server{Handler: ok, DangerouslyListenBeyondLoopback: true}).Listen("0.0.0.0:0")
	if err != nil {
		t.Fatalf("the switch does not lift the refusal: %v", err)
	}
	ln.Close()
}

func TestUnixSocket(t *testing.T) {
	path := socketPath(t)
	srv := &xmlrpc.Server{Handler: registry(t, nil)}
	addr := serveAt(t, srv, "unix:"+path)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got permissions %v, %v; want 0600", info.Mode(), err)
	}
	url := srv.URL(addr)
	if url != "http+unix://"+path+":/RPC2" {
		t.Errorf("got the URL %s", url)
	}
	c := newClient(t, url, xmlrpc.ClientConfig{})
	if got, err := rpc.Invoke[string](bounded(t), c, "system.ping"); got != "pong" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := (&xmlrpc.Server{Handler: registry(t, nil)}).Listen("unix:" + path); err == nil {
		t.Error("a socket in use was taken over")
	}
	if err := srv.Shutdown(bounded(t)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket was left behind: %v", err)
	}

	// A server that was killed leaves its socket behind.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	next := &xmlrpc.Server{Handler: registry(t, nil), SocketMode: 0o660}
	serveAt(t, next, "unix://"+path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("got permissions %v, %v; want 0660", info.Mode(), err)
	}
	if _, err := rpc.Invoke[string](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "system.ping"); err != nil {
		t.Error(err)
	}

	// What is no socket is not removed.
	file := path + ".txt"
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&xmlrpc.Server{Handler: registry(t, nil)}).Listen("unix:" + file); err == nil {
		t.Error("a file was taken for a socket")
	}
	if text, _ := os.ReadFile(file); string(text) != "precious" {
		t.Error("a file was removed")
	}
}

func TestURL(t *testing.T) {
	tcp := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
	for _, test := range []struct {
		srv  *xmlrpc.Server
		want string
	}{
		{&xmlrpc.Server{}, "http://127.0.0.1:80/RPC2"},
		{&xmlrpc.Server{TLS: &tls.Config{}}, "https://127.0.0.1:80/RPC2"},
		{&xmlrpc.Server{Paths: []string{"/a", "/b"}}, "http://127.0.0.1:80/a"},
		{&xmlrpc.Server{Paths: []string{"/a", "/RPC2"}}, "http://127.0.0.1:80/RPC2"},
	} {
		if got := test.srv.URL(tcp); got != test.want {
			t.Errorf("got %s; want %s", got, test.want)
		}
	}
}

// TestSlowHeaders: a head that does not arrive in time is not waited for, and
// neither is one that comes a byte at a time.
func TestSlowHeaders(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: never(t), HeaderTimeout: 100 * time.Millisecond})
	c := dial(t, addr)
	start := time.Now()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, b := range []byte(request("POST / HTTP/1.1", addr, document("x"), "X: "+strings.Repeat("y", 1000))) {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
		}
	})
	io.Copy(io.Discard, c)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the connection lived for %v", took)
	}
	close(stop)
	wg.Wait()
}

func TestLargeHeaders(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: never(t)})
	c := dial(t, addr)
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("x"), "Content-Type: text/xml", "X: "+strings.Repeat("y", 32<<10)))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got status %d; want 431", resp.StatusCode)
	}
}

// TestSilentSocketsLockNobodyOut: more connections than may be silent, and an
// honest client that comes after them.
func TestSilentSocketsLockNobodyOut(t *testing.T) {
	const limit = 100
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil), MaxConns: limit})
	for range 2 * limit {
		dial(t, addr)
	}
	start := time.Now()
	wantAlive(t, addr)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the honest client waited %v", took)
	}
}

// TestManyAtOnce: clients that come together are not taken for silent ones.
func TestManyAtOnce(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil)})
	const clients = 200
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = dial(t, addr)
	}
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			io.WriteString(c, request("POST / HTTP/1.1", addr, document("system.ping"), "Content-Type: text/xml"))
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
				t.Errorf("got %v, %v", resp, err)
			}
		})
	}
	wg.Wait()
}

// TestConnectionLimit: connections that have made calls are not closed for new
// ones.
func TestConnectionLimit(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil), MaxConns: 3})
	ping := request("POST / HTTP/1.1", addr, document("system.ping"), "Content-Type: text/xml")
	var conns []net.Conn
	var readers []*bufio.Reader
	for range 3 {
		c := dial(t, addr)
		r := bufio.NewReader(c)
		io.WriteString(c, ping)
		readAnswer(t, r)
		conns, readers = append(conns, c), append(readers, r)
	}
	extra := dial(t, addr)
	io.WriteString(extra, ping)
	if n, err := io.Copy(io.Discard, extra); n != 0 {
		t.Errorf("the connection beyond the limit was answered with %d bytes, %v", n, err)
	}
	for i, c := range conns {
		io.WriteString(c, ping)
		readAnswer(t, readers[i])
	}
	conns[0].Close()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		c := dial(t, addr)
		io.WriteString(c, ping)
		if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil && resp.StatusCode == 200 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("no room after a connection has ended: %v", err)
		}
	}
}

func TestAllowFrom(t *testing.T) {
	refuse := serve(t, &xmlrpc.Server{Handler: never(t), AllowFrom: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	c := dial(t, refuse)
	io.WriteString(c, request("POST / HTTP/1.1", refuse, document("x"), "Content-Type: text/xml"))
	if n, _ := io.Copy(io.Discard, c); n != 0 {
		t.Errorf("%d bytes came back", n)
	}
	wantAlive(t, serve(t, &xmlrpc.Server{Handler: registry(t, nil), AllowFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}))
}

// TestBadSetUp: a mounted server that cannot work says so to its owner alone.
func TestBadSetUp(t *testing.T) {
	var log logText
	url := mount(t, &xmlrpc.Server{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	got := post(t, strings.TrimPrefix(url, "http://"), document("x"))
	if got.status != 500 || strings.Contains(got.body, "nil") {
		t.Errorf("got status %d, %s", got.status, got.body)
	}
	if !strings.Contains(log.String(), "Handler is nil") {
		t.Errorf("the log does not say why: %s", log.String())
	}
}

// TestBrokenRequestsStayOutOfTheLog: a peer cannot fill the log.
func TestBrokenRequestsStayOutOfTheLog(t *testing.T) {
	var log logText
	addr := serve(t, &xmlrpc.Server{Handler: never(t), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, text := range []string{"\x16\x03\x01\x02\x00\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n"} {
		c := dial(t, addr)
		io.WriteString(c, text)
		io.Copy(io.Discard, c)
	}
	if log.String() != "" {
		t.Errorf("at the level info the log has\n%s", log.String())
	}
}

func TestTLS(t *testing.T) {
	certificate, pool := selfSigned(t)
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{"add": func(a, b int) int { return a + b }}), TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	addr := serve(t, srv)
	c := newClient(t, "https://"+addr+"/RPC2", xmlrpc.ClientConfig{TLS: &tls.Config{RootCAs: pool}, User: "u", Password: "p"})
	if got, err := rpc.Invoke[int](bounded(t), c, "add", 3, 5); got != 8 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	// One that does not trust the certificate has sent nothing.
	_, err := rpc.Invoke[int](bounded(t), newClient(t, "https://"+addr+"/RPC2", xmlrpc.ClientConfig{}), "add", 3, 5)
	var link *rpc.LinkError
	if !errors.As(err, &link) || link.Sent != rpc.NotSent {
		t.Errorf("got %v; want a LinkError, not sent", err)
	}
	old := &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}
	if conn, err := tls.Dial("tcp", addr, old); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was taken")
	}
	// Silent connections after a handshake do not delay the end either.
	conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	if err := srv.Shutdown(bounded(t)); err != nil || time.Since(start) > time.Second {
		t.Errorf("Shutdown: %v after %v", err, time.Since(start))
	}
}

// TestConcurrency runs many clients at once, each of which must get its own
// answers.
func TestConcurrency(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{
		"say": func(who string, n int) string { return fmt.Sprintf("%s %d", who, n) },
	})})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{MaxConns: 16})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for n := range 50 {
				who := strings.Repeat(fmt.Sprint("client", i), 1+n*20)
				got, err := rpc.Invoke[string](bounded(t), c, "say", who, n)
				if want := fmt.Sprintf("%s %d", who, n); err != nil || got != want {
					t.Errorf("got %.40q, %v; want %.40q", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
