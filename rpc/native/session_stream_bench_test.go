//go:build unix

package native

import (
	"context"
	"io"
	"iter"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

func streamBench(b *testing.B) (*Client, context.Context) {
	reg := streamRegistry(b, map[string]any{
		"count": func(n int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := 0; i < n && yield(i, nil); i++ {
				}
			}
		},
		"get": func(n int) io.Reader { return io.LimitReader(zeroReader{}, int64(n)) },
		"put": func(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) },
	})
	srv := testServer(b, testURL(b, "tcp"), &Server{Handler: reg})
	return testClient(b, srv.Addr(), DialConfig{}), context.Background()
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { return len(p), nil }

// BenchmarkStreamItems is one operation for each item.
func BenchmarkStreamItems(b *testing.B) {
	c, ctx := streamBench(b)
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	n := 0
	for _, err := range rpc.Stream[int](ctx, c, "count", b.N) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != b.N {
		b.Fatal(n)
	}
}

// BenchmarkDownload reads 1 MiB per operation, of one stream.
func BenchmarkDownload(b *testing.B) {
	c, ctx := streamBench(b)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	r := rpc.Reader(ctx, c, "get", b.N<<20)
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); err != nil || n != int64(b.N)<<20 {
		b.Fatal(n, err)
	}
}

// BenchmarkUpload sends 1 MiB per operation, in one stream.
func BenchmarkUpload(b *testing.B) {
	c, ctx := streamBench(b)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	defer reportCPU(b)()
	b.ResetTimer()
	n, err := rpc.Invoke[int64](ctx, c, "put", io.LimitReader(zeroReader{}, int64(b.N)<<20))
	if err != nil || n != int64(b.N)<<20 {
		b.Fatal(n, err)
	}
}
