package cbor_test

import (
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// The arguments of a call are one list.
func ExampleAppendArgs() {
	data, err := cbor.AppendArgs(nil, []any{3, 5})
	fmt.Printf("% x %v\n", data, err)
	// Output: 82 03 05 <nil>
}

// A message that says more than it may is refused before there is memory for it.
func ExampleOptions() {
	data, err := cbor.Append(nil, make([]int, 2000))
	if err != nil {
		fmt.Println(err)
		return
	}
	var list []int
	err = cbor.Decode(data, &list, cbor.Options{MaxElements: 1000})
	fmt.Println(errors.Is(err, cbor.ErrLimit), len(list))
	// Output: true 0
}

// A short message may be large once it is read: a server asks first.
func ExampleWeigh() {
	data, err := cbor.Append(nil, make([][]int, 1000))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(data), "bytes; more than ten times that:", cbor.Weigh(data) > 10*len(data))
	// Output: 1003 bytes; more than ten times that: true
}
