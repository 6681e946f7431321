package python

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/value"
)

// pyManagerServer is the server of a BaseManager as programs have it: types and
// callables that return what is shared. Its arguments are the key and the
// serializer. It ends with its standard input.
const pyManagerServer = `# -*- coding: utf-8 -*-
import os, sys, threading
from multiprocessing import managers
from multiprocessing.managers import BaseManager, SyncManager
try:
    import queue
except ImportError:
    import Queue as queue
class OutOfStock(Exception):
    pass
class Calculator(object):
    def __init__(self, start=0):
        self.total = start
    def add(self, x, y):
        return x + y
    def count(self, by=1):
        self.total += by
        return self.total
    def fail(self, text):
        raise ValueError(text)
    def out(self, name, left):
        raise OutOfStock(name, left)
    def passed_on(self):
        raise RuntimeError('fault -32003: too much')
    def unsendable(self):
        return threading.Lock()
    def items(self):
        return iter([1, 2, 3])
    def me(self):
        return self
    def thread(self):
        return threading.current_thread().name
    def gone(self):
        os._exit(3)
    def nests(self): # as another process would do it
        if sys.version_info < (3, 6):
            return False
        from multiprocessing import current_process
        current_process().authkey = sys.argv[1].encode('ascii')
        other = M(server.address, sys.argv[1].encode('ascii'))
        other.connect()
        inner, outer = other.list([4, 5]), other.list()
        outer.append(inner)
        kept.extend([inner, outer])
        return True
    def _hidden(self):
        return 1
shared_queue, shared_dict, shared_list = queue.Queue(), {}, []
kept = []
shared_event, shared_lock, shared_rlock = threading.Event(), threading.Lock(), threading.RLock()
class M(BaseManager):
    pass
M.register('get_queue', callable=lambda: shared_queue)
M.register('get_dict', callable=lambda: shared_dict, proxytype=managers.DictProxy)
M.register('get_list', callable=lambda: shared_list, proxytype=managers.ListProxy)
M.register('get_event', callable=lambda: shared_event, proxytype=managers.EventProxy)
M.register('get_lock', callable=lambda: shared_lock, proxytype=managers.AcquirerProxy)
M.register('get_rlock', callable=lambda: shared_rlock, proxytype=managers.AcquirerProxy)
M.register('Namespace', managers.Namespace, managers.NamespaceProxy)
M.register('Value', managers.Value, managers.ValueProxy)
M.register('Calculator', Calculator, method_to_typeid={'items': 'Iterator', 'me': 'Self'})
M.register('Limited', Calculator, exposed=('add',))
M.register('Self', method_to_typeid={'items': 'Iterator', 'me': 'Self'}, create_method=False)
M.register('list', list, managers.ListProxy)
M.register('get_nested', callable=lambda: server.id_to_obj[kept[1]._token.id][0], proxytype=managers.ListProxy)
M.register('Iterator', proxytype=managers.IteratorProxy, create_method=False)
m = M(('127.0.0.1', 0), sys.argv[1].encode('ascii'), sys.argv[2])
server = m.get_server()
sys.stdout.write('tcp://127.0.0.1:%d\n' % server.address[1])
sys.stdout.flush()
t = threading.Thread(target=server.serve_forever)
t.daemon = True
t.start()
sys.stdin.read()
os._exit(0)
`

