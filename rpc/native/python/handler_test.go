package python

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

type (
	tuple = value.Tuple
	dict  = map[string]any
)

// raised is the exception of a fault.
func raised(class, text string) *pickle.Exception { return pickle.NewException(class, text) }

// calls are sent as a tuple and by the recipe; both must come to the same.
var calls = []struct {
	name string
	send tuple
	want any
}{
	{"ints", tuple{"add", tuple{3, 5}}, int64(8)},
	{"text", tuple{"add", tuple{"Hello", "World"}}, "HelloWorld"},
	{"lists", tuple{"add", tuple{[]any{1, 2, 3}, []any{4, 5}}}, []any{int64(1), int64(2), int64(3), int64(4), int64(5)}},
	{"no keywords", tuple{"add", tuple{3, 5}, dict{}}, int64(8)},
	{"keywords None", tuple{"add", tuple{3, 5}, nil}, int64(8)},
	{"arguments in a list", tuple{"add", []any{3, 5}, dict{}}, int64(8)},
	{"all by name", tuple{"add", tuple{}, dict{"b": "y", "a": "x"}}, "xy"},
	{"one by name", tuple{"add", tuple{"x"}, dict{"b": "y"}}, "xy"},
	{"optional left out", tuple{"describe", tuple{"hammer"}, dict{"price": 7}}, "hammer 7"},
	{"optional by name", tuple{"describe", tuple{}, dict{"price": 7, "name": "hammer", "note": "new"}}, "hammer 7 new"},
	{"variadic with a name", tuple{"join", tuple{}, dict{"sep": "+"}}, "+[]"},
	{"kinds of pickle alone", tuple{"echo", tuple{pickle.Date{Year: 2024, Month: 2, Day: 29}, raised("KeyError", "x")}}, []any{pickle.Date{Year: 2024, Month: 2, Day: 29}, raised("KeyError", "x")}},
	{"no result", tuple{"nothing", tuple{}}, nil},
	{"stream", tuple{"count", tuple{3}}, []any{int64(0), int64(1), int64(2)}},
	{"empty stream", tuple{"count", tuple{0}}, []any{}},
	{
		"kinds",
		tuple{"echo", tuple{tuple{1}, value.Set{Items: []any{int64(1)}}, 1.5, nil, true, []byte{0xff}, value.Map{{Key: int64(1), Value: "x"}}}},
		[]any{tuple{int64(1)}, value.Set{Items: []any{int64(1)}}, 1.5, nil, true, []byte{0xff}, value.Map{{Key: int64(1), Value: "x"}}},
	},

	{"unknown method", tuple{"nosuch", tuple{}}, raised("AttributeError", "fault -32601: method not found: nosuch")},
	{"kinds that do not add", tuple{"add", tuple{1, "x"}}, raised("TypeError", "fault -32602: add: cannot add int and string")},
	{"too few arguments", tuple{"add", tuple{1}}, raised("TypeError", "fault -32602: add: expected 2 arguments (a, b), got 1")},
	{"too many arguments", tuple{"add", tuple{1, 2, 3}}, raised("TypeError", "fault -32602: add: expected 2 arguments (a, b), got 3")},
	{"too few, by name", tuple{"add", tuple{}, dict{"a": 1}}, raised("TypeError", "fault -32602: add: expected 2 arguments (a, b), got 1")},
	{"the first is missing", tuple{"add", tuple{}, dict{"b": 1}}, raised("TypeError", "fault -32602: add: argument a is missing")},
	{"unknown name", tuple{"add", tuple{1, 2}, dict{"c": 1}}, raised("TypeError", `fault -32602: add: no parameter is named "c": expected a, b`)},
	{"given twice", tuple{"add", tuple{1, 2}, dict{"a": 1}}, raised("TypeError", "fault -32602: add: argument a is given twice, by position and by name")},
	{"name of the variadic", tuple{"join", tuple{}, dict{"sep": "+", "parts": []any{"x"}}}, raised("TypeError", `fault -32602: join: no parameter is named "parts": expected sep`)},
	{"more by position than there are", tuple{"describe", tuple{"a", 1, "b", 4, 5}, dict{"price": 7}}, raised("TypeError", "fault -32602: describe: argument price is given twice, by position and by name")},
	{"names of a function without", tuple{"echo", tuple{}, dict{"b": 1, "a": 2}}, raised("TypeError", "fault -32602: echo: keyword arguments are not taken: got a, b")},
	{"error of a function", tuple{"fail", tuple{"no such thing"}}, raised("RuntimeError", "fault -32500: no such thing")},
	{"fault of an application", tuple{"fault", tuple{17, "out of paper"}}, raised("RuntimeError", "fault 17: out of paper")},
	{"not a call: name", tuple{1, tuple{}}, raised("RuntimeError", "fault -32600: expected a call, as a tuple such as ('add', (3, 5)) or ('add', (3, 5), {}), or the pickle of one as bytes; got a tuple of 2")},
	{"not a call: arguments", tuple{"add", 3, dict{}}, raised("RuntimeError", "fault -32600: expected a call, as a tuple such as ('add', (3, 5)) or ('add', (3, 5), {}), or the pickle of one as bytes; got a tuple of 3")},
	{"not a call: keywords", tuple{"add", tuple{}, value.Map{{Key: 1, Value: 2}}}, raised("RuntimeError", "fault -32600: expected a call, as a tuple such as ('add', (3, 5)) or ('add', (3, 5), {}), or the pickle of one as bytes; got a tuple of 3")},
	{"not a call: one", tuple{"add"}, raised("RuntimeError", "fault -32600: expected a call, as a tuple such as ('add', (3, 5)) or ('add', (3, 5), {}), or the pickle of one as bytes; got a tuple of 1")},
}

