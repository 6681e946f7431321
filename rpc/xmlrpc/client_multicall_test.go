package xmlrpc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

const simpleProgram = `
import sys
from xmlrpc.server import SimpleXMLRPCServer
class Server(SimpleXMLRPCServer):
    address_family = __import__("socket").AF_INET
s = Server(("127.0.0.1", 0), logRequests=False, allow_none=True, use_builtin_types=True)
seen = []
def note(x):
    seen.append(x)
    return len(seen)
def fail():
    raise ValueError("no <luck>")
s.register_function(lambda a, b: a + b, "add")
s.register_function(note)
s.register_function(fail)
s.register_function(lambda: None, "none")
s.register_function(lambda: {"name": "tea", "raw": b"\x00\xff"}, "item")
s.register_function(lambda: [1, 2], "pair")
if sys.argv[1] == "multicall":
    s.register_multicall_functions()
print(s.server_address[1], flush=True)
s.serve_forever()
`

// simpleServer runs Python's SimpleXMLRPCServer and returns its URL.
func simpleServer(t *testing.T, mode string) string {
	t.Helper()
	p := peertest.StartPython(t, peertest.Python(t), simpleProgram, mode)
	t.Cleanup(p.Kill)
	port, err := p.ReadLine(bounded(t))
	if err != nil {
		t.Fatal(err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port) + "/RPC2"
}

// TestLiveMulticallPython: against the multicall of Python's standard library.
func TestLiveMulticallPython(t *testing.T) {
	c := newClient(t, simpleServer(t, "multicall"), xmlrpc.ClientConfig{})
	var sum int
	var item struct {
		Name string `xmlrpc:"name"`
		Raw  []byte `xmlrpc:"raw"`
	}
	var pair []int
	calls := []rpc.Element{
		{Method: "add", Args: rpc.Values{3, 5}, Into: &sum},
		{Method: "fail"},
		{Method: "item", Into: &item},
		{Method: "no.such"},
		{Method: "add", Args: rpc.Values{"a", "<b>"}},
		{Method: "none"},
		{Method: "pair", Into: &pair},
		{Method: "note", Args: rpc.Values{"\x00"}},
	}
	err := rpc.Multicall(bounded(t), c, calls)
	var fault *rpc.Fault
	if !errors.As(err, &fault) || fault.Code != 1 || !strings.Contains(fault.Message, "ValueError") || !strings.Contains(fault.Message, "no <luck>") {
		t.Errorf("got %v; want the fault of fail", err)
	}
	if sum != 8 || item.Name != "tea" || string(item.Raw) != "\x00\xff" || calls[4].Result != "a<b>" || calls[5].Err != nil || fmt.Sprint(pair) != "[1 2]" {
		t.Errorf("got %d, %+v, %v, %v, %v", sum, item, calls[4].Result, calls[5].Err, pair)
	}
	if !errors.As(calls[3].Err, &fault) || fault.Code != 1 {
		t.Errorf("an unknown method: got %v", calls[3].Err)
	}
	if e := calls[7].Err; e == nil || errors.As(e, new(*rpc.LinkError)) || !strings.Contains(e.Error(), "XML cannot carry it") {
		t.Errorf("text that XML cannot carry: got %v", e)
	}
	// 200 calls in 10 requests: each has run once, in its order.
	many := make([]rpc.Element, 200)
	for i := range many {
		many[i] = rpc.Element{Method: "note", Args: rpc.Values{i}}
	}
	if err := (rpc.Multicaller{Caller: c, Most: 20}).Call(bounded(t), many); err != nil {
		t.Fatal(err)
	}
	for i, e := range many {
		if e.Result != int64(i+1) {
			t.Fatalf("call %d: got %v; want %d", i, e.Result, i+1)
		}
	}
}

// TestLiveMulticallPythonWithout: a server without multicall says so with a fault
// of its own kind, and each call is made once.
func TestLiveMulticallPythonWithout(t *testing.T) {
	c := newClient(t, simpleServer(t, "none"), xmlrpc.ClientConfig{})
	calls := []rpc.Element{{Method: "note", Args: rpc.Values{"x"}}, {Method: "note", Args: rpc.Values{"y"}}}
	err := rpc.Multicall(bounded(t), c, calls)
	if err == nil || !strings.Contains(err.Error(), "2 of 2 calls failed") || !strings.Contains(err.Error(), "is not supported") {
		t.Errorf("got %v; want Python's fault for both", err)
	}
	if err := (rpc.Multicaller{Caller: c, OneByOne: true}).Call(bounded(t), calls); err != nil || calls[0].Result != int64(1) || calls[1].Result != int64(2) {
		t.Errorf("one by one: got %v, %v, %v; want 1 and 2", err, calls[0].Result, calls[1].Result)
	}
}

// TestMulticallOneByOne: what happens where system.multicall is an unknown method,
// however the server says so.
func TestMulticallOneByOne(t *testing.T) {
	var seen []string
	var refusal error
	reg := registry(t, map[string]any{"add": func(a, b int) int { return a + b }})
	srv := &xmlrpc.Server{Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		seen = append(seen, req.Method)
		if req.Method == "system.multicall" && refusal != nil {
			return nil, refusal
		}
		return reg.Call(ctx, req)
	})}
	var status atomic.Int32
	c := newClient(t, mount(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if code := int(status.Load()); code != 0 && bytes.Contains(body, []byte("system.multicall")) {
			w.WriteHeader(code)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		srv.ServeHTTP(w, r)
	})), xmlrpc.ClientConfig{})
	var sum int
	calls := []rpc.Element{
		{Method: "add", Args: rpc.Values{3, 5}, Into: &sum},
		{Method: "no.such"},
		{Method: "add", Args: rpc.Values{1, 1}},
	}
	refusal = rpc.Errorf(rpc.CodeMethodNotFound, "system.multicall: no such method")
	err := rpc.Multicall(bounded(t), c, calls)
	if !errors.Is(err, &rpc.Fault{Code: rpc.CodeMethodNotFound}) || !strings.Contains(err.Error(), "3 of 3") || fmt.Sprint(seen) != "[system.multicall]" {
		t.Errorf("got %v, %v; want fault -32601 for all three, and one request", err, seen)
	}
	for name, test := range map[string]struct {
		refusal error
		status  int
		seen    string
	}{
		"fault -32601":      {refusal, 0, "[system.multicall add no.such add]"},
		"a fault of Python": {rpc.Errorf(1, "method \"system.multicall\" is not supported"), 0, "[system.multicall add no.such add]"},
		"a fault of Perl":   {rpc.Errorf(200, "Unknown method: system.multicall"), 0, "[system.multicall add no.such add]"},
		"status 404":        {nil, 404, "[add no.such add]"},
		"no refusal":        {nil, 0, "[system.multicall system.multicall]"},
	} {
		seen, refusal, sum = nil, test.refusal, 0
		status.Store(int32(test.status))
		err = rpc.Multicaller{Caller: c, OneByOne: true}.Call(bounded(t), calls)
		if !strings.Contains(fmt.Sprint(err), "1 of 3 calls failed, first calls[1]") || sum != 8 || calls[2].Result != int64(2) || calls[0].Result != nil {
			t.Errorf("%s: got %v, %d, %v", name, err, sum, calls[2].Result)
		}
		if fmt.Sprint(seen) != test.seen {
			t.Errorf("%s: the server got %v; want %s", name, seen, test.seen)
		}
	}
	// A server that does not know what became of the calls is not asked again.
	seen, refusal = nil, nil
	status.Store(500)
	err = rpc.Multicaller{Caller: c, OneByOne: true}.Call(bounded(t), calls)
	if !strings.Contains(fmt.Sprint(err), "3 of 3 calls failed") || len(seen) != 0 {
		t.Errorf("status 500: got %v, %v; want an error for all three", err, seen)
	}
	if err := (rpc.Multicaller{Caller: c, OneByOne: true}).Call(bounded(t), nil); err != nil {
		t.Errorf("no calls: %v", err)
	}
}

