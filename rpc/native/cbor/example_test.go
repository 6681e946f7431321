package cbor_test

import (
	"fmt"

	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/value"
)

type line struct {
	Item string `rpc:"item"`
	Qty  int    `rpc:"qty"`
}

// A list of structs has its field names once, however long it is.
func ExampleAppend() {
	data, err := cbor.Append(nil, []line{{"tea", 2}, {"milk", 1}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", data)

	var lines []line
	err = cbor.Decode(data, &lines, cbor.Options{})
	fmt.Println(lines, err)
	// Output:
	// "\xdaPrlR\x83\x82ditemcqty\x82ctea\x02\x82dmilk\x01"
	// [{tea 2} {milk 1}] <nil>
}

// What does not fit is an error with the way to it.
func ExampleDecode() {
	data, _ := cbor.Append(nil, []map[string]any{{"item": "tea", "qty": 2}, {"item": "milk", "qty": "one"}})
	var lines []line
	err := cbor.Decode(data, &lines, cbor.Options{})
	fmt.Println(err)
	// Output:
	// cbor: [1].qty: expected int, got string
}

// A Decoder is driven by hand where there is no Go type to decode into.
func ExampleDecoder() {
	data, _ := cbor.AppendArgs(nil, []any{"add", 3, 5.5})
	d := cbor.NewDecoder(data, cbor.Options{})
	d.List()
	for d.More() {
		switch d.Kind() {
		case value.KindInt:
			n, _ := d.Int()
			fmt.Println("int", n)
		case value.KindString:
			fmt.Println("text", d.Text())
		default:
			fmt.Println("skipped", d.Kind())
			d.Skip()
		}
	}
	fmt.Println(d.Finish())
	// Output:
	// text add
	// int 3
	// skipped float
	// <nil>
}

func ExampleEncoder() {
	var e cbor.Encoder
	e.Reset([]byte("head "), cbor.Options{})
	e.Map(1)
	e.Name("ok")
	e.Bool(true)
	e.End()
	fmt.Printf("%q %v\n", e.Output(), e.Err())
	// Output:
	// "head \xa1bok\xf5" <nil>
}
