package xmlvalue

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/big"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

var writeTests = []struct {
	name string
	v    any
	o    Options
	want string // without <value> around it
}{
	{"int", 3, Options{}, `<int>3</int>`},
	{"int8", int8(-128), Options{}, `<int>-128</int>`},
	{"largest int", math.MaxInt32, Options{}, `<int>2147483647</int>`},
	{"smallest int", math.MinInt32, Options{}, `<int>-2147483648</int>`},
	{"beyond 32 bits", int64(math.MaxInt32) + 1, Options{}, `<i8>2147483648</i8>`},
	{"smallest i8", int64(math.MinInt64), Options{}, `<i8>-9223372036854775808</i8>`},
	{"a long int", []any{1, 1 << 40, int64(math.MinInt64)}, Options{LongInt: true}, `<array><data><value><int>1</int></value><value><int>1099511627776</int></value><value><int>-9223372036854775808</int></value></data></array>`},
	{"a list of long ints", []int64{1, 1 << 40}, Options{LongInt: true}, `<array><data><value><int>1</int></value><value><int>1099511627776</int></value></data></array>`},
	{"32 bits only", math.MaxInt32, Options{Int32Only: true}, `<int>2147483647</int>`},
	{"uint64", uint64(math.MaxInt64), Options{}, `<i8>9223372036854775807</i8>`},
	{"big but small", big.NewInt(5), Options{}, `<int>5</int>`},
	{"biginteger", bigInt("-9223372036854775809"), Options{BigInteger: true}, `<ex:biginteger xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions">-9223372036854775809</ex:biginteger>`},
	{"float", 0.1, Options{}, `<double>0.1</double>`},
	{"whole float", -3.0, Options{}, `<double>-3.0</double>`},
	{"minus zero", math.Copysign(0, -1), Options{}, `<double>-0.0</double>`},
	{"large float", 1e21, Options{}, `<double>1000000000000000000000.0</double>`},
	{"small float", 1.5e-7, Options{}, `<double>0.00000015</double>`},
	{"nan", math.NaN(), Options{NonFinite: true}, `<double>nan</double>`},
	{"inf", math.Inf(1), Options{NonFinite: true}, `<double>inf</double>`},
	{"-inf", math.Inf(-1), Options{NonFinite: true}, `<double>-inf</double>`},
	{"true", true, Options{}, `<boolean>1</boolean>`},
	{"false", false, Options{}, `<boolean>0</boolean>`},
	{"nil", nil, Options{}, `<nil/>`},
	{"nil pointer", (*int)(nil), Options{}, `<nil/>`},
	{"void", value.Void{}, Options{NoNil: true}, `<boolean>1</boolean>`},
	{"text", "hello", Options{}, `<string>hello</string>`},
	{"empty text", "", Options{}, `<string></string>`},
	{"markup", `<a b="c">&'`, Options{}, `<string>&lt;a b="c"&gt;&amp;'</string>`},
	{"white space", " a\tb\nc\rd\r\n", Options{}, "<string> a\tb\nc&#13;d&#13;\n</string>"},
	{"beyond ASCII", "é\U0001F600\uFFFD\u0085", Options{}, "<string>é\U0001F600\uFFFD\u0085</string>"},
	{"control character as base64", "a\x00b", Options{TextAsBase64: true}, `<base64>YQBi</base64>`},
	{"other text stays text", "ab", Options{TextAsBase64: true}, `<string>ab</string>`},
	{"bytes", []byte("you can't"), Options{}, `<base64>eW91IGNhbid0</base64>`},
	{"no bytes", []byte{}, Options{}, `<base64></base64>`},
	{"byte array", value.ByteArray("a"), Options{}, `<base64>YQ==</base64>`},
	{"list", []any{1, "a"}, Options{}, `<array><data><value><int>1</int></value><value><string>a</string></value></data></array>`},
	{"empty list", []any{}, Options{}, `<array><data></data></array>`},
	{"tuple", value.Tuple{1}, Options{}, `<array><data><value><int>1</int></value></data></array>`},
	{"set", value.Set{Items: []any{1}}, Options{}, `<array><data><value><int>1</int></value></data></array>`},
	{"frozen set", value.Set{Items: []any{1}, Frozen: true}, Options{}, `<array><data><value><int>1</int></value></data></array>`},
	{"ints", []int64{1, math.MaxInt64}, Options{}, `<array><data><value><int>1</int></value><value><i8>9223372036854775807</i8></value></data></array>`},
	{"floats", []float64{1, 0.5}, Options{}, `<array><data><value><double>1.0</double></value><value><double>0.5</double></value></data></array>`},
	{"map", map[string]any{"b": 2, "a": nil}, Options{}, `<struct><member><name>a</name><value><nil/></value></member><member><name>b</name><value><int>2</int></value></member></struct>`},
	{"empty map", map[string]any{}, Options{}, `<struct></struct>`},
	{"integers as keys", map[int]bool{-7: true}, Options{}, `<struct><member><name>-7</name><value><boolean>1</boolean></value></member></struct>`},
	{
		"dynamic keys",
		value.Map{{Key: int64(5), Value: value.Map{}}, {Key: bigInt("99999999999999999999"), Value: []any{}}, {Key: "a<", Value: 1}},
		Options{},
		`<struct><member><name>5</name><value><struct></struct></value></member><member><name>99999999999999999999</name><value><array><data></data></array></value></member><member><name>a&lt;</name><value><int>1</int></value></member></struct>`,
	},
	{
		"records",
		[]struct {
			A int    `rpc:"a"`
			B string `xmlrpc:"b"`
		}{{1, "x"}, {2, "y"}},
		Options{},
		`<array><data><value><struct><member><name>a</name><value><int>1</int></value></member><member><name>b</name><value><string>x</string></value></member></struct></value>` +
			`<value><struct><member><name>a</name><value><int>2</int></value></member><member><name>b</name><value><string>y</string></value></member></struct></value></data></array>`,
	},
	{"time", time.Date(1998, 7, 17, 14, 8, 55, 123e6, time.FixedZone("", 3600)), Options{}, `<dateTime.iso8601>19980717T13:08:55</dateTime.iso8601>`},
	{"local time", value.LocalTime{Time: time.Date(1998, 7, 17, 14, 8, 55, 5e8, time.UTC)}, Options{Location: time.FixedZone("", 3600), ZoneSuffix: true, Fraction: true}, `<dateTime.iso8601>19980717T14:08:55.5</dateTime.iso8601>`},
}