func TestTupleCalls(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{})
	for _, test := range calls {
		if diff := cmp.Diff(test.want, exchange(t, c, test.send)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestRecipeCalls(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{})
	for protocol := 2; protocol <= pickle.MaxProtocol; protocol++ {
		for _, test := range calls {
			answer, ok := exchange(t, c, dumps(t, test.send, protocol)).([]byte)
			if !ok {
				t.Errorf("%s: got %v; want bytes", test.name, answer)
				continue
			}
			got, info, err := pickle.Decode(answer, pickle.Options{})
			if err != nil {
				t.Errorf("%s: the bytes within the answer: %v", test.name, err)
				continue
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
			if info.Protocol != protocol {
				t.Errorf("%s: got an answer in protocol %d; want %d", test.name, info.Protocol, protocol)
			}
		}
	}
}

// What can be read and is no call is answered, and the next call is served.
func TestOtherMessages(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{})
	noCall := "fault -32600: expected a call, as a tuple such as ('add', (3, 5)) or ('add', (3, 5), {}), or the pickle of one as bytes; got "
	recipe := func(v any) string { return string(dumps(t, dumps(t, v, 2), 2)) }
	for _, test := range []struct {
		name, send string
		want       any
	}{
		{"None", "\x80\x04N.", raised("RuntimeError", noCall+"a nil")},
		{"a list", "\x80\x04].", raised("RuntimeError", noCall+"a list")},
		{"a tuple of 5", "\x80\x04(NNNNNt.", raised("RuntimeError", noCall+"a tuple of 5")},
		{"recipe of None", recipe(nil), raisedWithin(t, "RuntimeError", noCall+"a nil")},
		{"recipe of a manager", recipe(tuple{nil, "dummy", tuple{}, dict{}}), raisedWithin(t, "RuntimeError", noCall+"a tuple of 4")},
	} {
		if diff := cmp.Diff(test.want, answered(t, c, test.send)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if got := exchange(t, c, tuple{"add", tuple{3, 5}}); got != int64(8) {
			t.Errorf("after %s: got %v; want 8", test.name, got)
		}
	}
}

// answered sends bytes and returns the object that comes back.
func answered(t testing.TB, c *native.Conn, send string) any {
	t.Helper()
	if err := c.SendBytes(testContext(t), []byte(send)); err != nil {
		t.Fatal(err)
	}
	var got any
	if err := c.Recv(testContext(t), &got); err != nil {
		t.Fatalf("answer to %.100q: %v", send, err)
	}
	return got
}

// raisedWithin is the exception as the recipe gets it.
func raisedWithin(t testing.TB, class, text string) []byte {
	return dumps(t, raised(class, text), 2)
}

// The classic tutorial: every object is the arguments of one function.
func TestObjects(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{Objects: "add"})
	for _, test := range []struct{ send, want any }{
		{tuple{3, 5}, int64(8)},
		{tuple{"Hello", "World"}, "HelloWorld"},
		{tuple{"add", tuple{3, 5}}, raised("TypeError", "fault -32602: add: cannot add string and tuple")},
		{tuple{1}, raised("TypeError", "fault -32602: add: expected 2 arguments (a, b), got 1")},
		{5, raised("TypeError", "fault -32602: add: expected 2 arguments (a, b), got 1")},
	} {
		if diff := cmp.Diff(test.want, exchange(t, c, test.send)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.send, diff)
		}
	}
	_, c = start(t, testRegistry(t), Config{Objects: "identity"})
	for _, v := range []any{int64(1), "text", []byte("\x80\x04N."), []any{int64(1)}, nil, dict{"a": int64(1)}} {
		if diff := cmp.Diff(v, exchange(t, c, v)); diff != "" {
			t.Errorf("not a tuple: the only argument (-want +got):\n%s", diff)
		}
	}
}

