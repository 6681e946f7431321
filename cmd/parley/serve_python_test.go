package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/peertest"
)

// pythonClient is the start of every script: it runs on 2.7 and 3.
const pythonClient = `
import pickle, sys
from multiprocessing.connection import Client
with open(sys.argv[3], "rb") as f:
    key = f.read()
    if key.endswith(b"\n"):
        key = key[:-1]
def connect():
    return Client((sys.argv[1], int(sys.argv[2])), authkey=key)
def kind(value): # Python 2 has two types for integers
    return "int" if type(value).__name__ == "long" else type(value).__name__
def check(got, want):
    assert got == want and kind(got) == kind(want), "got %r; want %r" % (got, want)
`

// everyForm sends calls in each form that Python programs use, all to one port.
const everyForm = pythonClient + `
c = connect()
# a plain tuple, answered by the result itself
for question, want in [
    (("add", (3, 5)), 8),
    (("add", (2**70, 1)), 2**70 + 1),
    (("add", (u"Hello", u"World")), u"HelloWorld"),
    (("add", ([1, 2, 3], [4, 5])), [1, 2, 3, 4, 5]),
    (("add", (3,), {"b": 5}), 8),
    (("add", (), {"a": 1.5, "b": 2}), 3.5),
    (("catalog.get", (2,)), {u"pid": 2, u"pname": u"Cup and saucer", u"pprice": 8.25}),
]:
    c.send(question)
    check(c.recv(), want)
# an exception object
for question, want, text in [
    (("add", (3, "five")), TypeError, "-32602: add: cannot add int and string"),
    (("nope", ()), AttributeError, "-32601"),
    (("fail", (u"oh no",)), RuntimeError, "-32500: oh no"),
    (("echo", (), {"x": 1}), TypeError, "-32602"),
]:
    c.send(question)
    got = c.recv()
    assert isinstance(got, want) and text in str(got), "%r: got %r; want %s with %r" % (question, got, want, text)
# the RPCProxy recipe: a pickled call inside a pickled bytes object
class Proxy(object):
    def __init__(self, connection):
        self.connection = connection
    def __getattr__(self, name):
        def do(*args, **kwargs):
            self.connection.send(pickle.dumps((name, args, kwargs)))
            result = pickle.loads(self.connection.recv())
            if isinstance(result, Exception):
                raise result
            return result
        return do
proxy = Proxy(connect())
check(proxy.add(3, 5), 8)
check(proxy.add(3, b=5), 8)
try:
    proxy.add(3, u"five")
    assert False, "no exception"
except TypeError as e:
    assert "cannot add int and string" in str(e), e
c.close()
print("done")
`

// everyKind sends values of every kind through echo and wants them back as they
// were.
const everyKind = pythonClient + `
import datetime, decimal, fractions, uuid
values = [None, True, 0, -1, 2**31, 2**63, -2**100, 0.5, 1e300, u"", u"gr\u00fc\u00df", b"\x00\xff", bytearray(b"ab"),
    (), (1, (2,)), [], [1, [2]], {}, {u"a": 1}, {1: u"one", (2, 3): None}, set([1, 2]), frozenset([u"x"]),
    complex(1.5, -2), decimal.Decimal("1.50"), fractions.Fraction(22, 7), uuid.UUID(int=2**100),
    datetime.datetime(2026, 3, 4, 5, 6, 7), range(1, 10, 3)]
if sys.version_info[0] > 2:
    values += [datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc)]
c = connect()
for value in values:
    c.send(("echo", (value,)))
    got = c.recv()
    assert isinstance(got, list) and len(got) == 1, "%r: got %r" % (value, got)
    check(got[0], value)
print("done")
`

// eachPython runs a test once for each CPython of this machine, against a
// server that lets it in.
func eachPython(t *testing.T, args []string, test func(t *testing.T, r *running, python peertest.PythonVersion)) {
	key := writeFile(t, "key", goodKey+"\n", 0o600)
	for _, v := range peertest.Pythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			args := append([]string{"--xmlrpc", "off", "--authkey-file", key}, args...)
			if !v.AtLeast(3, 12) {
				args = append(args, "--allow-md5")
			}
			test(t, newHome(t).serve(t, args...), v)
		})
	}
}

// script runs a Python script with host, port and key file as its arguments.
func (r *running) script(t *testing.T, python peertest.PythonVersion, script, keyFile string) string {
	t.Helper()
	_, addr := address(t, r.native)
	host, port, _ := strings.Cut(addr, ":")
	return peertest.RunPython(t, t.Context(), python.Path, script, host, port, keyFile)
}

// keyFile is the key file that the server was started with.
func (r *running) keyFile() string {
	for i, arg := range r.cmd.Args {
		if arg == "--authkey-file" {
			return r.cmd.Args[i+1]
		}
	}
	return r.key()
}

