package xmlrpc_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// newJar returns an empty jar.
func newJar(t testing.TB) *cookiejar.Jar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return jar
}

// cookieServer answers each call with the headers that set returns for its
// number, and sends the Cookie header of each call to got.
func cookieServer(t testing.TB, got chan<- string, set func(n int) string) http.Handler {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Cookie")
		for line := range strings.Lines(set(n)) {
			w.Header().Add("Set-Cookie", strings.TrimSpace(line))
		}
		n++
		w.Header().Set("Content-Type", "text/xml")
		io.WriteString(w, yes)
	})
}

func TestCookies(t *testing.T) {
	got := make(chan string, 1)
	url := mount(t, cookieServer(t, got, func(n int) string {
		return []string{
			"sid=1; HttpOnly\nsecure=x; Secure\nother=y; Path=/elsewhere\nevil=z; Domain=example.org",
			"sid=2",
			"sid=; Max-Age=0",
			"",
		}[n]
	}))
	for _, jar := range []http.CookieJar{newJar(t), nil} {
		c := newClient(t, url, xmlrpc.ClientConfig{Jar: jar, Header: http.Header{"Cookie": {"own=0"}}})
		for i, want := range []string{"own=0", "own=0; sid=1; evil=z; secure=x", "own=0; sid=2; evil=z; secure=x", "own=0; evil=z; secure=x"} {
			if jar == nil {
				want = "own=0"
			}
			if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
				t.Fatal(err)
			}
			if cookie := wait(t, got, "a call"); !sameCookies(cookie, want) {
				t.Errorf("call %d, with a jar %v: got the cookies %q; want %q", i, jar != nil, cookie, want)
			}
		}
		if jar != nil {
			url = mount(t, cookieServer(t, got, func(int) string { return "sid=9" }))
		}
	}
}

func sameCookies(a, b string) bool {
	set := func(s string) string {
		m := map[string]string{}
		for part := range strings.SplitSeq(s, "; ") {
			name, v, _ := strings.Cut(part, "=")
			m[name] = v
		}
		return fmt.Sprint(m)
	}
	return set(a) == set(b)
}

// TestThreatCookiesOfOthers: a cookie goes to the host that has set it and to no
// other, even if the server wants it so and the two clients share the jar.
func TestThreatCookiesOfOthers(t *testing.T) {
	got := make(chan string, 1)
	handler := cookieServer(t, got, func(int) string { return "sid=1; Domain=example.org" })
	srv := mount(t, handler)
	jar := newJar(t)
	// A proxy on this machine makes every name lead to the server.
	config := xmlrpc.ClientConfig{Jar: jar, Proxy: proxyTo(t, srv)}
	call := func(host string) string {
		c := newClient(t, "http://"+host+"/RPC2", config)
		if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
			t.Fatal(err)
		}
		return wait(t, got, "a call")
	}
	call("a.example.org")
	if cookie := call("a.example.org"); cookie != "sid=1" {
		t.Errorf("the same host: got %q; want sid=1", cookie)
	}
	if cookie := call("b.example.org"); cookie != "" {
		t.Errorf("another host of the domain: got %q; want none", cookie)
	}
}

// TestThreatSecureCookies: a Secure cookie of a site at https is not sent readable
// for everyone on the way, and one that came so does not take its place.
func TestThreatSecureCookies(t *testing.T) {
	got := make(chan string, 1)
	srv := mount(t, cookieServer(t, got, func(int) string { return "sid=forged; Secure" }))
	jar := newJar(t)
	site := &url.URL{Scheme: "https", Host: "a.example.org", Path: "/RPC2"}
	jar.SetCookies(site, []*http.Cookie{{Name: "sid", Value: "secret", Secure: true}})
	c := newClient(t, "http://a.example.org/RPC2", xmlrpc.ClientConfig{Jar: jar, Proxy: proxyTo(t, srv)})
	for range 2 {
		if _, err := rpc.Invoke[bool](bounded(t), c, "f"); err != nil {
			t.Fatal(err)
		}
		if cookie := wait(t, got, "a call"); cookie != "" {
			t.Errorf("over http: got %q; want none", cookie)
		}
	}
	if kept := jar.Cookies(site); len(kept) != 1 || kept[0].Value != "secret" {
		t.Errorf("got %v in the jar; want sid=secret", kept)
	}
}

// TestCookiesAreNotRedirected: a redirect leads no cookie away.
func TestCookiesAreNotRedirected(t *testing.T) {
	evil := script(t, func(int, net.Conn) { t.Error("the other server was reached") })
	url := script(t, func(_ int, c net.Conn) {
		take(bufio.NewReader(c))
		io.WriteString(c, "HTTP/1.1 307 Temporary Redirect\r\nSet-Cookie: sid=1\r\nLocation: "+evil+"\r\nContent-Length: 0\r\n\r\n")
	})
	_, err := rpc.Invoke[bool](bounded(t), newClient(t, url, xmlrpc.ClientConfig{Jar: newJar(t)}), "f")
	if err == nil || !strings.Contains(err.Error(), "status 307") {
		t.Errorf("got %v; want status 307", err)
	}
}

// TestTransportCookies: what the client above a Transport sends stays, beside
// what the jar has.
func TestTransportCookies(t *testing.T) {
	got := make(chan string, 1)
	url := mount(t, cookieServer(t, got, func(int) string { return "sid=1" }))
	c, _ := koloOver(t, url, xmlrpc.ClientConfig{Jar: newJar(t)})
	for _, want := range []string{"", "sid=1; sid=1"} { // kolo has a jar of its own
		if err := c.Call("f", nil, nil); err != nil {
			t.Fatal(err)
		}
		if cookie := wait(t, got, "a call"); cookie != want {
			t.Errorf("got the cookies %q; want %q", cookie, want)
		}
	}
}

// proxyTo returns a Proxy that sends every request to the server at url.
func proxyTo(t testing.TB, server string) func(*http.Request) (*url.URL, error) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	return http.ProxyURL(u)
}