// TestMulticallFaultOfAll: a multicall that fails as a whole may have run calls
// before it did, and none is made again.
func TestMulticallFaultOfAll(t *testing.T) {
	ran := 0
	reg := registry(t, map[string]any{"note": func() int { ran++; return ran }})
	c := newClient(t, "http://"+serve(t, &xmlrpc.Server{Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		result, err := reg.Call(ctx, req)
		if req.Method == "system.multicall" && ran > 0 { // as Python does if it cannot write one of the results
			return nil, rpc.Errorf(1, "cannot marshal")
		}
		return result, err
	})}), xmlrpc.ClientConfig{})
	calls := []rpc.Element{{Method: "note"}, {Method: "note"}}
	err := rpc.Multicaller{Caller: c, OneByOne: true}.Call(bounded(t), calls)
	if !errors.Is(err, &rpc.Fault{Code: 1}) || !errors.Is(calls[1].Err, &rpc.Fault{Code: 1}) || ran != 2 {
		t.Errorf("got %v and %d runs; want fault 1 for both, and 2", err, ran)
	}
}

// TestMulticallHostileAnswers: whatever comes back, each element has an error
// that tells, and no result of another.
func TestMulticallHostileAnswers(t *testing.T) {
	list := func(items ...string) string {
		return result("<value><array><data>" + strings.Join(items, "") + "</data></array></value>")
	}
	const (
		one   = "<value><array><data><value><int>1</int></value></data></array></value>"
		none  = "<value><array><data></data></array></value>"
		two   = "<value><array><data><value>a</value><value>b</value></data></array></value>"
		text  = "<value><array><data><value>text</value></data></array></value>"
		empty = "<value><struct></struct></value>"
	)
	fault := func(code, message string) string {
		return "<value><struct><member><name>faultCode</name><value>" + code + "</value></member><member><name>faultString</name><value>" + message + "</value></member></struct></value>"
	}
	var srv replier
	c := newClient(t, mount(t, &srv), xmlrpc.ClientConfig{Values: xmlvalue.Options{MaxElements: 1000}})
	for _, test := range []struct {
		name, answer string
		want         [3]string // in the errors; "" for none
	}{
		{"good", list(one, one, one), [3]string{}},
		{"too few", list(one, one), [3]string{"expected 3 results, got 2", "got 2", "got 2"}},
		{"too many", list(one, one, one, one), [3]string{"expected 3 results, got 4", "got 4", "got 4"}},
		{"none", list(), [3]string{"got 0", "got 0", "got 0"}},
		{"no list", result(empty), [3]string{"expected list, got map", "expected list", "expected list"}},
		{"nothing", "<methodResponse><params/></methodResponse>", [3]string{"got 0", "got 0", "got 0"}},
		{"empty elements", list(one, none, two), [3]string{"", "one result, got 0", "one result, got 2"}},
		{"bare results", list(one, "<value><int>1</int></value>", "<value/>"), [3]string{"", "a fault, got int", "a fault, got string"}},
		{"results that do not fit", list(one, text, one), [3]string{"", "expected int, got string", ""}},
		{"fault", list(one, fault("<int>7</int>", "no\x7f"), one), [3]string{"", `fault 7: no\x7f`, ""}},
		{"fault with its code as text", list(fault(" 7 ", "no"), one, one), [3]string{"fault 7: no", "", ""}},
		{"fault with its code as double", list(fault("<double>7.0</double>", "no"), one, one), [3]string{"fault 7: no", "", ""}},
		{"fault with a strange code", list(fault("<nil/>", "no"), one, fault("x", "no")), [3]string{"fault 0: no", "", "fault 0: x: no"}},
		{"fault with its text as binary", list(one, fault("<int>7</int>", "<base64>bsO2/w==</base64>"), one), [3]string{"", "fault 7: nö\uFFFD", ""}},
		{"half a fault", list("<value><struct><member><name>faultString</name><value>no</value></member></struct></value>", one, "<value><struct><member><name>faultCode</name><value><int>7</int></value></member></struct></value>"), [3]string{"fault 0: no", "", "fault 7"}},
		{"fault with a long text", list(fault("<int>7</int>", strings.Repeat("x", 10_000)), one, one), [3]string{"…", "", ""}},
		{"no fault", list(one, empty, one), [3]string{"", "a fault, got map", ""}},
		{"many values", list(one, one, strings.Repeat("<value/>", 1000)), [3]string{"MaxElements", "MaxElements", "MaxElements"}},
		{"cut off", list(one, one, one)[:200], [3]string{"cannot be read", "cannot be read", "cannot be read"}},
		{"a fault of all", "<methodResponse><fault>" + fault("<int>9</int>", "all") + "</fault></methodResponse>", [3]string{"fault 9: all", "fault 9", "fault 9"}},
		{"HTML", "<html>", [3]string{"<html>", "<html>", "<html>"}},
	} {
		srv.set(test.answer)
		var got [3]int
		calls := []rpc.Element{{Method: "a", Into: &got[0]}, {Method: "b", Into: &got[1]}, {Method: "c", Into: &got[2]}}
		err := rpc.Multicall(bounded(t), c, calls)
		if failed := test.want != [3]string{}; (err != nil) != failed {
			t.Errorf("%s: got error %v; want one: %v", test.name, err, failed)
		}
		for i, want := range test.want {
			switch e := calls[i].Err; {
			case want == "" && (e != nil || got[i] != 1):
				t.Errorf("%s: calls[%d]: got %d, %v; want 1", test.name, i, got[i], e)
			case want != "" && (e == nil || !strings.Contains(e.Error(), want) || len(e.Error()) > 5000 || strings.Contains(e.Error(), "\x7f")):
				t.Errorf("%s: calls[%d]: got %v; want %q", test.name, i, e, want)
			case want != "" && got[i] != 0:
				t.Errorf("%s: calls[%d]: got the result %d beside an error", test.name, i, got[i])
			}
		}
	}
}

