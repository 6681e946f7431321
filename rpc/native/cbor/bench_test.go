package cbor

import (
	"fmt"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

type product struct {
	ID    int     `rpc:"pid"`
	Name  string  `rpc:"pname"`
	Price float64 `rpc:"pprice"`
}

func products(n int) []product {
	list := make([]product, n)
	for i := range list {
		list[i] = product{ID: 1000 + i, Name: fmt.Sprintf("product %d", i), Price: float64(i) * 1.25}
	}
	return list
}

func ints(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(i) * 7
	}
	return list
}

func mustAppend(tb testing.TB, v any) []byte {
	tb.Helper()
	data, err := Append(nil, v)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func BenchmarkEncode(b *testing.B) {
	big := ints(1000)
	floats := make([]float64, 1000)
	for _, c := range []struct {
		name string
		v    any
	}{
		{"args", []any{3, 5}},
		{"100 records", products(100)},
		{"1000 ints", big},
		{"1000 floats", floats},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			var err error
			for b.Loop() {
				if buf, err = Append(buf[:0], c.v); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(buf)), "bytes")
		})
	}
}

func BenchmarkEncodeByHand(b *testing.B) {
	list := products(100)
	b.ReportAllocs()
	var e Encoder
	var buf []byte
	for b.Loop() {
		e.Reset(buf[:0], Options{})
		writeProducts(&e, list)
		buf = e.Output()
	}
}

func BenchmarkDecode(b *testing.B) {
	var (
		args    struct{ a, b int }
		records []product
		ints64  []int64
		floats  []float64
		dynamic any
	)
	decode := func(dst any) func(*Decoder) {
		return func(d *Decoder) { value.Decode(d, dst) }
	}
	dst := []any{&args.a, &args.b}
	for _, c := range []struct {
		name   string
		v      any
		decode func(*Decoder)
	}{
		{"args", []any{3, 5}, func(d *Decoder) { value.DecodeArgs(d, dst, nil) }},
		{"100 records", products(100), decode(&records)},
		{"100 records by hand", products(100), func(d *Decoder) { records = readProducts(d) }},
		{"100 records as any", products(100), decode(&dynamic)},
		{"100 records skipped", products(100), (*Decoder).Skip},
		{"1000 ints", ints(1000), decode(&ints64)},
		{"1000 floats", make([]float64, 1000), decode(&floats)},
	} {
		b.Run(c.name, func(b *testing.B) {
			data := mustAppend(b, c.v)
			b.ReportAllocs()
			var d Decoder
			for b.Loop() {
				d.Reset(data, Options{})
				c.decode(&d)
				if err := d.Finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// readProducts drives a Source as a plan would, without reflection.
func readProducts(s value.Source) []product {
	list := make([]product, 0, s.List())
	for s.More() {
		var p product
		s.Map()
		for s.More() {
			switch string(s.Name()) {
			case "pid":
				n, _ := s.Int()
				p.ID = int(n)
			case "pname":
				p.Name = s.Text()
			case "pprice":
				p.Price = s.Float()
			default:
				s.Skip()
			}
		}
		list = append(list, p)
	}
	return list
}

// writeProducts drives a Sink as a plan would, without reflection.
func writeProducts(s value.Sink, list []product) {
	s.Table([]string{"pid", "pname", "pprice"}, len(list))
	for i := range list {
		p := &list[i]
		s.Map(3)
		s.Name("pid")
		s.Int(int64(p.ID))
		s.Name("pname")
		s.Text(p.Name)
		s.Name("pprice")
		s.Float(p.Price)
		s.End()
	}
	s.End()
}
