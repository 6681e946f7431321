package xmlrpc_test

import (
	"context"
	"io"
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

// TestPage: a browser sees what it may call, and nothing in it runs.
func TestPage(t *testing.T) {
	reg := registry(t, map[string]any{"secret": func() {}})
	if err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b"), rpc.Help("Adds <script>alert(1)</script>.")); err != nil {
		t.Fatal(err)
	}
	reg.Authorizer = allowList{"add"}
	addr := serve(t, &xmlrpc.Server{Handler: reg})

	got := raw(t, addr, request("GET /RPC2 HTTP/1.1", addr, "", "Sec-Fetch-Site: none", "Accept-Encoding: gzip"))
	body := unzip(t, got.body)
	if got.status != 200 || got.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got status %d, type %s", got.status, got.header.Get("Content-Type"))
	}
	for _, want := range []string{"add(int, int) → int", "Adds &lt;script&gt;", "http://" + addr + "/RPC2", "system.listMethods"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
	for _, bad := range []string{"<script", "secret"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %q:\n%s", bad, body)
		}
	}
	if csp := got.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("got the policy %q", csp)
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
