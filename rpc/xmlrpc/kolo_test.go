package xmlrpc_test

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// koloClient returns the client that many Go programs have today. Its own Close
// does not end its connections with the default transport, so it gets one.
func koloClient(t testing.TB, url string) *kolo.Client {
	t.Helper()
	transport := newHTTPTransport()
	c, err := kolo.NewClient(url, transport)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		transport.CloseIdleConnections()
	})
	return c
}

type koloItem struct {
	Name  string    `xmlrpc:"name"`
	Price float64   `xmlrpc:"price"`
	Since time.Time `xmlrpc:"since"`
	Tags  []string  `xmlrpc:"tags"`
	Note  string    `xmlrpc:"note,omitempty"`
	Own   int       `xmlrpc:"-"`
}

// TestLiveKoloSends: what kolo/xmlrpc sends arrives as what it was.
func TestLiveKoloSends(t *testing.T) {
	var seen []any
	reg := registry(t, map[string]any{"see": func(args ...any) int { seen = args; return len(args) }})
	c := koloClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg})+"/RPC2")

	since := time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)
	item := koloItem{"<Käse> & Brot", 2.5, since, []string{"a", ""}, "", 7}
	itemSeen := map[string]any{"name": "<Käse> & Brot", "price": 2.5, "since": since, "tags": []any{"a", ""}}
	seven := 7
	for _, test := range []struct {
		send any
		want any
	}{
		{1, int64(1)},
		{int8(-5), int64(-5)},
		{int64(math.MaxInt64), int64(math.MaxInt64)},
		{int64(math.MinInt64), int64(math.MinInt64)},
		{uint16(9), int64(9)},
		{uint32(math.MaxUint32), int64(math.MaxUint32)},
		{1.5, 1.5},
		{float32(0.5), 0.5},
		{1e300, 1e300},
		{5e-324, 5e-324},
		{3.0, 3.0},
		{true, true},
		{false, false},
		{"", ""},
		{" two  spaces ", " two  spaces "},
		{"line\nline\ttab\rcr", "line\nline\ttab\rcr"},
		{"<&>\"'", "<&>\"'"},
		{"世界 🌍", "世界 🌍"},
		{since, since},
		{kolo.Base64("AP8B"), []byte{0, 0xff, 1}}, // kolo sends the text that it is given
		{[]byte{1, 2}, []any{int64(1), int64(2)}}, // and binary as a list of numbers
		{[]int{1, 2}, []any{int64(1), int64(2)}},
		{[]string{}, []any{}},
		{[][]int{{1}, {}}, []any{[]any{int64(1)}, []any{}}},
		{[]any{1, []any{"x"}}, []any{int64(1), []any{"x"}}},
		{map[string]int{"a": 1, "b": 2}, map[string]any{"a": int64(1), "b": int64(2)}},
		{map[string]any{}, map[string]any{}},
		{item, itemSeen},
		{&item, itemSeen},
		{[]koloItem{item}, []any{itemSeen}},
		{&seven, int64(7)},
		{nil, nil},                           // <param></param>
		{(*int)(nil), ""},                    // <value/>, which means empty text
		{[]any{nil, 1}, []any{"", int64(1)}}, // the same
	} {
		var n int
		if err := c.Call("see", []any{test.send, "end"}, &n); err != nil {
			t.Errorf("%T(%v): %v", test.send, test.send, err)
			continue
		}
		want := []any{test.want, "end"}
		if diff := cmp.Diff(want, seen); n != 2 || diff != "" {
			t.Errorf("%T(%v) arrived as something else (-want +got):\n%s", test.send, test.send, diff)
		}
	}

	// A single argument need not be in a list, and none at all has no <params>.
	var n int
	if err := c.Call("see", 5, &n); err != nil || n != 1 || seen[0] != int64(5) {
		t.Errorf("got %v, %v", seen, err)
	}
	if err := c.Call("see", nil, &n); err != nil || n != 0 {
		t.Errorf("got %v, %v", seen, err)
	}
}

