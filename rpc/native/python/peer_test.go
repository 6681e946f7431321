package python

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
)

// pyCommon begins every script. Its arguments are a URL and a key.
const pyCommon = `# -*- coding: utf-8 -*-
import pickle, sys
from multiprocessing.connection import Client, Listener
def address(url):
    if url.startswith('unix://'):
        return url[7:]
    host, port = url[6:].rsplit(':', 1)
    return (host, int(port))
def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()
def raises(kind, text, function, *args, **kwargs):
    try:
        got = function(*args, **kwargs)
    except Exception as e:
        assert type(e) is kind and e.args == (text,), repr(e)
    else:
        assert False, repr(got)
def equal(got, want):
    assert got == want, (got, want)
key = sys.argv[1].encode('ascii')
urls = [address(u) for u in sys.argv[2:]]
`

// pyValues go through echo and must come back the same, in kind and content.
const pyValues = `
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
values = [None, True, 5, -2**70, 1.5, u'h\u00e9 \U0001F600', u'', [], [1, [2]], (), (1, (2,)), {}, {u'a': [1]}, {1: 2, (3, u'x'): 4},
    set([1, 2]), frozenset([u'a']), bytearray(b'\xff\x00'), 1 + 2j, Decimal('1.50'), Fraction(1, 3),
    UUID(int=2**127), datetime(2024, 2, 29, 12, 30, 15, 250000),
    date(2024, 2, 29), time(12, 30, 15, 250000), timedelta(-1, 2, 3), [(date(1, 1, 1),)], b'\xff\x00\xfe', b'\xff' * 100000, u'x' * 100000, [1] * 1000]
if sys.version_info[0] > 2:
    from datetime import timezone
    values += [b'', b'abc', range(3), datetime(2024, 1, 2, tzinfo=timezone.utc), datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=5, minutes=30)))]
def check_echo(echo):
    for v in values:
        got = echo(v)
        assert type(got) is list and len(got) == 1, got
        got = got[0]
        if not isinstance(v, int): # Python 2 has two of it
            assert type(got) is type(v), (got, v)
        assert got == v, (got, v)
    equal(echo(*values), values)
`

// pyTuple calls with tuples; pyRecipe uses the class of the recipe as it has been
// passed around for years.
const pyTuple = pyCommon + pyValues + `
c = Client(urls[0], authkey=key)
def call(name, *args, **kwargs):
    c.send((name, args, kwargs) if kwargs else (name, args))
    got = c.recv()
    if isinstance(got, Exception):
        raise got
    return got
` + pyCalls + `
c.close()
say('ok')
`

const pyRecipe = pyCommon + pyValues + `
class RPCProxy:
    def __init__(self, connection):
        self._connection = connection
    def __getattr__(self, name):
        def do_rpc(*args, **kwargs):
            self._connection.send(pickle.dumps((name, args, kwargs)))
            result = pickle.loads(self._connection.recv())
            if isinstance(result, Exception):
                raise result
            return result
        return do_rpc
c = Client(urls[0], authkey=key)
proxy = RPCProxy(c)
def call(name, *args, **kwargs):
    return getattr(proxy, name)(*args, **kwargs)
equal(proxy.add(2, 3), 5)
` + pyCalls + `
c.close()
say('ok')
`

const pyCalls = `
equal(call('add', 3, 5), 8)
equal(call('add', 'Hello', 'World'), 'HelloWorld')
equal(call('add', [1, 2, 3], [4, 5]), [1, 2, 3, 4, 5])
equal(call('add', (1,), (2, 3)), (1, 2, 3))
equal(call('add', 2**64, 1), 2**64 + 1)
equal(call('add', 1, 0.5), 1.5)
equal(call('add', b='y', a='x'), 'xy')
equal(call('describe', 'hammer', price=7, note='new'), 'hammer 7 new')
equal(call('nothing'), None)
equal(call('count', 3), [0, 1, 2])
equal(call('peer'), 'python authkey')
check_echo(lambda *args: call('echo', *args))
raises(TypeError, 'fault -32602: add: cannot add int and string', call, 'add', 1, 'x')
raises(TypeError, 'fault -32602: add: expected 2 arguments (a, b), got 1', call, 'add', 1)
raises(TypeError, 'fault -32602: echo: keyword arguments are not taken: got x', call, 'echo', x=1)
raises(AttributeError, 'fault -32601: method not found: nosuch', call, 'nosuch')
raises(RuntimeError, u'fault -32500: no \u20ac', call, 'fail', u'no \u20ac')
raises(RuntimeError, 'fault 17: out of paper', call, 'fault', 17, 'out of paper')
for i in range(200):
    equal(call('add', i, 1), i + 1)
class Odd(object):
    pass
try:
    call('echo', Odd())
except TypeError as e:
    assert '-32602' in str(e) and '__main__.Odd' in str(e), e
else:
    assert False
equal(call('add', 3, 5), 8)
`

