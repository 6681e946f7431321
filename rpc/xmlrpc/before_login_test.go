package xmlrpc_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// pipes is a listener in memory, whose connections come from where a test wants.
type pipes struct {
	conns  chan net.Conn
	errs   chan error
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.errs:
		return nil, err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:80"))
}

// pipeConn is one end of a connection in memory.
type pipeConn struct {
	net.Conn
	from string
	read *atomic.Bool // set by Read; may be nil
}

func (c pipeConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}

func (c pipeConn) Read(p []byte) (int, error) {
	if c.read != nil {
		c.read.Store(true)
	}
	return c.Conn.Read(p)
}

// connect makes a connection from an address and returns the client's end.
func (l *pipes) connect(from string, read *atomic.Bool) net.Conn {
	ours, theirs := net.Pipe()
	l.conns <- pipeConn{ours, from, read}
	return theirs
}

// servePipes serves in the bubble of a test until stop is called.
func servePipes(srv *xmlrpc.Server) (l *pipes, stop func()) {
	if srv.Logger == nil {
		srv.Logger = slog.New(slog.DiscardHandler)
	}
	l = &pipes{conns: make(chan net.Conn), errs: make(chan error), closed: make(chan struct{})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	return l, func() { srv.Close(); <-done }
}

// lived returns how long a connection is open while a client does what says, which
// returns when it cannot write any more.
func lived(c net.Conn, says func(w io.Writer)) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	wg.Go(func() { says(c) })
	_, _ = io.Copy(io.Discard, c)
	took := time.Since(began)
	c.Close()
	wg.Wait()
	return took
}

// dribble writes a byte every half a second.
func dribble(w io.Writer, text string) {
	for _, b := range []byte(text) {
		if _, err := w.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// TestStrangersRunOutOfTime: each phase of a connection has an absolute deadline,
// where nothing else is set; bytes that come now and then do not move it.
func TestStrangersRunOutOfTime(t *testing.T) {
	certificate, _ := selfSigned(t)
	head := "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
	for name, test := range map[string]struct {
		says func(w io.Writer)
		tls  bool
		want time.Duration
	}{
		"silence":        {func(io.Writer) {}, false, 5 * time.Second},
		"silence in TLS": {func(io.Writer) {}, true, 5 * time.Second},
		"dribbled TLS":   {func(w io.Writer) { dribble(w, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("x", 100)) }, true, 5 * time.Second},
		"dribbled head":  {func(w io.Writer) { dribble(w, head+"X: "+strings.Repeat("y", 1000)) }, false, 5 * time.Second},
		"dribbled body": {func(w io.Writer) {
			io.WriteString(w, head+"Content-Length: 1000\r\n\r\n")
			dribble(w, strings.Repeat(" ", 1000))
		}, false, 30 * time.Second},
		"idle afterwards": {func(w io.Writer) {
			io.WriteString(w, request("POST / HTTP/1.1", "localhost", document("system.ping"), "Content-Type: text/xml"))
		}, false, 60 * time.Second},
		"dribbled request": {func(w io.Writer) { io.WriteString(w, head[:20]); dribble(w, head[20:]+"\r\n") }, false, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := &xmlrpc.Server{Handler: registry(t, nil)}
				if test.tls {
					srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
				}
				l, stop := servePipes(srv)
				defer stop()
				if got := lived(l.connect("192.0.2.1:1", nil), test.says); got < test.want || got > test.want+2*time.Second {
					t.Errorf("the connection lived for %v; want %v", got, test.want)
				}
			})
		})
	}
}

// TestAcceptBacksOff: a lack of descriptors is waited out, with growing pauses.
func TestAcceptBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := servePipes(&xmlrpc.Server{Handler: registry(t, nil)})
		defer stop()
		emfile := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
		var pauses []time.Duration
		for range 11 {
			began := time.Now()
			l.errs <- emfile // taken after the pause for the one before
			pauses = append(pauses, time.Since(began))
		}
		if want := "[0s 5ms 10ms 20ms 40ms 80ms 160ms 320ms 640ms 1s 1s]"; fmt.Sprint(pauses) != want {
			t.Errorf("pauses: got %v; want %s", pauses, want)
		}
		c := l.connect("192.0.2.1:1", nil)
		io.WriteString(c, request("POST / HTTP/1.1", "localhost", document("system.ping"), "Content-Type: text/xml"))
		if got := readAnswer(t, bufio.NewReader(c)); got.status != 200 {
			t.Errorf("afterwards: got status %d", got.status)
		}
		c.Close()
	})
}

// TestConnectionsAreBoundedByDefault: there are 1024 where nothing else is said.
func TestConnectionsAreBoundedByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := servePipes(&xmlrpc.Server{Handler: registry(t, nil)})
		defer stop()
		ping := request("POST / HTTP/1.1", "localhost", document("system.ping"), "Content-Type: text/xml")
		var conns []net.Conn
		for i := range 1024 { // all have called, so that none has to leave
			c := l.connect(fmt.Sprintf("10.0.%d.%d:1", i/250, i%250), nil)
			io.WriteString(c, ping)
			if resp, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || resp.StatusCode != 200 {
				t.Fatalf("connection %d: %v", i, err)
			}
			conns = append(conns, c)
		}
		began := time.Now()
		if n, err := l.connect("192.0.2.1:1", nil).Read(make([]byte, 1)); n != 0 || err != io.EOF || time.Since(began) > 0 {
			t.Errorf("one more: got %d bytes, %v after %v; want the end at once", n, err, time.Since(began))
		}
		conns[7].Close()
		synctest.Wait()
		conns[7] = l.connect("192.0.2.1:1", nil)
		io.WriteString(conns[7], ping)
		if resp, err := http.ReadResponse(bufio.NewReader(conns[7]), nil); err != nil || resp.StatusCode != 200 {
			t.Errorf("after one has left: %v", err)
		}
		for _, c := range conns {
			c.Close()
		}
	})
}

// TestForbiddenAddressIsNotRead: AllowFrom is looked at before a byte is read.
func TestForbiddenAddressIsNotRead(t *testing.T) {
	for _, allowed := range [][]netip.Prefix{{netip.MustParsePrefix("198.51.100.0/24")}, {}} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := servePipes(&xmlrpc.Server{Handler: never(t), AllowFrom: allowed})
			defer stop()
			var read atomic.Bool
			if n, err := l.connect("192.0.2.1:1", &read).Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("AllowFrom %v: got %d bytes, %v; want the end", allowed, n, err)
			}
			synctest.Wait()
			if read.Load() {
				t.Errorf("AllowFrom %v: it was read from an address that may not connect", allowed)
			}
		})
	}
}
