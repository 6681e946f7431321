package xmlrpc_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestExpectContinue: a body that is announced is asked for once its head has
// passed the gates, and not before.
func TestExpectContinue(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"one": func() int { return 1 }})})
	body := document("one")
	for _, test := range []struct {
		name, path, host, header string
		want                     int
	}{
		{"a call", "/RPC2", addr, "Content-Type: text/xml", 200},
		{"wrong host", "/RPC2", "evil.example", "Content-Type: text/xml", 421},
		{"wrong origin", "/RPC2", addr, "Content-Type: text/xml\r\nOrigin: http://evil.example", 403},
		{"wrong path", "/x", addr, "Content-Type: text/xml", 404},
		{"wrong type", "/RPC2", addr, "Content-Type: text/plain", 415},
		{"wrong encoding", "/RPC2", addr, "Content-Type: text/xml\r\nContent-Encoding: br", 415},
		{"too large", "/RPC2", addr, "Content-Type: text/xml\r\nX-Large: yes", 413},
		{"bad timeout", "/RPC2", addr, "Content-Type: text/xml\r\nParley-Timeout-Ms: x", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			length := int64(len(body))
			if test.want == 413 {
				length = 1 << 40
			}
			c := dial(t, addr)
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n%s\r\n\r\n", test.path, test.host, length, test.header)
			r := bufio.NewReader(c)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if goOn := test.name == "a call"; goOn != (resp.StatusCode == http.StatusContinue) {
				t.Fatalf("got status %d before the body was sent", resp.StatusCode)
			} else if goOn {
				io.WriteString(c, body)
				if got := readAnswer(t, r); got.status != 200 || !strings.Contains(got.body, "<int>1</int>") {
					t.Errorf("got status %d, %s", got.status, got.body)
				}
				return
			}
			if resp.StatusCode != test.want || !resp.Close {
				t.Errorf("got status %d, closed %v; want %d and the end of the connection, since the body may come or not", resp.StatusCode, resp.Close, test.want)
			}
			resp.Body.Close()
		})
	}
}

// TestPipelinedRequests: several requests in one piece are answered in their order,
// refusals among them.
func TestPipelinedRequests(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: echo})
	call := func(n int) string {
		return "<methodCall><methodName>echo</methodName><params><param><value><int>" + fmt.Sprint(n) + "</int></value></param></params></methodCall>"
	}
	var all strings.Builder
	const n = 20
	for i := range n {
		switch i % 4 {
		case 0:
			all.WriteString(chunked(addr, call(i)))
		case 1:
			all.WriteString(request("POST /nowhere HTTP/1.1", addr, call(i), "Content-Type: text/xml"))
		case 2:
			all.WriteString(request("POST / HTTP/1.1", addr, "<broken>", "Content-Type: text/xml"))
		case 3:
			all.WriteString(request("POST / HTTP/1.1", addr, call(i), "Content-Type: text/xml"))
		}
	}
	c := dial(t, addr)
	io.WriteString(c, all.String())
	r := bufio.NewReader(c)
	for i := range n {
		got := readAnswer(t, r)
		switch i % 4 {
		case 0, 3:
			if !strings.Contains(got.body, fmt.Sprintf("<int>%d</int>", i)) {
				t.Errorf("answer %d: got status %d, %s", i, got.status, got.body)
			}
		case 1:
			if got.status != 404 {
				t.Errorf("answer %d: got status %d; want 404", i, got.status)
			}
		case 2:
			wantFault(t, got, rpc.CodeInvalidRequest)
		}
	}
}

// TestSmuggledRequest: where a head gives two lengths for its body, chunks count, and
// what stands behind them passes the gates for itself.
func TestSmuggledRequest(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: never(t)})
	c := dial(t, addr)
	hidden := "POST /RPC2 HTTP/1.1\r\nHost: evil.example\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n"
	io.WriteString(c, fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", addr, 5+len(hidden), hidden))
	r := bufio.NewReader(c)
	wantFault(t, readAnswer(t, r), rpc.CodeNotWellFormed) // an empty body
	if got := readAnswer(t, r); got.status != http.StatusMisdirectedRequest {
		t.Errorf("the hidden request got status %d; want 421", got.status)
	}
}

// TestConnectionReuse: a connection is kept or closed as the client says.
func TestConnectionReuse(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil)})
	for _, test := range []struct {
		line, header string
		want         bool // closed
	}{
		{"POST / HTTP/1.1", "X: y", false},
		{"POST / HTTP/1.1", "Connection: close", true},
		{"POST / HTTP/1.1", "Connection: X, Close", true},
		{"POST / HTTP/1.0", "X: y", true},
		{"POST / HTTP/1.0", "Connection: keep-alive", false},
	} {
		host := addr
		if strings.HasSuffix(test.line, "1.0") {
			host = ""
		}
		got := raw(t, addr, request(test.line, host, document("system.ping"), "Content-Type: text/xml", test.header))
		if got.status != 200 || got.closed != test.want || got.header.Get("Content-Length") == "" {
			t.Errorf("%s, %s: got status %d, closed %v, length %q; want 200, %v and a length", test.line, test.header, got.status, got.closed, got.header.Get("Content-Length"), test.want)
		}
	}
}

// TestStreamedResultForOldClient: an answer without a length ends with its
// connection where there are no chunks.
func TestStreamedResultForOldClient(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"large": func() io.Reader {
		return strings.NewReader(strings.Repeat("x", 300_000))
	}})})
	for _, version := range []string{"1.0", "1.1"} {
		got := raw(t, addr, request("POST / HTTP/"+version, addr, document("large"), "Content-Type: text/xml"))
		if want := version == "1.0"; got.closed != want || len(got.body) < 400_000 || !strings.HasSuffix(got.body, "</methodResponse>") {
			t.Errorf("HTTP/%s: got %d bytes, closed %v; want the whole document and %v", version, len(got.body), got.closed, want)
		}
	}
}

// TestHTTP2IsOff: a client that would like HTTP/2 gets HTTP/1.1.
func TestHTTP2IsOff(t *testing.T) {
	certificate, pool := selfSigned(t)
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil), TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if got := c.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("agreed on %q; want http/1.1", got)
	}
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("system.ping"), "Content-Type: text/xml"))
	if got := readAnswer(t, bufio.NewReader(c)); got.status != 200 || !strings.Contains(got.body, "pong") {
		t.Errorf("got status %d, %s", got.status, got.body)
	}
}

// TestGzipOfSeveralMembers is one document, as RFC 1952 has it.
func TestGzipOfSeveralMembers(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil)})
	ping := document("system.ping")
	got := post(t, addr, zip(t, ping[:30])+zip(t, "")+zip(t, ping[30:]), "Content-Encoding: gzip")
	if got.status != 200 || !strings.Contains(got.body, "pong") {
		t.Errorf("got status %d, %s", got.status, got.body)
	}
}
