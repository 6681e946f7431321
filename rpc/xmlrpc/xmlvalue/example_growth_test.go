package xmlvalue_test

import (
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// A server can tell beforehand what an echo of such a call takes.
func ExampleGrowth() {
	call := func(text string) []byte {
		return []byte("<methodCall><methodName>echo</methodName><params><param><value>" + text + "</value></param></params></methodCall>")
	}
	plain := call(strings.Repeat("tea ", 250))
	signs := call("<![CDATA[" + strings.Repeat("&&&&", 250) + "]]>")
	fmt.Println(xmlvalue.Growth(plain), xmlvalue.Growth(signs) >= 4000)
	// Output: 0 true
}
