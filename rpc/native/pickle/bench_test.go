package pickle

import (
	"fmt"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

func benchRecords(n int) []any {
	records := make([]any, n)
	for i := range records {
		records[i] = map[string]any{"pid": int64(i), "pname": fmt.Sprintf("product %d", i), "pprice": float64(i) / 4}
	}
	return records
}

func benchValues() []struct {
	name string
	v    any
} {
	return []struct {
		name string
		v    any
	}{
		{"call", value.Tuple{"add", value.Tuple{int64(3), int64(5)}, map[string]any{}}},
		{"ints-1000", upTo(1000)},
		{"records-100", benchRecords(100)},
		{"blob-1M", make([]byte, 1<<20)},
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, v := range benchValues() {
		data, err := Append(nil, v.v, EncodeOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, _, err := Decode(data, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, bench := range []struct {
		name string
		v    any
		into func() any
	}{
		{"ints-1000", upTo(1000), func() any { return new([]int64) }},
		{"records-100", benchRecords(100), func() any { return new([]product) }},
		{"blob-1M", make([]byte, 1<<20), func() any { return new([]byte) }},
	} {
		data, err := Append(nil, bench.v, EncodeOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				m, err := Read(data, Options{})
				if err != nil {
					b.Fatal(err)
				}
				s := m.Source()
				if value.Decode(s, bench.into()); s.Err() != nil {
					b.Fatal(s.Err())
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, v := range benchValues() {
		b.Run(v.name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				out, err := Append(buf[:0], v.v, EncodeOptions{})
				if err != nil {
					b.Fatal(err)
				}
				buf = out
			}
		})
	}
}

// What it costs to refuse matters as much: each bomb is the largest message.
func BenchmarkRefuse(b *testing.B) {
	for _, bomb := range bombs {
		data := bomb.data()
		b.Run(bomb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Decode(data, Options{}); err == nil {
					b.Fatal("got no error; want one")
				}
			}
		})
	}
}