// An answer is in the protocol of its question, at least 2.
func TestProtocolIsMirrored(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{})
	ctx := testContext(t)
	for protocol := 0; protocol <= pickle.MaxProtocol; protocol++ {
		send, want := []byte("(Vadd\n(K\x03K\x05tt."), 2
		if protocol >= 2 {
			send, want = dumps(t, tuple{"add", tuple{3, 5}}, protocol), protocol
		}
		if err := c.SendBytes(ctx, send); err != nil {
			t.Fatal(err)
		}
		data, err := c.RecvBytes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, info, err := pickle.Decode(data, pickle.Options{}); err != nil || info.Protocol != want {
			t.Errorf("question in protocol %d: got an answer in %d, %v; want %d", protocol, info.Protocol, err, want)
		}
	}
}

// A result that cannot be sent is a fault; what was wrong is in the log alone.
func TestResultThatCannotBeSent(t *testing.T) {
	var log bytes.Buffer
	_, c := start(t, testRegistry(t), Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	got, ok := exchange(t, c, tuple{"year", tuple{10000}}).(*pickle.Exception)
	if !ok || got.Class != "RuntimeError" || !strings.HasPrefix(got.Text(), "fault -32603: internal error (id ") {
		t.Fatalf("got %v; want a RuntimeError with fault -32603", got)
	}
	id := strings.TrimSuffix(strings.TrimPrefix(got.Text(), "fault -32603: internal error (id "), ")")
	exchange(t, c, tuple{"nothing", tuple{}}) // the log is written before
	for _, want := range []string{id, "method=year", "expected a year from 1 to 9999"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log: got %q; want it to hold %q", log.String(), want)
		}
	}
	if strings.Contains(got.Text(), "year") {
		t.Errorf("got %q; want nothing of the cause", got.Text())
	}
}

func TestPeerOfACall(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{})
	if got := exchange(t, c, tuple{"peer", tuple{}}); got != "native authkey" {
		t.Errorf("got %v; want %q", got, "native authkey")
	}
}

// denyAll is an Authorizer.
type denyAll struct{}

func (denyAll) Allow(context.Context, rpc.Identity, string) bool { return false }

