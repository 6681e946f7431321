package xmlrpc_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// pythonClient calls our server by what Python programs have: xmlrpc.client,
// xmlrpclib in Python 2. Every check that fails is a line of its output.
const pythonClient = `
from __future__ import print_function
import sys, datetime, traceback
try:
    import xmlrpc.client as xmlrpclib
    from xmlrpc.client import MAXINT, MININT
    unichr, py2 = chr, False
except ImportError:
    import xmlrpclib
    from xmlrpclib import MAXINT, MININT
    py2 = True

url = sys.argv[1]
kind = dict(use_builtin_types=True) if not py2 else dict(use_datetime=True)
s = xmlrpclib.ServerProxy(url, allow_none=True, **kind)

def check(what, got, want):
    if got != want or isinstance(got, bool) != isinstance(want, bool) or isinstance(got, float) != isinstance(want, float):
        print("%s: got %r; want %r" % (what, got, want))

def binary(b):
    return b if not py2 else xmlrpclib.Binary(b)

def fault(what, code, text, f, *args):
    try:
        print("%s: got %r; want fault %d" % (what, f(*args), code))
    except xmlrpclib.Fault as e:
        if e.faultCode != code or text not in e.faultString:
            print("%s: got %r; want fault %d with %r" % (what, e, code, text))

u = u"gr\u00fc\u00df Gott \u4e16\u754c \U0001F30D <&>\"' ]]> \u00a0"
values = [
    0, 1, -1, MAXINT, MININT, 2**31 - 1, -2**31,
    True, False, None,
    0.0, 1.5, -0.1, 3.0, 1e300, 5e-324, 1.7976931348623157e308, 0.1 + 0.2,
    "", "a", " both ends ", "two\nlines", "tab\tend", "<tag>&amp;</tag>", u, "x" * 100000,
    binary(b""), binary(b"\x00\xff\r\n"), binary(bytes(bytearray(range(256))) * 100),
    datetime.datetime(1998, 7, 17, 14, 8, 55), datetime.datetime(2400, 2, 29, 0, 0, 0),
    [], [1, "two", 3.5, None, [True, []]], {}, {"a": 1, "b": {"c": [u]}, u: "", "": None},
    [[[[[[[[[[1]]]]]]]]]], list(range(1000)), [{"pid": i, "pname": "p%d" % i} for i in range(100)],
]
for v in values:
    try:
        check("echo", s.echo(v), [v])
    except Exception:
        print("echo(%.80r) failed: %s" % (v, traceback.format_exc()))
check("echo of many", s.echo(*values), values)
check("echo of nothing", s.echo(), [])
check("a tuple is a list", s.echo((1, (2,))), [[1, [2]]])
check("add", s.add(3, 5), 8)
check("dotted", s.shop.item.price("tea"), 2.5)
check("void", s.void(), True)
check("i8 is read", s.large(), 2**62)

fault("application", 42, "no <luck> & more", s.fail)
fault("unknown", -32601, "no.such", getattr(s, "no.such"))
fault("arguments", -32602, "2 arguments", s.add, 1)
fault("kinds", -32602, "params[1]: expected int, got string", s.add, 1, "x")
fault("fits", -32602, "does not fit int8", s.tiny, 300)
fault("panic", -32603, "internal error", s.crash)
fault("no form", -32603, "has no nan", s.nan)
fault("control character", -32700, "", s.echo, "\x01")
check("and still there", s.add(1, 1), 2)

# One past the edge is Python's own refusal, and nothing of it arrives.
for n in (MAXINT + 1, MININT - 1):
    try:
        print("sent %d: %r" % (n, s.echo(n)))
    except OverflowError:
        pass

m = xmlrpclib.MultiCall(s)
m.add(3, 5); m.echo("x", None); m.fail(); m.add("a"); m.add(1, 1)
r = m()
check("multicall 0", r[0], 8)
check("multicall 1", r[1], ["x", None])
fault("multicall 2", 42, "no <luck>", lambda: r[2])
fault("multicall 3", -32602, "", lambda: r[3])
check("multicall 4", r[4], 2)
check("raw multicall", s.system.multicall([{"methodName": "add", "params": [1, 2]}, {"methodName": "system.multicall", "params": [[]]}])[0], [3])
fault("multicall of 65", -32003, "64", s.system.multicall, [{"methodName": "add", "params": [1, 2]}] * 65)

names = s.system.listMethods()
check("listMethods is sorted", names, sorted(names))
check("listMethods", [n for n in ("add", "echo", "system.multicall", "system.methodHelp") if n not in names], [])
check("methodHelp", s.system.methodHelp("add"), "Adds two numbers.")
check("methodSignature", s.system.methodSignature("add"), [["int", "int", "int"]])
check("methodSignature of itself", s.system.methodSignature("system.methodSignature"), [["array", "string"]])
check("methodParams", s.system.methodParams("add"), ["a", "b"])
check("methodParams that nobody has named", s.system.methodParams("echo"), [])
caps = s.system.getCapabilities()
check("getCapabilities", sorted(caps), ["faults_interop", "introspection", "nil", "system.multicall", "xmlrpc"])
check("getCapabilities: members", [sorted(c) for c in caps.values()], [["specUrl", "specVersion"]] * 5)
check("getCapabilities: nil", caps["nil"]["specVersion"], 20010518)

# Types of old: DateTime and Binary.
old = xmlrpclib.ServerProxy(url, allow_none=True)
check("DateTime", str(old.echo(xmlrpclib.DateTime("19980717T14:08:55"))[0]), "19980717T14:08:55")
check("Binary", old.echo(xmlrpclib.Binary(b"\x00\xff"))[0].data, b"\x00\xff")
check("encoding", xmlrpclib.ServerProxy(url, encoding="iso-8859-1").echo(u"gr\u00fc\u00df"), [u"gr\u00fc\u00df"])
print("done")
`

