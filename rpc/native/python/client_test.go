package python

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// startClient serves reg and returns a Client of it, in each form.
func startClient(t *testing.T, reg *rpc.Registry, form Form) *Client {
	t.Helper()
	cfg := Config{}
	if form == Arguments {
		cfg.Objects = "add"
	}
	_, conn := start(t, reg, cfg)
	c, err := NewClient(conn, ClientConfig{Form: form})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClientForms(t *testing.T) {
	for _, form := range []Form{Tuple, Recipe, Arguments} {
		c := startClient(t, testRegistry(t), form)
		ctx := testContext(t)
		for range 3 { // later calls are in the protocol of the answers
			if got, err := rpc.Invoke[int](ctx, c, "add", 3, 5); got != 8 || err != nil {
				t.Errorf("form %d: got %v, %v; want 8", form, got, err)
			}
		}
		_, err := rpc.Invoke[any](ctx, c, "add", 1, "x")
		if want := (&rpc.Fault{Code: rpc.CodeInvalidParams, Message: "add: cannot add int and string"}); fault(err).Error() != want.Error() {
			t.Errorf("form %d: got %v; want %v", form, err, want)
		}
		if form == Arguments {
			continue
		}
		if _, err := rpc.Invoke[value.Void](ctx, c, "nothing"); err != nil {
			t.Errorf("form %d: nothing: got %v; want no error", form, err)
		}
		if _, err := rpc.Invoke[any](ctx, c, "nosuch"); !errors.Is(err, rpc.Errorf(rpc.CodeMethodNotFound, "")) {
			t.Errorf("form %d: nosuch: got %v; want fault %d", form, err, rpc.CodeMethodNotFound)
		}
		// A handler may pass on the arguments of another call, which it has not read.
		args := arguments{positional: []any{"a", "b"}}
		if got, err := c.Call(ctx, &rpc.Request{Method: "add", Args: args}); got != "ab" || err != nil {
			t.Errorf("form %d: arguments passed on: got %v, %v; want ab", form, got, err)
		}
		if got, err := c.Call(ctx, &rpc.Request{Method: "nothing"}); got != nil || err != nil {
			t.Errorf("form %d: no arguments: got %v, %v; want nil", form, got, err)
		}
	}
}

// A call that is given up leaves its answer behind; the next one reads past it.
func TestClientGivesUp(t *testing.T) {
	reg := testRegistry(t)
	b := newBlocker(t, reg)
	c := startClient(t, reg, Tuple)
	ctx, cancel := context.WithCancel(testContext(t))
	go func() {
		<-b.entered
		cancel()
	}()
	_, err := rpc.Invoke[string](ctx, c, "block")
	var link *rpc.LinkError
	if !errors.As(err, &link) || link.Sent != rpc.Unknown || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want a LinkError, outcome unknown, that is context.Canceled", err)
	}

	// While the answer is not there, others wait under their own context.
	short, cancel := context.WithTimeout(testContext(t), 30*time.Millisecond)
	defer cancel()
	if _, err := rpc.Invoke[int](short, c, "add", 1, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want context.DeadlineExceeded", err)
	}
	close(b.release)
	for i := range 3 {
		if got, err := rpc.Invoke[int](testContext(t), c, "add", i, 5); got != i+5 || err != nil {
			t.Errorf("after it: got %v, %v; want %d", got, err, i+5)
		}
	}
}

func TestClientWaitsItsTurn(t *testing.T) {
	reg := testRegistry(t)
	b := newBlocker(t, reg)
	c := startClient(t, reg, Tuple)
	first := make(chan error, 1)
	ctx := testContext(t)
	go func() {
		_, err := rpc.Invoke[string](ctx, c, "block")
		first <- err
	}()
	<-b.entered
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err := rpc.Invoke[int](short, c, "add", 3, 5)
	var link *rpc.LinkError
	if !errors.As(err, &link) || link.Sent != rpc.NotSent || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v; want a LinkError, not sent, that is context.DeadlineExceeded", err)
	}
	close(b.release)
	if err := <-first; err != nil {
		t.Errorf("the call before: %v", err)
	}
	if got, err := rpc.Invoke[int](ctx, c, "add", 3, 5); got != 8 || err != nil {
		t.Errorf("got %v, %v; want 8", got, err)
	}
}

