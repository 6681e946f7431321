package xmlrpc_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// testProxy is an HTTP proxy: it passes requests on and makes tunnels, for those
// who log in with login, "user:password" or "" for everybody. With a certificate
// it is one at https.
func testProxy(t testing.TB, login string, certificate *tls.Certificate) (url string) {
	want := ""
	if login != "" {
		want = "Basic " + base64.StdEncoding.EncodeToString([]byte(login))
	}
	url = script(t, func(_ int, c net.Conn) {
		if certificate != nil {
			c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*certificate}})
		}
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			switch {
			case req.Header.Get("Proxy-Authorization") != want:
				io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")
				return
			case req.Method == http.MethodConnect:
				tunnel(c, req.Host, func() { io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n") })
				return
			case !req.URL.IsAbs() || req.URL.Host != req.Host:
				t.Errorf("a proxy got %s for the host %s; want the whole URL", req.URL, req.Host)
				return
			}
			if forward(c, req) != nil {
				return
			}
		}
	})
	if certificate != nil {
		url = "https" + strings.TrimPrefix(url, "http")
	}
	if login != "" {
		url = strings.Replace(url, "://", "://"+login+"@", 1)
	}
	return url
}

// forward passes a request on and its answer back.
func forward(c net.Conn, req *http.Request) error {
	up, err := net.Dial("tcp", req.URL.Host)
	if err != nil {
		return err
	}
	defer up.Close()
	req.Header.Del("Proxy-Authorization")
	if err := req.Write(up); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(up), req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return resp.Write(c)
}

// tunnel copies both ways between c and a connection to addr, once ready has said so.
func tunnel(c net.Conn, addr string, ready func()) {
	up, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	ready()
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(up, c); up.Close() })
	io.Copy(c, up)
	c.Close()
	wg.Wait()
}

// socksProxy is a SOCKS 5 proxy for those who log in with login, "" for everybody.
func socksProxy(t testing.TB, login string) (url string) {
	url = script(t, func(_ int, c net.Conn) {
		r := bufio.NewReader(c)
		next := func(n int) []byte {
			p := make([]byte, n)
			io.ReadFull(r, p)
			return p
		}
		offered := next(int(next(2)[1]))
		if login == "" {
			c.Write([]byte{5, 0})
		} else {
			if !strings.Contains(string(offered), "\x02") {
				c.Write([]byte{5, 0xff})
				return
			}
			c.Write([]byte{5, 2})
			user := next(int(next(2)[1]))
			password := next(int(next(1)[0]))
			if string(user)+":"+string(password) != login {
				c.Write([]byte{1, 1})
				return
			}
			c.Write([]byte{1, 0})
		}
		var host string
		switch head := next(4); head[3] {
		case 1:
			host = net.IP(next(4)).String()
		case 3:
			host = string(next(int(next(1)[0])))
		case 4:
			host = net.IP(next(16)).String()
		}
		addr := net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(next(2))))
		if host == "nowhere.example" {
			c.Write([]byte{5, 4, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		tunnel(c, addr, func() { c.Write([]byte("\x05\x00\x00\x03\x04here\x00\x00")) }) // the longest form
	})
	url = "socks5" + strings.TrimPrefix(url, "http")
	if login != "" {
		url = strings.Replace(url, "://", "://"+login+"@", 1)
	}
	return url
}

// TestProxies: calls go to their server through each kind of proxy, over a
// connection that is kept.
func TestProxies(t *testing.T) {
	certificate, pool := selfSigned(t)
	var conns atomic.Int32
	serveHTTP := func(config *tls.Config) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := &http.Server{TLSConfig: config, ReadTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Proxy-Authorization") != "" {
				t.Error("the server got the login of the proxy")
			}
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, yes)
		}), ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				conns.Add(1)
			}
		}}
		done := make(chan struct{})
		go func() {
			defer close(done)
			if config != nil {
				srv.ServeTLS(ln, "", "")
			} else {
				srv.Serve(ln)
			}
		}()
		t.Cleanup(func() { srv.Close(); <-done })
		return ln.Addr().String()
	}
	plain := "http://" + serveHTTP(nil)
	secure := "https://" + serveHTTP(&tls.Config{Certificates: []tls.Certificate{certificate}})
	for name, proxy := range map[string]string{
		"http":              testProxy(t, "", nil),
		"http with login":   testProxy(t, "me:s3cret", nil),
		"https":             testProxy(t, "", &certificate),
		"https with login":  testProxy(t, "me:s3cret", &certificate),
		"socks5":            socksProxy(t, ""),
		"socks5 with login": socksProxy(t, "me:s3cret"),
	} {
		for _, server := range []string{plain, secure} {
			t.Run(name+" to "+server[:strings.Index(server, ":")], func(t *testing.T) {
				c := newClient(t, server, xmlrpc.ClientConfig{Proxy: proxyTo(t, proxy), TLS: &tls.Config{RootCAs: pool}})
				before := conns.Load()
				const calls = 3
				for range calls {
					if got, err := rpc.Invoke[bool](bounded(t), c, "f", make([]byte, 64<<10)); err != nil || !got {
						t.Fatalf("got %t, %v", got, err)
					}
				}
				passed := server == plain && !strings.HasPrefix(name, "socks5") // one by one, by the proxy of this test
				if n := conns.Load() - before; !passed && n != 1 || passed && n != calls {
					t.Errorf("got %d connections for %d calls", n, calls)
				}
			})
		}
	}
}

