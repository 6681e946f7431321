package xmlrpc_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestGates sends each request to a server whose handler counts what reaches it:
// nothing may that does not get the status 200.
func TestGates(t *testing.T) {
	const xml = "Content-Type: text/xml"
	calls := 0
	srv := &xmlrpc.Server{
		Handler: registry(t, map[string]any{"hit": func() { calls++ }}),
		Hosts:   []string{"rpc.example.org", "192.0.2.7", "2001:db8::7"},
		Paths:   []string{"/", "/RPC2", "/other"},
	}
	addr := serve(t, srv)
	_, port, _ := net.SplitHostPort(addr)

	for _, test := range []struct {
		name    string
		line    string
		host    string
		headers []string
		want    int
	}{
		{"plain call", "POST /RPC2 HTTP/1.1", addr, []string{xml}, 200},
		{"other path", "POST /other HTTP/1.1", addr, []string{xml}, 200},
		{"root", "POST / HTTP/1.1", addr, []string{xml}, 200},
		{"query", "POST /RPC2?x=1 HTTP/1.1", addr, []string{xml}, 200},
		{"double slash is no redirect", "POST //RPC2 HTTP/1.1", addr, []string{xml}, 200},
		{"many slashes", "POST ///// HTTP/1.1", addr, []string{xml}, 200},

		{"localhost", "POST /RPC2 HTTP/1.1", "localhost:" + port, []string{xml}, 200},
		{"localhost, any port", "POST /RPC2 HTTP/1.1", "LOCALHOST:1", []string{xml}, 200},
		{"localhost, no port", "POST /RPC2 HTTP/1.1", "localhost", []string{xml}, 200},
		{"localhost with a dot", "POST /RPC2 HTTP/1.1", "localhost.:" + port, []string{xml}, 200},
		{"127.8.9.10", "POST /RPC2 HTTP/1.1", "127.8.9.10:80", []string{xml}, 200},
		{"[::1]", "POST /RPC2 HTTP/1.1", "[::1]:80", []string{xml}, 200},
		{"[::ffff:127.0.0.1]", "POST /RPC2 HTTP/1.1", "[::ffff:127.0.0.1]", []string{xml}, 200},
		{"configured name", "POST /RPC2 HTTP/1.1", "RPC.example.org:8443", []string{xml}, 200},
		{"configured address", "POST /RPC2 HTTP/1.1", "192.0.2.7", []string{xml}, 200},
		{"configured IPv6 address", "POST /RPC2 HTTP/1.1", "[2001:db8::7]:80", []string{xml}, 200},
		{"HTTP/1.0 without Host", "POST /RPC2 HTTP/1.0", "", []string{xml}, 200},
		{"DNS rebinding", "POST /RPC2 HTTP/1.1", "evil.example:" + port, []string{xml}, 421},
		{"DNS rebinding, HTTP/1.0", "POST /RPC2 HTTP/1.0", "evil.example", []string{xml}, 421},
		{"absolute URI", "POST http://evil.example/RPC2 HTTP/1.1", addr, []string{xml}, 421},
		{"name that begins like a good one", "POST /RPC2 HTTP/1.1", "localhost.evil.example", []string{xml}, 421},
		{"name that ends like a good one", "POST /RPC2 HTTP/1.1", "evil.rpc.example.org", []string{xml}, 421},
		{"address as a name", "POST /RPC2 HTTP/1.1", "127.0.0.1.evil.example", []string{xml}, 421},
		{"other address", "POST /RPC2 HTTP/1.1", "10.0.0.1", []string{xml}, 421},
		{"short address", "POST /RPC2 HTTP/1.1", "127.1", []string{xml}, 421},
		{"0.0.0.0", "POST /RPC2 HTTP/1.1", "0.0.0.0:" + port, []string{xml}, 421},
		{"port that is none", "POST /RPC2 HTTP/1.1", "localhost:evil", []string{xml}, 421},
		{"user in host", "POST /RPC2 HTTP/1.1", "localhost@evil.example", []string{xml}, 400},
		{"HTTP/1.1 without Host", "POST /RPC2 HTTP/1.1", "", []string{xml}, 400},

		{"PUT", "PUT /RPC2 HTTP/1.1", addr, []string{xml}, 405},
		{"OPTIONS", "OPTIONS /RPC2 HTTP/1.1", addr, []string{"Origin: http://evil.example"}, 405},
		{"method of its own", "CALL /RPC2 HTTP/1.1", addr, []string{xml}, 405},

		{"own origin", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Origin: http://" + addr, "Sec-Fetch-Site: same-origin"}, 200},
		{"typed into the browser", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Sec-Fetch-Site: none"}, 200},
		{"fetch of node", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Sec-Fetch-Mode: cors"}, 200},
		{"foreign origin", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Origin: http://evil.example"}, 403},
		{"other port", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Origin: http://127.0.0.1:1"}, 403},
		{"origin null", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Origin: null"}, 403},
		{"origin empty", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Origin:"}, 403},
		{"two origins", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Origin: http://" + addr, "Origin: http://evil.example"}, 403},
		{"cross-site", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Sec-Fetch-Site: cross-site"}, 403},
		{"same-site", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Sec-Fetch-Site: same-site"}, 403},
		{"two sites", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"}, 403},
		{"foreign GET", "GET / HTTP/1.1", addr, []string{"Sec-Fetch-Site: cross-site"}, 403},

		{"no such path", "POST /rpc2 HTTP/1.1", addr, []string{xml}, 404},
		{"path below", "POST /RPC2/x HTTP/1.1", addr, []string{xml}, 404},
		{"path through dots", "POST /x/../RPC2 HTTP/1.1", addr, []string{xml}, 404},

		{"application/xml", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: application/xml"}, 200},
		{"charset and capitals", "POST /RPC2 HTTP/1.1", addr, []string{`Content-Type: Text/XML ; charset="utf-8"`}, 200},
		{"no type", "POST /RPC2 HTTP/1.1", addr, nil, 415},
		{"empty type", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type:"}, 415},
		{"two types", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Content-Type: text/plain"}, 415},
		{"a form's type", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
		{"text/plain", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain"}, 415},
		{"text/plain in disguise", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain; text/xml"}, 415},

		{"identity", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Content-Encoding: identity"}, 200},
		{"deflate", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Content-Encoding: deflate"}, 415},
		{"gzip twice", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Content-Encoding: gzip, gzip"}, 415},

		// The first gate that a request fails gives the status.
		{"host before method", "PUT /x HTTP/1.1", "evil.example", nil, 421},
		{"method before origin", "PUT /x HTTP/1.1", addr, []string{"Origin: null"}, 405},
		{"origin before path", "POST /x HTTP/1.1", addr, []string{"Origin: null"}, 403},
		{"path before type", "POST /x HTTP/1.1", addr, nil, 404},
		{"type before encoding", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Encoding: br"}, 415},
		{"encoding before size", "POST /RPC2 HTTP/1.1", addr, []string{xml, "Content-Encoding: br"}, 415},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls = 0
			got := raw(t, addr, request(test.line, test.host, document("hit"), test.headers...))
			if got.status != test.want {
				t.Fatalf("got status %d, %s; want %d", got.status, got.body, test.want)
			}
			want := 0
			if test.want == http.StatusOK {
				want = 1
				if !strings.Contains(got.body, "<boolean>1</boolean>") {
					t.Errorf("got %s; want the answer of the function", got.body)
				}
			}
			if calls != want {
				t.Errorf("the function ran %d times; want %d", calls, want)
			}
			if test.want == http.StatusMethodNotAllowed && got.header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("got Allow %q", got.header.Get("Allow"))
			}
		})
	}
}

func TestOptionsOfGates(t *testing.T) {
	srv := &xmlrpc.Server{
		Handler:                 registry(t, map[string]any{"hit": func() {}}),
		AllowMissingContentType: true,
		ContentTypes:            []string{"Application/X-XMLRPC"},
		Paths:                   []string{"/only"},
	}
	addr := serve(t, srv)
	for _, test := range []struct {
		path   string
		header string
		want   int
	}{
		{"/only", "X: y", 200},
		{"/only", "Content-Type: application/x-xmlrpc", 200},
		{"/only", "Content-Type: text/plain", 415},
		{"/RPC2", "Content-Type: text/xml", 404},
		{"/", "Content-Type: text/xml", 404},
	} {
		got := raw(t, addr, request("POST "+test.path+" HTTP/1.1", addr, document("hit"), test.header))
		if got.status != test.want {
			t.Errorf("%s with %s: got status %d; want %d", test.path, test.header, got.status, test.want)
		}
	}
}

// TestHostOfListen: the name that the server was told to listen on is one that
// clients may use.
func TestHostOfListen(t *testing.T) {
	srv := &xmlrpc.Server{Handler: registry(t, nil)}
	addr := serveAt(t, srv, "localhost:0").String()
	if got := raw(t, addr, request("POST / HTTP/1.1", "localhost", document("system.ping"), "Content-Type: text/xml")); got.status != 200 {
		t.Errorf("got status %d; want 200", got.status)
	}
}

// TestHostOfUnixSocket: no browser reaches a unix socket.
func TestHostOfUnixSocket(t *testing.T) {
	path := socketPath(t)
	serveAt(t, &xmlrpc.Server{Handler: registry(t, nil)}, "unix:"+path)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, request("POST / HTTP/1.1", "whatever.it.is", document("system.ping"), "Content-Type: text/xml"))
	if got := readAnswer(t, bufio.NewReader(c)); got.status != 200 {
		t.Errorf("got status %d; want 200", got.status)
	}
}

func TestRefusalsDoNotEchoRawText(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: never(t)})
	got := raw(t, addr, request("POST /%1b[31m"+strings.Repeat("x", 5000)+" HTTP/1.1", addr, "", "Content-Type: text/xml"))
	if got.status != 404 || strings.Contains(got.body, "\x1b") || len(got.body) > 400 {
		t.Errorf("got status %d, %d bytes: %.500q", got.status, len(got.body), got.body)
	}
}
