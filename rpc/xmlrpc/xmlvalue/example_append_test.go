package xmlvalue_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

func ExampleAppendResponse() {
	doc, err := xmlvalue.AppendResponse(nil, 8, xmlvalue.Options{})
	fmt.Printf("%s\n%v\n", doc, err)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <methodResponse><params><param><value><int>8</int></value></param></params></methodResponse>
	// <nil>
}

// A record is a struct, whose members are named by the tags of its fields.
func ExampleAppendValue() {
	type product struct {
		ID   int    `rpc:"pid"`
		Name string `rpc:"pname"`
	}
	doc, err := xmlvalue.AppendValue(nil, product{1, "Teapot"}, xmlvalue.Options{})
	fmt.Printf("%s %v\n", doc, err)
	// Output: <value><struct><member><name>pid</name><value><int>1</int></value></member><member><name>pname</name><value><string>Teapot</string></value></member></struct></value> <nil>
}

// Peers differ in what they can read: this one has no <i8>, and dates of its own.
func ExampleOptions() {
	o := xmlvalue.Options{LongInt: true, Location: time.FixedZone("", 3600), ZoneSuffix: true}
	if err := o.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range []any{1 << 40, time.Date(2024, 2, 29, 12, 30, 0, 0, time.UTC)} {
		doc, err := xmlvalue.AppendValue(nil, v, o)
		fmt.Printf("%s %v\n", doc, err)
	}
	// Output:
	// <value><int>1099511627776</int></value> <nil>
	// <value><dateTime.iso8601>20240229T13:30:00+0100</dateTime.iso8601></value> <nil>
}

// What Python's xmlrpc.client.dumps((3, "five")) makes.
func ExampleReadParams() {
	doc := `<params><param><value><int>3</int></value></param><param><value><string>five</string></value></param></params>`
	d, err := xmlvalue.ReadParams([]byte(doc), xmlvalue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(value.DecodeAny(d), d.Finish())
	// Output: [3 five] <nil>
}

// An answer to a system.multicall, whose parts are appended as they come.
func ExampleAppendListOpen() {
	doc := xmlvalue.AppendListOpen(nil)
	doc, err := xmlvalue.AppendElement(doc, 8, xmlvalue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	doc = xmlvalue.AppendFaultValue(doc, 404, "no product 2")
	doc = xmlvalue.AppendListClose(doc)

	d, err := xmlvalue.ReadResponse(doc, xmlvalue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(value.DecodeAny(d), d.Finish())
	// Output: [[8] map[faultCode:404 faultString:no product 2]] <nil>
}

// A document in an old-fashioned spelling becomes one that the strictest library
// reads.
func ExampleAppendRewritten() {
	doc := `<methodResponse><params><param><value>3 &lt; <![CDATA[5]]></value></param></params></methodResponse>`
	d, err := xmlvalue.ReadResponse([]byte(doc), xmlvalue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	plain, err := xmlvalue.AppendRewritten(nil, d, xmlvalue.Options{})
	fmt.Printf("%s\n%v\n", plain, err)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <methodResponse><params><param><value><string>3 &lt; 5</string></value></param></params></methodResponse>
	// <nil>
}

// A large file is not held in memory.
func ExampleWriteBlobResponse() {
	if err := xmlvalue.WriteBlobResponse(os.Stdout, strings.NewReader("Fill in water.")); err != nil {
		fmt.Println(err)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <methodResponse><params><param><value><base64>RmlsbCBpbiB3YXRlci4=</base64></value></param></params></methodResponse>
}

// An Encoder writes what is in no Go value, part by part.
func ExampleNewEncoder() {
	e := xmlvalue.NewEncoder(nil, xmlvalue.Options{})
	e.List(value.KindList, 2)
	e.Int(3)
	e.Text("five")
	e.End()
	doc, err := e.Result()
	fmt.Printf("%s %v\n", doc, err)
	// Output: <value><array><data><value><int>3</int></value><value><string>five</string></value></data></array></value> <nil>
}
