package native

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// testContext ends before the test run's own time-out, so that what hangs fails.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func testListener(t testing.TB, url string, cfg ListenConfig) *Listener {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	l, err := Listen(url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// testConns returns both ends of a connection.
func testConns(t testing.TB, network string, lc ListenConfig, cc ConnConfig) (server, client *Conn) {
	t.Helper()
	ctx := testContext(t)
	l := testListener(t, testURL(t, network), lc)
	client, err := DialConn(ctx, l.Addr(), cc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server, client
}

func wantTransport(t testing.TB, c *Conn, want string) {
	t.Helper()
	if got := c.Peer().Transport; got != want {
		t.Errorf("transport of the peer: got %s; want %s", got, want)
	}
	if got := c.Peer().Name; got != "authkey" {
		t.Errorf("identity of the peer: got %q; want authkey", got)
	}
}

// rawDial connects without any protocol.
func rawDial(t testing.TB, url string) net.Conn {
	t.Helper()
	nc, err := dial(testContext(t), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	return nc
}

// frameOf returns a payload as a frame.
func frameOf(payload string) []byte {
	return append(appendFrameHeader(nil, len(payload)), payload...)
}

// wantFrame reads a frame with this payload.
func wantFrame(t testing.TB, r io.Reader, want string) {
	t.Helper()
	got, err := readFrame(r, nil, 1<<20)
	if err != nil || string(got) != want {
		t.Fatalf("frame: got %q, error %v; want %q", got, err, want)
	}
}

func wantEOF(t testing.TB, r io.Reader) {
	t.Helper()
	if got, err := readFrame(r, nil, 1<<20); err != io.EOF {
		t.Fatalf("got %q, error %v; want EOF", got, err)
	}
}

func addAny(a, b any) (any, error) {
	toBig := func(v any) *big.Int {
		switch v := v.(type) {
		case int64:
			return big.NewInt(v)
		case *big.Int:
			return v
		}
		return nil
	}
	if x, y := toBig(a), toBig(b); x != nil && y != nil {
		return x.Add(x, y), nil
	}
	switch a := a.(type) {
	case float64:
		return a + float64(b.(int64)), nil
	case string:
		return a + b.(string), nil
	case []any:
		return append(a, b.([]any)...), nil
	case value.Tuple:
		return append(a, b.(value.Tuple)...), nil
	}
	return nil, fmt.Errorf("cannot add %T and %T", a, b)
}

// logBuffer keeps what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// wait waits until every text was logged.
func (b *logBuffer) wait(t testing.TB, texts ...string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for _, text := range texts {
		for !strings.Contains(b.String(), text) {
			if time.Now().After(deadline) {
				t.Fatalf("log: got\n%s; want %q in it", b, text)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func (b *logBuffer) wantNot(t testing.TB, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(b.String(), text) {
			t.Errorf("log: got\n%s; want no %q in it", b, text)
		}
	}
}
