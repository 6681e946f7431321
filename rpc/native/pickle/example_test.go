package pickle_test

import (
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
)

// A Python program sends pickle.dumps(("add", (3, 5))).
func ExampleDecode() {
	data := []byte("\x80\x04\x8c\x03add\x94K\x03K\x05\x86\x94\x86\x94.")
	v, info, err := pickle.Decode(data, pickle.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := v.(value.Tuple)
	fmt.Println(call[0], call[1], "protocol", info.Protocol)
	// Output: add [3 5] protocol 4
}

// What would run a command in Python is an error that names it.
func ExampleDecode_code() {
	_, _, err := pickle.Decode([]byte("cos\nsystem\n(S'rm -rf .'\ntR."), pickle.Options{})
	var class *pickle.ClassError
	fmt.Println(errors.As(err, &class), class.Class)
	// Output: true os.system
}

func ExampleAppend() {
	type point struct {
		X int `rpc:"x"`
		Y int `rpc:"y"`
	}
	data, err := pickle.Append(nil, point{1, 2}, pickle.EncodeOptions{Protocol: 2})
	fmt.Printf("%q %v\n", data, err)
	// Output: "\x80\x02}(X\x01\x00\x00\x00xq\x00K\x01X\x01\x00\x00\x00yq\x01K\x02u." <nil>
}

// An exception that a Python peer can raise.
func ExampleException() {
	data, err := pickle.Append(nil, pickle.NewException("TypeError", "add: cannot add int and string"), pickle.EncodeOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	v, _, err := pickle.Decode(data, pickle.Options{})
	fmt.Println(v, err)
	// Output: TypeError: add: cannot add int and string <nil>
}

// Product is a class of the Python module product as well:
//
//	class Product:
//	    def __init__(self, name, price): self.name, self.price = name, price
type Product struct {
	Name  string  `rpc:"name"`
	Price float64 `rpc:"price"`
}

// An instance of a registered class is a Go value, here from
// pickle.dumps(Product("Teapot", 24.5), 2).
func ExampleRegistry_Name() {
	data := []byte("\x80\x02cproduct\nProduct\n)\x81}(U\x04nameU\x06TeapotU\x05priceG@8\x80\x00\x00\x00\x00\x00ub.")
	_, _, err := pickle.Decode(data, pickle.Options{})
	var class *pickle.ClassError
	fmt.Println(errors.As(err, &class), class.Class)

	reg := pickle.NewRegistry()
	if err := reg.Name("product.Product", Product{}); err != nil {
		fmt.Println(err)
		return
	}
	v, _, err := pickle.Decode(data, pickle.Options{Registry: reg})
	fmt.Printf("%+v %v\n", v.(Product), err)
	// Output:
	// true product.Product
	// {Name:Teapot Price:24.5} <nil>
}

// A message that is not read is answered in the protocol of its first bytes. This is
// the beginning of a list, as Python 3.13 writes it.
func ExampleOpening() {
	info, opcode := pickle.Opening([]byte("\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]"))
	fmt.Printf("protocol %d, %c\n", pickle.AnswerProtocol(info.Protocol), opcode)
	// Output: protocol 4, ]
}
