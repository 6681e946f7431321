package xmlrpc_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestStrangersLockNobodyOut: whatever those without a login do with their
// connections, and however many they have, an honest client gets in, and one
// that is in stays.
func TestStrangersLockNobodyOut(t *testing.T) {
	const limit = 100
	certificate, pool := selfSigned(t)
	for name, test := range map[string]struct {
		says string
		tls  bool // the server has it
		talk bool // the strangers do
	}{
		"silent":                  {},
		"silent in the handshake": {tls: true},
		"silent after it":         {tls: true, talk: true},
		"half a handshake":        {tls: true, says: "\x16\x03\x01\x02\x00\x01"},
		"half a head":             {says: "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nX: "},
		"no body":                 {says: "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<methodCall>"},
		"no body, wrong login":    {says: "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n" + login("eve") + "\r\nContent-Length: 1000\r\n\r\n"},
		"no body, 100-continue":   {says: "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n"},
		"no body, wrong path":     {says: "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n"},
		"idle after a refusal":    {says: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		"idle, wrong login":       {says: "GET / HTTP/1.1\r\nHost: localhost\r\n" + login("eve") + "\r\n\r\n"},
		"half of the next head":   {says: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := &xmlrpc.Server{Auth: newDoorman("ann"), Handler: registry(t, map[string]any{"whoami": whoami}), MaxConns: limit}
			trust := &tls.Config{RootCAs: pool}
			if test.tls {
				srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
			}
			addr := serve(t, srv)
			connect := func(encrypted bool) (net.Conn, error) {
				if !encrypted {
					return net.Dial("tcp", addr)
				}
				return tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, trust)
			}
			call := func(c net.Conn) answer {
				t.Helper()
				c.SetDeadline(time.Now().Add(patience))
				io.WriteString(c, request("POST / HTTP/1.1", addr, document("whoami"), "Content-Type: text/xml", login("ann")))
				return readAnswer(t, bufio.NewReader(c))
			}
			inside, err := connect(test.tls)
			if err != nil {
				t.Fatal(err)
			}
			defer inside.Close()
			if got := call(inside); got.status != 200 {
				t.Fatalf("got status %d", got.status)
			}
			for range 2 * limit {
				c, err := connect(test.talk)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := io.WriteString(c, test.says); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
					t.Fatal(err)
				}
			}
			for range 3 {
				c, err := connect(test.tls)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if got := call(c); got.status != 200 || !strings.Contains(got.body, "ann by") {
					t.Errorf("an honest client got status %d, %s", got.status, got.body)
				}
			}
			if got := call(inside); got.status != 200 {
				t.Errorf("the one that was in got status %d", got.status)
			}
		})
	}
}

// TestRefusedConnectionsMakeRoom: one that was turned down is as silent as one that
// has never said anything, and has to leave when there are too many.
func TestRefusedConnectionsMakeRoom(t *testing.T) {
	const few = 130 // and more than one address may have, silent
	addr := serve(t, &xmlrpc.Server{Auth: newDoorman("ann"), Handler: never(t)})
	refused := func() (net.Conn, *bufio.Reader) {
		c := dial(t, addr)
		r := bufio.NewReader(c)
		io.WriteString(c, request("GET / HTTP/1.1", addr, "", login("eve")))
		if got := readAnswer(t, r); got.status != 401 || got.closed {
			t.Fatalf("got status %d, closed %v; want 401 on a connection that goes on", got.status, got.closed)
		}
		return c, r
	}
	first, r := refused()
	for range few {
		refused()
	}
	gone := make(chan error, 1)
	go func() {
		_, err := r.ReadByte()
		gone <- err
	}()
	for deadline := time.Now().Add(patience / 2); len(gone) == 0; time.Sleep(50 * time.Millisecond) {
		refused()
		if time.Now().After(deadline) {
			first.Close()
			t.Error("a connection that was turned down keeps its place for ever")
			break
		}
	}
	<-gone
}