const pyObjects = pyCommon + `
c = Client(urls[0], authkey=key)
for x, y in [(3, 5), ('Hello', 'World'), ([1, 2, 3], [4, 5]), (2**64, 1)]:
    c.send((x, y))
    equal(c.recv(), x + y)
c.send((1, 'x'))
got = c.recv()
assert type(got) is TypeError and got.args == ('fault -32602: add: cannot add int and string',), repr(got)
c.close()
say('ok')
`

func liveKey(t testing.TB, v peertest.PythonVersion) native.Auth {
	return key(t, !v.AtLeast(3, 12))
}

// liveURL is a TCP port, or with unix a socket where the system has them.
func liveURL(t testing.TB, unix bool) string {
	if unix && runtime.GOOS != "windows" {
		return "unix://" + filepath.Join(t.TempDir(), "s")
	}
	return "tcp://127.0.0.1:0"
}

// TestLiveClients serves unmodified clients of every CPython found.
func TestLiveClients(t *testing.T) {
	for i, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			k := key(t, !version.AtLeast(3, 12))
			_, plain := serve(t, liveURL(t, i%2 == 0), k, Handler(testRegistry(t)))
			h, err := NewHandler(testRegistry(t), Config{Objects: "add"})
			if err != nil {
				t.Fatal(err)
			}
			_, objects := serve(t, liveURL(t, false), k, h)
			for _, test := range []struct{ name, script, url, want string }{
				{"tuple", pyTuple, plain, "ok\n"},
				{"recipe", pyRecipe, plain, "ok\n"},
				{"objects", pyObjects, objects, "ok\n"},
			} {
				if got := peertest.RunPython(t, testContext(t), version.Path, test.script, testKey, test.url); got != test.want {
					t.Errorf("%s: got %q; want %q", test.name, got, test.want)
				}
			}
		})
	}
}

// pyServer serves a form, which is its second argument.
const pyServer = pyCommon + `
def add(x, y):
    return x + y
def echo(*args):
    return list(args)
def fail(text):
    raise ValueError(text)
def quiet():
    raise KeyError()
def nofile():
    raise IOError(2, 'No such file')
class Odd(Exception):
    pass
def odd():
    raise Odd('x')
def passed_on():
    raise RuntimeError('fault -32003: too much')
functions = dict((f.__name__, f) for f in (add, echo, fail, quiet, nofile, odd, passed_on))
functions['catalog.list'] = lambda: [{'name': 'hammer', 'price': 7}, {'name': 'saw', 'price': 9}]
form = sys.argv[2]
l = Listener(('127.0.0.1', 0), authkey=key)
say('tcp://127.0.0.1:%d' % l.address[1])
c = l.accept()
while True:
    try:
        message = c.recv()
    except EOFError:
        break
    kwargs = {}
    if form == 'arguments':
        name, args = 'add', message
    elif form == 'tuple':
        name, args = message
    else:
        name, args, kwargs = pickle.loads(message)
    try:
        result = functions[name](*args, **kwargs)
    except Exception as e:
        result = e
    c.send(pickle.dumps(result) if form == 'recipe' else result)
c.close()
l.close()
say('ok')
`

// TestLiveServers calls programs of every CPython found.
func TestLiveServers(t *testing.T) {
	for _, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			for name, form := range map[string]Form{"tuple": Tuple, "recipe": Recipe, "arguments": Arguments} {
				t.Run(name, func(t *testing.T) { testServer(t, version, name, form) })
			}
		})
	}
}

