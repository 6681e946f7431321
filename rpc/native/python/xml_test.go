package python

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// xmlOf is what Python's _xml_dumps makes of v.
func xmlOf(t testing.TB, v any) string {
	t.Helper()
	data, err := appendXML(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// sendXML returns the answer to a document.
func sendXML(t testing.TB, c *native.Conn, doc string) string {
	t.Helper()
	if err := c.SendBytes(testContext(t), []byte(doc)); err != nil {
		t.Fatal(err)
	}
	answer, err := c.RecvBytes(testContext(t))
	if err != nil {
		t.Fatalf("answer to %q: %v", doc, err)
	}
	return string(answer)
}

func params(value string) string { return "<params><param>" + value + "</param></params>" }

func faulty(code int, text string) string {
	return "<fault>" + string(xmlvalue.AppendFaultValue(nil, code, text)) + "</fault>"
}

func TestXMLCalls(t *testing.T) {
	_, c := start(t, managerRegistry(t), Config{})
	pickled := func(v any) string { return xmlOf(t, dumps(t, v, 2)) }
	for _, test := range []struct{ name, send, want string }{
		{"tuple", xmlOf(t, tuple{"add", tuple{3, 5}}), params("<value><int>8</int></value>")},
		{"as Python writes it", "<params>\n<param>\n<value><array><data>\n<value><string>add</string></value>\n<value><array><data>\n<value><int>3</int></value>\n<value><int>5</int></value>\n</data></array></value>\n</data></array></value>\n</param>\n</params>\n", params("<value><int>8</int></value>")},
		{"keywords", xmlOf(t, tuple{"add", tuple{3}, dict{"b": 5}}), params("<value><int>8</int></value>")},
		{"no result", xmlOf(t, tuple{"nothing", tuple{}}), params("<value><nil/></value>")},
		{"text", xmlOf(t, tuple{"add", tuple{"<é", "&\r\n"}}), params("<value><string>&lt;é&amp;&#13;\n</string></value>")},
		{"nan", xmlOf(t, tuple{"identity", tuple{1.5}}), params("<value><double>1.5</double></value>")},
		{"a fault", xmlOf(t, tuple{"add", tuple{1, "x"}}), faulty(-32602, "add: cannot add int and string")},
		{"an unknown function", xmlOf(t, tuple{"nosuch", tuple{}}), faulty(-32601, "method not found: nosuch")},
		{"no call", xmlOf(t, 5), faulty(-32600, "expected a call, as a tuple such as ('add', (3, 5)) or ('add', (3, 5), {}), or the pickle of one as bytes; got a int")},
		{"the recipe", pickled(tuple{"add", tuple{3, 5}}), pickled(8)},
		{"the recipe, a fault", pickled(tuple{"nosuch", tuple{}}), pickled(raised("AttributeError", "fault -32601: method not found: nosuch"))},
		{"a manager", xmlOf(t, toServer("dummy")), xmlOf(t, returned(nil))},
		{"a manager creates", xmlOf(t, toServer("create", "catalog")), xmlOf(t, returned(tuple{"catalog", tuple{"find"}}))},
		{"a manager calls", xmlOf(t, toObject("rpc", "add", 3, 5)), xmlOf(t, returned(8))},
		{"a manager and a fault", xmlOf(t, toObject("rpc", "fail", "no \u20ac\x7f\U0001F600\tat all")), xmlOf(t, tuple{"#TRACEBACK", "fault -32500: no \\u20ac\\x7f\\U0001f600\\tat all\n"})},
		{"a manager shuts down", xmlOf(t, toServer("shutdown")), xmlOf(t, tuple{"#TRACEBACK", "fault -32600: shutdown is refused: the server is not the manager's own; it goes on\n"})},
	} {
		if diff := cmp.Diff(test.want, sendXML(t, c, test.send)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestXMLObjects(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{Objects: "add"})
	for _, test := range []struct{ send, want string }{
		{xmlOf(t, tuple{3, 5}), params("<value><int>8</int></value>")},
		{xmlOf(t, tuple{1, "x"}), faulty(-32602, "add: cannot add int and string")},
		{xmlOf(t, 1), faulty(-32602, "add: expected 2 arguments (a, b), got 1")},
	} {
		if diff := cmp.Diff(test.want, sendXML(t, c, test.send)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.send, diff)
		}
	}
}

// What XML cannot carry is a fault that says where it is.
func TestXMLResultThatCannotBeSent(t *testing.T) {
	_, c := start(t, managerRegistry(t), Config{})
	const want = "): result[0]: XML-RPC has no form for a complex"
	for _, send := range []string{xmlOf(t, tuple{"acomplex", tuple{}}), xmlOf(t, toObject("rpc", "acomplex"))} {
		if got := sendXML(t, c, send); !strings.Contains(got, want) || !strings.Contains(got, "-32603") {
			t.Errorf("%s: got %q; want -32603 and %q", send, got, want)
		}
	}
}

// Documents that cannot be read are answered by a fault with the reason.
func TestXMLThatCannotBeRead(t *testing.T) {
	h, err := NewHandler(testRegistry(t), Config{Logger: quiet, Pickle: pickle.Options{MaxDepth: 4, MaxElements: 20, MaxIntBits: 64}})
	if err != nil {
		t.Fatal(err)
	}
	call := func(arg string) string {
		return params("<value><array><data><value>identity</value><value><array><data>" + arg + "</data></array></value></data></array></value>")
	}
	for _, test := range []struct {
		name, send, want string
		stays            bool // what is wrong is no more than what it holds
	}{
		{"nothing behind <", "<", "-32700", false},
		{"no params", "<params/>", "expected &lt;params&gt; with one &lt;param&gt;, got 0", false},
		{"two params", "<params><param><value>a</value></param><param><value>b</value></param></params>", "expected &lt;params&gt; with one &lt;param&gt;, got 2", false},
		{"a call of XML-RPC", "<methodCall><methodName>add</methodName></methodCall>", "expected &lt;params&gt;, got &lt;methodCall&gt;", false},
		{"cut off", call("<value>")[:80], "-32700", false},
		{"a document type", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + call("<value>&e;</value>"), "-32700", false},
		{"a control character", call("<value>\x01</value>"), "a character that XML cannot carry", false},
		{"too deep", call(strings.Repeat("<value><array><data>", 3) + strings.Repeat("</data></array></value>", 3)), "-32003", true},
		{"too many values", call(strings.Repeat("<value/>", 20)), "-32003", true},
		{"too many digits", call("<value><int>123456789012345678901234567890</int></value>"), "-32003", true},
	} {
		answer, last := h.(*handler).answer(t.Context(), nil, unlimited(), []byte(test.send))
		if !strings.HasPrefix(string(answer), "<fault>") || !strings.Contains(string(answer), test.want) || (last == nil) != test.stays {
			t.Errorf("%s: got %q, %v; want a <fault> with %s, as the last answer: %v", test.name, answer, last, test.want, !test.stays)
		}
	}
	answer, last := h.(*handler).answer(t.Context(), nil, unlimited(), []byte(call("<value>x</value>")))
	if string(answer) != params("<value><string>x</string></value>") || last != nil {
		t.Errorf("within the limits: got %q, %v", answer, last)
	}
}

// Limits that XML cannot have are those that it can.
func TestXMLUnderLargeLimits(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{Pickle: pickle.Options{MaxDepth: 20_000, MaxElements: 1 << 40, MaxIntBits: 1 << 30}})
	if got, want := sendXML(t, c, xmlOf(t, tuple{"add", tuple{3, 5}})), params("<value><int>8</int></value>"); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// What XML becomes counts before it is read.
func TestXMLIsWithinTheBudget(t *testing.T) {
	h, err := NewHandler(testRegistry(t), Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: h, Auth: key(t, false), Logger: quiet, MaxMemory: 1 << 20, Limits: native.Limits{MaxMessage: 1 << 20}}
	c := dial(t, serveServer(t, s))
	large := params("<value><array><data><value>identity</value><value><array><data>" + strings.Repeat("<value/>", 50_000) + "</data></array></value></data></array></value>")
	if got := sendXML(t, c, large); !strings.Contains(got, "-32003") || !strings.Contains(got, "all connections of this server together") {
		t.Errorf("got %.200q; want fault -32003", got)
	}
	if got := sendXML(t, c, xmlOf(t, tuple{"add", tuple{3, 5}})); got != params("<value><int>8</int></value>") {
		t.Errorf("a small call: got %q", got)
	}
}

const pyXMLClient = pyCommon + `
from multiprocessing.connection import XmlClient
try:
    import xmlrpc.client as xmlrpclib
except ImportError:
    import xmlrpclib
c = XmlClient(urls[0], authkey=key)
def call(*message):
    c.send(message)
    return c.recv()
equal(call('add', (3, 5)), 8)
equal(call('add', (), {'a': u'h\u00e9 ', 'b': u'\u20ac'}), u'h\u00e9 \u20ac')
equal(call('count', (3,)), [0, 1, 2])
equal(call('nothing', ()), None)
equal(call('echo', (None, True, 1.5, 'x', (1, 2), {'a': [1]}, 2**31 - 1)), [None, True, 1.5, 'x', [1, 2], {'a': [1]}, 2**31 - 1])
equal(call('identity', (list(range(20000)),)), list(range(20000)))
equal(call('identity', (xmlrpclib.Binary(b'\x00\xff'),)).data, b'\x00\xff')
equal(call('add', (2**31 - 1, 1)), 2**31)
for code, text, message in [
    (-32602, u'add: cannot add int and string', ('add', (1, 'x'))),
    (-32601, u'method not found: nosuch', ('nosuch', ())),
    (17, u'no \u20ac', ('fault', (17, u'no \u20ac'))),
    (-32600, None, ('add',)),
]:
    try:
        got = call(*message)
    except xmlrpclib.Fault as e:
        assert e.faultCode == code and text in (None, e.faultString), repr(e)
    else:
        assert False, got
equal(call('add', (3, 5)), 8)
objects = XmlClient(urls[1], authkey=key)
objects.send((3, 5))
equal(objects.recv(), 8)
say('ok')
`

// TestLiveXMLClients serves the XmlClient of every CPython found.
func TestLiveXMLClients(t *testing.T) {
	for _, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			k := key(t, !version.AtLeast(3, 12))
			_, plain := serve(t, liveURL(t, true), k, Handler(testRegistry(t)))
			h, err := NewHandler(testRegistry(t), Config{Objects: "add"})
			if err != nil {
				t.Fatal(err)
			}
			_, objects := serve(t, liveURL(t, false), k, h)
			if got := peertest.RunPython(t, testContext(t), version.Path, pyXMLClient, testKey, plain, objects); got != "ok\n" {
				t.Errorf("got %q; want ok", got)
			}
		})
	}
}