// TestRefusalsOfProxies: a call whose proxy makes no connection was not sent, and the
// error says who refused, and why, without the password.
func TestRefusalsOfProxies(t *testing.T) {
	says := func(text string) string {
		return script(t, func(_ int, c net.Conn) {
			bufio.NewReader(c).ReadByte()
			io.WriteString(c, text)
			io.Copy(io.Discard, c)
		})
	}
	socks := func(url string) string { return "socks5" + strings.TrimPrefix(url, "http") }
	for name, tt := range map[string]struct{ proxy, want string }{
		"wrong login":             {strings.Replace(testProxy(t, "me:other", nil), "other", "s3cret", 1), "407 Proxy Authentication Required"},
		"no login":                {strings.Replace(testProxy(t, "me:s3cret", nil), "me:s3cret@", "", 1), "407"},
		"forbidden":               {says("HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever"), "403 Forbidden"},
		"speaks first":            {says("HTTP/1.1 200 OK\r\n\r\nhello"), "before it was spoken to"},
		"silent":                  {says(""), "not made the connection in time"},
		"no HTTP":                 {says("SSH-2.0-x\r\n"), "malformed"},
		"endless head":            {says("HTTP/1.1 200 OK\r\n" + "X: " + strings.Repeat("y", 100_000)), "65536 bytes"},
		"interims without end":    {says(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100)), "1xx"},
		"socks5, wrong login":     {strings.Replace(socksProxy(t, "me:other"), "other", "s3cret", 1), "authentication failed"},
		"socks5, no login":        {strings.Replace(socksProxy(t, "me:s3cret"), "me:s3cret@", "", 1), "no acceptable authentication methods"},
		"socks5, host not found":  {socksProxy(t, ""), "host unreachable"},
		"socks5, another login":   {socks(says("\x05\x02")), "not made the connection in time"},
		"socks5, no SOCKS":        {socks(says("HTTP/1.1 400")), "unexpected protocol version"},
		"socks5, unknown code":    {socks(says("\x05\x00\x05\x63\x00\x01\x00\x00\x00\x00\x00\x00")), "unknown code: 99"},
		"socks5, unknown address": {socks(says("\x05\x00\x05\x00\x00\x07\x00\x00\x00\x00\x00\x00")), "unknown address type 7"},
		"socks5, cut off":         {socks(says("\x05\x00\x05")), "not made the connection in time"},
		"unknown scheme":          {"ftp://127.0.0.1:9", "want http://host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			config := xmlrpc.ClientConfig{Proxy: proxyTo(t, tt.proxy)}
			if strings.Contains(tt.want, "in time") {
				config.DialTimeout = 300 * time.Millisecond
			}
			_, err := rpc.Invoke[bool](bounded(t), newClient(t, "https://nowhere.example", config), "f")
			wantLink(t, err, rpc.NotSent)
			if text := err.Error(); !strings.Contains(text, tt.want) || !strings.Contains(text, "the proxy ") || strings.Contains(text, "s3cret") {
				t.Errorf("got %v; want the proxy, %q and no password", err, tt.want)
			}
		})
	}
	t.Run("the end of the context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(bounded(t))
		proxy := script(t, func(_ int, c net.Conn) {
			bufio.NewReader(c).ReadByte()
			cancel()
			io.Copy(io.Discard, c)
		})
		_, err := rpc.Invoke[bool](ctx, newClient(t, "https://nowhere.example", xmlrpc.ClientConfig{Proxy: proxyTo(t, proxy), DialTimeout: time.Hour}), "f")
		if wantLink(t, err, rpc.NotSent); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v; want the end of the context", err)
		}
	})
}

