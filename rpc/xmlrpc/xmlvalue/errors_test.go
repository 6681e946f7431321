package xmlvalue

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/parley-rpc/parley/rpc/value"
)

// pathTests are calls with one error each: where it is, as a path and as the
// first occurrence of a piece of the document, and what is said about it.
var pathTests = []struct{ name, doc, path, at, reason string }{
	{"outside of all values", `<methodCall><methodName>a & b</methodName></methodCall>`, "", "& b", "must be written &amp;"},
	{"a param", call(`<value><int>x</int></value>`), "params[0]", "<value>", `expected an integer, got "x"`},
	{"the second param", call(`<value>1</value></param><param><value><int>x</int></value>`), "params[1]", "<value><int>", "an integer"},
	{"the end of a param", call(`<value>1</value></param><param><value>1</value><b/>`), "params[1]", "<b/>", "expected </param>, got <b/>"},
	{"between params", call(`<value>1</value></param><b/><param>`), "params", "<b/>", "expected <param>, got <b>"},
	{"behind the params", strings.Replace(call(`<value>1</value>`), "</methodCall>", "<b/></methodCall>", 1), "", "<b/>", "expected </methodCall>, got <b/>"},
	{"a struct in a list in a struct", call(`<value><struct><member><name>list</name><value><array><data><value/><value/><value/><value><struct><member><name>id</name><value/></member><member><name>name</name><value><boolean>2</boolean></value></member></struct></value></data></array></value></member></struct></value>`), "params[0].list[3].name", "<value><boolean>", `expected a boolean, 0 or 1, got "2"`},
	{"behind a list of integers", call(`<value><array><data><value><int>1</int></value><value><int>2</int></value><value><int>x</int></value></data></array></value>`), "params[0][2]", "<value><int>x", "an integer"},
	{"behind a list of doubles", call(`<value><array><data><value><double>1</double></value><value><double>y</double></value></data></array></value>`), "params[0][1]", "<value><double>y", `expected a double, got "y"`},
	{"between elements", call(`<value><array><data><value/><b/></data></array></value>`), "params[0][1]", "<b/>", "expected <value>, got <b>"},
	{"the end of a list", call(`<value><array><data><value/></b></array></value>`), "params[0]", "</b>", "expected </data>, got </b>"},
	{"an empty list", call(`<value><array/><b/></value>`), "params[0]", "<b/>", "expected </value>, got <b/>"},
	{"the name of a member", call(`<value><array><data><value/><value><struct><member><name>a&b</name><value/></member></struct></value></data></array></value>`), "params[0][1]", "&b", "must be written &amp;"},
	{"the end of a member", call(`<value><struct><member><name>a</name><value/><b/></member></struct></value>`), "params[0].a", "<b/>", "expected </member>, got <b/>"},
	{"between members", call(`<value><struct><member><name>a</name><value/></member><b/></struct></value>`), "params[0]", "<b/>", "expected <member>, got <b>"},
	{"the end of a struct", call(`<value><struct><member><name>a</name><value/></member></b></value>`), "params[0]", "</b>", "expected </struct>, got </b>"},
	{"a member whose value comes first", call(`<value><struct><member><value><i4>x</i4></value><name>a</name></member></struct></value>`), "params[0].a", "<value><i4>", "an integer"},
	{"names that need care", call(`<value><struct><member><name> <![CDATA[a&]]>&lt;<!-- x --></name><value><array><value><base64>ab_c</base64></value></array></value></member></struct></value>`), "params[0]. a&<[0]", "<value><base64>", "base64"},
	{"a name with control characters", call(`<value><struct><member><name>&#13;&#x85;</name><value><int/></value></member></struct></value>`), `params[0].\r\u0085`, "<value><int/>", "an integer"},
	{"the end of the document", `<methodCall><methodName>f</methodName><params><param><value><array><data><value>1</value>`, "params[0][1]", "", "expected <value>, got the end of the document"},
	{"a date", call(`<value><struct><member><name>when</name><value><dateTime.iso8601>today</dateTime.iso8601></value></member></struct></value>`), "params[0].when", "<value><dateTime", `expected a date such as 19980717T14:08:55, got "today"`},
}