// startManager runs the script and returns a Manager of it.
func startManager(t *testing.T, version peertest.PythonVersion, serializer Serializer, cfg ManagerConfig) (*Manager, *peertest.Process) {
	t.Helper()
	ctx := testContext(t)
	name := map[Serializer]string{Pickle: "pickle", XML: "xmlrpclib"}[serializer]
	p := peertest.StartPython(t, version.Path, pyManagerServer, testKey, name)
	url, err := p.ReadLine(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Auth, cfg.Serializer = liveKey(t, version), serializer
	m, err := DialManager(ctx, url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m, p
}

// create makes an object and closes it at the end of the test.
func create(t *testing.T, m *Manager, typeID string, args ...any) *Proxy {
	t.Helper()
	p, err := m.Create(testContext(t), typeID, args...)
	if err != nil {
		t.Fatalf("create %s: %v", typeID, err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// invoke calls a method, which must not fail.
func invoke[R any](t *testing.T, c rpc.Caller, method string, args ...any) R {
	t.Helper()
	got, err := rpc.Invoke[R](testContext(t), c, method, args...)
	if err != nil {
		t.Errorf("%s: %v", method, err)
	}
	return got
}

// TestLiveManagerServers calls the managers of every CPython.
func TestLiveManagerServers(t *testing.T) {
	for _, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			for name, serializer := range map[string]Serializer{"pickle": Pickle, "xmlrpclib": XML} {
				t.Run(name, func(t *testing.T) {
					m, _ := startManager(t, version, serializer, ManagerConfig{MaxConns: 4})
					testShared(t, m)
					testCalculator(t, m, serializer)
					testErrors(t, m, serializer)
					if serializer == Pickle {
						testProxies(t, m)
						testNested(t, m)
					}
					if err := m.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
			}
		})
	}
}

// testShared uses what managers mostly share.
func testShared(t *testing.T, m *Manager) {
	queue := create(t, m, "get_queue")
	invoke[rpc.Void](t, queue, "put", "job 1")
	invoke[rpc.Void](t, queue, "put", []int{2, 3}, Kwargs{"timeout": 1.5})
	if got := invoke[int](t, queue, "qsize"); got != 2 {
		t.Errorf("qsize: got %d; want 2", got)
	}
	if got := invoke[string](t, queue, "get"); got != "job 1" {
		t.Errorf("get: got %q; want job 1", got)
	}
	if got := invoke[[]int](t, queue, "get", true, 1.0); !slices.Equal(got, []int{2, 3}) {
		t.Errorf("get: got %v; want [2 3]", got)
	}

	dict := create(t, m, "get_dict")
	invoke[rpc.Void](t, dict, "update", map[string]int{"apples": 3})
	invoke[rpc.Void](t, dict, "__setitem__", "pears", 4)
	if got := invoke[int](t, dict, "__getitem__", "apples"); got != 3 {
		t.Errorf("__getitem__: got %d; want 3", got)
	}
	if got := invoke[map[string]int](t, dict, GetValue); !cmp.Equal(got, map[string]int{"apples": 3, "pears": 4}) {
		t.Errorf("%s: got %v; want apples 3, pears 4", GetValue, got)
	}
	if got := invoke[string](t, dict, "__repr__"); !strings.Contains(got, "'pears': 4") {
		t.Errorf("__repr__: got %q; want one with 'pears': 4", got)
	}
	if m.wire.serializer == Pickle { // in XML, Python 3 itself cannot send them
		testViews(t, dict)
	}

	list := create(t, m, "get_list")
	invoke[rpc.Void](t, list, "extend", []int{3, 1, 2})
	invoke[rpc.Void](t, list, "sort")
	if got := invoke[[]int](t, list, GetValue); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("sorted: got %v; want [1 2 3]", got)
	}
	sum := 0
	for n, err := range rpc.Stream[int](testContext(t), list, GetValue) {
		if sum += n; err != nil {
			t.Error(err)
		}
	}
	if sum != 6 {
		t.Errorf("stream of the list: got a sum of %d; want 6", sum)
	}

	event, lock := create(t, m, "get_event"), create(t, m, "get_lock")
	invoke[rpc.Void](t, event, "set")
	if !invoke[bool](t, event, "is_set") {
		t.Error("is_set: got false; want true")
	}
	if !invoke[bool](t, lock, "acquire") {
		t.Error("acquire: got false; want true")
	}
	if invoke[bool](t, lock, "acquire", false) {
		t.Error("acquire a second time: got true; want false")
	}
	invoke[rpc.Void](t, lock, "release")

	space, number := create(t, m, "Namespace", Kwargs{"x": 1}), create(t, m, "Value", "i", 7)
	invoke[rpc.Void](t, space, "__setattr__", "y", "why")
	if got := invoke[string](t, space, "__getattribute__", "y"); got != "why" {
		t.Errorf("y of the namespace: got %q; want why", got)
	}
	invoke[rpc.Void](t, number, "set", 8)
	if got := invoke[int](t, number, "get"); got != 8 {
		t.Errorf("the value: got %d; want 8", got)
	}
	for _, p := range []*Proxy{queue, dict, list, event, lock, space, number} {
		if err := p.Close(); err != nil {
			t.Errorf("close %s: %v", p.TypeID(), err)
		}
	}
	if n, err := m.NumberOfObjects(testContext(t)); n != 0 || err != nil {
		info, _ := m.DebugInfo(testContext(t))
		t.Errorf("objects that are left: got %d, %v; want 0\n%s", n, err, info)
	}
}

// testViews asks for what Python 3 makes lists of.
func testViews(t *testing.T, dict *Proxy) {
	t.Helper()
	if got := invoke[[]string](t, dict, "keys"); !cmp.Equal(slices.Sorted(slices.Values(got)), []string{"apples", "pears"}) {
		t.Errorf("keys: got %v; want apples and pears", got)
	}
	if got := invoke[[]int](t, dict, "values"); !cmp.Equal(slices.Sorted(slices.Values(got)), []int{3, 4}) {
		t.Errorf("values: got %v; want 3 and 4", got)
	}
}

// testCalculator calls an object of a class of the program's.
func testCalculator(t *testing.T, m *Manager, serializer Serializer) {
	ctx := testContext(t)
	c := create(t, m, "Calculator", Kwargs{"start": 10})
	if !slices.Contains(c.Methods(), "add") || slices.Contains(c.Methods(), "_hidden") {
		t.Errorf("methods: got %v; want add, and not _hidden", c.Methods())
	}
	var api struct {
		Add   func(context.Context, int, int) (int, error) `rpc:"add"`
		Count func(context.Context) (int, error)           `rpc:"count"`
	}
	if err := rpc.Bind(c, &api); err != nil {
		t.Fatal(err)
	}
	if got, err := api.Add(ctx, 3, 5); got != 8 || err != nil {
		t.Errorf("add: got %d, %v; want 8", got, err)
	}
	if got, err := api.Count(ctx); got != 11 || err != nil {
		t.Errorf("count: got %d, %v; want 11", got, err)
	}
	if got := invoke[int](t, c, "count", Kwargs{"by": 4}); got != 15 {
		t.Errorf("count by 4: got %d; want 15", got)
	}
	want := any(value.Tuple{int64(1), "é", nil, 1.5})
	if serializer == XML {
		want = []any{int64(1), "é", nil, 1.5}
	}
	if got := invoke[any](t, c, "add", value.Tuple{1, "é"}, value.Tuple{nil, 1.5}); !cmp.Equal(got, want) {
		t.Errorf("add of tuples: got %#v; want %#v", got, want)
	}

	var calls sync.WaitGroup
	for i := range 8 {
		calls.Go(func() {
			for j := range 10 {
				if got, err := rpc.Invoke[int](ctx, c, "add", i, j); got != i+j || err != nil {
					t.Errorf("add at the same time: got %d, %v; want %d", got, err, i+j)
				}
			}
		})
	}
	calls.Wait()

	// A thread of the server for itself, and RLock that knows it.
	rlock := create(t, m, "get_rlock")
	th, err := m.Thread(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mine := th.Caller(rlock)
	for range 2 { // Python 2 answers with integers
		if got := invoke[any](t, mine, "acquire"); got == false || got == int64(0) {
			t.Errorf("acquire of the RLock by its owner: got %v; want true", got)
		}
	}
	if invoke[bool](t, rlock, "acquire", false) {
		t.Error("acquire of the RLock by another thread: got true; want false")
	}
	invoke[rpc.Void](t, mine, "release")
	invoke[rpc.Void](t, mine, "release")
	if name := invoke[string](t, th.Caller(c), "thread"); name != invoke[string](t, th.Caller(c), "thread") || !strings.HasPrefix(name, "parley-") {
		t.Errorf("threads: got another one, or %q; want the same one, parley-…", name)
	}
	if err := th.Close(); err != nil {
		t.Error(err)
	}
	if _, err := rpc.Invoke[any](ctx, mine, "acquire"); err == nil {
		t.Error("a call on a thread that is closed: got no error; want one")
	}
	c.Close()
	rlock.Close()
}

// testErrors makes calls that fail.
func testErrors(t *testing.T, m *Manager, serializer Serializer) {
	ctx := testContext(t)
	c, limited, queue := create(t, m, "Calculator"), create(t, m, "Limited"), create(t, m, "get_queue")
	for _, test := range []struct {
		p      *Proxy
		method string
		args   []any
		code   int
		class  string
		text   string
		inXML  bool // it is told in XML as well
	}{
		{c, "fail", []any{"no €"}, rpc.CodeApplication, "ValueError", "no €", false},
		{c, "out", []any{"hammer", 3}, rpc.CodeApplication, "__main__.OutOfStock", "hammer, 3", false},
		{queue, "get", []any{false}, rpc.CodeApplication, "queue.Empty", "", false},
		{queue, "get", []any{true, 0.01}, rpc.CodeApplication, "queue.Empty", "", false},
		{c, "passed_on", nil, rpc.CodeOverLimit, "", "too much", false},
		{c, "add", []any{1}, rpc.CodeApplication, "TypeError", "add() ", false},
		{c, "nosuch", nil, rpc.CodeMethodNotFound, "AttributeError", "method not found: nosuch", true},
		{c, "_hidden", nil, rpc.CodeMethodNotFound, "AttributeError", "method not found: _hidden", true},
		{limited, "fail", []any{"x"}, rpc.CodeMethodNotFound, "AttributeError", "method not found: fail", true},
		{c, "unsendable", nil, rpc.CodeInternal, "the result cannot be sent", "", true},
	} {
		_, err := rpc.Invoke[any](ctx, test.p, test.method, test.args...)
		f := fault(err)
		var raised *Raised
		if serializer == XML && !test.inXML {
			if f.Code != rpc.CodeApplication || !strings.Contains(f.Message, "the function raised an exception, and XML") {
				t.Errorf("%s: got %v; want what XML tells", test.method, err)
			}
			continue
		}
		if f.Code != test.code || !strings.Contains(f.Message, test.text) {
			t.Errorf("%s: got %d %v; want %d with %q", test.method, f.Code, err, test.code, test.text)
		}
		if test.class != "" && (!errors.As(err, &raised) || raised.Class != test.class || !strings.Contains(raised.Text, test.text)) {
			t.Errorf("%s: got %#v; want class %s", test.method, err, test.class)
		}
	}
	_, err := m.Create(ctx, "nosuch")
	var raised *Raised
	if !errors.As(err, &raised) || raised.Class != "KeyError" || strings.TrimPrefix(raised.Text, "u") != "'nosuch'" || !strings.HasPrefix(raised.Traceback, "\nTraceback") && !strings.HasPrefix(raised.Traceback, "Traceback") {
		t.Errorf("create nosuch: got %v; want a KeyError with its traceback", err)
	}
	if got := invoke[int](t, c, "add", 3, 5); got != 8 {
		t.Errorf("behind all that: got %d; want 8", got)
	}
	for _, p := range []*Proxy{c, limited, queue} {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// testProxies calls methods that return proxies.
func testProxies(t *testing.T, m *Manager) {
	ctx := testContext(t)
	c := create(t, m, "Calculator")
	me, err := rpc.Invoke[*Proxy](ctx, c, "me")
	if err != nil {
		t.Fatal(err)
	}
	if me.ID() != c.ID() || me.TypeID() != "Self" {
		t.Errorf("me: got the object %s of type %s; want %s, Self", me.ID(), me.TypeID(), c.ID())
	}
	if got := invoke[int](t, me, "add", 3, 5); got != 8 {
		t.Errorf("add of the proxy: got %d; want 8", got)
	}
	if info, err := m.DebugInfo(ctx); err != nil || !strings.Contains(info, "refcount=2") {
		t.Errorf("debug info: got %q, %v; want one object with 2 references", info, err)
	}
	if err := me.Close(); err != nil {
		t.Error(err)
	}
	var items []int
	for item, err := range rpc.Stream[int](ctx, c, "items") {
		if err != nil {
			t.Error(err)
		}
		items = append(items, item)
	}
	if !slices.Equal(items, []int{1, 2, 3}) {
		t.Errorf("stream of an iterator: got %v; want [1 2 3]", items)
	}
	for range rpc.Stream[int](ctx, c, "items") {
		break
	}
	invoke[rpc.Void](t, c, "me")
	if _, err := rpc.Invoke[int](ctx, c, "me"); err == nil || !strings.Contains(err.Error(), "expected a *int, got a proxy of type Self") {
		t.Errorf("a proxy as an int: got %v; want an error", err)
	}
	if n, err := m.NumberOfObjects(ctx); n != 1 || err != nil {
		t.Errorf("objects: got %d, %v; want 1", n, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if n, err := m.NumberOfObjects(ctx); n != 0 || err != nil {
		t.Errorf("objects that are left: got %d, %v; want 0", n, err)
	}
	if _, err := rpc.Invoke[int](ctx, c, "add", 3, 5); err == nil || !strings.Contains(err.Error(), "not sent") {
		t.Errorf("a call on a proxy that is closed: got %v; want an error", err)
	}
}

// testNested takes a proxy out of a shared list, as there is in Python 3.6 and
// later.
func testNested(t *testing.T, m *Manager) {
	if !invoke[bool](t, create(t, m, "Calculator"), "nests") {
		return
	}
	ctx := testContext(t)
	outer := create(t, m, "get_nested")
	inner, err := rpc.Invoke[*Proxy](ctx, outer, "__getitem__", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := invoke[[]int](t, inner, GetValue); !slices.Equal(got, []int{4, 5}) || inner.TypeID() != "list" || !slices.Contains(inner.Methods(), "append") {
		t.Errorf("the list in the list: got %v of type %s with %v; want [4 5], list", got, inner.TypeID(), inner.Methods())
	}
	if _, err := rpc.Invoke[[]int](ctx, outer, "__getitem__", 0); err == nil || !strings.Contains(err.Error(), "got a proxy of type list") {
		t.Errorf("the list in the list as a list: got %v; want an error", err)
	}
	if err := inner.Close(); err != nil {
		t.Error(err)
	}
}

// TestLiveManagerServerThatBlocksAndGoes: contexts that end, and a server that
// does.
func TestLiveManagerServerThatBlocksAndGoes(t *testing.T) {
	for _, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			m, _ := startManager(t, version, Pickle, ManagerConfig{MaxConns: 3})
			queue, c := create(t, m, "get_queue"), create(t, m, "Calculator")
			ctx, cancel := context.WithTimeout(testContext(t), 50*time.Millisecond)
			defer cancel()
			_, err := rpc.Invoke[any](ctx, queue, "get")
			wantLink(t, err, rpc.Unknown, context.DeadlineExceeded)
			// The method goes on, and takes the next item, which is lost.
			invoke[rpc.Void](t, queue, "put", "lost")
			within(t, "the item to be taken", func() bool { return invoke[int](t, queue, "qsize") == 0 })
			// What blocks does not hold up other calls.
			got := make(chan string, 1)
			go func() { got <- invoke[string](t, queue, "get") }()
			invoke[int](t, c, "add", 3, 5)
			invoke[rpc.Void](t, queue, "put", "found")
			if item := <-got; item != "found" {
				t.Errorf("get: got %q; want found", item)
			}
			_, err = rpc.Invoke[any](testContext(t), c, "gone")
			var link *rpc.LinkError
			if !errors.As(err, &link) || link.Sent != rpc.Unknown {
				t.Errorf("a server that goes: got %v; want a LinkError, outcome unknown", err)
			}
			_, err = rpc.Invoke[any](testContext(t), c, "add", 3, 5)
			if !errors.As(err, &link) {
				t.Errorf("a server that has gone: got %v; want a LinkError", err)
			}
			if err := m.Close(); !errors.As(err, &link) || link.Sent != rpc.NotSent {
				t.Errorf("Close: got %v; want a LinkError, not sent", err)
			}
		})
	}
}

// TestLiveManagerLogins: wrong keys, and a policy that Python 3.11 cannot meet.
func TestLiveManagerLogins(t *testing.T) {
	for _, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			m, _ := startManager(t, version, Pickle, ManagerConfig{})
			other, err := auth.GenerateKey().With(auth.KeyConfig{AllowMD5: true})
			if err != nil {
				t.Fatal(err)
			}
			ctx := testContext(t)
			if _, err := DialManager(ctx, m.url, ManagerConfig{Auth: other}); !errors.Is(err, native.ErrAuth) {
				t.Errorf("another key: got %v; want ErrAuth", err)
			}
			strict, err := DialManager(ctx, m.url, ManagerConfig{Auth: key(t, false)})
			if !version.AtLeast(3, 12) {
				if !errors.Is(err, native.ErrPolicy) || strings.Count(err.Error(), m.url) != 1 || strings.Contains(err.Error(), "our authkey") {
					t.Errorf("a key without MD5: got %v; want ErrPolicy, the address once, and no word of another key", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			strict.Close()
		})
	}
}