// TestEachCallItsProxy: a connection is used again by calls that go the same way
// and no others, and there are never more than MaxConns.
func TestEachCallItsProxy(t *testing.T) {
	var seen [2][]string // the methods that went by each proxy
	var mu sync.Mutex
	var open atomic.Int32
	var urls [2]*url.URL
	for i := range urls {
		at := script(t, func(_ int, c net.Conn) {
			open.Add(1)
			defer open.Add(-1)
			r := bufio.NewReader(c)
			for {
				_, body, err := take(r)
				if err != nil {
					return
				}
				_, name, _ := strings.Cut(body, "<methodName>")
				mu.Lock()
				seen[i] = append(seen[i], name[:1])
				mu.Unlock()
				io.WriteString(c, ok(yes))
			}
		})
		urls[i], _ = url.Parse(at)
	}
	next := 0
	c := newClient(t, "http://a.example", xmlrpc.ClientConfig{MaxConns: 1, Proxy: func(*http.Request) (*url.URL, error) { return urls[next], nil }})
	for i, method := range []string{"a", "b", "c", "d"} {
		next = i % 2
		if _, err := rpc.Invoke[bool](bounded(t), c, method); err != nil {
			t.Fatal(err)
		}
		until(t, "no more than one connection", func() bool { return open.Load() <= 1 })
	}
	mu.Lock()
	defer mu.Unlock()
	if got := fmt.Sprint(seen); got != "[[a c] [b d]]" {
		t.Errorf("got %s; want a and c by the first proxy, b and d by the other", got)
	}
}

// TestProxyOfASocket: there is none.
func TestProxyOfASocket(t *testing.T) {
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{"one": func() int { return 1 }})}
	c := newClient(t, srv.URL(serveAt(t, srv, "unix:"+socketPath(t))), xmlrpc.ClientConfig{Proxy: proxyTo(t, "http://127.0.0.1:1")})
	if got, err := rpc.Invoke[int](bounded(t), c, "one"); err != nil || got != 1 {
		t.Errorf("got %d, %v", got, err)
	}
}

// TestNamesOfOtherScripts: a server's name is sent in ASCII, to a proxy as to itself.
func TestNamesOfOtherScripts(t *testing.T) {
	heard := make(chan string, 1)
	proxy := script(t, func(_ int, c net.Conn) {
		req, _, err := take(bufio.NewReader(c))
		if err != nil {
			return
		}
		heard <- req.RequestURI + " " + req.Host
		io.WriteString(c, ok(yes))
	})
	for host, want := range map[string]string{
		"Bücher.example:8080": "http://xn--bcher-kva.example:8080/RPC2 xn--bcher-kva.example:8080",
		"[fe80::1%25eth0]:80": "http://[fe80::1]:80/RPC2 [fe80::1]:80",
	} {
		if _, err := rpc.Invoke[bool](bounded(t), newClient(t, "http://"+host, xmlrpc.ClientConfig{Proxy: proxyTo(t, proxy)}), "f"); err != nil {
			t.Fatal(err)
		}
		if got := wait(t, heard, "a call"); got != want {
			t.Errorf("%s: got %s; want %s", host, got, want)
		}
	}
}
