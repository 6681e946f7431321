package xmlrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// dripping is a body that gives a byte after each pause, n of them, and then ends
// or waits for ctx.
type dripping struct {
	ctx   context.Context
	n     int
	pause time.Duration
	stall bool
}

func (d *dripping) Read(p []byte) (int, error) {
	if d.n == 0 {
		if d.stall {
			<-d.ctx.Done()
			return 0, d.ctx.Err()
		}
		return 0, io.EOF
	}
	d.n--
	time.Sleep(d.pause)
	p[0] = 'x'
	return 1, nil
}

func (d *dripping) Close() error { return nil }

// TestPatient: what comes keeps it from ending, and nothing else does.
func TestPatient(t *testing.T) {
	const length, pause, n = 30 * time.Second, 20 * time.Second, 50
	for _, tt := range []struct {
		name   string
		n      int
		stall  bool
		giveUp time.Duration
		want   error
		text   string
		took   time.Duration
	}{
		{name: "it comes", n: n, took: n * pause},
		{name: "no more comes", n: 3, stall: true, want: context.DeadlineExceeded, text: "nothing came within 30s, the default (3 bytes of the answer had come); give the context a deadline", took: 3*pause + length},
		{name: "none comes", stall: true, want: context.DeadlineExceeded, text: "(0 bytes of the answer had come)", took: length},
		{name: "given up", n: 4, stall: true, giveUp: 5 * pause, want: context.Canceled, text: "canceled", took: 5 * pause},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(context.Background())
				defer cancel()
				if tt.giveUp > 0 {
					time.AfterFunc(tt.giveUp, cancel)
				}
				c := &Client{timeout: length, link: &link{}}
				ctx, end := c.bound(parent, true)
				defer end()
				if _, ok := ctx.Deadline(); ok {
					t.Error("it has a deadline")
				}
				begun := time.Now()
				body := ctx.(*patient).watch(&dripping{ctx, tt.n, pause, tt.stall})
				var err error
				buf := make([]byte, 8)
				for err == nil && ctx.Err() == nil {
					_, err = body.Read(buf)
				}
				if took := time.Since(begun); took != tt.took {
					t.Errorf("it took %v; want %v", took, tt.took)
				}
				if err == io.EOF && ctx.Err() == nil {
					err = nil
				} else {
					err = c.cause(ctx, err)
				}
				if !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got %v; want %v, %q", err, tt.want, tt.text)
				}
			})
		})
	}
}

// TestDefaultTimeOfAnswers: over connections, of a stream that lasts and of one that
// stalls, and of a call without streams, which has the default for all of it.
func TestDefaultTimeOfAnswers(t *testing.T) {
	const pieces, pause = 25, 100 * time.Millisecond
	stop := make(chan struct{})
	mux := http.NewServeMux()
	answer := func(n int, stall bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			if r.Header.Get(timeoutHeader) != "" {
				w.Header().Set("Content-Type", "text/plain")
				w.WriteHeader(http.StatusTeapot)
				return
			}
			fmt.Fprint(w, "<?xml version='1.0'?><methodResponse><params><param><value><array><data>")
			for range n {
				fmt.Fprint(w, "<value><int>1</int></value>")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(pause)
			}
			if stall {
				<-stop
			}
			fmt.Fprint(w, "</data></array></value></param></params></methodResponse>")
		}
	}
	mux.Handle("/lasts", answer(pieces, false))
	mux.Handle("/stalls", answer(3, true))
	mux.HandleFunc("/silent", func(http.ResponseWriter, *http.Request) { <-stop })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hs := &http.Server{Handler: mux}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(ln) }()
	t.Cleanup(func() {
		close(stop)
		_ = hs.Shutdown(context.Background())
		<-served
	})
	call := func(path string, timeout time.Duration) (int, error) {
		c, err := NewClient("http://"+ln.Addr().String()+path, ClientConfig{Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		n := 0
		for _, err := range rpc.Stream[int](context.Background(), c, "f") {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	}
	if n, err := call("/lasts", pieces*pause*3/4); n != pieces || err != nil {
		t.Errorf("a stream that lasts: got %d items, %v; want %d", n, err, pieces)
	}
	if _, err := call("/stalls", 4*pause); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nothing came within 400ms, the default (1") {
		t.Errorf("a stream that stalls: got %v", err)
	}
	c, err := NewClient("http://"+ln.Addr().String()+"/silent", ClientConfig{Timeout: pause})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := rpc.Invoke[int](context.Background(), c, "f"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no answer within 100ms, the default; give the context a deadline to wait longer") {
		t.Errorf("a call: got %v", err)
	}
}

// TestResultThatDoesNotFit: its error says of which call at which server it is.
func TestResultThatDoesNotFit(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reg := rpc.NewRegistry()
	if err := reg.Register("one", func() int { return 1 }); err != nil {
		t.Fatal(err)
	}
	srv := &Server{Handler: reg}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() {
		_ = srv.Close()
		<-served
	}()
	c, err := NewClient("http://"+ln.Addr().String(), ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = rpc.Invoke[string](t.Context(), c, "one")
	want := "xmlrpc: call one at http://" + ln.Addr().String() + "/RPC2: rpc: result: expected string, got int"
	if !errors.Is(err, rpc.ErrResult) || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}
