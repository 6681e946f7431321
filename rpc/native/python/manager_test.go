package python

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// toServer is what a client asks the server of a manager, and toObject how it
// calls the method of an object.
func toServer(name string, args ...any) tuple { return tuple{nil, name, tuple(args), dict{}} }

func toObject(ident, name string, args ...any) tuple { return tuple{ident, name, tuple(args), dict{}} }

func returned(v any) tuple { return tuple{"#RETURN", v} }

func failed(class, text string) tuple { return tuple{"#ERROR", raised(class, text)} }

// managerRegistry has names that matter to managers.
func managerRegistry(t testing.TB) *rpc.Registry {
	t.Helper()
	reg := testRegistry(t)
	for name, fn := range map[string]any{
		"catalog.class":   func() {},
		"deep.down.reach": func() string { return "deep" },
		"rpc.hidden":      func() string { return "found" },
		"print":           func() string { return "printed" },
		"class":           func() {},
		"_secret":         func() {},
		"aset":            func() value.Set { return value.Set{Items: []any{1, 2}} },
		"acomplex":        func() []any { return []any{complex(1, 2)} },
	} {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	find := func(name string) string { return "a " + name }
	if err := reg.Register("catalog.find", find, rpc.Params("name")); err != nil {
		t.Fatal(err)
	}
	return reg
}

var rootFunctions = []string{"acomplex", "add", "aset", "count", "describe", "echo", "fail", "fault", "identity", "join", "nothing", "peer", "year"}

func texts(list []string) tuple {
	t := make(tuple, len(list))
	for i, s := range list {
		t[i] = s
	}
	return t
}

var managerCalls = []struct {
	name string
	send tuple
	want tuple
}{
	{"dummy", toServer("dummy"), returned(nil)},
	{"accept_connection", toServer("accept_connection", "MainProcess|Thread-1"), returned(nil)},
	{"create", toServer("create", "rpc"), returned(tuple{"rpc", texts(rootFunctions)})},
	{"create a service", toServer("create", "catalog"), returned(tuple{"catalog", tuple{"find"}})},
	{"create with more dots", toServer("create", "deep.down"), returned(tuple{"deep.down", tuple{"reach"}})},
	{"create what is not there", toServer("create", "deep"), failed("AttributeError", "fault -32601: no namespace is named deep: there is catalog, deep.down, rpc, system")},
	{"create with arguments", toServer("create", "rpc", 1), failed("TypeError", "fault -32602: create: expected no arguments to the namespace rpc, whose functions take them")},
	{"create with keywords", tuple{nil, "create", tuple{"rpc"}, dict{"a": 1}}, failed("TypeError", "fault -32602: create: expected no arguments to the namespace rpc, whose functions take them")},
	{"create nothing", toServer("create"), failed("TypeError", "fault -32602: create: expected the name of a namespace, got no argument")},
	{"create a number", toServer("create", 5), failed("TypeError", "fault -32602: create: expected the name of a namespace, got a int")},
	{"incref", toServer("incref", "catalog"), returned(nil)},
	{"incref of another server's object", toServer("incref", "7f3a"), failed("AttributeError", "fault -32601: no namespace is named 7f3a: there is catalog, deep.down, rpc, system")},
	{"decref", toServer("decref", "catalog"), returned(nil)},
	{"decref of what is gone", toServer("decref", "7f3a"), returned(nil)},
	{"get_methods", toServer("get_methods", "catalog"), returned(tuple{"find"})},
	{"get_methods of a token", toServer("get_methods", dict{"typeid": "x", "id": "catalog"}), returned(tuple{"find"})},
	{"number_of_objects", toServer("number_of_objects"), returned(int64(4))},
	{"shutdown", toServer("shutdown"), failed("RuntimeError", "fault -32600: shutdown is refused: the server is not the manager's own; it goes on")},
	{"no such question", toServer("explode"), failed("AttributeError", "fault -32601: managers have no explode")},
	{"a function is none", toServer("add", 3, 5), failed("AttributeError", "fault -32601: managers have no add")},

	{"call", toObject("rpc", "add", 3, 5), returned(int64(8))},
	{"call by name", tuple{"rpc", "add", tuple{}, dict{"b": "y", "a": "x"}}, returned("xy")},
	{"arguments in a list", tuple{"rpc", "add", []any{3, 5}, dict{}}, returned(int64(8))},
	{"call of a service", toObject("catalog", "find", "saw"), returned("a saw")},
	{"call with more dots", toObject("deep.down", "reach"), returned("deep")},
	{"more dots in the method", toObject("deep", "down.reach"), returned("deep")},
	{"a full name", toObject("rpc", "catalog.find", "saw"), returned("a saw")},
	{"a name that is a keyword", toObject("rpc", "print"), returned("printed")},
	{"a service named rpc", toObject("rpc", "rpc.hidden"), returned("found")},
	{"no result", toObject("rpc", "nothing"), returned(nil)},
	{"stream", toObject("rpc", "count", 3), returned([]any{int64(0), int64(1), int64(2)})},
	{"unknown object", toObject("7f3a", "add", 3, 5), failed("AttributeError", "fault -32601: method not found: 7f3a.add")},
	{"unknown method", toObject("catalog", "add", 3, 5), failed("AttributeError", "fault -32601: method not found: catalog.add")},
	{"public names of the server are no methods", toObject("rpc", "create", "rpc"), failed("AttributeError", "fault -32601: method not found: create")},
	{"arguments", toObject("rpc", "add", 1, "x"), failed("TypeError", "fault -32602: add: cannot add int and string")},
	{"error of a function", toObject("rpc", "fail", "no \u20ac"), failed("RuntimeError", "fault -32500: no \u20ac")},
	{"fault", toObject("rpc", "fault", 17, "out of paper"), failed("RuntimeError", "fault 17: out of paper")},
	{"repr", toObject("catalog", "__repr__"), returned("<namespace catalog: find>")},
	{"str", toObject("rpc", "__str__"), returned("<namespace rpc: acomplex, add, aset, count, describe, echo, fail, fault and 5 more>")},
	{"repr of nothing", toObject("7f3a", "__repr__"), failed("AttributeError", "fault -32601: no namespace is named 7f3a: there is catalog, deep.down, rpc, system")},
	{"value", toObject("rpc", "#GETVALUE"), failed("RuntimeError", "fault -32600: the namespace rpc has no value to copy: call its functions")},
}

func TestManagerCalls(t *testing.T) {
	_, c := start(t, managerRegistry(t), Config{})
	for _, test := range managerCalls {
		if diff := cmp.Diff(any(test.want), exchange(t, c, test.send)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// A manager of Python 2.7 finds exceptions by the names of Python 2.
func TestManagerOfPython2(t *testing.T) {
	_, c := start(t, managerRegistry(t), Config{})
	if err := c.SendBytes(testContext(t), dumps(t, toObject("rpc", "add", 1, "x"), 2)); err != nil {
		t.Fatal(err)
	}
	answer, err := c.RecvBytes(testContext(t))
	if err != nil || !strings.Contains(string(answer), "cexceptions\nTypeError\n") || answer[1] != 2 {
		t.Errorf("got %q, %v; want exceptions.TypeError in protocol 2", answer, err)
	}
}

// What cannot be read is answered as a manager expects it, who would look in
// vain for the cause otherwise.
func TestManagerMessageThatCannotBeRead(t *testing.T) {
	h, err := NewHandler(managerRegistry(t), Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, send string }{
		{"protocol 2", "\x80\x02(X\x03\x00\x00\x00rpcX\x04\x00\x00\x00echocmultiprocessing.managers\nRebuildProxy\n)R\x85}t."},
		{"protocol 4", "\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00(\x8c\x03rpc\x8c\x04echocmultiprocessing.managers\nRebuildProxy\n)R\x85}t."},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := readAnswer(t, h, test.send)
			pair, ok := v.(tuple)
			if !ok || len(pair) != 2 || pair[0] != "#ERROR" {
				t.Fatalf("got %v; want #ERROR with an exception", v)
			}
			if e, ok := pair[1].(*pickle.Exception); !ok || e.Class != "TypeError" || !strings.Contains(e.Text(), "class multiprocessing.managers.RebuildProxy") {
				t.Errorf("got %v; want a TypeError that names the class", pair[1])
			}
		})
	}
	for _, send := range []string{"\x80\x04\x8c\x04echocos\nsystem\n\x86.", "cos\nsystem\n(S'true'\ntR.", "", "\x80", "\x80\x04", "\x80\x04\x95"} {
		if e, ok := readAnswer(t, h, send).(*pickle.Exception); !ok {
			t.Errorf("%q: got %v; want an exception alone", send, e)
		}
	}
	objects, err := NewHandler(managerRegistry(t), Config{Logger: quiet, Objects: "add"})
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := readAnswer(t, objects, "\x80\x02(K\x01K\x02K\x03cos\nsystem\nt.").(*pickle.Exception); !ok {
		t.Errorf("four arguments of the one function: got %v; want an exception alone", e)
	}
	data, _ := h.(*handler).answer(testContext(t), &rpc.Peer{}, unlimited(), []byte("\x80\x02(X\x03\x00\x00\x00rpccos\nsystem\n"))
	if _, info, err := pickle.Decode(data, pickle.Options{}); err != nil || info.Protocol != 2 {
		t.Errorf("protocol 2: got an answer in protocol %d, %v", info.Protocol, err)
	}
}

// readAnswer is the answer of a handler to one message.
func readAnswer(t testing.TB, h native.ObjectHandler, message string) any {
	t.Helper()
	data, _ := h.(*handler).answer(testContext(t), &rpc.Peer{}, unlimited(), []byte(message))
	v, _, err := pickle.Decode(data, pickle.Options{})
	if err != nil {
		t.Fatalf("%q: the answer %q: %v", message, data, err)
	}
	return v
}

// onlyThese are what the holder of the key may call, and all that anybody may.
type onlyThese []string

func (o onlyThese) Allow(_ context.Context, id rpc.Identity, method string) bool {
	return id.Name == "authkey" && slices.Contains(o, method)
}

// Who may not call a function does not find out from a manager that it is there.
func TestManagerShowsOnlyWhatThePeerMayCall(t *testing.T) {
	reg := managerRegistry(t)
	reg.Authorizer = onlyThese{"add", "deep.down.reach"}
	_, c := start(t, reg, Config{})
	for _, test := range []struct{ send, want tuple }{
		{toServer("create", "rpc"), returned(tuple{"rpc", tuple{"add"}})},
		{toServer("get_methods", "rpc"), returned(tuple{"add"})},
		{toServer("create", "catalog"), failed("AttributeError", "fault -32601: no namespace is named catalog: there is deep.down, rpc")},
		{toServer("incref", "catalog"), failed("AttributeError", "fault -32601: no namespace is named catalog: there is deep.down, rpc")},
		{toServer("number_of_objects"), returned(int64(2))},
		{toServer("debug_info"), returned("<namespace deep.down: reach>\n<namespace rpc: add>")},
		{toObject("rpc", "__repr__"), returned("<namespace rpc: add>")},
		{toObject("catalog", "__repr__"), failed("AttributeError", "fault -32601: no namespace is named catalog: there is deep.down, rpc")},
		{toObject("rpc", "add", 3, 5), returned(int64(8))},
		{toObject("rpc", "echo", 3), failed("AttributeError", "fault -32601: method not found: echo")},
		{toObject("catalog", "find", "saw"), failed("AttributeError", "fault -32601: method not found: catalog.find")},
		{toObject("system", "listMethods"), failed("AttributeError", "fault -32601: method not found: system.listMethods")},
	} {
		if diff := cmp.Diff(any(test.want), exchange(t, c, test.send)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.send, diff)
		}
	}
}

// elsewhere is a Caller that is no registry, whose names nobody has checked.
type elsewhere []string

func (e elsewhere) Call(_ context.Context, req *rpc.Request) (any, error) {
	if req.Method != "system.listMethods" {
		return nil, rpc.Errorf(17, "%s is not here", req.Method)
	}
	return rpc.Deliver(value.NewSource([]any(texts(e))), req)
}

// Python makes methods of names by exec: what is no name must not reach it.
func TestManagerNamesAreIdentifiers(t *testing.T) {
	names := elsewhere{
		"good", "G2_x", "a.good", "", ".", "a.", ".b", "rpc.hidden", "_callmethod", "a._connect", "__init__",
		"x(): pass\nimport os\ndef y", "a.b c", "a.é", "2x", "a.x-y", "a:b", "x\x00",
	}
	for _, word := range keywords {
		names = append(names, word, "a."+word)
	}
	_, c := start(t, names, Config{})
	for space, want := range map[string]tuple{"rpc": {"good", "G2_x"}, "a": {"good"}, "": {"b"}} {
		if diff := cmp.Diff(any(returned(tuple{space, want})), exchange(t, c, toServer("create", space))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", space, diff)
		}
	}
	if diff := cmp.Diff(any(failed("RuntimeError", "fault 17: a.x-y is not here")), exchange(t, c, toObject("a", "x-y"))); diff != "" {
		t.Errorf("a name that is not shown (-want +got):\n%s", diff)
	}
}

// A peer may ask for objects as often as it wants: there is nothing to keep.
func TestManagerKeepsNothing(t *testing.T) {
	_, c := start(t, managerRegistry(t), Config{})
	for i := range 5000 {
		exchange(t, c, toServer("create", "rpc"))
		exchange(t, c, toServer("incref", "rpc"))
		if i%2 == 0 {
			exchange(t, c, toServer("decref", "rpc"))
		}
	}
	if got := exchange(t, c, toServer("number_of_objects")); fmt.Sprint(got) != "[#RETURN 4]" {
		t.Errorf("got %v; want 4", got)
	}
}

// A shutdown that a peer asks for ends nothing, neither its connection nor the
// server.
func TestManagerShutdownIsRefused(t *testing.T) {
	h, err := NewHandler(managerRegistry(t), Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, "tcp://127.0.0.1:0", key(t, false), h)
	c := dial(t, url)
	exchange(t, c, toServer("shutdown"))
	if diff := cmp.Diff(any(returned(int64(8))), exchange(t, c, toObject("rpc", "add", 3, 5))); diff != "" {
		t.Errorf("the same connection (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(any(returned(int64(8))), exchange(t, dial(t, url), toObject("rpc", "add", 3, 5))); diff != "" {
		t.Errorf("another connection (-want +got):\n%s", diff)
	}
}
