package python

import (
	"fmt"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// BenchmarkAnswer is a call without its connection: what a message costs.
func BenchmarkAnswer(b *testing.B) {
	ints := make([]any, 1000)
	for i := range ints {
		ints[i] = i
	}
	records := make([]any, 100)
	for i := range records {
		records[i] = dict{"pid": i, "pname": fmt.Sprintf("product %d", i), "pprice": float64(i) / 4}
	}
	h, err := NewHandler(testRegistry(b), Config{Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	for _, call := range []struct {
		name string
		call tuple
	}{
		{"add", tuple{"add", tuple{3, 5}}},
		{"ints-1000", tuple{"echo", tuple{ints}}},
		{"records-100", tuple{"echo", tuple{records}}},
		{"blob-1M", tuple{"echo", tuple{make([]byte, 1<<20)}}},
	} {
		data := dumps(b, call.call, 4)
		b.Run(call.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.(*handler).answer(b.Context(), &rpc.Peer{}, unlimited(), data)
			}
		})
	}
}