func TestLivePythonCalls(t *testing.T) {
	t.Parallel()
	eachPython(t, nil, func(t *testing.T, r *running, python peertest.PythonVersion) {
		for name, script := range map[string]string{"Forms": everyForm, "Kinds": everyKind} {
			t.Run(name, func(t *testing.T) {
				if got := r.script(t, python, script, r.keyFile()); got != "done\n" {
					t.Errorf("the script printed %q", got)
				}
			})
		}
	})
}

// The classic tutorial of an adding server, whose clients send pairs.
func TestLivePythonObjects(t *testing.T) {
	t.Parallel()
	eachPython(t, []string{"--objects", "add"}, func(t *testing.T, r *running, python peertest.PythonVersion) {
		got := r.script(t, python, pythonClient+`
c = connect()
for x, y, want in [(3, 5, 8), (u"Hello", u"World", u"HelloWorld"), ([1], [2], [1, 2])]:
    c.send((x, y))
    check(c.recv(), want)
print("done")
`, r.keyFile())
		if got != "done\n" {
			t.Errorf("the script printed %q", got)
		}
	})
}

// A Python that knows MD5 only is told so in the log, with the switch that lets
// it in; a wrong key is refused whatever the version.
func TestLivePythonRefused(t *testing.T) {
	t.Parallel()
	const refused = pythonClient + `
from multiprocessing import AuthenticationError
try:
    connect()
    print("connected")
except (AuthenticationError, EOFError, OSError) as e:
    print("refused")
`
	for _, v := range peertest.Pythons(t) {
		t.Run(v.String(), func(t *testing.T) {
			t.Parallel()
			if !v.AtLeast(3, 12) {
				r := newHome(t).serve(t, "--xmlrpc", "off")
				if got := r.script(t, v, refused, r.keyFile()); got != "refused\n" {
					t.Errorf("without --allow-md5 the script printed %q", got)
				}
				r.awaitLog(t, "--allow-md5")
				r.awaitLog(t, "Python 3.11 and older")
			}
			r := newHome(t).serve(t, "--xmlrpc", "off", "--allow-md5")
			wrong := writeFile(t, "wrong", strings.Repeat("w", 32), 0o600)
			if got := r.script(t, v, refused, wrong); got != "refused\n" {
				t.Errorf("with a wrong key the script printed %q", got)
			}
		})
	}
}

// A pickle that would run a program is refused, and the server lives on.
func TestLivePythonCannotRunCode(t *testing.T) {
	t.Parallel()
	python := peertest.Python(t)
	r := newHome(t).serve(t, "--allow-md5")
	mark := t.TempDir() + "/mark"
	_, addr := address(t, r.native)
	host, port, _ := strings.Cut(addr, ":")
	peertest.RunPython(t, t.Context(), python, pythonClient+fmt.Sprintf(`
import os
class Evil(object):
    def __reduce__(self):
        return (os.system, ("touch %s",))
for evil in [Evil(), ("add", (Evil(), 1)), pickle.dumps(("add", (Evil(), 1), {}))]:
    c = connect()
    c.send(evil)
    try:
        c.recv()
    except EOFError:
        pass
    c.close()
c = connect()
c.send(("add", (3, 5)))
check(c.recv(), 8)
`, mark), host, port, r.keyFile())
	if _, err := os.Stat(mark); !os.IsNotExist(err) {
		t.Errorf("a pickle has run a program (%v)", err)
	}
}

// Python's own XML-RPC client needs nothing but the URL.
func TestLivePythonXMLRPC(t *testing.T) {
	t.Parallel()
	python := peertest.Python(t)
	r := newHome(t).serve(t, "--native", "off")
	got := peertest.RunPython(t, t.Context(), python, `
import datetime, sys
from xmlrpc.client import Fault, MultiCall, ServerProxy
s = ServerProxy(sys.argv[1], use_builtin_types=True, allow_none=True)
assert s.add(3, 5) == 8
assert s.catalog.get(2)["pname"] == "Cup and saucer"
assert "validator1.countTheEntities" in s.system.listMethods()
values = [None, True, 1, -2**31, 2**31 - 1, 0.5, "", "grüß <&>", b"\x00\xff", [], {}, {"a": [1]}, datetime.datetime(2026, 3, 4, 5, 6, 7)]
assert s.echo(*values) == values, s.echo(*values)
try:
    s.add(3, "five")
    assert False
except Fault as f:
    assert f.faultCode == -32602 and f.faultString == "add: cannot add int and string", f
m = MultiCall(s)
m.add(1, 2)
m.add("a", "b")
assert list(m()) == [3, "ab"]
print("done")
`, r.xmlrpc)
	if got != "done\n" {
		t.Errorf("the script printed %q", got)
	}
}