func testServer(t *testing.T, version peertest.PythonVersion, name string, form Form) {
	ctx := testContext(t)
	// The address helper of pyCommon is for clients; a form is no URL.
	script := strings.Replace(pyServer, "urls = [address(u) for u in sys.argv[2:]]\n", "", 1)
	p := peertest.StartPython(t, version.Path, script, testKey, name)
	url, err := p.ReadLine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := native.DialConn(ctx, url, native.ConnConfig{Auth: liveKey(t, version)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewClient(conn, ClientConfig{Form: form})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	if got, err := rpc.Invoke[int](ctx, c, "add", 3, 5); got != 8 || err != nil {
		t.Errorf("add(3, 5): got %v, %v; want 8", got, err)
	}
	if got, err := rpc.Invoke[string](ctx, c, "add", "Hello", "World"); got != "HelloWorld" || err != nil {
		t.Errorf("add of texts: got %q, %v; want HelloWorld", got, err)
	}
	if form != Arguments {
		testServerFunctions(t, ctx, c)
	}
	if _, err := rpc.Invoke[any](ctx, c, "add", 1, "x"); form != Arguments && fault(err).Code != rpc.CodeApplication || !strings.HasPrefix(fault(err).Message, "TypeError: unsupported operand") {
		t.Errorf("add(1, 'x'): got %v; want a fault with a TypeError", err)
	}
	if got, err := rpc.Invoke[[]int](ctx, c, "add", []int{1}, []int{2, 3}); err != nil || len(got) != 3 {
		t.Errorf("add of lists: got %v, %v; want [1 2 3]", got, err)
	}
	c.Close()
	if line, err := p.ReadLine(ctx); line != "ok" {
		t.Errorf("the end of the server: got %q, %v; want ok", line, err)
	}
	if err := p.Wait(ctx); err != nil {
		t.Error(err)
	}
}

func testServerFunctions(t *testing.T, ctx context.Context, c *Client) {
	type product struct {
		Name  string `rpc:"name"`
		Price int    `rpc:"price"`
	}
	products, err := rpc.Invoke[[]product](ctx, c, "catalog.list")
	if diff := cmp.Diff([]product{{"hammer", 7}, {"saw", 9}}, products); diff != "" || err != nil {
		t.Errorf("catalog.list: %v (-want +got):\n%s", err, diff)
	}
	values := []any{
		nil, true, int64(-5), 1.5, "é",
		[]any{int64(1)},
		value.Tuple{int64(1)},
		map[string]any{"a": int64(1)},
		value.Set{Items: []any{int64(1)}},
		[]byte{0xff, 0},
		new(big.Int).Lsh(big.NewInt(1), 70), value.Decimal("1.50"),
		value.UUID{1},
	}
	got, err := rpc.Invoke[any](ctx, c, "echo", values...)
	if diff := cmp.Diff(any(values), got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" || err != nil {
		t.Errorf("echo: %v (-want +got):\n%s", err, diff)
	}
	n := 0
	for item, err := range rpc.Stream[product](ctx, c, "catalog.list") {
		if n++; err != nil || item.Price == 0 {
			t.Errorf("stream of catalog.list: got %v, %v", item, err)
		}
	}
	if n != 2 {
		t.Errorf("stream of catalog.list: got %d items; want 2", n)
	}
	for method, want := range map[string]rpc.Fault{
		"quiet":     {Code: rpc.CodeApplication, Message: "KeyError"},
		"nofile":    {Code: rpc.CodeApplication, Message: "[Errno 2] No such file"},
		"passed_on": {Code: rpc.CodeOverLimit, Message: "too much"},
	} {
		if _, err := rpc.Invoke[any](ctx, c, method); fault(err).Code != want.Code || !strings.HasSuffix(fault(err).Message, want.Message) {
			t.Errorf("%s: got %v; want %v", method, err, &want)
		}
	}
	if _, err := rpc.Invoke[any](ctx, c, "fail", "no €"); fault(err).Message != "ValueError: no €" {
		t.Errorf("fail: got %v; want ValueError: no €", err)
	}
	// An exception of a class of the program's own.
	_, err = rpc.Invoke[any](ctx, c, "odd")
	if raised := new(Raised); !errors.As(err, &raised) || raised.Class != "__main__.Odd" || raised.Text != "x" || fault(err).Message != "__main__.Odd: x" {
		t.Errorf("odd: got %v; want __main__.Odd: x", err)
	}
}

// fault returns the fault in err's chain, or one that has its text.
func fault(err error) *rpc.Fault {
	var f *rpc.Fault
	if !errors.As(err, &f) {
		return &rpc.Fault{Message: fmt.Sprint(err)}
	}
	return f
}
