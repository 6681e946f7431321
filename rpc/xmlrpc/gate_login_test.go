package xmlrpc_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// farListener makes all its connections come from another machine.
type farListener struct {
	net.Listener
	from string
}

func (l *farListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &farConn{c, net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(l.from), 4711))}, nil
}

type farConn struct {
	net.Conn
	from net.Addr
}

func (c *farConn) RemoteAddr() net.Addr { return c.from }

// serveFar serves srv to what seems to be another machine.
func serveFar(t testing.TB, srv *xmlrpc.Server, from string) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(&farListener{ln, from}) }()
	t.Cleanup(func() {
		srv.Close()
		wait(t, done, "the end of Serve")
	})
	return ln.Addr().String()
}

// gateTest is a request that fails one gate: its status, and what to change in a
// good request.
type gateTest struct {
	name   string
	status int
	change func(r *plainRequest)
}

// plainRequest is a request before it is written.
type plainRequest struct {
	method, path, host string
	headers            map[string]string
	body               string
}

func (r *plainRequest) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.method, r.path, r.host, len(r.body))
	for name, v := range r.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", name, v)
	}
	return b.String() + "\r\n" + r.body
}

// TestGateOrder: a request that fails a gate and all later ones gets the status of
// that gate. Its order is 1 the network, 2 the host, 3 the method, 4 the origin,
// 5 the path, 6 the type, 7 the encoding, 8 the rate, 9 the login, 10 the body,
// 11 what may be called.
func TestGateOrder(t *testing.T) {
	d := newDoorman("ann")
	rate := func(on bool) {
		if d.refuse(nil); on {
			d.refuse(statusError{429, 1})
		}
	}
	var limited bool
	gates := []gateTest{
		{"network", 403, nil}, // by the address, see below
		{"host", 421, func(r *plainRequest) { r.host = "evil.example" }},
		{"method", 405, func(r *plainRequest) { r.method = "PUT" }},
		{"origin", 403, func(r *plainRequest) { r.headers["Origin"] = "http://evil.example" }},
		{"path", 404, func(r *plainRequest) { r.path = "/x" }},
		{"type", 415, func(r *plainRequest) { r.headers["Content-Type"] = "text/plain" }},
		{"encoding", 415, func(r *plainRequest) { r.headers["Content-Encoding"] = "br" }},
		{"rate", 429, func(*plainRequest) { limited = true }},
		{"login", 401, func(r *plainRequest) { delete(r.headers, "Authorization") }},
		{"body", 413, func(r *plainRequest) { r.body = padded(100_001) }},
		{"rights", 200, func(r *plainRequest) { // a fault
			if len(r.body) < 1000 {
				r.body = document("secret")
			}
		}},
	}
	reg := registry(t, map[string]any{"secret": func() { t.Error("the handler was reached") }})
	reg.Authorizer = allowList{"whoami"}
	srv := func() *xmlrpc.Server {
		return &xmlrpc.Server{Auth: d, Handler: reg, MaxBody: 100_000, Logger: quiet}
	}
	near, far := serveFar(t, srv(), "127.0.0.1"), serveFar(t, srv(), "192.0.2.1")
	for i, gate := range gates {
		addr := near
		if gate.change == nil {
			addr = far
		}
		r := &plainRequest{"POST", "/RPC2", addr, map[string]string{"Content-Type": "text/xml"}, document("whoami")}
		r.headers["Authorization"] = strings.TrimPrefix(login("ann"), "Authorization: ")
		limited = false
		for _, g := range gates[i:] {
			if g.change != nil {
				g.change(r)
			}
		}
		rate(limited)
		asked := d.times()
		got := raw(t, addr, r.String())
		if got.status != gate.status {
			t.Errorf("%s: got status %d, %.200s; want %d", gate.name, got.status, got.body, gate.status)
		}
		if early := gate.status != 429 && gate.status != 401 && i < 8; early && d.times() != asked {
			t.Errorf("%s: the login was looked at", gate.name)
		}
		// What tells two gates with the same status apart.
		for name, part := range map[string]string{
			"network": "TLS", "origin": "other sites", "type": "text/xml", "encoding": "gzip", "rights": "-32601",
		} {
			if gate.name == name && !strings.Contains(got.body, part) {
				t.Errorf("%s: got %s; want %q in it", name, got.body, part)
			}
		}
	}
}

