package python

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
)

// onlyEcho allows the holder of the key one function.
type onlyEcho struct{}

func (onlyEcho) Allow(_ context.Context, id rpc.Identity, method string) bool {
	return id.Name == "authkey" && method == "echo"
}

// TestDeniedFunctionLooksUnknown: to Python too, in each form of a call, and the
// log tells both.
func TestDeniedFunctionLooksUnknown(t *testing.T) {
	var log lastLines
	told := 0
	reg := testRegistry(t)
	reg.Authorizer = onlyEcho{}
	reg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	ran := false
	if err := reg.Register("short", func() { ran = true }, rpc.Short()); err != nil {
		t.Fatal(err)
	}
	if err := reg.Handle("raw", func(context.Context, *rpc.Request) (any, error) { ran = true; return nil, nil }); err != nil {
		t.Fatal(err)
	}
	_, c := start(t, reg, Config{})
	if diff := cmp.Diff([]any{int64(1)}, exchange(t, c, tuple{"echo", tuple{1}})); diff != "" {
		t.Fatalf("what is allowed (-want +got):\n%s", diff)
	}
	for _, form := range []struct {
		name string
		call func(method string) any
	}{
		{"tuple", func(method string) any { return tuple{method, tuple{"canary"}} }},
		{"keywords", func(method string) any { return tuple{method, tuple{}, map[string]any{"a": "canary"}} }},
		{"recipe", func(method string) any { return dumps(t, tuple{method, tuple{"canary"}, map[string]any{}}, 2) }},
	} {
		for _, method := range []string{"none", "add", "count", "short", "raw", "system.listMethods"} {
			log.take()
			got := exchange(t, c, form.call(method))
			text := "fault -32601: method not found: " + method
			var want any = raised("AttributeError", text)
			if form.name == "recipe" {
				want = raisedWithin(t, "AttributeError", text)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s as a %s (-want +got):\n%s", method, form.name, diff)
			}
			told += wantDenied(t, log.take(), method, method == "none")
		}
	}
	for _, method := range []string{"none", "add"} {
		_, c := start(t, reg, Config{Objects: method})
		log.take()
		if diff := cmp.Diff(raised("AttributeError", "fault -32601: method not found: "+method), exchange(t, c, tuple{3, 5})); diff != "" {
			t.Errorf("objects for %s (-want +got):\n%s", method, diff)
		}
		told += wantDenied(t, log.take(), method, method == "none")
	}
	if told < 10 { // of a second there are no more
		t.Errorf("the log tells %d denied calls; want 10", told)
	}
	if ran {
		t.Error("a function ran, though it is denied")
	}
}

// wantDenied checks that the log tells one denied call, or none, and how many.
func wantDenied(t *testing.T, log, method string, unknown bool) int {
	t.Helper()
	outcome := map[bool]string{false: "denied", true: "unknown"}[unknown]
	want := fmt.Sprintf("transport=native identity=authkey credential=authkey method=%s outcome=%s", method, outcome)
	if log != "" && (!strings.Contains(log, want) || strings.Count(log, "\n") != 1 || strings.Contains(log, "canary")) {
		t.Errorf("got %q; want one line with %q", log, want)
	}
	return strings.Count(log, "\n")
}

// lastLines keeps what was logged since it was taken.
type lastLines struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (l *lastLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lastLines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.buf.Reset()
	return l.buf.String()
}