func TestClientWhosePeerGoes(t *testing.T) {
	reg := testRegistry(t)
	b := newBlocker(t, reg)
	s, conn := start(t, reg, Config{})
	c, err := NewClient(conn, ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-b.entered
		s.Close()
	}()
	ctx := testContext(t)
	_, err = rpc.Invoke[string](ctx, c, "block")
	var link *rpc.LinkError
	if !errors.As(err, &link) || link.Sent != rpc.Unknown {
		t.Errorf("got %v; want a LinkError, outcome unknown", err)
	}
	_, err = rpc.Invoke[string](ctx, c, "add", 3, 5)
	if !errors.As(err, &link) || link.Sent != rpc.NotSent {
		t.Errorf("the next call: got %v; want a LinkError, not sent", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// A server that owes too many answers is not sent more.
func TestClientStopsAtAPeerThatDoesNotAnswer(t *testing.T) {
	reg := testRegistry(t)
	b := newBlocker(t, reg)
	defer close(b.release)
	c := startClient(t, reg, Tuple)
	for i := range maxUnread + 1 {
		ctx, cancel := context.WithTimeout(testContext(t), 5*time.Millisecond)
		_, err := rpc.Invoke[string](ctx, c, "block")
		cancel()
		var link *rpc.LinkError
		if !errors.As(err, &link) || link.Sent == rpc.NotSent && i < maxUnread && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("call %d: got %v; want a LinkError", i, err)
		}
	}
	c.turn <- struct{}{}
	unread := c.unread
	<-c.turn
	if unread > maxUnread {
		t.Errorf("got %d answers that are owed; want at most %d", unread, maxUnread)
	}
}

// answers serves each message of one connection with the next of a list.
type answers []string

func (a answers) ServeObjects(ctx context.Context, conn *native.Conn) error {
	for _, answer := range a {
		if _, err := conn.RecvBytes(ctx); err != nil {
			return err
		}
		if err := conn.SendBytes(ctx, []byte(answer)); err != nil {
			return err
		}
	}
	_, err := conn.RecvBytes(ctx)
	return err
}

func TestClientReadsOddAnswers(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		form         Form
		want         string
	}{
		{"no pickle", "world", Tuple, "python: result of f: the peer sent what is no answer: pickle: byte 0: expected a pickle opcode"},
		{"a command", "cos\nsystem\n(S'true'\ntR.", Tuple, "class os.system is not plain data"},
		{"not the kind asked for", "\x80\x02].", Tuple, "expected string, got list"},
		{"recipe: no bytes", "\x80\x02].", Recipe, "python: result of f: expected a pickle as bytes, got list"},
		{"recipe: exception without bytes", "\x80\x02cexceptions\nKeyError\nX\x01\x00\x00\x00x\x85R.", Recipe, "KeyError: x"},
		{"recipe: str of Python 2", "\x80\x02U\x1ecexceptions\nKeyError\n(S'y'\ntR..", Recipe, "KeyError: y"},
		{"exception that prints badly", "\x80\x02cexceptions\nKeyError\nX\x05\x00\x00\x00a\n\x1b[m\x85R.", Tuple, `KeyError: a\n\x1b[m`},
		{"class that prints badly", "\x80\x02cshop\nOut\x1b[m\nX\x01\x00\x00\x00x\x85R.", Tuple, `shop.Out\x1b[m: x`},
		{"text that only begins as a fault", "\x80\x02cexceptions\nKeyError\nX\x0b\x00\x00\x00fault x: yy\x85R.", Tuple, "KeyError: fault x: yy"},
		{"fault with a text", "\x80\x02cexceptions\nRuntimeError\nX\x0f\x00\x00\x00fault -32003: z\x85R.", Tuple, "fault -32003: z"},
	} {
		_, url := serve(t, "tcp://127.0.0.1:0", key(t, false), answers{test.answer})
		c, err := NewClient(dial(t, url), ClientConfig{Form: test.form})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := rpc.Invoke[string](testContext(t), c, "f"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %q, %v; want an error with %q", test.name, got, err, test.want)
		}
	}
}

func TestClientArgumentsThatCannotBeSent(t *testing.T) {
	c := startClient(t, testRegistry(t), Recipe)
	for _, v := range []any{func() {}, "\xff", value.Decimal("x")} {
		var link *rpc.LinkError
		if _, err := rpc.Invoke[any](testContext(t), c, "identity", v); err == nil || errors.As(err, &link) || !strings.HasPrefix(err.Error(), "python: call identity: ") {
			t.Errorf("identity of a %T: got error %v; want one that is no LinkError", v, err)
		}
	}
	if got, err := rpc.Invoke[int](testContext(t), c, "add", 3, 5); got != 8 || err != nil {
		t.Errorf("after them: got %v, %v; want 8", got, err)
	}
}

func TestClientConfigIsChecked(t *testing.T) {
	for _, cfg := range []ClientConfig{
		{Form: -1},
		{Form: 3},
		{Protocol: 1},
		{Protocol: 6},
		{Protocol: -1},
		{Pickle: pickle.Options{MaxMemo: -1}},
		{CallTimeout: -1},
		{Serializer: -1},
		{Serializer: 2},
		{Serializer: XML, Form: Recipe},
		{Auth: key(t, false)},
		{DialTimeout: 1},
		{MaxMessage: 1},
	} {
		if _, err := NewClient(nil, cfg); err == nil {
			t.Errorf("%+v: got no error; want one", cfg)
		}
	}
}

var (
	_ io.Closer  = (*Client)(nil)
	_ rpc.Caller = (*Client)(nil)
)
