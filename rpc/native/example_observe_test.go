package native_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// serveAdd starts a server that adds, and connects to it.
func serveAdd(server, client []rpc.Interceptor) (srv *native.Server, c *native.Client, stop func()) {
	key := auth.GenerateKey()
	quiet := slog.New(slog.DiscardHandler)
	reg := rpc.NewRegistry()
	reg.Use(server...)
	if err := reg.Register("add", func(a, b int) int { return a + b }); err != nil {
		log.Fatal(err)
	}
	srv = &native.Server{Handler: reg, Auth: key, Logger: quiet}
	l, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(l) })
	c, err = native.Dial(context.Background(), "tcp://"+l.Addr().String(), native.DialConfig{Auth: key, Interceptors: client, Logger: quiet})
	if err != nil {
		log.Fatal(err)
	}
	return srv, c, func() {
		c.Close()
		srv.Close()
		served.Wait()
	}
}

// Stats are published as JSON with package expvar, and as the text that
// Prometheus reads with a few lines of code.
func ExampleServer_Stats() {
	srv, c, stop := serveAdd(nil, nil)
	defer stop()
	vars := new(expvar.Map) // a program calls expvar.Publish, once
	vars.Set("server", expvar.Func(func() any { return srv.Stats() }))
	for range 3 {
		if _, err := rpc.Invoke[int](context.Background(), c, "add", 3, 5); err != nil {
			log.Fatal(err)
		}
	}

	// What GET /debug/vars shows:
	var stats native.ServerStats
	if err := json.Unmarshal([]byte(vars.Get("server").String()), &stats); err != nil {
		log.Fatal(err)
	}
	fmt.Println(stats.SessionsOpen, "session,", stats.Served.Answered, "answers,", stats.Served.InFlight, "in flight")

	// What GET /metrics would answer:
	writeMetrics(os.Stdout, srv.Stats())
	// Output:
	// 1 session, 3 answers, 0 in flight
	// # TYPE parley_sessions gauge
	// parley_sessions 1
	// # TYPE parley_calls_total counter
	// parley_calls_total{outcome="answered"} 3
	// parley_calls_total{outcome="faulted"} 0
	// parley_calls_total{outcome="lost"} 0
	// # TYPE parley_calls_in_flight gauge
	// parley_calls_in_flight 0
	// # TYPE parley_logins_failed_total counter
	// parley_logins_failed_total 0
}

func writeMetrics(w io.Writer, s native.ServerStats) {
	fmt.Fprintf(w, "# TYPE parley_sessions gauge\nparley_sessions %d\n", s.SessionsOpen)
	fmt.Fprint(w, "# TYPE parley_calls_total counter\n")
	fmt.Fprintf(w, "parley_calls_total{outcome=\"answered\"} %d\n", s.Served.Answered)
	fmt.Fprintf(w, "parley_calls_total{outcome=\"faulted\"} %d\n", s.Served.Faulted)
	fmt.Fprintf(w, "parley_calls_total{outcome=\"lost\"} %d\n", s.Served.Lost)
	fmt.Fprintf(w, "# TYPE parley_calls_in_flight gauge\nparley_calls_in_flight %d\n", s.Served.InFlight)
	fmt.Fprintf(w, "# TYPE parley_logins_failed_total counter\nparley_logins_failed_total %d\n", s.LoginsFailed)
}

type traceKey struct{}

// traceOut puts the trace of ctx beside each call, as W3C Trace Context has it:
// version, trace, the caller's span, flags.
func traceOut(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, req *rpc.Request) (any, error) {
		trace, ok := ctx.Value(traceKey{}).(string)
		if !ok {
			return next(ctx, req)
		}
		var span [8]byte
		rand.Read(span[:])
		// The map may be shared with other calls.
		meta := maps.Clone(req.Meta)
		if meta == nil {
			meta = map[string]string{}
		}
		meta["traceparent"] = "00-" + trace + "-" + hex.EncodeToString(span[:]) + "-01"
		req.Meta = meta
		return next(ctx, req)
	}
}

// traceIn takes it up again, so that what the function calls in turn belongs to
// the same trace.
func traceIn(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, req *rpc.Request) (any, error) {
		if part := strings.Split(req.Meta["traceparent"], "-"); len(part) == 4 && len(part[1]) == 32 {
			ctx = context.WithValue(ctx, traceKey{}, part[1])
			fmt.Println(req.Method, "belongs to", part[1])
		}
		return next(ctx, req)
	}
}

// A pair of interceptors passes a trace on from caller to callee.
func Example_tracing() {
	_, c, stop := serveAdd([]rpc.Interceptor{traceIn}, []rpc.Interceptor{traceOut})
	defer stop()
	ctx := context.WithValue(context.Background(), traceKey{}, "4bf92f3577b34da6a3ce929d0e0e4736")
	if _, err := rpc.Invoke[int](ctx, c, "add", 3, 5); err != nil {
		log.Fatal(err)
	}
	// Output: add belongs to 4bf92f3577b34da6a3ce929d0e0e4736
}

// methodCounts counts calls by method and outcome.
type methodCounts struct {
	mu     sync.Mutex
	counts map[string]int           // guarded by mu
	time   map[string]time.Duration // guarded by mu
}

// Intercept is an interceptor, for either side. On the serving side req.Peer is
// who calls.
func (m *methodCounts) Intercept(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, req *rpc.Request) (any, error) {
		method, begin := req.Method, time.Now()
		result, err := next(ctx, req)
		outcome := "answered"
		switch fault, link := new(rpc.Fault), new(rpc.LinkError); {
		case errors.As(err, &fault):
			outcome = fmt.Sprint("fault ", fault.Code)
			if fault.Code == rpc.CodeMethodNotFound {
				method = "unknown" // callers choose its name: not one counter for each
			}
		case errors.As(err, &link):
			outcome = link.Sent.String()
		case err != nil:
			outcome = "error"
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.counts[method+": "+outcome]++
		m.time[method] += time.Since(begin)
		return result, err
	}
}

// An interceptor counts calls by method, and how they ended.
func Example_metrics() {
	m := &methodCounts{counts: map[string]int{}, time: map[string]time.Duration{}}
	_, c, stop := serveAdd([]rpc.Interceptor{m.Intercept}, nil)
	defer stop()
	ctx := context.Background()
	for _, args := range [][]any{{3, 5}, {1, 2}, {"three", 5}} {
		rpc.Invoke[int](ctx, c, "add", args...)
	}
	rpc.Invoke[int](ctx, c, "subtract", 5, 3)
	for _, name := range slices.Sorted(maps.Keys(m.counts)) {
		fmt.Println(name, m.counts[name])
	}
	// Output:
	// add: answered 2
	// add: fault -32602 1
	// unknown: fault -32601 1
}

// Events tell what no interceptor sees: here, that a session ended and why.
func ExampleEvents() {
	ended := make(chan string, 1)
	key := auth.GenerateKey()
	srv := &native.Server{Handler: rpc.NewRegistry(), Auth: key, Logger: slog.New(slog.DiscardHandler), Events: native.Events{
		SessionEnded: func(p *rpc.Peer, reason error) {
			ended <- fmt.Sprintf("%s has left: %v", p.Name, reason)
		},
	}}
	l, err := srv.Listen("tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() { srv.Serve(l) })
	defer served.Wait()
	defer srv.Close()
	c, err := native.Dial(context.Background(), "tcp://"+l.Addr().String(), native.DialConfig{Auth: key})
	if err != nil {
		log.Fatal(err)
	}
	c.Close()
	fmt.Println(<-ended)
	// Output: authkey has left: the peer closed the connection: unexpected EOF
}