func TestPolicyHolds(t *testing.T) {
	reg := testRegistry(t)
	reg.Authorizer = denyAll{}
	want := raised("AttributeError", "fault -32601: method not found: add")
	_, c := start(t, reg, Config{})
	if diff := cmp.Diff(want, exchange(t, c, tuple{"add", tuple{3, 5}})); diff != "" {
		t.Errorf("tuple (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(raisedWithin(t, want.Class, want.Text()), exchange(t, c, dumps(t, tuple{"add", tuple{3, 5}}, 2))); diff != "" {
		t.Errorf("recipe (-want +got):\n%s", diff)
	}
	_, c = start(t, reg, Config{Objects: "add"})
	if diff := cmp.Diff(want, exchange(t, c, tuple{3, 5})); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

// blocker is a function that waits for its end.
type blocker struct {
	entered chan struct{}
	release chan struct{}
	ended   chan error
}

func newBlocker(t testing.TB, reg *rpc.Registry) *blocker {
	t.Helper()
	b := &blocker{make(chan struct{}, 100), make(chan struct{}), make(chan error, 100)}
	err := reg.Register("block", func(ctx context.Context) string {
		b.entered <- struct{}{}
		select {
		case <-ctx.Done():
			b.ended <- ctx.Err()
		case <-b.release:
			b.ended <- nil
		case <-time.After(30 * time.Second):
			b.ended <- errors.New("neither released nor cancelled")
		}
		return "done"
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPeerThatGoesCancelsItsCall(t *testing.T) {
	reg := testRegistry(t)
	b := newBlocker(t, reg)
	_, c := start(t, reg, Config{})
	if err := c.Send(testContext(t), tuple{"block", tuple{}}); err != nil {
		t.Fatal(err)
	}
	<-b.entered
	c.Close()
	if err := <-b.ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the call: got %v; want it cancelled", err)
	}
}

// The next message may come while a call runs; calls are answered in order.
func TestCallsAreAnsweredInOrder(t *testing.T) {
	reg := testRegistry(t)
	b := newBlocker(t, reg)
	_, c := start(t, reg, Config{})
	ctx := testContext(t)
	send := func(v any) {
		if err := c.Send(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	send(tuple{"block", tuple{}})
	<-b.entered
	time.Sleep(2 * watchAfter) // the peer is watched now
	for i := range 5 {
		send(tuple{"add", tuple{i, 0}})
	}
	time.Sleep(2 * watchAfter)
	close(b.release)
	want := []any{"done", int64(0), int64(1), int64(2), int64(3), int64(4)}
	for _, want := range want {
		var got any
		if err := c.Recv(ctx, &got); err != nil || got != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
}

func TestShutdownWaitsForTheCall(t *testing.T) {
	for _, test := range []struct {
		name  string
		watch time.Duration
	}{{"before the peer is watched", 0}, {"while it is", 3 * watchAfter}} {
		t.Run(test.name, func(t *testing.T) {
			reg := testRegistry(t)
			b := newBlocker(t, reg)
			s, c := start(t, reg, Config{})
			ctx := testContext(t)
			if err := c.Send(ctx, tuple{"block", tuple{}}); err != nil {
				t.Fatal(err)
			}
			<-b.entered
			time.Sleep(test.watch)
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := s.Shutdown(ctx); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
			time.Sleep(3 * watchAfter)
			close(b.release)
			var got any
			if err := c.Recv(ctx, &got); err != nil || got != "done" {
				t.Errorf("got %v, %v; want done", got, err)
			}
			if err := <-b.ended; err != nil {
				t.Errorf("the call: got %v; want it to end by itself", err)
			}
			wantEOF(t, c)
			wg.Wait()
		})
	}
}

func TestShutdownClosesIdlePeers(t *testing.T) {
	s, c := start(t, testRegistry(t), Config{})
	exchange(t, c, tuple{"add", tuple{3, 5}})
	if err := s.Shutdown(testContext(t)); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	wantEOF(t, c)
}

// A peer that does not read its answers is given up.
func TestPeerThatDoesNotRead(t *testing.T) {
	reg := testRegistry(t)
	_, c := start(t, reg, Config{SendTimeout: 100 * time.Millisecond})
	ctx, cancel := context.WithTimeout(testContext(t), 20*time.Second)
	defer cancel()
	call := dumps(t, tuple{"identity", tuple{make([]byte, 1<<20)}}, 4)
	var err error
	for range 1000 {
		if err = c.SendBytes(ctx, call); err != nil {
			break
		}
	}
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want the connection to be closed", err)
	}
}

// TestSmallMessageLargeAnswer: a message that names one text many times does not
// make the server send it as often.
func TestSmallMessageLargeAnswer(t *testing.T) {
	h, err := NewHandler(testRegistry(t), Config{MaxAnswer: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	call := "\x80\x04\x8c\x08identity((\x8c\xff" + strings.Repeat("x", 255) + "\x94" + strings.Repeat("h\x00", 200) + "lt\x86."
	answer, _, err := pickle.Decode(answerOf(t, h.(*handler), call), pickle.Options{})
	e, ok := answer.(*pickle.Exception)
	if !ok || !strings.Contains(fmt.Sprint(e.Args), "-32003") {
		t.Errorf("got %.100v, %v; want an exception with fault -32003", answer, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, test := range []struct {
		name string
		c    rpc.Caller
		cfg  Config
	}{
		{"no caller", nil, Config{}},
		{"SendTimeout", rpc.NewRegistry(), Config{SendTimeout: -1}},
		{"MaxAnswer", rpc.NewRegistry(), Config{MaxAnswer: -1}},
		{"Pickle", rpc.NewRegistry(), Config{Pickle: pickle.Options{MaxDepth: -1}}},
	} {
		if _, err := NewHandler(test.c, test.cfg); err == nil || !strings.HasPrefix(err.Error(), "python: ") {
			t.Errorf("%s: got error %v; want one", test.name, err)
		}
	}
}

func TestPickleOptionsAreUsed(t *testing.T) {
	_, c := start(t, testRegistry(t), Config{Pickle: pickle.Options{MaxDepth: 3, Objects: true}})
	ctx := testContext(t)
	if err := c.SendBytes(ctx, []byte("\x80\x02X\x08\x00\x00\x00identitycproduct\nProduct\n)\x81}X\x04\x00\x00\x00nameK\x01sb\x85\x86.")); err != nil {
		t.Fatal(err)
	}
	var got any
	err := c.Recv(ctx, &got)
	var class *pickle.ClassError
	if !errors.As(err, &class) || class.Class != "product.Product" {
		t.Errorf("an instance of a class that this end does not know: got %v, %v; want a ClassError for product.Product", got, err)
	}
	if e, ok := exchange(t, c, tuple{"echo", tuple{[]any{[]any{}}}}).(*pickle.Exception); !ok || !strings.Contains(e.Text(), "-32003") {
		t.Errorf("four containers within each other: got %v; want fault -32003", e)
	}
}

// FuzzAnswer checks that any message gets an answer that can be read.
func FuzzAnswer(f *testing.F) {
	for _, test := range calls {
		f.Add(dumps(f, test.send, 4), false)
		f.Add(dumps(f, dumps(f, test.send, 2), 2), false)
	}
	f.Add([]byte("<params/>"), false)
	for _, test := range managerCalls {
		f.Add(dumps(f, test.send, 4), false)
		f.Add([]byte(xmlOf(f, test.send)), false)
		f.Add([]byte(xmlOf(f, test.send)), true)
	}
	f.Add([]byte("\x80\x02K\x03K\x05\x86."), true)
	reg := testRegistry(f)
	plain, err := NewHandler(reg, Config{Logger: quiet})
	if err != nil {
		f.Fatal(err)
	}
	objects, err := NewHandler(reg, Config{Objects: "add", Logger: quiet})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, one bool) {
		h := plain.(*handler)
		if one {
			h = objects.(*handler)
		}
		answer, _ := h.answer(t.Context(), &rpc.Peer{}, unlimited(), data)
		if isXML(answer) {
			if isXML(data) {
				return
			}
			t.Fatalf("%q: got %q; want a pickle", data, answer)
		}
		v, _, err := pickle.Decode(answer, pickle.Options{MaxDepth: 100, MaxElements: 1 << 20})
		if err != nil {
			t.Fatalf("%q: the answer %q cannot be read: %v", data, answer, err)
		}
		if inner, ok := v.([]byte); ok && !one && !bytes.Contains(data, []byte("add")) && !bytes.Contains(data, []byte("identity")) {
			if _, _, err := pickle.Decode(inner, pickle.Options{MaxDepth: 100, MaxElements: 1 << 20}); err != nil {
				t.Fatalf("%q: within the answer %q: %v", data, answer, err)
			}
		}
	})
}

var _ native.ObjectHandler = (*handler)(nil)
