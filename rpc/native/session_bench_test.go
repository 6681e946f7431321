//go:build unix

package native

import (
	"context"
	"net"
	netrpc "net/rpc"
	"syscall"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// The benchmarks run server and client in one process; 64 callers share one
// connection. BenchmarkNetRPC is the same work by net/rpc.

const benchCallers = 64

// reportCPU reports the processor time of the whole process for each operation,
// which says more than the clock on a machine that does other things as well.
func reportCPU(b *testing.B) func() {
	begin := processTime(b)
	return func() {
		b.ReportMetric(float64((processTime(b)-begin).Nanoseconds())/float64(b.N), "cpu-ns/op")
	}
}

func processTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchRegistry(b *testing.B) *rpc.Registry {
	reg := rpc.NewRegistry()
	reg.Logger = quiet
	err := reg.Register("add", rpc.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil }))
	if err == nil {
		err = reg.Register("echo", rpc.Func1(func(_ context.Context, p []byte) ([]byte, error) { return p, nil }))
	}
	if err != nil {
		b.Fatal(err)
	}
	return reg
}

func benchClient(b *testing.B, network string) *Client {
	srv := testServer(b, testURL(b, network), &Server{Handler: benchRegistry(b)})
	return testClient(b, srv.Addr(), DialConfig{})
}

func BenchmarkAdd(b *testing.B) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		b.Run(network, func(b *testing.B) {
			c := benchClient(b, network)
			ctx := context.Background()
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				if sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5); err != nil || sum != 8 {
					b.Fatal(sum, err)
				}
			}
		})
	}
}

func BenchmarkAdd64(b *testing.B) {
	for _, network := range []string{"tcp", "unix", "tls"} {
		b.Run(network, func(b *testing.B) {
			c := benchClient(b, network)
			ctx := context.Background()
			b.ReportAllocs()
			defer reportCPU(b)()
			b.SetParallelism(benchCallers / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if sum, err := rpc.Invoke[int](ctx, c, "add", 3, 5); err != nil || sum != 8 {
						b.Error(sum, err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkBlob1M(b *testing.B) {
	for _, network := range []string{"tcp", "tls"} {
		b.Run(network, func(b *testing.B) {
			c := benchClient(b, network)
			ctx := context.Background()
			blob := make([]byte, 1<<20)
			b.SetBytes(int64(len(blob)))
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				if got, err := rpc.Invoke[[]byte](ctx, c, "echo", blob); err != nil || len(got) != len(blob) {
					b.Fatal(len(got), err)
				}
			}
		})
	}
}

// Adder is what net/rpc calls.
type Adder struct{}

// Pair is its arguments.
type Pair struct{ A, B int }

// Add adds.
func (Adder) Add(p Pair, sum *int) error {
	*sum = p.A + p.B
	return nil
}

func benchNetRPC(b *testing.B) *netrpc.Client {
	srv := netrpc.NewServer()
	if err := srv.Register(Adder{}); err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go srv.Accept(l)
	c, err := netrpc.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

func BenchmarkNetRPC(b *testing.B) {
	c := benchNetRPC(b)
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		var sum int
		if err := c.Call("Adder.Add", Pair{3, 5}, &sum); err != nil || sum != 8 {
			b.Fatal(sum, err)
		}
	}
}

func BenchmarkNetRPC64(b *testing.B) {
	c := benchNetRPC(b)
	b.ReportAllocs()
	defer reportCPU(b)()
	b.SetParallelism(benchCallers / 2)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var sum int
			if err := c.Call("Adder.Add", Pair{3, 5}, &sum); err != nil || sum != 8 {
				b.Error(sum, err)
				return
			}
		}
	})
}
