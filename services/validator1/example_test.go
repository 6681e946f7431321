package validator1_test

import (
	"context"
	"fmt"
	"log"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/services/validator1"
)

// Check takes any Caller: an xmlrpc.Client of a server in another language as well as
// a Registry.
func ExampleCheck() {
	reg := rpc.NewRegistry()
	if err := validator1.Register(reg); err != nil {
		log.Fatal(err)
	}
	report := validator1.Check(context.Background(), reg)
	fmt.Print(report)
	if !report.OK() {
		log.Fatal(report.Err())
	}
	// Output:
	// validator1.arrayOfStructsTest: 13 calls, ok
	// validator1.countTheEntities: 21 calls, ok
	// validator1.easyStructTest: 12 calls, ok
	// validator1.echoStructTest: 15 calls, ok
	// validator1.manyTypesTest: 12 calls, ok
	// validator1.moderateSizeArrayCheck: 12 calls, ok
	// validator1.nestedStructTest: 8 calls, ok
	// validator1.simpleStructReturnTest: 13 calls, ok
}
