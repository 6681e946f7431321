package xmlrpc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// TestBrokenDocuments: what cannot be read is a fault with the code for it, no
// function runs, and the connection can be used on.
func TestBrokenDocuments(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{
		"run": func(...any) { t.Error("the function ran") },
	})})
	call := func(params string) string {
		return "<methodCall><methodName>run</methodName><params>" + params + "</params></methodCall>"
	}
	deep := func(n int) string {
		return call("<param>" + strings.Repeat("<value><array><data>", n) + strings.Repeat("</data></array></value>", n) + "</param>")
	}
	c := dial(t, addr)
	r := bufio.NewReader(c)
	for _, test := range []struct {
		name, doc string
		code      int
	}{
		{"empty", "", rpc.CodeNotWellFormed},
		{"no XML", "{}", rpc.CodeNotWellFormed},
		{"not closed", "<methodCall><methodName>run</methodName>", rpc.CodeNotWellFormed},
		{"cut off in an argument", call("<param><value><int>1")[:60], rpc.CodeNotWellFormed},
		{"more behind the end", call("") + "<x/>", rpc.CodeNotWellFormed},
		{"bad entity", call("<param><value>&nbsp;</value></param>"), rpc.CodeNotWellFormed},
		{"bare ampersand", call("<param><value>a & b</value></param>"), rpc.CodeNotWellFormed},
		{"control character", call("<param><value>\x01</value></param>"), rpc.CodeNotWellFormed},
		{"not UTF-8", call("<param><value>\xff</value></param>"), rpc.CodeInvalidCharacter},
		{"unknown encoding", `<?xml version="1.0" encoding="EBCDIC-CP-US"?>` + call(""), rpc.CodeEncoding},
		{"DOCTYPE", "<!DOCTYPE x>" + call(""), rpc.CodeNotWellFormed},
		{"entities that laugh", `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>` + call("<param><value>&b;</value></param>"), rpc.CodeNotWellFormed},
		{"external entity", `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + call("<param><value>&a;</value></param>"), rpc.CodeNotWellFormed},
		{"processing instruction", "<?php phpinfo(); ?>" + call(""), rpc.CodeNotWellFormed},
		{"an answer", "<methodResponse><params/></methodResponse>", rpc.CodeInvalidRequest},
		{"no method", "<methodCall><methodName/></methodCall>", rpc.CodeInvalidRequest},
		{"bad value", call("<param><value><int>one</int></value></param>"), rpc.CodeInvalidRequest},
		{"10 000 deep", deep(10_000), rpc.CodeOverLimit},
		{"300 000 values", call("<param><value><array><data>" + strings.Repeat("<value/>", 300_000) + "</data></array></value></param>"), rpc.CodeOverLimit},
		{"unknown method", document("no.such"), rpc.CodeMethodNotFound},
	} {
		if _, err := io.WriteString(c, request("POST / HTTP/1.1", addr, test.doc, "Content-Type: text/xml")); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		got := readAnswer(t, r)
		if got.status != 200 || !strings.Contains(got.body, fmt.Sprintf("<int>%d</int>", test.code)) {
			t.Errorf("%s: got status %d, %.300s; want fault %d", test.name, got.status, got.body, test.code)
		}
	}
}

// TestWrongArguments: an argument that does not fit is told by its place.
func TestWrongArguments(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"add": func(a, b int) int { return a + b }})})
	wantFault(t, post(t, addr, document("add")), rpc.CodeInvalidParams, "2 arguments, got 0")
	wantFault(t, post(t, addr, "<methodCall><methodName>add</methodName><params><param><value>x</value></param><param><value><int>1</int></value></param></params></methodCall>"),
		rpc.CodeInvalidParams, "params[0]: expected int, got string")
}

// TestUnwritableResults: the caller is told which part of its result XML-RPC does
// not carry, and why. What the service does wrong is in the log alone.
func TestUnwritableResults(t *testing.T) {
	var log logText
	results := map[string]any{
		"nan":     []any{1, map[string]any{"x": math.NaN()}},
		"large":   new(big.Int).Lsh(big.NewInt(1), 70),
		"long":    map[string]any{"list": []int64{1, 2, 3, 1 << 40}},
		"nil":     map[string]any{"x\n<y>": nil},
		"control": "bell \a",
		"key":     map[string]any{"bell\a": 1},
		"complex": complex(1, 2),
		"channel": make(chan int),
		"text":    []any{failingText{}},
		"panic":   panickingText{},
	}
	addr := serve(t, &xmlrpc.Server{
		Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) { return results[req.Method], nil }),
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
		Values:  xmlvalue.Options{NoNil: true, Int32Only: true},
	})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{})
	for method, want := range map[string]string{
		"nan":     "result[1].x: XML-RPC has no nan",
		"large":   "result: an integer of 71 bits does not fit <i8>, 63 bits and a sign",
		"long":    "result.list[3]: 1099511627776 does not fit the 32 bits of <int>, and <i8> is not sent",
		"nil":     `result.x\n<y>: nil is not sent`,
		"control": "result: text holds U+0007 at byte 5: XML cannot carry it",
		"key":     `result.bell\a: the key bell\a holds U+0007 at byte 4: XML cannot carry it`,
		"complex": "result: XML-RPC has no form for a complex",
		"channel": "", "text": "", "panic": "",
	} {
		_, err := rpc.Invoke[any](bounded(t), c, method)
		var fault *rpc.Fault
		if !errors.As(err, &fault) || fault.Code != rpc.CodeInternal {
			t.Errorf("%s: got %v; want fault %d", method, err, rpc.CodeInternal)
			continue
		}
		head, why, told := strings.Cut(fault.Message, "): ")
		if !strings.HasPrefix(head, "internal error (id ") || why != want || told != (want != "") {
			t.Errorf("%s: got %q; want %q behind the id", method, fault.Message, want)
		}
	}
	if text := log.String(); strings.Count(text, "canary") != 2 || !strings.Contains(text, "chan int") || !strings.Contains(text, "[1].x: ") || !strings.Contains(text, "an integer of 71 bits") {
		t.Errorf("the causes are not in the log:\n%s", text)
	}
}

type failingText struct{}

func (failingText) MarshalText() ([]byte, error) { return nil, errors.New("canary in a text") }
func (*failingText) UnmarshalText([]byte) error  { return nil }

type panickingText struct{}

func (panickingText) MarshalText() ([]byte, error) { panic("canary in a panic") }
func (*panickingText) UnmarshalText([]byte) error  { return nil }

// TestPanicOfRawCaller: a Caller that is not a registry may panic as well.
func TestPanicOfRawCaller(t *testing.T) {
	var log logText
	addr := serve(t, &xmlrpc.Server{
		Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
			if req.Method == "panic" {
				panic("canary")
			}
			return []string{}, nil
		}),
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	got := post(t, addr, document("panic"))
	wantFault(t, got, rpc.CodeInternal, "internal error (id ")
	if strings.Contains(got.body, "canary") || !strings.Contains(log.String(), "canary") {
		t.Errorf("the panic belongs into the log and not into the answer: %s", got.body)
	}
	wantAlive(t, addr)
}

// TestReturnedErrors: what a raw Caller returns crosses as rpc.FaultOf says.
func TestReturnedErrors(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		switch req.Method {
		case "fault":
			return nil, rpc.Errorf(77, "no <luck> & \x01")
		case "wrapped":
			return nil, fmt.Errorf("shop: %w", rpc.Errorf(404, "no such product"))
		}
		return nil, errors.New("plain")
	})})
	wantFault(t, post(t, addr, document("fault")), 77, "no &lt;luck&gt; &amp; \uFFFD")
	wantFault(t, post(t, addr, document("wrapped")), 404, "shop: fault 404: no such product")
	wantFault(t, post(t, addr, document("other")), rpc.CodeApplication, "plain")
}

// TestPeerAndMeta: a function sees who calls and what came with the call.
func TestPeerAndMeta(t *testing.T) {
	type seen struct {
		peer *rpc.Peer
		meta map[string]string
	}
	got := make(chan seen, 1)
	fn := func(ctx context.Context) { got <- seen{rpc.PeerFrom(ctx), rpc.MetaFrom(ctx)} }
	addr := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"f": fn})})
	mounted := strings.TrimPrefix(mount(t, &xmlrpc.Server{Handler: registry(t, map[string]any{"f": fn})}), "http://")
	for _, a := range []string{addr, mounted} {
		c := dial(t, a)
		io.WriteString(c, request("POST /RPC2 HTTP/1.1", a, document("f"), "Content-Type: text/xml", "parley-META-Trace-Id: 7 up", "Parley-Meta-X: a", "Parley-Meta-X: b"))
		if a := readAnswer(t, bufio.NewReader(c)); a.status != 200 {
			t.Fatalf("got status %d", a.status)
		}
		s := wait(t, got, "the call")
		if s.peer.Transport != "xmlrpc" || s.peer.Addr.String() != c.LocalAddr().String() || s.peer.Back != nil {
			t.Errorf("got the peer %+v; want transport xmlrpc and address %v", s.peer, c.LocalAddr())
		}
		if _, ok := s.peer.Addr.(*net.TCPAddr); !ok {
			t.Errorf("got an address of type %T", s.peer.Addr)
		}
		if s.meta["trace-id"] != "7 up" || s.meta["x"] != "a, b" || len(s.meta) != 2 {
			t.Errorf("got metadata %v", s.meta)
		}
	}
	wantFault(t, post(t, addr, document("f"), "Parley-Meta-A: "+strings.Repeat("x", 5000)), rpc.CodeOverLimit)
}

// TestDeadlineReachesFunction: the time that a caller will wait is the time that
// its function gets.
func TestDeadlineReachesFunction(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{Timeout: 2 * time.Second, Handler: registry(t, map[string]any{
		"left": func(ctx context.Context) int {
			deadline, ok := ctx.Deadline()
			if !ok {
				return -1
			}
			return int(time.Until(deadline).Milliseconds())
		},
		"obey": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	})})
	for _, test := range []struct {
		header   string
		min, max int
	}{{"X: y", 1000, 2000}, {"Parley-Timeout-Ms: 900", 1, 900}, {"Parley-Timeout-Ms: 3600000", 1000, 2000}} {
		got := post(t, addr, document("left"), test.header)
		left := -1
		if i := strings.Index(got.body, "<int>"); i >= 0 {
			fmt.Sscan(got.body[i+5:], &left)
		}
		if left < test.min || left > test.max {
			t.Errorf("%s: %d ms were left, %s; want %d to %d", test.header, left, got.body, test.min, test.max)
		}
	}
	// A function that obeys costs nobody the connection, if the machine is not so
	// busy that it ends too late.
	kept := false
	for range 20 {
		got := post(t, addr, document("obey"), "Parley-Timeout-Ms: 30")
		wantFault(t, got, rpc.CodeDeadlineExceeded)
		if kept = !got.closed; kept {
			break
		}
	}
	if !kept {
		t.Error("the connection was closed for a function that kept its deadline")
	}
	wantFault(t, post(t, addr, document("left"), "Parley-Timeout-Ms: 0"), rpc.CodeDeadlineExceeded)
	wantFault(t, post(t, addr, document("left"), "Parley-Timeout-Ms: soon"), rpc.CodeInvalidRequest, "Parley-Timeout-Ms")
}

// TestFunctionIgnoresDeadline: the caller is answered in time, whatever the
// function does, and the function is waited for in the end.
func TestFunctionIgnoresDeadline(t *testing.T) {
	for _, mounted := range []bool{false, true} {
		release := make(chan struct{})
		srv := &xmlrpc.Server{
			Timeout: 30 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
			Handler: registry(t, map[string]any{"stay": func() string { <-release; return "too late" }}),
		}
		var addr string
		if mounted {
			addr = strings.TrimPrefix(mount(t, srv), "http://")
		} else {
			addr = serve(t, srv)
		}
		start := time.Now()
		got := post(t, addr, document("stay"))
		wantFault(t, got, rpc.CodeDeadlineExceeded, "30ms")
		if took := time.Since(start); took < 30*time.Millisecond || took > 2*time.Second {
			t.Errorf("mounted %v: the answer took %v", mounted, took)
		}
		if !got.closed {
			t.Errorf("mounted %v: the connection is kept, though its function still runs", mounted)
		}
		if !mounted {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Shutdown did not wait for the function: %v", err)
			}
			cancel()
		}
		close(release)
	}
}

// TestCallerGoesAway: when nobody waits for an answer any more, the function
// is told, even long after the time for reading a request.
func TestCallerGoesAway(t *testing.T) {
	for _, mounted := range []bool{false, true} {
		began, ended := make(chan struct{}), make(chan error, 1)
		srv := &xmlrpc.Server{
			Logger:      slog.New(slog.DiscardHandler),
			ReadTimeout: 50 * time.Millisecond,
			Handler: registry(t, map[string]any{"watch": func(ctx context.Context) error {
				close(began)
				<-ctx.Done()
				ended <- ctx.Err()
				return ctx.Err()
			}}),
		}
		var addr string
		if mounted {
			addr = strings.TrimPrefix(mount(t, srv), "http://")
		} else {
			addr = serve(t, srv)
		}
		c := dial(t, addr)
		io.WriteString(c, request("POST /RPC2 HTTP/1.1", addr, document("watch"), "Content-Type: text/xml"))
		wait(t, began, "the call")
		select {
		case err := <-ended:
			t.Fatalf("mounted %v: the call was ended while its caller waits: %v", mounted, err)
		case <-time.After(120 * time.Millisecond):
		}
		c.Close()
		if err := wait(t, ended, "the end of the call"); !errors.Is(err, context.Canceled) {
			t.Errorf("mounted %v: got %v; want context.Canceled", mounted, err)
		}
	}
}

// TestTooManyCalls: one call more than may run is turned away, not queued.
func TestTooManyCalls(t *testing.T) {
	release, began := make(chan struct{}), make(chan struct{}, 8)
	addr := serve(t, &xmlrpc.Server{MaxCalls: 2, Handler: registry(t, map[string]any{
		"stay": func() string { began <- struct{}{}; <-release; return "done" },
	})})
	answers := make(chan answer, 2)
	for range 2 {
		go func() { answers <- post(t, addr, document("stay")) }()
	}
	for range 2 {
		wait(t, began, "a call")
	}
	got := post(t, addr, document("stay"))
	if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("got status %d, Retry-After %q; want 503 and when to come again", got.status, got.header.Get("Retry-After"))
	}
	close(release)
	for range 2 {
		if got := wait(t, answers, "an answer"); got.status != 200 || !strings.Contains(got.body, "done") {
			t.Errorf("got status %d, %s", got.status, got.body)
		}
	}
	wantAlive(t, addr)
}

// closeTracker is a result that is read while it is sent.
type closeTracker struct {
	io.Reader
	closed chan struct{}
}

func (c *closeTracker) Close() error { close(c.closed); return nil }

func TestReaderAsResult(t *testing.T) {
	blob := bytes.Repeat([]byte{0, 1, 2, 0xff, '\n'}, 100_003)
	tracker := &closeTracker{bytes.NewReader(blob), make(chan struct{})}
	broken := &closeTracker{io.MultiReader(bytes.NewReader(blob), failingReader{}), make(chan struct{})}
	addr := serve(t, &xmlrpc.Server{Handler: callerFunc(func(_ context.Context, req *rpc.Request) (any, error) {
		if req.Method == "broken" {
			return broken, nil
		}
		return tracker, nil
	})})
	c := newClient(t, "http://"+addr, xmlrpc.ClientConfig{})
	got, err := rpc.Invoke[[]byte](bounded(t), c, "blob")
	if err != nil || !bytes.Equal(got, blob) {
		t.Errorf("got %d bytes, %v; want %d bytes", len(got), err, len(blob))
	}
	wait(t, tracker.closed, "Close of the reader")

	_, err = rpc.Invoke[[]byte](bounded(t), c, "broken")
	var link *rpc.LinkError
	var none *xmlrpc.AnswerError
	if !errors.As(err, &link) || link.Sent != rpc.Unknown || errors.As(err, &none) {
		t.Errorf("a result that is cut off: got %v; want a LinkError of a broken connection", err)
	}
	wait(t, broken.closed, "Close of the reader")
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// TestPeerStopsReading: a caller that does not take its answer is cut off.
func TestPeerStopsReading(t *testing.T) {
	began := make(chan struct{})
	srv := &xmlrpc.Server{WriteTimeout: 100 * time.Millisecond, Handler: registry(t, map[string]any{
		"large": func() []byte { close(began); return make([]byte, 4<<20) },
	})}
	addr := serve(t, srv)
	c := dial(t, addr)
	if err := c.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, request("POST / HTTP/1.1", addr, document("large"), "Content-Type: text/xml"))
	wait(t, began, "the call")
	start := time.Now()
	if err := srv.Shutdown(bounded(t)); err != nil {
		t.Errorf("the server waits for a caller that does not read: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v to get rid of a caller that does not read", took)
	}
}

// TestSlowFunctionHasTimeToAnswer: the time for writing begins with the answer.
func TestSlowFunctionHasTimeToAnswer(t *testing.T) {
	addr := serve(t, &xmlrpc.Server{
		WriteTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, HeaderTimeout: 50 * time.Millisecond,
		Handler: registry(t, map[string]any{"slow": func() string { time.Sleep(150 * time.Millisecond); return "done" }}),
	})
	if got := post(t, addr, document("slow")); !strings.Contains(got.body, "done") {
		t.Errorf("got status %d, %s", got.status, got.body)
	}
}

// TestProxy: a Client is a Caller too, and so can be served.
func TestProxy(t *testing.T) {
	inner := serve(t, &xmlrpc.Server{Handler: registry(t, map[string]any{
		"join": func(s ...string) string { return strings.Join(s, "+") },
		"fail": func() error { return rpc.Errorf(7, "no") },
	})})
	outer := serve(t, &xmlrpc.Server{Handler: newClient(t, "http://"+inner, xmlrpc.ClientConfig{})})
	c := newClient(t, "http://"+outer, xmlrpc.ClientConfig{})
	if got, err := rpc.Invoke[string](bounded(t), c, "join", "a", "b", "c"); got != "a+b+c" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := rpc.Invoke[value.Void](bounded(t), c, "fail"); !errors.Is(err, &rpc.Fault{Code: 7}) {
		t.Errorf("got %v; want fault 7", err)
	}
}