func TestWriteValues(t *testing.T) {
	for _, tt := range writeTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendValue([]byte("before"), tt.v, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if want := "before<value>" + tt.want + "</value>"; string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestWhatCannotBeWritten(t *testing.T) {
	deep := func(n int) any {
		v := any(1)
		for range n {
			v = []any{v}
		}
		return v
	}
	tests := []struct {
		name string
		v    any
		o    Options
		want string // within the error
	}{
		{"i8 where there are 32 bits", []any{1, 1 << 40}, Options{Int32Only: true}, "[1]: 1099511627776 does not fit the 32 bits"},
		{"i8 in a list of integers", []int64{1, 1 << 40}, Options{Int32Only: true}, "[1]: 1099511627776 does not fit the 32 bits"},
		{"65 bits in a long int", uint64(math.MaxUint64), Options{LongInt: true}, "64 bits does not fit"},
		{"65 bits", uint64(math.MaxUint64), Options{}, "64 bits does not fit"},
		{"5000 bits", new(big.Int).Lsh(big.NewInt(1), 5000), Options{BigInteger: true}, "5001 bits is too large"},
		{"nil", map[string]any{"a": nil}, Options{NoNil: true}, "a: nil is not sent"},
		{"nan", math.NaN(), Options{}, "no nan"},
		{"inf in a list of floats", []float64{1, math.Inf(-1)}, Options{}, "[1]: XML-RPC has no -inf"},
		{"control character", []any{"ab\x1b"}, Options{}, "[0]: text holds U+001B at byte 2"},
		{"U+FFFE", "\uFFFE", Options{}, "U+FFFE at byte 0"},
		{"invalid UTF-8", "a\xff", Options{}, "not valid UTF-8 at byte 1"},
		{"control character in a key", map[string]any{"a\x00": 1}, Options{TextAsBase64: true}, "XML cannot carry"},
		{"a boolean as key", value.Map{{Key: true, Value: 1}}, Options{}, "must be text or an integer for XML-RPC, not bool"},
		{"a float as key", value.Map{{Key: 1.5, Value: 1}}, Options{}, "not float"},
		{"nil as key", value.Map{{Key: nil, Value: 1}}, Options{}, "not nil"},
		{"a tuple as key", value.Map{{Key: value.Tuple{1}, Value: 1}}, Options{}, "not tuple"},
		{"bytes as key", value.Map{{Key: []byte("a"), Value: 1}}, Options{}, "not bytes"},
		{"a date as key", value.Map{{Key: time.Now(), Value: 1}}, Options{}, "not time"},
		{"a map as key", value.Map{{Key: value.Map{}, Value: 1}}, Options{}, "not map"},
		{"decimal", value.Decimal("1.5"), Options{}, "decimal"},
		{"uuid", value.UUID{}, Options{}, "uuid"},
		{"range", value.Range{}, Options{}, "range"},
		{"complex", complex(1, 1), Options{}, "complex"},
		{"fraction", big.NewRat(1, 3), Options{}, "fraction"},
		{"year 10000", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), Options{}, "the year 10000"},
		{"a year before zero", time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), Options{}, "the year -1"},
		{"too deep", deep(65), Options{}, "more than 64 deep"},
		{"too deep for the options", map[string]any{"a": deep(3)}, Options{MaxDepth: 3}, "a[0][0]: lists and maps more than 3 deep"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dst := []byte("before")
			got, err := AppendValue(dst, tt.v, tt.o)
			if err == nil {
				t.Fatalf("got %s; want an error with %q", got, tt.want)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want an error with %q", err, tt.want)
			}
			if string(got) != "before" {
				t.Errorf("after an error: got %q; want dst as it was", got)
			}
		})
	}
	if _, err := AppendValue(nil, deep(64), Options{}); err != nil {
		t.Errorf("64 deep: %v", err)
	}
}

