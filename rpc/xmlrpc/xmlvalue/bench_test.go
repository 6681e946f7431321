package xmlvalue

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

type record struct {
	Pid   int     `rpc:"pid"`
	Name  string  `rpc:"pname"`
	Price float64 `rpc:"pprice"`
}

func benchInts() []int {
	ints := make([]int, 1000)
	for i := range ints {
		ints[i] = i * 7919
	}
	return ints
}

func benchRecords() []record {
	records := make([]record, 100)
	for i := range records {
		records[i] = record{i, fmt.Sprintf("product number %d", i), float64(i) * 1.25}
	}
	return records
}

func benchBlob() []byte {
	blob := make([]byte, 1<<20)
	for i := range blob {
		blob[i] = byte(i * 31)
	}
	return blob
}

func benchmarkAppend(b *testing.B, v any) {
	buf, err := AppendResponse(nil, v, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = AppendResponse(buf[:0], v, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkRead[T any](b *testing.B, v T) {
	doc, err := AppendResponse(nil, v, Options{})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkReadDocument[T](b, doc)
}

func benchmarkReadDocument[T any](b *testing.B, doc []byte) {
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		d, err := ReadResponse(doc, Options{})
		if err != nil {
			b.Fatal(err)
		}
		var v T
		value.Decode(d, &v)
		if err := d.Finish(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendInts(b *testing.B)    { benchmarkAppend(b, benchInts()) }
func BenchmarkAppendRecords(b *testing.B) { benchmarkAppend(b, benchRecords()) }
func BenchmarkAppendBlob(b *testing.B)    { benchmarkAppend(b, benchBlob()) }
func BenchmarkReadInts(b *testing.B)      { benchmarkRead(b, benchInts()) }
func BenchmarkReadRecords(b *testing.B)   { benchmarkRead(b, benchRecords()) }
func BenchmarkReadBlob(b *testing.B)      { benchmarkRead(b, benchBlob()) }

// BenchmarkReadRecordsAny reads into dynamic values.
func BenchmarkReadRecordsAny(b *testing.B) { benchmarkRead[any](b, benchRecords()) }

// BenchmarkReadBlobInLines reads base64 in lines of 76, as Python writes it.
func BenchmarkReadBlobInLines(b *testing.B) {
	doc := []byte("<methodResponse><params><param><value><base64>\n")
	blob := benchBlob()
	for line := range len(blob) / 57 {
		doc = append(base64.StdEncoding.AppendEncode(doc, blob[line*57:][:57]), '\n')
	}
	benchmarkReadDocument[[]byte](b, append(doc, "</base64></value></param></params></methodResponse>"...))
}

// The smallest call there is, add(3, 5), and its answer.

func BenchmarkAppendCall(b *testing.B) {
	buf, args := make([]byte, 0, 512), []any{3, 5}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := AppendCall(buf, "add", args, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadCall(b *testing.B) {
	doc, err := AppendCall(nil, "add", []any{3, 5}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		d, err := ReadCall(doc, Options{})
		if err != nil {
			b.Fatal(err)
		}
		var x, y int
		if err := value.DecodeArgs(d, []any{&x, &y}, nil); err != nil {
			b.Fatal(err)
		}
		if err := d.Finish(); err != nil || x+y != 8 {
			b.Fatal(err)
		}
	}
}

// Refusing must not cost more than accepting.
func BenchmarkRefuse(b *testing.B) {
	for name, doc := range map[string]string{
		"DOCTYPE": "<!DOCTYPE x>" + response("<value/>"),
		"depth":   nested(10_000, arrayOpen, arrayClose),
		"swapped": nested(10_000, swapOpen, swapClose),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := readValue(doc, Options{}); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
