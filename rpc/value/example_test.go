package value_test

import (
	"fmt"
	"reflect"

	"github.com/parley-rpc/parley/rpc/value"
)

// Product is a record: its tags are the names on the wire.
type Product struct {
	ID    int      `rpc:"pid"`
	Name  string   `rpc:"pname"`
	Price *float64 `rpc:"pprice"` // may be nil, or missing
}

// What crosses a wire, without one: a dynamic value becomes a typed one.
func ExampleConvert() {
	var p Product
	err := value.Convert(&p, map[string]any{"pid": 1, "pname": "Teapot", "pprice": 24.5})
	fmt.Println(p.ID, p.Name, *p.Price, err)
	err = value.Convert(&p, map[string]any{"pid": "one"})
	fmt.Println(err)
	// Output:
	// 1 Teapot 24.5 <nil>
	// pid: expected int, got string
}

// What a parameter of type any receives.
func ExampleDynamic() {
	v, err := value.Dynamic([]Product{{ID: 1, Name: "Teapot"}})
	fmt.Printf("%#v %v\n", v, err)
	// Output: []interface {}{map[string]interface {}{"pid":1, "pname":"Teapot", "pprice":interface {}(nil)}} <nil>
}

// Types that cannot cross are found when a function is registered.
func ExampleCheck() {
	fmt.Println(value.Check(reflect.TypeFor[map[string][]Product]()))
	fmt.Println(value.Check(reflect.TypeFor[struct{ Done chan int }]()))
	// Output:
	// <nil>
	// field Done of struct { Done chan int }: chan int cannot cross the wire
}

func ExampleFields() {
	fmt.Println(value.Fields(reflect.TypeFor[Product]()))
	// Output: [pid pname pprice] false <nil>
}

// A codec is a Source; this one has its values in memory.
func ExampleDecode() {
	s := value.NewSource([]any{int64(3), "five"})
	var pair [2]any
	value.Decode(s, &pair)
	fmt.Println(pair, s.Err())
	// Output: [3 five] <nil>
}

// The arguments of a call, for a function with the parameters (int, string). The
// second one may be left out, and keeps what it had.
func ExampleDecodeArgs() {
	count, unit := 0, "pieces"
	args := value.NewSource([]any{int64(3)})
	err := value.DecodeArgs(args, []any{&count, &unit}, &value.Params{Required: 1})
	fmt.Println(count, unit, err)
	// Output: 3 pieces <nil>
}

// A value that is looked at before its type is known.
func ExampleDeferred() {
	var messages []value.Deferred
	err := value.Convert(&messages, []any{int64(3), map[string]any{"pid": 1, "pname": "Teapot"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range messages {
		if n, ok := m.Value().(int64); ok {
			fmt.Println("a number:", n)
			continue
		}
		var p Product
		fmt.Println("a product:", m.Convert(&p), p.Name)
	}
	// Output:
	// a number: 3
	// a product: <nil> Teapot
}

// Text from a peer goes into errors and logs cut short, and in one line.
func ExampleClip() {
	fmt.Println(value.Clip("one\ntwo, and very much more than anybody wants to read", 24))
	// Output: one\ntwo, and very much m…
}