// pythonFunctions are what pythonClient calls.
func pythonFunctions(t testing.TB) *rpc.Registry {
	reg := registry(t, map[string]any{
		"echo":            func(args ...any) []any { return args },
		"shop.item.price": func(name string) float64 { return 2.5 },
		"void":            func() {},
		"large":           func() int64 { return 1 << 62 },
		"fail":            func() error { return rpc.Errorf(42, "no <luck> & more") },
		"tiny":            func(n int8) int8 { return n },
		"crash":           func() { panic("canary") },
		"nan":             func() float64 { return math.NaN() },
	})
	err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Params("a", "b"), rpc.Help("Adds two numbers."))
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

func TestLivePythonClient(t *testing.T) {
	reg := pythonFunctions(t)
	url := "http://" + serve(t, &xmlrpc.Server{Handler: reg}) + "/RPC2"
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			t.Parallel()
			if out := peertest.RunPython(t, context.Background(), python.Path, pythonClient, url); strings.TrimSpace(out) != "done" {
				t.Errorf("xmlrpc.client of Python %s:\n%s", python, out)
			}
		})
	}
}

// pythonServer is the server that Python programs have. Its first line of
// output is its port; it ends when its input does.
const pythonServer = `
import sys, datetime, threading, os
from xmlrpc.server import SimpleXMLRPCServer, SimpleXMLRPCRequestHandler
from xmlrpc.client import Fault

class Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/RPC2",)
    protocol_version = "HTTP/" + sys.argv[1]

server = SimpleXMLRPCServer(("127.0.0.1", 0), Handler, logRequests=False, allow_none=True, use_builtin_types=True)
server.register_introspection_functions()
server.register_multicall_functions()
server.register_function(lambda *a: list(a), "echo")
server.register_function(lambda *a: repr(a), "repr")
server.register_function(lambda a, b: a + b, "add")
server.register_function(lambda: 2**40, "large")
server.register_function(lambda: {1: 2}, "keys")
server.register_function(lambda: float("nan"), "nan")
def fail(code, text):
    "Fails as told."
    raise Fault(code, text)
server.register_function(fail)
print(server.server_address[1])
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
server.serve_forever()
`

func TestLivePythonServer(t *testing.T) {
	for _, protocol := range []string{"1.0", "1.1"} { // a connection for each call, and one for all
		t.Run(protocol, func(t *testing.T) {
			server := peertest.StartPython(t, peertest.Python(t), pythonServer, protocol)
			port, err := server.ReadLine(bounded(t))
			if err != nil {
				t.Fatal(err)
			}
			testPythonServer(t, newClient(t, "http://127.0.0.1:"+port, xmlrpc.ClientConfig{MaxConns: 1}))
			if protocol == "1.1" {
				return // the server is busy with the connection that is kept
			}
			_, err = rpc.Invoke[any](bounded(t), newClient(t, "http://127.0.0.1:"+port+"/other", xmlrpc.ClientConfig{}), "echo")
			var a *xmlrpc.AnswerError
			if !errors.As(err, &a) || a.Status != 404 {
				t.Errorf("another path: got %v; want status 404", err)
			}
		})
	}
}

