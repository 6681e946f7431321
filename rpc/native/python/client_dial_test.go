package python

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// dialFake is Dial to a fake.
func dialFake(t testing.TB, s *fakeServer, cfg ClientConfig) *Client {
	t.Helper()
	cfg.DangerouslyWithoutAuth = true
	c, err := Dial(testContext(t), s.url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestDialConnectsAgain: a call whose connection breaks fails, and the next one
// has another.
func TestDialConnectsAgain(t *testing.T) {
	full := frame(dumps(t, "some text", 2))
	for at := range len(full) {
		var calls atomic.Int32
		s := startFake(t, func(c net.Conn, _ int, _ []byte) bool {
			if calls.Add(1) == 1 {
				_, _ = c.Write(full[:at])
				return false
			}
			_, err := c.Write(full)
			return err == nil
		})
		c := dialFake(t, s, ClientConfig{})
		_, err := rpc.Invoke[string](testContext(t), c, "f")
		wantLink(t, err, rpc.Unknown, io.ErrUnexpectedEOF)
		for range 2 {
			if got, err := rpc.Invoke[string](testContext(t), c, "f"); got != "some text" || err != nil {
				t.Errorf("cut at byte %d, the next call: got %q, %v; want some text", at, got, err)
			}
		}
		if _, _, dials := s.connections(); dials != 2 {
			t.Errorf("cut at byte %d: got %d connections; want 2", at, dials)
		}
		c.Close()
		_, err = rpc.Invoke[string](testContext(t), c, "f")
		wantLink(t, err, rpc.NotSent, net.ErrClosed)
	}
}

// TestClientTakesNoAnswerToNoCall: what comes before a call is not its answer.
func TestClientTakesNoAnswerToNoCall(t *testing.T) {
	serve := func(c net.Conn, n int, _ []byte) bool {
		return say(c, dumps(t, n, 2)) && say(c, dumps(t, "stale", 2))
	}
	waiting := func(conn *native.Conn) {
		within(t, "the answer to no call", conn.Waiting)
	}
	c := dialFake(t, startFake(t, serve), ClientConfig{})
	for range 3 {
		if got, err := rpc.Invoke[int](testContext(t), c, "f"); got != 0 || err != nil {
			t.Errorf("got %d, %v; want 0, the first answer of another connection", got, err)
		}
		waiting(c.conn)
	}
	conn, err := native.DialConn(testContext(t), startFake(t, serve).url, native.ConnConfig{DangerouslyWithoutAuth: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err = NewClient(conn, ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := rpc.Invoke[int](testContext(t), c, "f"); got != 0 || err != nil {
		t.Errorf("got %d, %v; want 0", got, err)
	}
	waiting(conn)
	for range 2 {
		_, err = rpc.Invoke[int](testContext(t), c, "f")
		wantLink(t, err, rpc.NotSent, errMalformed)
	}
}

// TestClientDistrusts: what is no answer ends the connection.
func TestClientDistrusts(t *testing.T) {
	for name, answer := range map[string][]byte{"no pickle": []byte("world"), "half of one": []byte("\x80\x02]"), "nothing": {}} {
		s := startFake(t, func(c net.Conn, _ int, _ []byte) bool { return say(c, answer) })
		conn, err := native.DialConn(testContext(t), s.url, native.ConnConfig{DangerouslyWithoutAuth: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewClient(conn, ClientConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rpc.Invoke[any](testContext(t), c, "f"); !errors.Is(err, errMalformed) || !errors.Is(err, rpc.ErrResult) {
			t.Errorf("%s: got %v; want an ErrResult that is %v", name, err, errMalformed)
		}
		_, err = rpc.Invoke[any](testContext(t), c, "f")
		wantLink(t, err, rpc.NotSent, errMalformed)
		c.Close()
	}
}

// TestClientHasATimeout: a call without a deadline ends.
func TestClientHasATimeout(t *testing.T) {
	s := startFake(t, func(net.Conn, int, []byte) bool { return true })
	c := dialFake(t, s, ClientConfig{CallTimeout: 1})
	_, err := rpc.Invoke[any](context.Background(), c, "f")
	var link *rpc.LinkError
	if !errors.As(err, &link) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want a LinkError that is context.DeadlineExceeded", err)
	}
}

// outOfStock is a class of the program's that is registered.
type outOfStock struct {
	Name string `rpc:"name"`
	Left int    `rpc:"left"`
}

func (e *outOfStock) Error() string { return e.Name + " is out of stock" }

// TestExceptionsOfTheProgram: what stands in the place of a result, and what is
// made of it.
func TestExceptionsOfTheProgram(t *testing.T) {
	raised := func(module, name string, args ...any) *pickle.Object {
		return &pickle.Object{Module: module, Name: name, How: pickle.Call, Args: args}
	}
	reg := pickle.NewRegistry()
	if err := reg.Name("shop.OutOfStock", outOfStock{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		answer  *pickle.Object
		options pickle.Options
		class   string // of a Raised; "" if it is none
		message string // of the error
	}{
		{"not known", raised("shop", "OutOfStock", "hammer", 3), pickle.Options{}, "shop.OutOfStock", "shop.OutOfStock: hammer, 3"},
		{"nothing to say", raised("shop", "OutOfStock"), pickle.Options{}, "shop.OutOfStock", "shop.OutOfStock"},
		{"of C", raised("struct", "error", "bad"), pickle.Options{}, "struct.error", "struct.error: bad"},
		{"moved", raised("_queue", "Empty"), pickle.Options{}, "queue.Empty", "queue.Empty"},
		{"registered", raised("shop", "OutOfStock", "hammer", 3), pickle.Options{Registry: reg}, "", "hammer is out of stock"},
		{"a function", raised("os", "system", "true"), pickle.Options{}, "", "class os.system is not plain data"},
		{"an instance", &pickle.Object{Module: "shop", Name: "Product", How: pickle.New}, pickle.Options{}, "", "class shop.Product is not plain data"},
		{"a class", &pickle.Object{Module: "shop", Name: "Product", How: pickle.Reference}, pickle.Options{}, "", "class shop.Product is not plain data"},
		{"with Objects", raised("shop", "StockError", "hammer"), pickle.Options{Objects: true}, "shop.StockError", "shop.StockError: hammer"},
		{"with Objects, a result", raised("shop", "Colour", 3), pickle.Options{Objects: true}, "", ""},
	} {
		s := startFake(t, func(c net.Conn, _ int, _ []byte) bool { return say(c, opaque(t, test.answer)) })
		c := dialFake(t, s, ClientConfig{Pickle: test.options})
		got, err := rpc.Invoke[any](testContext(t), c, "f")
		if test.message == "" {
			if o, ok := got.(*pickle.Object); err != nil || !ok || o.Class() != "shop.Colour" {
				t.Errorf("%s: got %v, %v; want the object", test.name, got, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%s: got %v, %v; want the error %q", test.name, got, err, test.message)
			continue
		}
		var r *Raised
		if errors.As(err, &r) != (test.class != "" || test.name == "registered") || r != nil && (r.Class != test.class || fault(err).Code != rpc.CodeApplication || fault(err).Message != r.Error()) {
			t.Errorf("%s: got %#v; want class %q and a fault", test.name, err, test.class)
		}
		var own *outOfStock
		if errors.As(err, &own) != (test.name == "registered") || own != nil && *own != (outOfStock{"hammer", 3}) {
			t.Errorf("%s: got %v in it; want what is registered", test.name, own)
		}
	}
}

// TestRaisedInATraceback reads texts of CPython's traceback.format_exc.
func TestRaisedInATraceback(t *testing.T) {
	for _, test := range []struct{ text, class, rest string }{
		{"Traceback (most recent call last):\n  File \"m.py\", line 3, in f\n    g()\nKeyError: 'x'\n", "KeyError", "'x'"},
		{"Traceback (most recent call last):\n  File \"m.py\", line 3, in f\n    g()\n    ~^^\nshop.OutOfStock: a: b\nmore: of it\n", "shop.OutOfStock", "a: b"},
		{"Traceback (most recent call last):\n  File \"m.py\", line 3, in f\nKeyError: 'x'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"m.py\", line 5, in f\nqueue.Empty\n", "queue.Empty", ""},
		{"Traceback (most recent call last):\n", "", "Traceback (most recent call last):\n"},
		{"no traceback at all", "", "no traceback at all"},
		{"", "", ""},
	} {
		if r := raisedIn(test.text); r.Class != test.class || r.Text != test.rest || r.Traceback != test.text {
			t.Errorf("%q: got class %q, text %q; want %q, %q", test.text, r.Class, r.Text, test.class, test.rest)
		}
	}
	long := raisedIn(strings.Repeat("x ", 1<<19)).withFault(rpc.CodeApplication)
	if len(long.Traceback) != maxTraceback || len(long.Error()) > 2*maxExceptionText {
		t.Errorf("1 MiB: got %d bytes of traceback, %d of the error; want them cut", len(long.Traceback), len(long.Error()))
	}
}

// pyXMLServer serves calls as tuples with an XmlListener.
const pyXMLServer = `
import sys
from multiprocessing.connection import XmlListener
functions = {'add': lambda x, y: x + y, 'echo': lambda *args, **kwargs: [args, kwargs]}
l = XmlListener(('127.0.0.1', 0), authkey=sys.argv[1].encode('ascii'))
sys.stdout.write('tcp://127.0.0.1:%d\n' % l.address[1])
sys.stdout.flush()
c = l.accept()
try:
    while True:
        call = c.recv()
        c.send(functions[call[0]](*call[1], **(call[2] if len(call) > 2 else {})))
except EOFError:
    pass
`

// TestLiveXMLServers calls programs with an XmlListener.
func TestLiveXMLServers(t *testing.T) {
	for _, version := range peertest.Pythons(t) {
		t.Run(version.String(), func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			p := peertest.StartPython(t, version.Path, pyXMLServer, testKey)
			url, err := p.ReadLine(ctx)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Dial(ctx, url, ClientConfig{Auth: liveKey(t, version), Serializer: XML})
			if err != nil {
				t.Fatal(err)
			}
			if got := invoke[int](t, c, "add", 3, 5); got != 8 {
				t.Errorf("add: got %d; want 8", got)
			}
			want := []any{[]any{int64(1), "é €", nil, 1.5, true, []any{int64(2)}, map[string]any{"a": int64(3)}}, map[string]any{"x": "y"}}
			if got := invoke[any](t, c, "echo", 1, "é €", nil, 1.5, true, value.Tuple{2}, map[string]any{"a": 3}, Kwargs{"x": "y"}); !cmp.Equal(got, any(want)) {
				t.Errorf("echo: got %#v; want %#v", got, want)
			}
			if got := invoke[[]int](t, c, "add", []int{1}, []int{2, 3}); len(got) != 3 {
				t.Errorf("add of lists: got %v; want [1 2 3]", got)
			}
			c.Close()
			if err := p.Wait(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}
