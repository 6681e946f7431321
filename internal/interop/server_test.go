package interop

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// arrival is what one call brought.
type arrival struct {
	name  string // of its case
	value any
}

// journal notes what arrives, in order.
type journal struct {
	mu       sync.Mutex // guards arrivals
	arrivals []arrival
}

func (j *journal) note(name string, v any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrivals = append(j.arrivals, arrival{name, v})
}

func (j *journal) all() []arrival {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.arrivals)
}

// tape records the connections of a program that makes one call after another:
// what comes in and goes out, in order, whatever the connection.
type tape struct {
	mu      sync.Mutex // guards what follows
	in, out []byte
	conns   int // those on which something came
}

// listener puts a tape into a listener's connections.
type listener struct {
	net.Listener
	tape *tape
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &taped{Conn: c, tape: l.tape}, nil
}

type taped struct {
	net.Conn
	tape *tape
	used bool // guarded by tape.mu
}

func (c *taped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.tape.mu.Lock()
	defer c.tape.mu.Unlock()
	if n > 0 && !c.used {
		c.used = true
		c.tape.conns++
	}
	c.tape.in = append(c.tape.in, p[:n]...)
	return n, err
}

func (c *taped) Write(p []byte) (int, error) {
	// Before the peer can answer to it.
	c.tape.mu.Lock()
	c.tape.out = append(c.tape.out, p...)
	c.tape.mu.Unlock()
	return c.Conn.Write(p)
}

// serve runs the server that the programs call until the test ends, with what
// option tells it, and returns its address and what arrives.
func serve(t testing.TB, opt *option, tp *tape) (addr string, j *journal) {
	t.Helper()
	j = &journal{}
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	for name, fn := range map[string]any{
		"see": func(name string, v any) any {
			j.note(name, v)
			return v
		},
		"nothing": func() string {
			j.note("none", nil)
			return "nothing"
		},
		"refuse": func(text string) error {
			j.note("fault", text)
			return rpc.Errorf(refusedCode, refusedText)
		},
	} {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	srv := &xmlrpc.Server{Handler: reg, Logger: slog.New(slog.DiscardHandler)}
	if opt != nil {
		opt.set(srv)
	}
	ln, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(listener{ln, tp}) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve: got %v; want http.ErrServerClosed", err)
		}
	})
	return ln.Addr().String(), j
}