// TestLiveKoloReceives: kolo/xmlrpc can read every answer that it has a type for.
func TestLiveKoloReceives(t *testing.T) {
	type record struct {
		Name  string    `xmlrpc:"name"`
		Price float64   `xmlrpc:"price"`
		Count int       `xmlrpc:"count"`
		Since time.Time `xmlrpc:"since"`
		Good  bool      `xmlrpc:"good"`
		Tags  []string  `xmlrpc:"tags"`
	}
	since := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	rec := record{"<Käse> & Brot", 2.5, -3, since, true, []string{"a", "b"}}
	reg := registry(t, map[string]any{
		"int": func() int { return math.MinInt32 }, "i8": func() int64 { return math.MaxInt64 },
		"float": func() float64 { return 1e-300 }, "bool": func() bool { return true }, "none": func() {},
		"string": func() string { return "line\n<&> 世界" }, "empty": func() string { return "" }, "long": func() string { return strings.Repeat("ab<", 10_000) },
		"time": func() time.Time { return since }, "bytes": func() []byte { return []byte{0, 0xff, 1} },
		"list": func() []int { return []int{1, 2, 3} }, "map": func() map[string]int { return map[string]int{"a": 1} },
		"record": func() record { return rec }, "records": func() []record { return []record{rec, rec} },
		"any": func() any { return []any{1, "x", map[string]any{"k": []any{true}}} },
	})
	c := koloClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}))
	koloGets(t, c, "int", math.MinInt32)
	koloGets(t, c, "i8", int64(math.MaxInt64))
	koloGets(t, c, "float", 1e-300)
	koloGets(t, c, "bool", true)
	koloGets(t, c, "none", true)
	koloGets(t, c, "string", "line\n<&> 世界")
	koloGets(t, c, "empty", "")
	koloGets(t, c, "long", strings.Repeat("ab<", 10_000)) // compressed by default
	koloGets(t, c, "time", since)
	koloGets(t, c, "bytes", "AP8B") // kolo hands out base64 as text
	koloGets(t, c, "list", []int{1, 2, 3})
	koloGets(t, c, "map", map[string]int{"a": 1})
	koloGets(t, c, "record", rec)
	koloGets(t, c, "records", []record{rec, rec})
	koloGets(t, c, "any", any([]any{int64(1), "x", map[string]any{"k": []any{true}}}))
}

func koloGets[T any](t *testing.T, c *kolo.Client, method string, want T) {
	t.Helper()
	var got T
	if err := c.Call(method, nil, &got); err != nil {
		t.Errorf("%s: %v", method, err)
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", method, diff)
	}
}

func TestLiveKoloFaultsAndMulticall(t *testing.T) {
	reg := registry(t, map[string]any{
		"add":   func(a, b int) int { return a + b },
		"fail":  func() error { return rpc.Errorf(42, "no <luck>") },
		"panic": func() { panic("canary") },
	})
	c := koloClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: reg}))
	for method, want := range map[string]string{
		"fail": "Fault(42): no <luck>", "no.such": "Fault(-32601): ", "add": "Fault(-32602): ", "panic": "Fault(-32603): internal error",
	} {
		var result int
		err := c.Call(method, nil, &result)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", method, err, want)
		}
	}

	type element struct {
		Method string `xmlrpc:"methodName"`
		Params []any  `xmlrpc:"params"`
	}
	var results []any
	err := c.Call("system.multicall", []any{[]element{{"add", []any{3, 5}}, {"fail", []any{}}, {"add", []any{1, 1}}}}, &results)
	want := []any{[]any{int64(8)}, map[string]any{"faultCode": int64(42), "faultString": "no <luck>"}, []any{int64(2)}}
	if diff := cmp.Diff(want, results); err != nil || diff != "" {
		t.Errorf("system.multicall: %v (-want +got):\n%s", err, diff)
	}
	var names []string
	if err := c.Call("system.listMethods", nil, &names); err != nil || len(names) != 3+8 {
		t.Errorf("system.listMethods: got %v, %v", names, err)
	}
}

// TestLiveKoloWritesBrokenNames: kolo does not escape names. What it makes of one with
// a < in it is a fault, and the server lives on.
func TestLiveKoloWritesBrokenNames(t *testing.T) {
	c := koloClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"see": func(any) {}})}))
	err := c.Call("see", map[string]int{"a<b": 1}, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "Fault(-32") {
		t.Errorf("got %v; want a fault", err)
	}
	if err := c.Call("see", map[string]int{"ab": 1}, nil); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// TestLiveKoloDefaultTransport: without a transport kolo takes that of net/http, and
// with it the proxy that the environment names. Over ours there is none unless it is
// asked for.
func TestLiveKoloDefaultTransport(t *testing.T) {
	asked := 0
	shared := http.DefaultTransport.(*http.Transport)
	before := shared.Proxy
	t.Cleanup(func() { shared.Proxy = before; shared.CloseIdleConnections() })
	shared.Proxy = func(*http.Request) (*url.URL, error) { asked++; return nil, nil }
	srv := &xmlrpc.Server{Handler: registry(t, map[string]any{"one": func() int { return 1 }})}
	at := srv.URL(serveAt(t, srv, "127.0.0.1:0"))
	alone, err := kolo.NewClient(at, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { alone.Close() })
	over, _ := koloOver(t, at, xmlrpc.ClientConfig{})
	for want, c := range []*kolo.Client{over, alone} { // 0, then 1
		var one int
		if err := c.Call("one", nil, &one); err != nil || one != 1 {
			t.Errorf("got %d, %v", one, err)
		}
		if asked != want {
			t.Errorf("the proxy was asked for %d times; want %d", asked, want)
		}
	}
}
