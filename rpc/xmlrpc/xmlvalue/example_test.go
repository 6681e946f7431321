package xmlvalue_test

import (
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

func ExampleReadCall() {
	doc := `<?xml version="1.0"?>
<methodCall>
  <methodName>add</methodName>
  <params>
    <param><value><i4>3</i4></value></param>
    <param><value><int> +5 </int></value></param>
  </params>
</methodCall>`
	d, err := xmlvalue.ReadCall([]byte(doc), xmlvalue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var a, b int
	if err := value.DecodeArgs(d, []any{&a, &b}, nil); err != nil {
		fmt.Println(err)
		return
	}
	if err := d.Finish(); err != nil { // all of the document, before anything is done
		fmt.Println(err)
		return
	}
	fmt.Println(d.Method, a, b)
	// Output: add 3 5
}

func ExampleReadResponse() {
	for _, doc := range []string{
		`<methodResponse><params><param><value><array><data><value>a</value><value><double>1.5</double></value></data></array></value></param></params></methodResponse>`,
		`<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value></member><member><name>faultString</name><value>Too many parameters.</value></member></struct></value></fault></methodResponse>`,
	} {
		d, err := xmlvalue.ReadResponse([]byte(doc), xmlvalue.Options{})
		if err != nil {
			fmt.Println(err)
			continue
		}
		if code, message, ok := d.Fault(); ok {
			fmt.Println("fault", code, message)
			continue
		}
		fmt.Println(value.DecodeAny(d), d.Finish())
	}
	// Output:
	// [a 1.5] <nil>
	// fault 4 Too many parameters.
}

func ExampleAppendCall() {
	doc, err := xmlvalue.AppendCall(nil, "put", []any{"a & b", []byte{1, 2}, 1 << 40}, xmlvalue.Options{})
	fmt.Printf("%s\n%v\n", doc, err)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <methodCall><methodName>put</methodName><params><param><value><string>a &amp; b</string></value></param><param><value><base64>AQI=</base64></value></param><param><value><i8>1099511627776</i8></value></param></params></methodCall>
	// <nil>
}

func ExampleAppendFault() {
	fmt.Printf("%s\n", xmlvalue.AppendFault(nil, 4, "Too many parameters.", xmlvalue.Options{}))
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value></member><member><name>faultString</name><value><string>Too many parameters.</string></value></member></struct></value></fault></methodResponse>
}

func ExampleSyntaxError() {
	_, err := xmlvalue.ReadCall([]byte(`<methodCall><methodName>a & b</methodName></methodCall>`), xmlvalue.Options{})
	var syntax *xmlvalue.SyntaxError
	if errors.As(err, &syntax) {
		fmt.Println(syntax.Code, err)
	}
	// Output: -32700 byte 26: & that begins no reference must be written &amp;
}