// TestMulticallLinkBreaks: each element knows how far the calls got.
func TestMulticallLinkBreaks(t *testing.T) {
	var requests atomic.Int32
	url := mount(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		srv := replier{body: result("<value><array><data>" + strings.Repeat("<value><array><data><value>x</value></data></array></value>", 2) + "</data></array></value>")}
		srv.ServeHTTP(w, r)
	}))
	c := newClient(t, url, xmlrpc.ClientConfig{})
	calls := make([]rpc.Element, 6)
	for i := range calls {
		calls[i].Method = "f"
	}
	err := rpc.Multicaller{Caller: c, Most: 2}.Call(bounded(t), calls)
	if n := requests.Load(); err == nil || n != 2 {
		t.Errorf("got %v after %d requests; want 2", err, n)
	}
	for i, want := range []rpc.Sent{-1, -1, rpc.Unknown, rpc.Unknown, rpc.NotSent, rpc.NotSent} {
		if want < 0 {
			if calls[i].Err != nil || calls[i].Result != "x" {
				t.Errorf("calls[%d]: got %v, %v", i, calls[i].Result, calls[i].Err)
			}
			continue
		}
		wantLink(t, calls[i].Err, want)
	}
}

// TestMulticallFalseIsZero: the options of the codec hold for results in a
// multicall too.
func TestMulticallFalseIsZero(t *testing.T) {
	var srv replier
	srv.set(result("<value><array><data>" + strings.Repeat("<value><array><data><value><boolean>0</boolean></value></data></array></value>", 3) + "</data></array></value>"))
	url := mount(t, &srv)
	for _, on := range []bool{true, false} {
		c := newClient(t, url, xmlrpc.ClientConfig{Values: xmlvalue.Options{FalseIsZero: on}})
		when := time.Now()
		name := "old"
		calls := []rpc.Element{{Method: "a", Into: &name}, {Method: "b", Into: &when}, {Method: "c"}}
		err := rpc.Multicall(bounded(t), c, calls)
		if (err == nil) != on {
			t.Errorf("FalseIsZero %v: got %v", on, err)
		}
		if on && (name != "" || !when.IsZero()) || calls[2].Result != false {
			t.Errorf("FalseIsZero %v: got %q, %v, %v", on, name, when, calls[2].Result)
		}
	}
}

