package value_test

import (
	"fmt"
	"reflect"

	"github.com/parley-rpc/parley/rpc/value"
)

func ExampleFieldTypes() {
	type line struct {
		Item string `rpc:"item"`
		Qty  int    `json:"qty,omitempty"`
		note string
	}
	_ = line{note: "does not cross"}
	fields, err := value.FieldTypes(reflect.TypeFor[line]())
	for _, f := range fields {
		fmt.Println(f.Name, f.Type)
	}
	fmt.Println(err)
	// Output:
	// item string
	// qty int
	// <nil>
}
