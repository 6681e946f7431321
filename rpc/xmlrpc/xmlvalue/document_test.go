package xmlvalue

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

// readCall reads a whole call.
func readCall(doc string, o Options) (method string, args any, err error) {
	d, err := ReadCall([]byte(doc), o)
	if err != nil {
		return "", nil, err
	}
	args = value.DecodeAny(d)
	return d.Method, args, d.Finish()
}

func TestReadCall(t *testing.T) {
	tests := []struct {
		name, doc, method string
		args              []any
	}{
		{"missing params", `<methodCall><methodName>f</methodName></methodCall>`, "f", []any{}},
		{"empty params", `<methodCall><methodName>f</methodName><params></params></methodCall>`, "f", []any{}},
		{"empty-element params", `<methodCall><methodName>f</methodName><params/></methodCall>`, "f", []any{}},
		{"white space", "\n<methodCall>\n<methodName> system.listMethods\n</methodName>\n<params>\n</params>\n</methodCall>\n", "system.listMethods", []any{}},
		{"one", `<methodCall><methodName>f</methodName><params><param><value><int>1</int></value></param></params></methodCall>`, "f", []any{int64(1)}},
		{"param without value is nil", `<methodCall><methodName>f</methodName><params><param></param><param/><param><!-- --></param><param><value>x</value></param></params></methodCall>`, "f", []any{nil, nil, nil, "x"}},
		{"CDATA in the name", `<methodCall><methodName><![CDATA[a&b]]>&lt;</methodName></methodCall>`, "a&b<", []any{}},
		{"byte order mark", "\xEF\xBB\xBF<?xml version='1.0'?><methodCall><methodName>f</methodName></methodCall>", "f", []any{}},
		{"namespace", `<methodCall xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions"><methodName>f</methodName><params><param><value><ex:nil/></value></param></params></methodCall>`, "f", []any{nil}},
		{"comments around", `<?xml version="1.0"?><!-- a --><methodCall><!-- b --><methodName>f</methodName><!-- c --></methodCall><!-- d -->`, "f", []any{}},
		{"UTF-8 declared", `<?xml version="1.0" encoding="utf-8" standalone='yes' ?><methodCall><methodName>é</methodName></methodCall>`, "é", []any{}},
		{"US-ASCII", `<?xml version="1.0" encoding="US-ASCII"?><methodCall><methodName>f</methodName></methodCall>`, "f", []any{}},
		{"ISO-8859-1", "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><methodCall><methodName>\xE9\xA4</methodName></methodCall>", "é¤", []any{}},
		{"windows-1252", "<?xml version=\"1.0\" encoding=\"Windows-1252\"?><methodCall><methodName>\x80\xE9</methodName></methodCall>", "€é", []any{}},
		{"a mark counts more than a declaration", "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><methodCall><methodName>é</methodName></methodCall>", "é", []any{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			method, args, err := readCall(tt.doc, Options{})
			if err != nil || method != tt.method {
				t.Fatalf("got %q, %v; want %q", method, err, tt.method)
			}
			if diff := cmp.Diff(any(tt.args), args); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// emptyResponses have nil as their result. An empty-element tag and a start-tag with
// its end-tag behind it are the same to XML (section 3.1).
var emptyResponses = map[string]string{
	"empty response":         `<methodResponse></methodResponse>`,
	"empty-element response": `<methodResponse/>`,
	"missing param":          `<methodResponse><params></params></methodResponse>`,
	"empty params":           `<methodResponse><params/></methodResponse>`,
	"empty param":            `<methodResponse><params><param/></params></methodResponse>`,
	"no value":               `<methodResponse><params><param> </param></params></methodResponse>`,
	"nil":                    `<methodResponse><params><param><value><nil/></value></param></params></methodResponse>`,
}

func TestReadResponse(t *testing.T) {
	for name, doc := range emptyResponses {
		if got, err := readValue(doc, Options{}); got != nil || err != nil {
			t.Errorf("%s: got %v, %v; want nil", name, got, err)
		}
	}
	_, err := readValue(`<methodResponse><params><param><value/></param><param><value/></param></params></methodResponse>`, Options{})
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Code != CodeInvalidRequest {
		t.Errorf("two results: got %v; want code %d", err, CodeInvalidRequest)
	}
	for _, doc := range []string{`<methodResponse/><methodResponse/>`, `<methodResponse/>x`} {
		_, err := readValue(doc, Options{})
		wantCode(t, doc, err, CodeNotWellFormed)
	}
}

func faultDocument(members string) string {
	return "<methodResponse><fault><value><struct>" + members + "</struct></value></fault></methodResponse>"
}

const faultElement = `<fault><value><struct><member><name>faultCode</name><value><int>4</int></value></member></struct></value></fault>`

const faultMessage = `<member><name>faultString</name><value><string>too &amp; many</string></value></member>`

var faultTests = []struct {
	name, members, message string
	code                   int
}{
	{"both", `<member><name>faultCode</name><value><int>4</int></value></member>` + faultMessage, "too & many", 4},
	{"other order", faultMessage + `<member><name>faultCode</name><value><i4>-32601</i4></value></member>`, "too & many", -32601},
	{"untyped", `<member><name>faultCode</name><value>4</value></member><member><name>faultString</name><value>no</value></member>`, "no", 4},
	{"float", `<member><name>faultCode</name><value><double>4.0</double></value></member>`, "", 4},
	{"code alone", `<member><name>faultCode</name><value><int>4</int></value></member>`, "", 4},
	{"message alone", faultMessage, "too & many", 0},
	{"nil message", `<member><name>faultString</name><value><nil/></value></member><member><name>faultCode</name><value><int>1</int></value></member>`, "", 1},
	{"more members", faultMessage + `<member><name>x</name><value><array><data/></array></value></member>`, "too & many", 0},
	{"code with white space", `<member><name>faultCode</name><value><string> 4
</string></value></member>` + faultMessage, "too & many", 4},
	{"code that is text", `<member><name>faultCode</name><value>AccessError</value></member>` + faultMessage, "AccessError: too & many", 0},
	{"code that is text, without message", `<member><name>faultCode</name><value>AccessError</value></member>`, "AccessError", 0},
	{"code that is empty text", `<member><name>faultCode</name><value/></member>` + faultMessage, "too & many", 0},
	{"nil code", `<member><name>faultCode</name><value><nil/></value></member>` + faultMessage, "too & many", 0},
	{"code beyond 64 bits", `<member><name>faultCode</name><value><i8>99999999999999999999</i8></value></member>` + faultMessage, "99999999999999999999: too & many", 0},
	{"code with a fraction", `<member><name>faultCode</name><value><double>1.5</double></value></member>` + faultMessage, "1.5: too & many", 0},
	{"code nan", `<member><name>faultCode</name><value><double>nan</double></value></member>`, "NaN", 0},
	{"boolean code", `<member><name>faultCode</name><value><boolean>1</boolean></value></member>` + faultMessage, "true: too & many", 0},
	{"base64 message", `<member><name>faultString</name><value><base64>w6k=</base64></value></member>`, "é", 0},
	{"base64 message that is no text", `<member><name>faultString</name><value><base64>YekB</base64></value></member>`, "a\uFFFD\x01", 0},
	{"integer message", `<member><name>faultString</name><value><int>5</int></value></member>`, "5", 0},
	{"struct message", `<member><name>faultString</name><value><struct><member><name>a</name><value>b</value></member></struct></value></member>`, "map[a:b]", 0},
	{"names twice", faultMessage + `<member><name>faultCode</name><value><int>1</int></value></member><member><name>faultCode</name><value><int>2</int></value></member>`, "too & many", 2},
	{"value first", `<member><value><int>4</int></value><name>faultCode</name></member>`, "", 4},
	{"neither", ``, "a <fault> without faultCode and faultString", 0},
	{"other members alone", `<member><name>message</name><value>no</value></member>`, "a <fault> without faultCode and faultString: map[message:no]", 0},
	{"names in other letters", `<member><name>FaultCode</name><value><int>4</int></value></member>`, "a <fault> without faultCode and faultString: map[FaultCode:4]", 0},
}

// Faults that are no struct, by their value.
var bareFaultTests = []struct{ name, value, message string }{
	{"text", `<value>no such &amp; luck</value>`, "no such & luck"},
	{"empty text", `<value/>`, "a <fault> without faultCode and faultString"},
	{"nil", `<value><nil/></value>`, "a <fault> without faultCode and faultString"},
	{"number", `<value><int>4</int></value>`, "a <fault> without faultCode and faultString: 4"},
	{"list", `<value><array><data><value><int>4</int></value><value>no</value></data></array></value>`, "a <fault> without faultCode and faultString: [4 no]"},
	{"base64", `<value><base64>w6k=</base64></value>`, "a <fault> without faultCode and faultString: é"},
}

func TestReadFault(t *testing.T) {
	for _, tt := range faultTests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ReadResponse([]byte(faultDocument(tt.members)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if code, message, ok := d.Fault(); !ok || code != tt.code || message != tt.message {
				t.Errorf("got %d, %q, %v; want %d, %q", code, message, ok, tt.code, tt.message)
			}
			if k := d.Kind(); k != value.KindInvalid {
				t.Errorf("behind a fault: got kind %v", k)
			}
			if err := d.Finish(); err != nil {
				t.Error(err)
			}
		})
	}
	for _, tt := range bareFaultTests {
		d, err := ReadResponse([]byte("<methodResponse><fault>"+tt.value+"</fault></methodResponse>"), Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if code, message, ok := d.Fault(); !ok || code != 0 || message != tt.message {
			t.Errorf("%s: got %d, %q, %v; want 0, %q", tt.name, code, message, ok, tt.message)
		}
	}
	for _, doc := range []string{
		faultDocument(`<member><name>faultCode</name><value><int>x</int></value></member>`),
		`<methodResponse><fault/></methodResponse>`,
		`<methodResponse><fault></fault></methodResponse>`,
		`<methodResponse><fault>no</fault></methodResponse>`,
		`<methodResponse><fault><value>no</value><value>no</value></fault></methodResponse>`,
		`<methodResponse><params><param><value/></param></params>` + faultElement + `</methodResponse>`,
		`<methodResponse>` + faultElement + `<params><param><value/></param></params></methodResponse>`,
		`<methodResponse>` + faultElement + faultElement + `</methodResponse>`,
	} {
		_, err := readValue(doc, Options{})
		wantCode(t, doc, err, CodeInvalidRequest)
	}
	// A fault is one only if its document is whole.
	whole := "<methodResponse>" + faultElement + "</methodResponse>"
	for n := range len(whole) {
		if _, err := ReadResponse([]byte(whole[:n]), Options{}); err == nil {
			t.Errorf("%s: got no error", whole[:n])
		}
	}
}

func TestResultIsNoFault(t *testing.T) {
	d, err := ReadResponse([]byte(response(`<value><struct><member><name>faultCode</name><value><int>4</int></value></member></struct></value>`)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := d.Fault(); ok {
		t.Error("a struct that looks like a fault was taken for one")
	}
}

func TestUniqueNames(t *testing.T) {
	doc := response(`<value><struct><member><name>a</name><value>1</value></member><member><name>b</name><value><struct><member><name>a</name><value>1</value></member></struct></value></member><member><value>2</value><name>&#97;</name></member></struct></value>`)
	if _, err := readValue(doc, Options{}); err != nil {
		t.Errorf("by default: got %v; want no error", err)
	}
	_, err := readValue(doc, Options{UniqueNames: true})
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Code != CodeInvalidRequest || !strings.Contains(syntax.Reason, "name a") {
		t.Errorf("with UniqueNames: got %v; want code %d", err, CodeInvalidRequest)
	}
}

func TestReadInLocation(t *testing.T) {
	zone := time.FixedZone("test", -5*3600)
	got, err := readValue(response(`<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>`), Options{Location: zone})
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Date(1998, 7, 17, 19, 8, 55, 0, time.UTC); !got.(time.Time).Equal(want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestValidate(t *testing.T) {
	for _, o := range []Options{{MaxDepth: -1}, {MaxDepth: 10_001}, {MaxElements: -1}, {MaxString: -1}, {MaxDigits: -1}, {Int32Only: true, LongInt: true}} {
		if o.Validate() == nil {
			t.Errorf("%+v: got no error", o)
		}
		if _, err := ReadCall([]byte(`<methodCall><methodName>f</methodName></methodCall>`), o); err == nil {
			t.Errorf("ReadCall with %+v: got no error", o)
		}
		if _, err := ReadResponse([]byte(response("")), o); err == nil {
			t.Errorf("ReadResponse with %+v: got no error", o)
		}
		if _, err := AppendValue(nil, 1, o); err == nil {
			t.Errorf("AppendValue with %+v: got no error", o)
		}
		if _, err := AppendElement(nil, 1, o); err == nil {
			t.Errorf("AppendElement with %+v: got no error", o)
		}
		if _, err := AppendCall(nil, "f", nil, o); err == nil {
			t.Errorf("AppendCall with %+v: got no error", o)
		}
		if _, err := AppendResponse(nil, 1, o); err == nil {
			t.Errorf("AppendResponse with %+v: got no error", o)
		}
	}
	if err := (Options{MaxDepth: 10_000}).Validate(); err != nil {
		t.Error(err)
	}
}
