package xmlrpc_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/fcgi"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// behindCGI serves one function, which tells who calls, to those who log in.
func behindCGI(t testing.TB) *xmlrpc.Server {
	return &xmlrpc.Server{Auth: newDoorman("ann"), Logger: quiet, Paths: []string{"/RPC2"}, Handler: registry(t, map[string]any{"whoami": whoami})}
}

// cgiRequests are what both of the tests below send.
var cgiRequests = []struct {
	name, method, host, path string
	header                   [2]string
	want                     int
}{
	{"a call", "POST", "localhost", "/RPC2", [2]string{"Content-Type", "text/xml"}, 200},
	{"wrong host", "POST", "evil.example", "/RPC2", [2]string{"Content-Type", "text/xml"}, 421},
	{"wrong path", "POST", "localhost", "/x", [2]string{"Content-Type", "text/xml"}, 404},
	{"wrong type", "POST", "localhost", "/RPC2", [2]string{"Content-Type", "text/plain"}, 415},
	{"foreign site", "GET", "localhost", "/RPC2", [2]string{"Sec-Fetch-Site", "cross-site"}, 403},
	{"no login", "POST", "localhost", "/RPC2", [2]string{"Content-Type", "text/xml"}, 401},
	{"page", "GET", "localhost", "/RPC2", [2]string{"Accept", "text/html"}, 200},
}

// checkCGI holds an answer against what has to come. Who calls is known by the
// address that the web server tells.
func checkCGI(t *testing.T, method string, got answer, want int) {
	t.Helper()
	if got.status != want || want == 200 && method == "POST" && !strings.Contains(got.body, "ann by ") {
		t.Errorf("got status %d, %.300s; want %d", got.status, got.body, want)
	}
}

const cgiMark = "PARLEY_TEST_CGI"

// TestCGIProcess is the program that TestCGI runs for each request.
func TestCGIProcess(t *testing.T) {
	if os.Getenv(cgiMark) == "" {
		return
	}
	if err := cgi.Serve(behindCGI(t)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestCGI: a Server in a program that a web server runs for each request.
func TestCGI(t *testing.T) {
	h := &cgi.Handler{Path: os.Args[0], Args: []string{"-test.run=^TestCGIProcess$"}, Env: []string{cgiMark + "=1"}}
	for _, test := range cgiRequests {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(bounded(t), test.method, "http://"+test.host+test.path, strings.NewReader(document("whoami")))
			r.RemoteAddr = "127.0.0.1:1234"
			r.Header.Set(test.header[0], test.header[1])
			if test.want != 401 {
				r.SetBasicAuth("ann", "ann's password")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			checkCGI(t, test.method, answer{status: w.Code, body: w.Body.String()}, test.want)
		})
	}
}

// TestFastCGI: a Server behind a web server that speaks FastCGI to it.
func TestFastCGI(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- fcgi.Serve(ln, behindCGI(t)) }()
	defer func() {
		ln.Close()
		<-served
	}()
	for _, test := range cgiRequests {
		t.Run(test.name, func(t *testing.T) {
			body := document("whoami")
			params := map[string]string{
				"REQUEST_METHOD": test.method, "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": test.host, "REQUEST_URI": test.path,
				"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "1234", "CONTENT_LENGTH": fmt.Sprint(len(body)),
			}
			if test.header[0] == "Content-Type" {
				params["CONTENT_TYPE"] = test.header[1]
			} else {
				params["HTTP_"+strings.ToUpper(strings.ReplaceAll(test.header[0], "-", "_"))] = test.header[1]
			}
			if test.want != 401 {
				r := http.Request{Header: http.Header{}}
				r.SetBasicAuth("ann", "ann's password")
				params["HTTP_AUTHORIZATION"] = r.Header.Get("Authorization")
			}
			checkCGI(t, test.method, fastCGI(t, ln.Addr().String(), params, body), test.want)
		})
	}
}

// fastCGI makes one request as the specification of FastCGI 1.0 has it (section 3.3,
// records; section 6, responder).
func fastCGI(t *testing.T, addr string, params map[string]string, body string) answer {
	t.Helper()
	const begin, parameters, stdin, stdout, end = 1, 4, 5, 6, 3
	c := dial(t, addr)
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	send := func(kind byte, content string) {
		head := []byte{1, kind, 0, 1, 0, 0, 0, 0} // version, request 1, no padding
		binary.BigEndian.PutUint16(head[4:], uint16(len(content)))
		if _, err := c.Write(append(head, content...)); err != nil {
			t.Fatal(err)
		}
	}
	send(begin, "\x00\x01\x00\x00\x00\x00\x00\x00") // responder, which closes the connection
	var pairs bytes.Buffer
	for name, v := range params {
		pairs.Write([]byte{byte(len(name)), byte(len(v))})
		pairs.WriteString(name + v)
	}
	send(parameters, pairs.String())
	send(parameters, "")
	send(stdin, body)
	send(stdin, "")
	var out bytes.Buffer
	for r := bufio.NewReader(c); ; {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			t.Fatal(err)
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(r, content); err != nil {
			t.Fatal(err)
		}
		switch head[1] {
		case stdout:
			out.Write(content[:len(content)-int(head[6])])
		case end:
			head, text, _ := strings.Cut(out.String(), "\r\n\r\n")
			status := 0
			fmt.Sscanf(head[strings.Index(head, "Status:"):], "Status: %d", &status)
			return answer{status: status, body: text}
		}
	}
}