// TestBrowserPageCannotCall sends what a page in somebody's browser can make the
// browser send: to a server without logins, and to one for which the browser
// knows the password and sends it along.
func TestBrowserPageCannotCall(t *testing.T) {
	calls := 0
	handler := registry(t, map[string]any{"hit": func() { calls++ }})
	d := newDoorman("ann")
	const evil = "Origin: https://evil.example"
	for what, test := range map[string]struct {
		srv     *xmlrpc.Server
		headers []string
	}{
		"no logins":             {&xmlrpc.Server{Handler: handler}, nil},
		"the browser logs in":   {&xmlrpc.Server{Handler: handler, Auth: d}, []string{login("ann")}},
		"the browser does not":  {&xmlrpc.Server{Handler: handler, Auth: d}, nil},
		"types are not checked": {&xmlrpc.Server{Handler: handler, AllowMissingContentType: true}, nil},
	} {
		addr := serve(t, test.srv)
		_, port, _ := net.SplitHostPort(addr)
		for _, try := range []struct {
			name, line, host string
			headers          []string
			want             int
		}{
			// A form. Older browsers send an Origin alone, some neither.
			{"form", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: application/x-www-form-urlencoded", evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}, 403},
			{"form as text", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain", evil, "Sec-Fetch-Site: cross-site"}, 403},
			{"form of an old browser", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain", evil}, 403},
			{"form of an older browser", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain"}, 415},
			{"form with files", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: multipart/form-data; boundary=x"}, 415},
			{"form from a sandbox", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain", "Origin: null"}, 403},
			// fetch without asking: mode no-cors, simple types only.
			{"fetch, no-cors", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain;charset=UTF-8", evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403},
			{"sendBeacon", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/plain;charset=UTF-8", evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: empty"}, 403},
			// fetch with a type of XML asks first, and is not told that it may.
			{"fetch asks", "OPTIONS /RPC2 HTTP/1.1", addr, []string{evil, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,authorization"}, 405},
			{"fetch that was let through", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/xml", evil, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"}, 403},
			{"another site of the same owner", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/xml", "Origin: http://127.0.0.1:1", "Sec-Fetch-Site: same-site"}, 403},
			{"a program on another port", "POST /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/xml", "Origin: http://127.0.0.1:8081"}, 403},
			// An image, a script, a link: GET, which calls nothing either.
			{"image", "GET /RPC2?method=hit HTTP/1.1", addr, []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, 403},
			{"other methods", "PUT /RPC2 HTTP/1.1", addr, []string{"Content-Type: text/xml", evil}, 405},
			{"TRACE", "TRACE /RPC2 HTTP/1.1", addr, nil, 405},
			// A name of its own that means this machine: same-origin to the browser.
			{"DNS rebinding", "POST /RPC2 HTTP/1.1", "evil.example:" + port, []string{"Content-Type: text/xml", "Origin: http://evil.example:" + port, "Sec-Fetch-Site: same-origin"}, 421},
			{"DNS rebinding, page", "GET / HTTP/1.1", "evil.example:" + port, []string{"Sec-Fetch-Site: none"}, 421},
			{"websocket", "GET /RPC2 HTTP/1.1", addr, []string{"Connection: Upgrade", "Upgrade: websocket", evil, "Sec-Fetch-Site: cross-site"}, 403},
		} {
			calls = 0
			got := raw(t, addr, request(try.line, try.host, document("hit"), append(try.headers, test.headers...)...))
			if got.status != try.want {
				t.Errorf("%s: %s: got status %d, %.100s; want %d", what, try.name, got.status, got.body, try.want)
			}
			if calls != 0 {
				t.Errorf("%s: %s: the function ran", what, try.name)
			}
			for name := range got.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s: %s: got the header %s", what, try.name, name)
				}
			}
			if got.header["Www-Authenticate"] != nil {
				t.Errorf("%s: %s: the browser is made to ask for a password", what, try.name)
			}
		}
	}
	if n := d.times(); n != 0 {
		t.Errorf("the login was looked at %d times; want never", n)
	}
}

// TestPageIsFiltered: the page, and HEAD, are behind the login, and show what the
// one who is logged in may call.
func TestPageIsFiltered(t *testing.T) {
	reg := registry(t, map[string]any{"ann.secret": func() {}, "bob.secret": func() {}})
	reg.Authorizer = byName{}
	addr := serve(t, &xmlrpc.Server{Auth: newDoorman("ann", "bob"), Handler: reg, NoGzip: true})
	for _, id := range []string{"ann", "bob"} {
		got := raw(t, addr, request("GET / HTTP/1.1", addr, "", login(id)))
		other := map[string]string{"ann": "bob", "bob": "ann"}[id]
		if got.status != 200 || !strings.Contains(got.body, id+".secret") || strings.Contains(got.body, other+".secret") {
			t.Errorf("%s: got status %d, %s", id, got.status, got.body)
		}
		c := dial(t, addr)
		io.WriteString(c, "HEAD / HTTP/1.0\r\n"+login(id)+"\r\n\r\n")
		if head, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(head), "HTTP/1.0 200") {
			t.Errorf("HEAD of %s: got %q, %v", id, head, err)
		}
	}
	for _, headers := range [][]string{nil, {login("eve")}} {
		if got := raw(t, addr, request("GET / HTTP/1.1", addr, "", headers...)); got.status != 401 || strings.Contains(got.body, "secret") {
			t.Errorf("%q: got status %d, %s; want 401", headers, got.status, got.body)
		}
	}
	c := dial(t, addr)
	io.WriteString(c, "HEAD / HTTP/1.0\r\n\r\n")
	if head, err := io.ReadAll(bufio.NewReader(c)); err != nil || !strings.HasPrefix(string(head), "HTTP/1.0 401") || !strings.HasSuffix(string(head), "\r\n\r\n") {
		t.Errorf("HEAD without a login: got %q, %v", head, err)
	}
}

// byName lets everyone call what begins with the own name.
type byName struct{}

func (byName) Allow(_ context.Context, id rpc.Identity, method string) bool {
	return strings.HasPrefix(method, id.Name+".") || strings.HasPrefix(method, "system.")
}

// TestBasicInClearIsRefused: a password does not cross a network for everyone to
// read. The server does not even look at it, and the client does not send it.
func TestBasicInClearIsRefused(t *testing.T) {
	functions := map[string]any{"whoami": whoami}
	d := newDoorman("ann")
	for _, test := range []struct {
		name, from string
		switched   bool
		want       int
	}{
		{"another machine", "192.0.2.1", false, 403},
		{"another machine, IPv6", "2001:db8::1", false, 403},
		{"another machine, mapped", "::ffff:192.0.2.1", false, 403},
		{"another machine, the switch is set", "192.0.2.1", true, 200},
		{"loopback", "127.0.0.9", false, 200},
		{"loopback, IPv6", "::1", false, 200},
	} {
		before := d.times()
		addr := serveFar(t, &xmlrpc.Server{
			Auth: d, Handler: registry(t, functions), Logger: quiet, DangerouslyListenBeyondLoopback: test.switched,
		}, test.from)
		got := post(t, addr, document("whoami"), login("ann"))
		if got.status != test.want {
			t.Errorf("%s: got status %d, %s; want %d", test.name, got.status, got.body, test.want)
		}
		if asked := d.times() != before; asked != (test.want == 200) {
			t.Errorf("%s: the password was looked at: %v", test.name, asked)
		}
	}

	// Mounted: what counts is whether the other server had TLS.
	for _, test := range []struct {
		name, target, from string
		want               int
	}{
		{"plain, another machine", "http://localhost/RPC2", "192.0.2.1:5", 403},
		{"plain, nobody knows who", "http://localhost/RPC2", "", 403},
		{"plain, a proxy on this machine", "http://localhost/RPC2", "127.0.0.1:5", 200},
		{"TLS, another machine", "https://localhost/RPC2", "192.0.2.1:5", 200},
	} {
		srv := &xmlrpc.Server{Auth: d, Handler: registry(t, functions), Logger: quiet}
		r := httptest.NewRequest("POST", test.target, strings.NewReader(document("whoami")))
		r.RemoteAddr = test.from
		name, value, _ := strings.Cut(login("ann"), ": ")
		r.Header.Set(name, value)
		r.Header.Set("Content-Type", "text/xml")
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("mounted, %s: got status %d, %s; want %d", test.name, w.Code, w.Body, test.want)
		}
	}

	// Without logins a mounted server leaves that to the one it is mounted in.
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "http://localhost/RPC2", strings.NewReader(document("whoami")))
	r.Header.Set("Content-Type", "text/xml")
	(&xmlrpc.Server{Handler: registry(t, functions), Logger: quiet}).ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("without logins: got status %d, %s; want 200", w.Code, w.Body)
	}

	// A server with logins is not served to other machines without TLS either.
	if ln, err := (&xmlrpc.Server{Auth: d, Handler: never(t)}).Listen("0.0.0.0:0"); err == nil {
		ln.Close()
		t.Error("a server with logins and without TLS listens on all addresses")
	}

	// The client: neither to a server nor to a proxy on another machine.
	proxy := func(host string) func(*http.Request) (*url.URL, error) {
		return func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: host}, nil }
	}
	if _, err := xmlrpc.NewClient("http://192.0.2.1/RPC2", xmlrpc.ClientConfig{Login: secret("Bearer s3cret")}); err == nil || !strings.Contains(err.Error(), "use https") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a login to another machine in clear: got %v", err)
	}
	c := newClient(t, "http://127.0.0.1:9/RPC2", xmlrpc.ClientConfig{Login: secret("Bearer s3cret"), Proxy: proxy("192.0.2.1:3128")})
	_, err := rpc.Invoke[any](bounded(t), c, "f")
	if wantLink(t, err, rpc.NotSent); !strings.Contains(err.Error(), "the proxy 192.0.2.1:3128 readable") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a login through a proxy on another machine: got %v", err)
	}
	seen := script(t, func(_ int, c net.Conn) { // a proxy on this machine
		if _, _, err := take(bufio.NewReader(c)); err == nil {
			io.WriteString(c, ok(yes))
		}
	})
	c = newClient(t, "http://127.0.0.1:9/RPC2", xmlrpc.ClientConfig{Login: secret("Bearer s3cret"), Proxy: proxy(strings.TrimPrefix(seen, "http://"))})
	if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
		t.Errorf("a login through a proxy on this machine: %v", err)
	}
}