// BenchmarkMulticall makes 64 calls in one request, and for comparison 64 by
// themselves.
func BenchmarkMulticall(b *testing.B) {
	reg := registry(b, map[string]any{"add": rpc.Func2(func(_ context.Context, x, y int) (int, error) { return x + y, nil })})
	c := newClient(b, "http://"+serve(b, &xmlrpc.Server{Handler: reg}), xmlrpc.ClientConfig{})
	var sums [64]int
	calls := make([]rpc.Element, len(sums))
	for i := range calls {
		calls[i] = rpc.Element{Method: "add", Args: rpc.Values{i, 1}, Into: &sums[i]}
	}
	ctx := context.Background()
	b.Run("together", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := rpc.Multicall(ctx, c, calls); err != nil || sums[63] != 64 {
				b.Fatal(err, sums)
			}
		}
	})
	b.Run("raw", func(b *testing.B) { // the request alone
		type element struct {
			Method string `rpc:"methodName"`
			Params []any  `rpc:"params"`
		}
		list := make([]element, len(calls))
		for i := range list {
			list[i] = element{"add", []any{i, 1}}
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rpc.Invoke[value.Void](ctx, c, "system.multicall", list); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("one by one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range calls {
				if sum, err := rpc.Invoke[int](ctx, c, "add", i, 1); err != nil || sum != i+1 {
					b.Fatal(err, sum)
				}
			}
		}
	})
}
