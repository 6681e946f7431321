package python

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/services/adder"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

var quiet = slog.New(slog.DiscardHandler)

// testContext ends before the test run's own time-out, so that what hangs fails.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func key(t testing.TB, allowMD5 bool) *auth.Authkey {
	t.Helper()
	k, err := auth.NewKey([]byte(testKey), auth.KeyConfig{AllowMD5: allowMD5})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// testRegistry holds a function of each kind that matters here.
func testRegistry(t testing.TB) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(adder.Register(reg))
	must(reg.Register("echo", func(args ...any) []any { return append([]any{}, args...) }))
	must(reg.Register("identity", func(v any) any { return v }))
	must(reg.Register("nothing", func() {}))
	must(reg.Register("fail", func(text string) error { return errors.New(text) }, rpc.Params("text")))
	must(reg.Register("fault", func(code int, text string) error { return rpc.Errorf(code, "%s", text) }))
	must(reg.Register("describe", func(name string, price int, note *string) string {
		if note != nil {
			return fmt.Sprintf("%s %d %s", name, price, *note)
		}
		return fmt.Sprintf("%s %d", name, price)
	}, rpc.Params("name", "price", "note")))
	must(reg.Register("join", func(sep string, parts ...string) string { return fmt.Sprint(sep, parts) }, rpc.Params("sep", "parts")))
	must(reg.Register("count", func(n int) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
		}
	}))
	must(reg.Register("year", func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }))
	must(reg.Register("peer", func(ctx context.Context) string { return rpc.PeerFrom(ctx).Transport + " " + rpc.PeerFrom(ctx).Name }))
	return reg
}

// serve runs a server on a socket of its own.
func serve(t testing.TB, url string, k *auth.Authkey, objects native.ObjectHandler) (*native.Server, string) {
	t.Helper()
	s := &native.Server{Objects: objects, Auth: k, Logger: quiet}
	l, err := s.Listen(url)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, native.ErrServerClosed) {
			t.Errorf("Serve: got %v; want %v", err, native.ErrServerClosed)
		}
	})
	url = "unix://" + l.Addr().String()
	if l.Addr().Network() == "tcp" {
		url = "tcp://" + l.Addr().String()
	}
	return s, url
}

// dial connects a Go peer that sends objects.
func dial(t testing.TB, url string) *native.Conn {
	t.Helper()
	c, err := native.DialConn(testContext(t), url, native.ConnConfig{Auth: key(t, false)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// start serves reg in the usual way and returns a connection to it.
func start(t testing.TB, c rpc.Caller, cfg Config) (*native.Server, *native.Conn) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	h, err := NewHandler(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, url := serve(t, "tcp://127.0.0.1:0", key(t, false), h)
	return s, dial(t, url)
}

// exchange sends one object and returns what comes back.
func exchange(t testing.TB, c *native.Conn, v any) any {
	t.Helper()
	ctx := testContext(t)
	if err := c.Send(ctx, v); err != nil {
		t.Fatalf("send %v: %v", v, err)
	}
	var got any
	if err := c.Recv(ctx, &got); err != nil {
		t.Fatalf("answer to %v: %v", v, err)
	}
	return got
}

// dumps is Python's pickle.dumps.
func dumps(t testing.TB, v any, protocol int) []byte {
	t.Helper()
	b, err := pickle.Append(nil, v, pickle.EncodeOptions{Protocol: protocol})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// wantEOF checks that the server has closed the connection.
func wantEOF(t testing.TB, c *native.Conn) {
	t.Helper()
	if data, err := c.RecvBytes(testContext(t)); !errors.Is(err, io.EOF) {
		t.Errorf("got %q, %v; want EOF", data, err)
	}
}

// unlimited is a ledger of a connection that may take what it wants.
func unlimited() *ledger { return &ledger{take: func(int) error { return nil }} }

// answerOf is the answer of h to a message.
func answerOf(t testing.TB, h *handler, message string) []byte {
	t.Helper()
	answer, last := h.answer(t.Context(), &rpc.Peer{}, unlimited(), []byte(message))
	if last != nil {
		t.Fatalf("%q: the last answer of the connection: %v", message, last)
	}
	return answer
}

// syncBuffer is a bytes.Buffer for concurrent use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// await waits until text was written.
func (b *syncBuffer) await(t testing.TB, text string) {
	t.Helper()
	within(t, fmt.Sprintf("for %q to be logged", text), func() bool { return strings.Contains(b.String(), text) })
}