func testPythonServer(t *testing.T, c *xmlrpc.Client) {
	date := time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)
	for _, v := range []any{
		int64(0), int64(math.MaxInt32), int64(math.MinInt32), true, false, nil, 0.5, -1e300, 5e-324, 3.0,
		"", "grüß <&> 世界 🌍", " x ", "a\nb", strings.Repeat("xyz<", 10_000),
		[]byte{},
		[]byte{0, 0xff, '\n'},
		make([]byte, 100_000), date,
		[]any{},
		[]any{int64(1), []any{"x", nil}},
		map[string]any{},
		map[string]any{"a": int64(1), "ä": []any{2.5}, "": nil},
	} {
		got, err := rpc.Invoke[any](bounded(t), c, "echo", v)
		if err != nil {
			t.Errorf("echo(%T %.60v): %v", v, v, err)
		} else if diff := cmp.Diff([]any{v}, got); diff != "" {
			t.Errorf("echo(%T %.60v) (-want +got):\n%s", v, v, diff)
		}
	}
	// What Python makes of our arguments.
	seen, err := rpc.Invoke[string](bounded(t), c, "repr", 1, int64(1)<<40, "ü", []byte{1}, date, 2.0, true, nil, map[int]string{5: "x"})
	if want := `(1, 1099511627776, 'ü', b'\x01', datetime.datetime(1998, 7, 17, 14, 8, 55), 2.0, True, None, {'5': 'x'})`; seen != want || err != nil {
		t.Errorf("got %s, %v; want %s", seen, err, want)
	}
	if sum, err := rpc.Invoke[int](bounded(t), c, "add", 3, 5); sum != 8 || err != nil {
		t.Errorf("add: got %d, %v", sum, err)
	}
	if list, err := rpc.Invoke[[]int](bounded(t), c, "add", []int{1}, []int{2}); err != nil || len(list) != 2 {
		t.Errorf("add: got %v, %v", list, err)
	}

	var f *rpc.Fault
	if _, err := rpc.Invoke[any](bounded(t), c, "fail", 42, "no <luck>"); !errors.As(err, &f) || f.Code != 42 || f.Message != "no <luck>" {
		t.Errorf("fail: got %v; want fault 42", err)
	}
	// Python's own errors are fault 1 with the exception's type and text.
	for method, want := range map[string]string{"no.such": "is not supported", "large": "int exceeds XML-RPC limits", "keys": "dictionary key must be string"} {
		if _, err := rpc.Invoke[any](bounded(t), c, method); !errors.As(err, &f) || f.Code != 1 || !strings.Contains(f.Message, want) {
			t.Errorf("%s: got %v; want fault 1 with %q", method, err, want)
		}
	}
	if nan, err := rpc.Invoke[float64](bounded(t), c, "nan"); err != nil || !math.IsNaN(nan) {
		t.Errorf("nan: got %v, %v", nan, err)
	}

	if help, err := rpc.Invoke[string](bounded(t), c, "system.methodHelp", "fail"); help != "Fails as told." || err != nil {
		t.Errorf("methodHelp: got %q, %v", help, err)
	}
	if names, err := rpc.Invoke[[]string](bounded(t), c, "system.listMethods"); len(names) < 9 || err != nil {
		t.Errorf("listMethods: got %q, %v", names, err)
	}
	type element struct {
		Method string `rpc:"methodName"`
		Params []any  `rpc:"params"`
	}
	results, err := rpc.Invoke[[]any](bounded(t), c, "system.multicall",
		[]element{{"add", []any{3, 5}}, {"fail", []any{7, "x"}}})
	want := []any{[]any{int64(8)}, map[string]any{"faultCode": int64(7), "faultString": "x"}}
	if diff := cmp.Diff(want, results); err != nil || diff != "" {
		t.Errorf("multicall: %v (-want +got):\n%s", err, diff)
	}

	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 4 {
				if sum, err := rpc.Invoke[int](bounded(t), c, "add", i, n); sum != i+n || err != nil {
					t.Errorf("add: got %d, %v", sum, err)
				}
			}
		})
	}
	wg.Wait()
}
