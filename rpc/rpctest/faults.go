package rpctest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc"
)

var errMissing = errors.New("no such thing")

// canary stands in texts that must not cross the wire.
const canary = "canary-5170"

// failing are functions that fail in every way that a function can.
func failing() functions {
	return functions{
		"plain":     func() error { return errors.New("the disk is full") },
		"wrapped":   func() (int, error) { return 0, fmt.Errorf("store: %w", fs.ErrPermission) },
		"long":      func() error { return errors.New(strings.Repeat("ä", 100_000)) },
		"unclean":   func() error { return errors.New("two\nlines, \x1b[31mred\x00 \xff") },
		"fault":     func() error { return rpc.Errorf(1234, "not today: %d <&>", 5) },
		"negative":  func() error { return &rpc.Fault{Code: -7, Message: "minus seven"} },
		"inside":    func() error { return fmt.Errorf("outer text: %w", rpc.Errorf(1234, "inner")) },
		"sentinel":  func() error { return fmt.Errorf("pid 9: %w", errMissing) },
		"deadline":  func() error { return fmt.Errorf("backend: %w", context.DeadlineExceeded) },
		"cancelled": func() error { return context.Canceled },
		"secret":    func() error { return errors.New("password " + canary) },
		"panic":     func() { panic(canary) },
		"nilMap":    func() { map[string]int(nil)[canary] = 1 },
		"panicErr":  func(n int) (int, error) { return []int{}[n], errors.New(canary) },
		"fine":      func() string { return "fine" },
	}
}

func testFaults(t *testing.T, tr Transport) {
	reg, _ := newRegistry()
	register(t, reg, failing())
	reg.MapError(errMissing, 404)
	c := tr.Connect(t, reg)
	tests := []struct {
		method string
		code   int
		text   string // all of it
	}{
		{"plain", rpc.CodeApplication, "the disk is full"},
		{"wrapped", rpc.CodeApplication, "store: permission denied"},
		{"fault", 1234, "not today: 5 <&>"},
		{"negative", -7, "minus seven"},
		{"sentinel", 404, "pid 9: no such thing"},
	}
	for _, tt := range tests {
		_, err := rpc.Invoke[any](tr.bounded(t), c, tt.method)
		f := wantFault(t, tt.method, err, tt.code)
		if f.Message != tt.text {
			t.Errorf("%s: got text %q; want %q", tt.method, f.Message, tt.text)
		}
	}

	_, err := rpc.Invoke[any](tr.bounded(t), c, "inside")
	wantFault(t, "a fault inside another error", err, 1234, "inner")
	_, err = rpc.Invoke[any](tr.bounded(t), c, "deadline")
	wantFault(t, "a function that ran out of time", err, rpc.CodeDeadlineExceeded)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not context.DeadlineExceeded", err)
	}
	_, err = rpc.Invoke[any](tr.bounded(t), c, "cancelled")
	wantFault(t, "a function that was cancelled", err, rpc.CodeCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}

	_, err = rpc.Invoke[any](tr.bounded(t), c, "long")
	f := wantFault(t, "a long text", err, rpc.CodeApplication, "ää")
	if len(f.Message) > 5000 || !utf8.ValidString(f.Message) {
		t.Errorf("a text of 200000 bytes arrived as %d bytes, valid UTF-8: %v; want at most about 4096", len(f.Message), utf8.ValidString(f.Message))
	}
	_, err = rpc.Invoke[any](tr.bounded(t), c, "unclean")
	f = wantFault(t, "an unclean text", err, rpc.CodeApplication, "two", "lines", "red")
	if strings.ContainsAny(f.Message, "\x00\x1b\n") || !utf8.ValidString(f.Message) {
		t.Errorf("control characters crossed: %q", f.Message)
	}

	for _, name := range []string{"no.such", "Plain", "plain.", "<&>", strings.Repeat("x", 200)} {
		_, err := rpc.Invoke[any](tr.bounded(t), c, name, 1, "two")
		f := wantFault(t, "unknown method "+name, err, rpc.CodeMethodNotFound)
		if !errors.Is(err, &rpc.Fault{Code: rpc.CodeMethodNotFound}) {
			t.Errorf("%v is not a Fault of its code", err)
		}
		if strings.Contains(f.Message, "\n") {
			t.Errorf("the text has several lines: %q", f.Message)
		}
	}
	if got, err := rpc.Invoke[string](tr.bounded(t), c, "fine"); got != "fine" || err != nil {
		t.Errorf("after all that: %q, %v; want fine", got, err)
	}
}

// testPanics: a panic is answered by an id, under which the log has the cause.
func testPanics(t *testing.T, tr Transport) {
	reg, log := newRegistry()
	register(t, reg, failing())
	c := tr.Connect(t, reg)
	id := regexp.MustCompile(`\(id ([^)]+)\)`)
	seen := map[string]bool{}
	for _, call := range []struct {
		method string
		args   []any
		cause  string // in the log
	}{{"panic", nil, canary}, {"nilMap", nil, "nil map"}, {"panicErr", []any{1000}, "out of range"}} {
		_, err := rpc.Invoke[any](tr.bounded(t), c, call.method, call.args...)
		f := wantFault(t, call.method, err, rpc.CodeInternal, "internal error")
		for _, leak := range []string{canary, call.cause, "goroutine", ".go:"} {
			if strings.Contains(f.Message, leak) {
				t.Errorf("%s: the text %q crossed the wire in %q", call.method, leak, f.Message)
			}
		}
		m := id.FindStringSubmatch(f.Message)
		if m == nil || seen[m[1]] {
			t.Errorf("%s: %q has no id of its own", call.method, f.Message)
			continue
		}
		seen[m[1]] = true
		if text := log.String(); !strings.Contains(text, m[1]) || !strings.Contains(text, call.cause) {
			t.Errorf("%s: the log has not both the id %s and %q:\n%s", call.method, m[1], call.cause, text)
		}
		tr.wantAlive(t, c)
	}
}

// testHideErrors: no text of a returned error crosses, while a fault that the
// function made is meant for its caller.
func testHideErrors(t *testing.T, tr Transport) {
	reg, log := newRegistry()
	reg.HideErrors = true
	register(t, reg, failing())
	c := tr.Connect(t, reg)
	_, err := rpc.Invoke[any](tr.bounded(t), c, "secret")
	f := wantFault(t, "secret", err, rpc.CodeApplication)
	if strings.Contains(f.Message, canary) {
		t.Errorf("the text of the error crossed: %q", f.Message)
	}
	if !strings.Contains(log.String(), canary) {
		t.Errorf("the text of the error is not in the log:\n%s", log)
	}
	_, err = rpc.Invoke[any](tr.bounded(t), c, "fault")
	wantFault(t, "fault", err, 1234, "not today")
	_, err = rpc.Invoke[any](tr.bounded(t), c, "no.such")
	wantFault(t, "no.such", err, rpc.CodeMethodNotFound)
	_, err = rpc.Invoke[any](tr.bounded(t), c, "fine", 1)
	wantFault(t, "fine(1)", err, rpc.CodeInvalidParams, "expected no arguments")
}
