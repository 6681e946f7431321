package xmlrpc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

type allowList []string

func (l allowList) Allow(_ context.Context, _ rpc.Identity, method string) bool {
	return slices.Contains(l, method) || strings.HasPrefix(method, "system.")
}

// oneUser is an Authenticator who knows one user with a password.
type oneUser struct{ name, password string }

func (o oneUser) AuthenticateHTTP(_ context.Context, authorization string, _ netip.Addr) (rpc.Identity, error) {
	if authorization != "Basic "+base64.StdEncoding.EncodeToString([]byte(o.name+":"+o.password)) {
		return rpc.Identity{}, errors.New("unknown")
	}
	return rpc.Identity{Name: o.name}, nil
}

// between returns what stands between two marks of a page, without them.
func between(t testing.TB, text, open, end string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, open)
	inner, _, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("the page lacks %q … %q:\n%.3000s", open, end, text)
	}
	return inner
}

// functionsOf returns the part of a page that depends on what can be called.
func functionsOf(t testing.TB, body string) string {
	t.Helper()
	return between(t, body, "</style>", "<script>")
}

// TestPage: a browser sees what it may call, and nothing in it runs.
func TestPage(t *testing.T) {
	reg := registry(t, map[string]any{"secret": func() {}, "catalog.watch": func(*float64) {}, "echo": func(...any) {}})
	if err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b"), rpc.Help("Adds <script>alert(1)</script>.")); err != nil {
		t.Fatal(err)
	}
	if err := reg.Register("either", func(any) any { return nil }, rpc.Signature("string", "string"), rpc.Signature("int", "int")); err != nil {
		t.Fatal(err)
	}
	reg.Authorizer = allowList{"add", "catalog.watch", "echo", "either"}
	addr := serve(t, &xmlrpc.Server{Handler: reg})

	got := raw(t, addr, request("GET /RPC2 HTTP/1.1", addr, "", "Sec-Fetch-Site: none", "Accept-Encoding: gzip"))
	body := unzip(t, got.body)
	if got.status != 200 || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got status %d, type %s", got.status, got.header.Get("Content-Type"))
	}
	text := functionsOf(t, body)
	for _, want := range []string{
		`<a href="#add">add</a>(<span><b>a</b>: <i>int</i></span>, <span><b>b</b>: <i>int</i></span>) → <i>int</i>`,
		`>catalog.watch</a>(<span data-optional><i>double</i></span>) → <i>nil</i>`,
		`>echo</a>(<span data-more>…<i>any</i></span>)`,
		"Adds &lt;script&gt;", "http://" + addr + "/RPC2", "system.listMethods", "print(server.add(3, 5))",
		`>either</a>(<span><i>string</i></span>) → <i>string</i></code><code><a href="#either">either</a>(<span><i>int</i></span>) → <i>int</i></code>`, `print(server.either("text"))`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	for _, bad := range []string{"<script", "secret"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q:\n%s", bad, text)
		}
	}

	c := dial(t, addr)
	io.WriteString(c, "HEAD / HTTP/1.0\r\n\r\n")
	head, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(head), "HTTP/1.0 200") || !strings.HasSuffix(string(head), "\r\n\r\n") {
		t.Errorf("HEAD: got %q, %v", head, err)
	}
	for path, want := range map[string]int{"/": 200, "/nothing": 404, "/RPC2?x": 200} {
		if got := raw(t, addr, request("GET "+path+" HTTP/1.1", addr, "")); got.status != want {
			t.Errorf("%s: got status %d; want %d", path, got.status, want)
		}
	}
}

