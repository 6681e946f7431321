package xmlrpc_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// small is a server that takes calls of 64 KiB.
func small(t testing.TB) *xmlrpc.Server { return &xmlrpc.Server{Handler: never(t), MaxBody: 64 << 10} }

// TestRefusalIsSeen: a client that sends all of a call before it looks for an answer
// gets to see why it was refused.
func TestRefusalIsSeen(t *testing.T) {
	certificate, pool := selfSigned(t)
	const size = 24 << 20 // more than the sockets of both sides hold
	for name, tt := range map[string]struct {
		encrypted   bool
		path, heads string
		want        int
	}{
		"too large":             {false, "/RPC2", fmt.Sprintf("Content-Length: %d", size), 413},
		"too large, in chunks":  {false, "/RPC2", "Transfer-Encoding: chunked", 413},
		"too large, inside TLS": {true, "/RPC2", fmt.Sprintf("Content-Length: %d", size), 413},
		"no such path":          {false, "/x", fmt.Sprintf("Content-Length: %d", size), 404},
		"asked for, in chunks":  {false, "/RPC2", "Transfer-Encoding: chunked\r\nExpect: 100-continue", 413},
		"unknown encoding":      {false, "/RPC2", fmt.Sprintf("Content-Length: %d\r\nContent-Encoding: br", size), 415},
	} {
		t.Run(name, func(t *testing.T) {
			srv := small(t)
			if tt.encrypted {
				srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			}
			c := dial(t, serve(t, srv))
			if tt.encrypted {
				c = tls.Client(c, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
			}
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n%s\r\n\r\n", tt.path, tt.heads)
			r := bufio.NewReader(c)
			if strings.Contains(tt.heads, "Expect") {
				if a, err := http.ReadResponse(r, nil); err != nil || a.StatusCode != http.StatusContinue {
					t.Fatalf("got %v, %v; want to be asked for the body", a, err)
				}
			}
			piece := make([]byte, 1<<20)
			for range size / len(piece) {
				var err error
				if strings.Contains(tt.heads, "chunked") {
					_, err = fmt.Fprintf(c, "%x\r\n%s\r\n", len(piece), piece)
				} else {
					_, err = c.Write(piece)
				}
				if err != nil {
					t.Fatalf("the call could not be sent: %v", err)
				}
			}
			if strings.Contains(tt.heads, "chunked") {
				io.WriteString(c, "0\r\n\r\n")
			}
			if a := readAnswer(t, r); a.status != tt.want || !a.closed {
				t.Errorf("got status %d, closed %t; want %d and the end of the connection", a.status, a.closed, tt.want)
			}
		})
	}
}

// TestThreatEndlessRefusal: what is sent behind a refusal is read for a while, and
// not for ever.
func TestThreatEndlessRefusal(t *testing.T) {
	head := func(length string) string {
		return "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n" + length + "\r\n\r\n"
	}
	refused := func(t *testing.T, srv *xmlrpc.Server, length string) net.Conn {
		c := dial(t, serve(t, srv))
		io.WriteString(c, head(length))
		return c
	}
	t.Run("silent", func(t *testing.T) {
		srv := small(t)
		srv.ReadTimeout = 2 * patience
		c := refused(t, srv, "Content-Length: 1000000")
		if a := readAnswer(t, bufio.NewReader(c)); a.status != 413 {
			t.Errorf("got status %d", a.status)
		}
		if _, err := c.Read(make([]byte, 1)); err != io.EOF { // within the deadline of dial
			t.Errorf("got %v; want the end of the connection", err)
		}
	})
	t.Run("slow", func(t *testing.T) {
		srv := small(t)
		srv.ReadTimeout = 300 * time.Millisecond
		c := refused(t, srv, "Content-Length: 1000000")
		for range int(patience / 3 / (10 * time.Millisecond)) { // less than dial grants
			if _, err := c.Write([]byte{'x'}); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error("the connection is still open")
	})
	t.Run("without end", func(t *testing.T) {
		c := refused(t, small(t), "Transfer-Encoding: chunked")
		piece := fmt.Sprintf("%x\r\n%s\r\n", 1<<20, make([]byte, 1<<20))
		for n := range 200 {
			if _, err := io.WriteString(c, piece); err != nil {
				if n < 60 {
					t.Errorf("%d MiB were read; want 64", n)
				}
				return
			}
		}
		t.Error("200 MiB were read; want no more than 64")
	})
	t.Run("hopeless", func(t *testing.T) {
		c := refused(t, small(t), fmt.Sprintf("Content-Length: %d", 66<<20))
		piece := make([]byte, 1<<20)
		for range 66 { // the last of them fits into the sockets
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
		t.Error("all of 66 MiB was taken; want to be closed at once")
	})
	t.Run("a stranger", func(t *testing.T) {
		srv := small(t)
		srv.Auth = newDoorman("ann")
		c := refused(t, srv, "Content-Length: 30000000")
		piece := make([]byte, 1<<20)
		for range 28 {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
		t.Error("28 MiB of one who has not logged in were read")
	})
}

// TestLiveRefusalIsSeen: Python, curl and Go are told why a call was refused.
func TestLiveRefusalIsSeen(t *testing.T) {
	srv := small(t)
	url := srv.URL(serveAt(t, srv, "127.0.0.1:0"))
	t.Run("Python", func(t *testing.T) {
		const program = `
import sys
try:
    from xmlrpc.client import ProtocolError, ServerProxy
except ImportError:
    from xmlrpclib import ProtocolError, ServerProxy
for size in (100 * 1000, 1000 * 1000, 12 * 1000 * 1000):
    try:
        ServerProxy(sys.argv[1]).f("x" * size)
        sys.exit("no error")
    except ProtocolError as e:
        if e.errcode != 413:
            sys.exit("%d bytes: %r" % (size, e))
`
		peertest.RunPython(t, bounded(t), peertest.Python(t), program, url)
	})
	t.Run("curl", func(t *testing.T) {
		if _, err := exec.LookPath("curl"); err != nil {
			peertest.Missing(t, "curl", "apt-get install curl")
		}
		for _, expect := range []string{"Expect:", "Expect: 100-continue"} {
			cmd := exec.CommandContext(bounded(t), "curl", "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}",
				"-H", "Content-Type: text/xml", "-H", expect, "--data-binary", "@-", url)
			cmd.Stdin = strings.NewReader(strings.Repeat("x", 30_000_000))
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != "413" {
				t.Errorf("%s: got %s, %v; want status 413", expect, out, err)
			}
		}
	})
	t.Run("Go", func(t *testing.T) {
		transport := newHTTPTransport()
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Post(url, "text/xml", strings.NewReader(strings.Repeat("x", 30_000_000)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("got status %d", resp.StatusCode)
		}
		_, err = rpc.Invoke[bool](bounded(t), newClient(t, url, xmlrpc.ClientConfig{}), "f", make([]byte, 30_000_000))
		wantLink(t, err, rpc.NotSent)
	})
}
