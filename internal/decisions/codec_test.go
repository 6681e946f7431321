package decisions

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"testing"

	fxcbor "github.com/fxamacker/cbor/v2"

	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// product is a record as services pass them, a hundred at a time.
type product struct {
	ID    int     `rpc:"pid" cbor:"pid" json:"pid"`
	Name  string  `rpc:"pname" cbor:"pname" json:"pname"`
	Price float64 `rpc:"pprice" cbor:"pprice" json:"pprice"`
}

func products() []product {
	list := make([]product, 100)
	for i := range list {
		list[i] = product{i, fmt.Sprintf("product %d", i), float64(i)*1.25 + 0.1}
	}
	return list
}

// codec is one way to write products and to read them again.
type codec struct {
	name   string
	encode func(dst []byte, list []product) ([]byte, error)
	decode func(data []byte, list *[]product) error
}

var codecs = []codec{
	{
		"parley",
		func(dst []byte, list []product) ([]byte, error) { return cbor.Append(dst, list) },
		func(data []byte, list *[]product) error { return cbor.Decode(data, list, cbor.Options{}) },
	},
	{
		"fxamacker",
		func(dst []byte, list []product) ([]byte, error) { return fxcbor.Marshal(list) },
		func(data []byte, list *[]product) error { return fxcbor.Unmarshal(data, list) },
	},
	{
		"json",
		func(dst []byte, list []product) ([]byte, error) { return json.Marshal(list) },
		func(data []byte, list *[]product) error { return json.Unmarshal(data, list) },
	},
	{
		"gob", // a message of its own, with the description of its types
		func(dst []byte, list []product) ([]byte, error) {
			b := bytes.NewBuffer(dst)
			err := gob.NewEncoder(b).Encode(list)
			return b.Bytes(), err
		},
		func(data []byte, list *[]product) error { return gob.NewDecoder(bytes.NewReader(data)).Decode(list) },
	},
}

// Decision 001: field names travel once, so that records take the fewest bytes
// of all encodings that describe themselves.
func TestRecordsAreSmallest(t *testing.T) {
	sizes := map[string]int{}
	for _, c := range codecs {
		data, err := c.encode(nil, products())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		sizes[c.name] = len(data)
		t.Logf("100 records by %s: %d bytes", c.name, len(data))
	}
	for name, size := range sizes {
		if name != "parley" && sizes["parley"] >= size {
			t.Errorf("100 records: got %d bytes, and %d by %s; want fewer", sizes["parley"], size, name)
		}
	}
}

func BenchmarkEncodeRecords(b *testing.B) {
	list := products()
	for _, c := range codecs {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				var err error
				if buf, err = c.encode(buf[:0], list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Decision 003: plans compiled once per type, without generated code and
// without unsafe.
func BenchmarkDecodeRecords(b *testing.B) {
	for _, c := range codecs {
		data, err := c.encode(nil, products())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var list []product
				if err := c.decode(data, &list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