// Every error of reading tells the path and the byte, whichever way is read.
func TestErrorsTellPathAndByte(t *testing.T) {
	for _, tt := range pathTests {
		at := len(tt.doc)
		if tt.at != "" {
			at = strings.Index(tt.doc, tt.at)
		}
		for name, read := range map[string]func(*Decoder) error{
			"DecodeAny": func(d *Decoder) error { value.DecodeAny(d); return d.Finish() },
			"Finish":    func(d *Decoder) error { return d.Finish() },
		} {
			if name == "Finish" && !strings.Contains(tt.reason, "got <") {
				continue // what is read over is looked at for its structure alone
			}
			d, err := ReadCall([]byte(tt.doc), Options{})
			if err == nil {
				err = read(d)
			}
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Errorf("%s, %s: got %v; want a SyntaxError", tt.name, name, err)
				continue
			}
			if syntax.Path != tt.path || syntax.Offset != at || !strings.Contains(syntax.Reason, tt.reason) {
				t.Errorf("%s, %s: got path %q, byte %d, %q\nwant path %q, byte %d, %q", tt.name, name, syntax.Path, syntax.Offset, syntax.Reason, tt.path, at, tt.reason)
			}
			want := fmt.Sprintf("byte %d: %s", at, syntax.Reason)
			if tt.path != "" {
				want = tt.path + ": " + want
			}
			if err.Error() != want {
				t.Errorf("%s, %s: got text %q; want %q", tt.name, name, err, want)
			}
		}
	}
}

// The tight loops over numbers count for the path too.
func TestErrorsBehindTightLoops(t *testing.T) {
	for _, tt := range []struct {
		element, bad string
		dst          any
	}{
		{"<value><int>1</int></value>", "<value><int>x</int></value>", new([]int)},
		{"<value><i8>1</i8></value>", "<value><int>x</int></value>", new([]int64)},
		{"<value><double>1</double></value>", "<value><double>x</double></value>", new([]float64)},
	} {
		d, err := ReadCall([]byte(call("<value><array><data>"+strings.Repeat(tt.element, 500)+tt.bad+"</data></array></value>")), Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = value.DecodeArgs(d, []any{tt.dst}, nil)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Path != "params[0][500]" || err.Error() != fmt.Sprintf("params[0][500]: byte %d: %s", syntax.Offset, syntax.Reason) {
			t.Errorf("%T: got %v; want the path params[0][500], once", tt.dst, err)
		}
	}
}

// A path is as long as a line, however deep the document is.
func TestPathsAreShort(t *testing.T) {
	const depth = 5000
	name := strings.Repeat("n", 1000)
	open := "<value><struct><member><name>" + name + "</name>"
	_, err := readValue("<methodResponse><params><param>"+strings.Repeat(open, depth), Options{MaxDepth: 10_000})
	if err == nil || len(err.Error()) > 16*70+200 || !strings.Contains(err.Error(), "…") {
		t.Errorf("got an error of %d bytes: %.200v", len(fmt.Sprint(err)), err)
	}
	_, err = readValue(nested(17, arrayOpen, arrayClose)+"x", Options{MaxDepth: 16})
	const want = "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: byte "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("16 steps: got %v; want %s…", err, want)
	}
}