// TestPagePolicy: a browser is told to run this one script and nothing else.
func TestPagePolicy(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, nil)})
	got := raw(t, addr, request("GET /RPC2 HTTP/1.1", addr, ""))
	rules := strings.Split(got.header.Get("Content-Security-Policy"), "; ")
	hash := func(open, end string) string {
		sum := sha256.Sum256([]byte(between(t, got.body, open, end)))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	for _, want := range []string{
		"default-src 'none'", "script-src " + hash("<script>", "</script>"), "style-src " + hash("<style>", "</style>"), "connect-src 'self'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
	} {
		if !slices.Contains(rules, want) {
			t.Errorf("got the policy %q; want %q in it", rules, want)
		}
	}
	for name, want := range map[string]string{
		"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
	} {
		if v := got.header.Get(name); v != want {
			t.Errorf("%s: got %q; want %q", name, v, want)
		}
	}
	for _, bad := range []string{" onclick", " src=", " style=", "href=\"http", "javascript:"} {
		if strings.Contains(functionsOf(t, got.body), bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
}

// TestPageOfHostileServer: names and helps of a Caller that takes them from
// elsewhere are text wherever they stand.
func TestPageOfHostileServer(t *testing.T) {
	const evil = `x</pre></script></style><script>alert("1")</script><img src=x onerror=alert(1)> ' " {{.}} </a>`
	addr := serve(t, &xmlrpc.Server{Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		switch req.Method {
		case "system.listMethods":
			*req.Into.(*[]string) = []string{evil, evil + ".b"}
		case "system.methodHelp":
			*req.Into.(*string) = evil
		case "system.methodSignature":
			if into, ok := req.Into.(*[][]string); ok {
				*into = [][]string{{evil, evil}, {}}
			}
		}
		return nil, nil
	})})
	got := raw(t, addr, request("GET / HTTP/1.1", addr, ""))
	text := functionsOf(t, got.body)
	for _, bad := range []string{"<script", "<img", "</style", `href="#x<`} {
		if strings.Contains(text, bad) {
			t.Errorf("the page holds %q:\n%s", bad, text)
		}
	}
	if n := strings.Count(text, "x&lt;/pre"); n < 10 {
		t.Errorf("got the name %d times as text; want it in the list, the signatures and the snippets:\n%s", n, text)
	}
}

// TestPageAsksThroughTheDoor: a caller who may not ask for help, signatures or
// parameters does not see them, though the registry could tell all.
func TestPageAsksThroughTheDoor(t *testing.T) {
	for name, test := range map[string]struct {
		denied    string
		want, bad string
	}{
		"all":        {"", "secret", "nothing"},
		"help":       {"system.methodHelp", "<i>int</i>", "What it does"},
		"signatures": {"system.methodSignature", "What it does", "<i>int</i>"},
		"params":     {"system.methodParams", "<i>int</i>", "secret"},
		"list":       {"system.listMethods", "does not tell", "known"},
	} {
		reg := registry(t, nil)
		if err := reg.Register("known", func(int, struct{ Secret int }) {}, rpc.Help("What it does"), rpc.Params("secret", "second")); err != nil {
			t.Fatal(err)
		}
		calls := 0
		reg.Use(func(next rpc.Handler) rpc.Handler {
			return func(ctx context.Context, req *rpc.Request) (any, error) {
				if calls++; req.Method == test.denied {
					return nil, rpc.Errorf(rpc.CodeMethodNotFound, "no")
				}
				return next(ctx, req)
			}
		})
		addr := serve(t, &xmlrpc.Server{Handler: reg})
		text := functionsOf(t, raw(t, addr, request("GET / HTTP/1.1", addr, "")).body)
		text, _, _ = strings.Cut(text, `id="page-system"`)
		if !strings.Contains(text, test.want) || strings.Contains(text, test.bad) {
			t.Errorf("%s: want %q and not %q:\n%s", name, test.want, test.bad, text)
		}
		if calls > 4 {
			t.Errorf("%s: the interceptor saw %d calls; want one of each kind", name, calls)
		}
	}
}