func TestAppendDocuments(t *testing.T) {
	const declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	got, err := AppendCall([]byte("x"), "a.b<c>", []any{1, nil}, Options{})
	want := "x" + declaration + "<methodCall><methodName>a.b&lt;c&gt;</methodName><params><param><value><int>1</int></value></param><param><value><nil/></value></param></params></methodCall>"
	if string(got) != want || err != nil {
		t.Errorf("call: got %s, %v\nwant %s", got, err, want)
	}
	got, err = AppendResponse(nil, "ok", Options{})
	want = declaration + "<methodResponse><params><param><value><string>ok</string></value></param></params></methodResponse>"
	if string(got) != want || err != nil {
		t.Errorf("response: got %s, %v\nwant %s", got, err, want)
	}
	got = AppendFault(nil, -32601, "no <\x00> \xff\uFFFE \r", Options{NoNil: true})
	want = declaration + "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>-32601</int></value></member>" +
		"<member><name>faultString</name><value><string>no &lt;\uFFFD&gt; \uFFFD\uFFFD &#13;</string></value></member></struct></value></fault></methodResponse>"
	if string(got) != want {
		t.Errorf("fault: got %s\nwant %s", got, want)
	}
	for _, doc := range [][]byte{got} {
		d, err := ReadResponse(doc, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if code, message, ok := d.Fault(); !ok || code != -32601 || message != "no <\uFFFD> \uFFFD\uFFFD \r" {
			t.Errorf("fault read: got %d, %q, %v", code, message, ok)
		}
	}
	if got := AppendFault(nil, math.MaxInt, "", Options{}); !bytes.Contains(got, []byte("<i8>9223372036854775807</i8>")) {
		t.Errorf("fault with a large code: got %s", got)
	}

	for _, method := range []string{"", " a", "a\n", "a\x00b", "a\xff"} {
		if got, err := AppendCall([]byte("x"), method, nil, Options{}); err == nil || string(got) != "x" {
			t.Errorf("method %q: got %s, %v; want an error", method, got, err)
		}
	}
	var conversion *value.Error
	_, err = AppendCall(nil, "f", []any{1, map[string]any{"a": []any{math.NaN()}}}, Options{})
	if !errors.As(err, &conversion) || conversion.Path != "params[1].a[0]" {
		t.Errorf("an argument that cannot be sent: got %v; want the path params[1].a[0]", err)
	}
	if _, err = AppendResponse(nil, math.NaN(), Options{}); err == nil {
		t.Error("a result that cannot be sent: got no error")
	}
}

// What is written is read as what it was.
func TestRoundTrip(t *testing.T) {
	for _, tt := range writeTests {
		if strings.Contains(tt.name, "time") { // cut off or moved on purpose
			continue
		}
		doc, err := AppendResponse(nil, tt.v, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		first, err := readValue(string(doc), Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		again, err := AppendResponse(nil, first, tt.o)
		if err != nil || !bytes.Equal(doc, again) {
			t.Errorf("%s: written again, %v:\n got %s\nwant %s", tt.name, err, again, doc)
		}
	}
	for _, tt := range valueTests {
		o := Options{BigInteger: true, NonFinite: true, ZoneSuffix: true, Fraction: true}
		doc, err := AppendResponse(nil, tt.want, o)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		got, err := readValue(string(doc), Options{})
		if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" || err != nil {
			t.Errorf("%s: %v -want +got:\n%s", tt.name, err, diff)
		}
	}
}

func TestEncoderMisuse(t *testing.T) {
	for name, use := range map[string]func(*Encoder){
		"End of nothing":        func(e *Encoder) { e.End() },
		"Name in nothing":       func(e *Encoder) { e.Name("a") },
		"Name in a list":        func(e *Encoder) { e.List(value.KindList, 1); e.Name("a") },
		"End for a value":       func(e *Encoder) { e.Map(1); e.Name("a"); e.End() },
		"two names":             func(e *Encoder) { e.Map(1); e.Name("a"); e.Name("b"); e.Name("c") },
		"unknown type to Other": func(e *Encoder) { e.Other(struct{}{}) },
	} {
		e := NewEncoder(nil, Options{})
		use(e)
		if _, err := e.Result(); err == nil {
			t.Errorf("%s: got no error", name)
		}
		before := len(e.buf)
		e.Nil()
		e.Void()
		e.Int(1)
		e.BigInt(nil)
		e.Float(1)
		e.Text("")
		e.Bytes(nil)
		e.Time(time.Time{})
		e.Other(value.LocalTime{})
		e.List(value.KindList, 0)
		e.Map(0)
		e.Name("")
		e.End()
		e.Ints([]int64{1})
		e.Floats([]float64{1})
		if len(e.buf) != before {
			t.Errorf("%s: something was written after the error", name)
		}
	}
	e := NewEncoder(nil, Options{})
	e.Table([]string{"a"}, 0)
	e.End()
	if out, err := e.Result(); err != nil || string(out) != "<value><array><data></data></array></value>" {
		t.Errorf("Table: got %s, %v", out, err)
	}
}

func TestWriteBlobResponse(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 24<<10 - 1, 24 << 10, 24<<10 + 1, 100_000} {
		blob := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
		want, err := AppendResponse(nil, blob, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(blob), "byte by byte": iotest.OneByteReader(bytes.NewReader(blob)), "end with data": iotest.DataErrReader(bytes.NewReader(blob)),
		} {
			var got bytes.Buffer
			if err := WriteBlobResponse(&got, r); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%d bytes, %s: got %d bytes of document; want %d", size, name, got.Len(), len(want))
			}
		}
	}
	// A file that ends too early must not look like a whole one.
	for _, fails := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe} {
		r := io.MultiReader(strings.NewReader("some"), iotest.ErrReader(fails))
		if err := WriteBlobResponse(io.Discard, r); !errors.Is(err, fails) {
			t.Errorf("a reader that fails: got %v; want %v", err, fails)
		}
	}
	for n := range 3 {
		w := &failingWriter{left: n}
		if err := WriteBlobResponse(w, strings.NewReader("some")); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a writer that fails at write %d: got %v", n, err)
		}
	}
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