// The byte is one of what was received, also where that was another encoding.
func TestOffsetsInOtherEncodings(t *testing.T) {
	for _, tt := range []struct {
		encoding string
		charset  *charmap.Charmap
	}{{"ISO-8859-1", charmap.ISO8859_1}, {"windows-1252", charmap.Windows1252}} {
		for _, test := range pathTests {
			if test.at == "" {
				continue
			}
			doc := `<?xml version="1.0" encoding="` + tt.encoding + `"?><!-- àéîõü -->` + strings.ReplaceAll(test.doc, "<value>1</value>", "<value>ñandú</value>")
			received, err := tt.charset.NewEncoder().String(doc)
			if err != nil {
				t.Fatal(err)
			}
			at := strings.Index(received, test.at)
			_, _, err = readCall(received, Options{})
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset != at || syntax.Path != test.path {
				t.Errorf("%s, %s: got %v; want byte %d", tt.encoding, test.name, err, at)
			}
		}
		// Of a value that does not fit as well.
		received, err := tt.charset.NewEncoder().String(`<?xml version="1.0" encoding="` + tt.encoding + `"?>` + call("<value>ää</value></param><param><value>ö</value>"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := ReadCall([]byte(received), Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = value.DecodeArgs(d, []any{new(string), new(int)}, nil)
		var conversion *value.Error
		if !errors.As(err, &conversion) || conversion.Offset != strings.LastIndex(received, "<value>") || conversion.Path != "params[1]" {
			t.Errorf("%s: got %+v; want params[1] at byte %d", tt.encoding, conversion, strings.LastIndex(received, "<value>"))
		}
	}
	// A mark of three bytes is part of what was received.
	_, _, err := readCall("\xEF\xBB\xBF"+call("<value><int>x</int></value>"), Options{})
	var syntax *SyntaxError
	if want := 3 + strings.Index(call(""), "</param>"); !errors.As(err, &syntax) || syntax.Offset != want {
		t.Errorf("with a byte order mark: got %v; want byte %d", err, want)
	}
}

// Errors of writing have the path to the value.
func TestErrorsOfWritingTellThePath(t *testing.T) {
	type line struct {
		Item  string    `rpc:"item"`
		Price []float64 `rpc:"price"`
	}
	tests := []struct {
		name, path string
		v          any
		o          Options
	}{
		{"itself", "", math.NaN(), Options{}},
		{"a list", "[1]", []any{1, math.NaN()}, Options{}},
		{"a map of lists", "list[3].name", map[string]any{"list": []any{1, 2, 3, map[string]any{"name": "\x00"}}}, Options{}},
		{"a map by Go type", "7[1]", map[int][]string{1: {"a"}, 7: {"a", "\x00"}}, Options{}},
		{"structs", "[1].item", []line{{Item: "a"}, {Item: "\xff"}}, Options{}},
		{"floats", "[1].price[2]", []line{{}, {Price: []float64{1, 2, math.Inf(1)}}}, Options{}},
		{"integers", "[0][2]", [][]int64{{1, 2, 1 << 40}}, Options{Int32Only: true}},
		{"Go's integers", "[0][2]", [][]int{{1, 2, 1 << 40}}, Options{Int32Only: true}},
		{"nil", "a[1]", map[string]any{"a": []any{1, nil}}, Options{NoNil: true}},
		{"a pointer", "[1]", []*int{new(int), nil}, Options{NoNil: true}},
		{"dynamic pairs", "5.b", value.Map{{Key: int64(5), Value: map[string]any{"b": value.UUID{}}}}, Options{}},
	}
	for _, tt := range tests {
		var conversion *value.Error
		_, err := AppendCall(nil, "f", []any{"first", tt.v}, tt.o)
		want := "params[1]" + tt.path
		if tt.path != "" && tt.path[0] != '[' {
			want = "params[1]." + tt.path
		}
		if !errors.As(err, &conversion) || conversion.Path != want {
			t.Errorf("%s in a call: got %v; want the path %s", tt.name, err, want)
		}
		_, err = AppendResponse(nil, tt.v, tt.o)
		if !errors.As(err, &conversion) || strings.TrimPrefix(conversion.Path, ".") != tt.path {
			t.Errorf("%s in a response: got %v; want the path %q", tt.name, err, tt.path)
		}
	}
}

// What is said of a document is text, whatever the document holds.
func TestErrorsAreText(t *testing.T) {
	for _, tt := range malformedTests {
		_, _, err := readCall(tt.doc, Options{})
		if err == nil {
			t.Errorf("%s: got no error", tt.name)
			continue
		}
		if text := err.Error(); !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '\x7f' }) {
			t.Errorf("%s: got %q", tt.name, text)
		}
	}
}

// The error that docs/wire-xmlrpc.md shows is one that is made.
func TestDocumentedError(t *testing.T) {
	text, err := os.ReadFile("../../../docs/wire-xmlrpc.md")
	if err != nil {
		t.Fatal(err)
	}
	const want = `params[0].list[3].name: byte 412: expected a boolean, 0 or 1, got "2"`
	if !strings.Contains(string(text), "\n"+want+"\n") {
		t.Errorf("docs/wire-xmlrpc.md does not have the line %s", want)
	}
	wrong := `<value><boolean>2</boolean></value>`
	doc := call(`<value><struct><member><name>list</name><value><array><data><value>a</value><value>b</value><value>c</value>` +
		`<value><struct><member><name>name</name>` + wrong + `</member></struct></value></data></array></value></member></struct></value>`)
	doc = strings.Repeat(" ", 412-strings.Index(doc, wrong)) + doc
	if _, _, err := readCall(doc, Options{}); err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v; want %s", err, want)
	}
}