// TestPageOfRawCaller: a Caller need not know how to list functions.
func TestPageOfRawCaller(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	for name, test := range map[string]struct {
		handler callerFunc
		status  int
		want    string
	}{
		"no list": {func(context.Context, *rpc.Request) (any, error) {
			return nil, rpc.Errorf(rpc.CodeMethodNotFound, "<none>")
		}, 200, "&lt;none&gt;"},
		"panic": {func(context.Context, *rpc.Request) (any, error) { panic("canary") }, 500, "internal error (id "},
		"slow":  {func(context.Context, *rpc.Request) (any, error) { <-release; return nil, nil }, 503, "not ready"},
	} {
		addr := serve(t, &xmlrpc.Server{Handler: test.handler, Timeout: 50 * time.Millisecond})
		got := raw(t, addr, request("GET / HTTP/1.1", addr, ""))
		if got.status != test.status || !strings.Contains(got.body, test.want) || strings.Contains(got.body, "canary") {
			t.Errorf("%s: got status %d, %s; want %d and %q", name, got.status, got.body, test.status, test.want)
		}
	}
}

// TestPageSize: the page stays small, and a server with two thousand functions
// answers at once.
func TestPageSize(t *testing.T) {
	system := len(registry(t, nil).Methods(t.Context()))
	page := func(n int) (size int, took time.Duration) {
		reg := registry(t, nil)
		for i := range n {
			if err := reg.Register(fmt.Sprintf("service%d.function%d", i%7, i), func(int, string) bool { return true },
				rpc.Params("number", "name"), rpc.Help("Says whether there is a thing with this number and name.")); err != nil {
				t.Fatal(err)
			}
		}
		addr := serve(t, &xmlrpc.Server{Handler: reg})
		began := time.Now()
		got := raw(t, addr, request("GET / HTTP/1.1", addr, ""))
		if got.status != 200 || n > 1000 && !strings.Contains(got.body, "And "+fmt.Sprint(n+system-1000)+" more") {
			t.Errorf("%d functions: got status %d", n, got.status)
		}
		return len(got.body), time.Since(began)
	}
	if size, _ := page(30 - system); size > 64<<10 {
		t.Errorf("30 functions: got %d bytes; want at most %d", size, 64<<10)
	}
	size, took := page(2000)
	if size > 2<<20 {
		t.Errorf("2000 functions: got %d bytes; want at most 2 MiB", size)
	}
	t.Logf("2000 functions: %d bytes in %v", size, took)
}

// TestPagePlace: the page names its server as the reader can reach it.
func TestPagePlace(t *testing.T) {
	reg := registry(t, map[string]any{"f": func() {}})
	sock := socketPath(t)
	at := serveAt(t, &xmlrpc.Server{Handler: reg}, "unix:"+sock)
	c, err := (&net.Dialer{}).DialContext(bounded(t), "unix", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /RPC2 HTTP/1.0\r\nHost: evil.example\r\n\r\n")
	text, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"http+unix://" + sock + ":/RPC2", "--unix-socket '" + sock + "'", "AF_UNIX", "a browser cannot open"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("by a unix socket the page lacks %q", want)
		}
	}
	for _, bad := range []string{"evil", "class=ruby", "class=php"} {
		if strings.Contains(string(text), bad) {
			t.Errorf("by a unix socket the page holds %q", bad)
		}
	}

	prefixed := httptest.NewServer(http.StripPrefix("/api", &xmlrpc.Server{Handler: reg}))
	defer prefixed.Close()
	host := strings.TrimPrefix(prefixed.URL, "http://")
	if got := raw(t, host, request("GET /api/RPC2 HTTP/1.1", host, "")); !strings.Contains(got.body, `"`+prefixed.URL+`/api/RPC2"`) {
		t.Errorf("behind a prefix: got status %d and a page without %s/api/RPC2", got.status, prefixed.URL)
	}

	addr := serve(t, &xmlrpc.Server{Handler: reg, Auth: oneUser{"ann", "secret"}})
	got := raw(t, addr, request("GET //RPC2 HTTP/1.1", addr, "", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("ann:secret"))))
	for _, want := range []string{`"http://ann:PASSWORD@` + addr + `/RPC2"`, `User: "ann", Password: "PASSWORD"`, "-u 'ann:PASSWORD'", `base64_encode("ann:PASSWORD")`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("with a login the page lacks %q", want)
		}
	}
	if strings.Contains(got.body, "secret") {
		t.Error("the page holds the password")
	}
}
