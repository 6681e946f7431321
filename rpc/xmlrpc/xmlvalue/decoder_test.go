package xmlvalue

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

// response puts a value into a document.
func response(v string) string {
	return "<methodResponse><params><param>" + v + "</param></params></methodResponse>"
}

// readValue reads the one value of a response, and the rest of the document.
func readValue(doc string, o Options) (any, error) {
	d, err := ReadResponse([]byte(doc), o)
	if err != nil {
		return nil, err
	}
	v := value.DecodeAny(d)
	if err := d.Finish(); err != nil {
		return nil, err
	}
	return v, nil
}

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

// valueTests is every row of what is read, as a value alone.
var valueTests = []struct {
	name, xml string
	want      any
}{
	{"int", `<value><int>-17</int></value>`, int64(-17)},
	{"i4", `<value><i4>17</i4></value>`, int64(17)},
	{"i1", `<value><i1>17</i1></value>`, int64(17)},
	{"i2", `<value><i2>17</i2></value>`, int64(17)},
	{"i8", `<value><i8>9223372036854775807</i8></value>`, int64(math.MaxInt64)},
	{"i8 smallest", `<value><i8>-9223372036854775808</i8></value>`, int64(math.MinInt64)},
	{"i4 beyond 32 bits", `<value><i4>1099511627776</i4></value>`, int64(1 << 40)},
	{"int beyond 64 bits", `<value><int>9223372036854775808</int></value>`, bigInt("9223372036854775808")},
	{"int below 64 bits", `<value><int>-9223372036854775809</int></value>`, bigInt("-9223372036854775809")},
	{"int of 20 digits that wraps", `<value><int>18446744073709551617</int></value>`, bigInt("18446744073709551617")},
	{"ex:i8", `<value><ex:i8>5</ex:i8></value>`, int64(5)},
	{"ex:i1", `<value><ex:i1>5</ex:i1></value>`, int64(5)},
	{"ex:biginteger", `<value><ex:biginteger>12345678901234567890123</ex:biginteger></value>`, bigInt("12345678901234567890123")},
	{"another prefix, declared", `<value><x:i8 xmlns:x="http://ws.apache.org/xmlrpc/namespaces/extensions">5</x:i8></value>`, int64(5)},
	{"white space around digits", "<value><int>\n 42\t</int></value>", int64(42)},
	{"leading zeros", `<value><int>0123</int></value>`, int64(123)},
	{"many leading zeros", `<value><int>` + strings.Repeat("0", 100) + `7</int></value>`, int64(7)},
	{"plus sign", `<value><int>+5</int></value>`, int64(5)},
	{"minus zero", `<value><int>-0</int></value>`, int64(0)},
	{"int between line ends", "<value><int>\r\n42&#10;</int></value>", int64(42)},
	{"int in CDATA, with a comment", `<value><int><![CDATA[4]]><!-- x -->2</int></value>`, int64(42)},
	{"plus sign and zeros", `<value><i8>+007</i8></value>`, int64(7)},
	{"i1 beyond 8 bits", `<value><i1>300</i1></value>`, int64(300)},
	{"ex:i2", `<value><ex:i2>-5</ex:i2></value>`, int64(-5)},
	{"ex:int", `<value><ex:int>5</ex:int></value>`, int64(5)},
	{"biginteger without prefix", `<value><biginteger>5</biginteger></value>`, int64(5)},
	{"a float as int", `<value><int>1e+300</int></value>`, 1e300},
	{"a fraction as int", `<value><i4>1.5</i4></value>`, 1.5},
	{"a whole float as int", `<value><int>3.0</int></value>`, 3.0},
	{"a negative float as int", `<value><int> -1E-3 </int></value>`, -1e-3},
	{"int with underscores", `<value><int>1_000</int></value>`, 1000.0},

	{"double", `<value><double>-12.214</double></value>`, -12.214},
	{"double in hexadecimal", `<value><double>0x1p-2</double></value>`, 0.25},
	{"double without point", `<value><double>3</double></value>`, 3.0},
	{"double with exponent", `<value><double> 1.5E-7 </double></value>`, 1.5e-7},
	{"inf", `<value><double>inf</double></value>`, math.Inf(1)},
	{"-Infinity", `<value><double>-Infinity</double></value>`, math.Inf(-1)},
	{"Infinity", `<value><double>Infinity</double></value>`, math.Inf(1)},
	{"INF", `<value><double>+INF</double></value>`, math.Inf(1)},
	{"double with zeros and plus sign", "<value><double>\n+0012.50 </double></value>", 12.5},
	{"double without digits before the point", `<value><double>.5</double></value>`, 0.5},
	{"double without digits behind the point", `<value><double>5.</double></value>`, 5.0},
	{"double too small", `<value><double>1e-400</double></value>`, 0.0},
	{"largest double", `<value><double>1.7976931348623157e308</double></value>`, math.MaxFloat64},
	{"ex:double", `<value><ex:double>0.5</ex:double></value>`, 0.5},
	{"float without prefix", `<value><float>0.5</float></value>`, 0.5},
	{"ex:float", `<value><ex:float>0.5</ex:float></value>`, 0.5},
	{"ex:bigdecimal", `<value><ex:bigdecimal>0.25</ex:bigdecimal></value>`, 0.25},

	{"boolean 1", `<value><boolean>1</boolean></value>`, true},
	{"boolean 0", `<value><boolean> 0 </boolean></value>`, false},
	{"boolean true", `<value><boolean>true</boolean></value>`, true},
	{"boolean false", `<value><boolean>false</boolean></value>`, false},
	{"boolean True", `<value><boolean>True</boolean></value>`, true},
	{"boolean TRUE", `<value><boolean>TRUE</boolean></value>`, true},
	{"boolean False", `<value><boolean>False</boolean></value>`, false},
	{"boolean FALSE", "<value><boolean>\nFALSE</boolean></value>", false},

	{"string", `<value><string>hello</string></value>`, "hello"},
	{"empty string", `<value><string></string></value>`, ""},
	{"empty-element string", `<value><string/></value>`, ""},
	{"untyped", `<value>hello</value>`, "hello"},
	{"untyped, white space kept", "<value> a\n b </value>", " a\n b "},
	{"untyped, only white space", "<value>  </value>", "  "},
	{"untyped, empty", `<value></value>`, ""},
	{"untyped, empty element", `<value/>`, ""},
	{"untyped with a comment first", `<value><!-- c -->x</value>`, "x"},
	{"untyped with CDATA first", `<value> <![CDATA[<int>]]></value>`, " <int>"},
	{"entities", `<value><string>&lt;&gt;&amp;&quot;&apos;</string></value>`, `<>&"'`},
	{"character references", `<value><string>&#65;&#x42;&#x1F600;&#10;&#13;</string></value>`, "AB\U0001F600\n\r"},
	{"entity resolved once", `<value><string>&amp;lt;</string></value>`, "&lt;"},
	{"CDATA", `<value><string><![CDATA[<b>&amp;</b>]]></string></value>`, "<b>&amp;</b>"},
	{"CDATA and text joined", `<value><string>a<![CDATA[b]]>c<![CDATA[]]>d</string></value>`, "abcd"},
	{"CDATA with ]]", `<value><string><![CDATA[a]]b]]]]></string></value>`, "a]]b]]"},
	{"comments joined", `<value><string>a<!-- & < -->b<!----></string></value>`, "ab"},
	{"comment and entity", `<value><string>a<!-- x -->&lt;<!-- y -->b</string></value>`, "a<b"},
	{"line ends", "<value><string>a\r\nb\rc\n\r\nd</string></value>", "a\nb\nc\n\nd"},
	{"line ends beside other characters", "<value>é\ré\r\né</value>", "é\né\né"},
	{"line ends in CDATA", "<value><string><![CDATA[a\r\nb\r]]>\nc</string></value>", "a\nb\n\nc"},
	{"beyond the BMP", "<value><string>\U0001F600 \u00e9</string></value>", "\U0001F600 \u00e9"},
	{"untyped, only an entity", `<value>&lt;</value>`, "<"},
	{"untyped, only a comment", `<value><!-- c --></value>`, ""},
	{"string, only white space", "<value><string> \n\t</string></value>", " \n\t"},
	{"string of markup", `<value><string>&lt;int&gt;1&lt;/int&gt;</string></value>`, "<int>1</int>"},
	{"string that is encoded twice, as Frontier does", "<value><string>\u00c3\u00a9</string></value>", "\u00c3\u00a9"},
	{"discouraged characters", "<value><string>\x7f\u0080\u009f\ufdd0</string></value>", "\x7f\u0080\u009f\ufdd0"},
	{"> and ]] in text", `<value><string>a > b ]] c</string></value>`, "a > b ]] c"},

	{"date", `<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>`, time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)},
	{"date, white space around it", "<value><dateTime.iso8601>\n 19980717T14:08:55 </dateTime.iso8601></value>", time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)},
	{"date with Z", `<value><dateTime.iso8601>19980717T14:08:55Z</dateTime.iso8601></value>`, time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)},
	{"date with +0000", `<value><dateTime.iso8601>19980717T14:08:55+0000</dateTime.iso8601></value>`, time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)},
	{"date, extended", `<value><dateTime.iso8601>1998-07-17T14:08:55.123</dateTime.iso8601></value>`, time.Date(1998, 7, 17, 14, 8, 55, 123e6, time.UTC)},
	{"date without colons", `<value><dateTime.iso8601>19980717T140855</dateTime.iso8601></value>`, time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)},
	{"date with dashes alone", `<value><dateTime.iso8601>1998-07-17T140855</dateTime.iso8601></value>`, time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)},
	{"date of the year 0", `<value><dateTime.iso8601>00000101T00:00:00</dateTime.iso8601></value>`, time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)},
	{"date of zeros alone, from WordPress", `<value><dateTime.iso8601>00000000T00:00:00Z</dateTime.iso8601></value>`, time.Time{}},
	{"ex:dateTime", `<value><ex:dateTime>1998-07-17T14:08:55.123Z</ex:dateTime></value>`, time.Date(1998, 7, 17, 14, 8, 55, 123e6, time.UTC)},
	{"base64", `<value><base64>eW91IGNhbid0</base64></value>`, []byte("you can't")},
	{"base64 in lines", "<value><base64>\n  eW91\n  IGNhbid0\r\n</base64></value>", []byte("you can't")},
	{"base64 with references", `<value><base64>eW91&#10;IGNhbid0&#10;</base64></value>`, []byte("you can't")},
	{"base64 without padding", `<value><base64>eW91IGM</base64></value>`, []byte("you c")},
	{"base64 empty", `<value><base64/></value>`, []byte{}},
	{"base64, empty with an end tag", "<value><base64>\n</base64></value>", []byte{}},
	{"base64 in CDATA", `<value><base64><![CDATA[eW91]]>IGNhbid0</base64></value>`, []byte("you can't")},
	{"nil", `<value><nil/></value>`, nil},
	{"nil, white space in it", "<value>\n<nil>\n</nil>\n</value>", nil},
	{"nil with another prefix", `<value><apache:nil/></value>`, nil},
	{"nil with an end tag", `<value><nil></nil></value>`, nil},
	{"ex:nil", `<value><ex:nil/></value>`, nil},
	{"no value", ``, nil},

	{"array", `<value><array><data><value><int>1</int></value><value>x</value></data></array></value>`, []any{int64(1), "x"}},
	{"array, empty", `<value><array><data></data></array></value>`, []any{}},
	{"array, empty <data/>", `<value><array><data/></array></value>`, []any{}},
	{"array without <data>", `<value><array></array></value>`, []any{}},
	{"array without <data> but values", `<value><array><value>1</value><value/></array></value>`, []any{"1", ""}},
	{"array, empty element", `<value><array/></value>`, []any{}},
	{"array in array", `<value><array><data><value><array><data/></array></value></data></array></value>`, []any{[]any{}}},
	{"struct", `<value><struct><member><name>a</name><value><int>1</int></value></member></struct></value>`, map[string]any{"a": int64(1)}},
	{"struct, empty", `<value><struct></struct></value>`, map[string]any{}},
	{"struct, empty element", `<value><struct/></value>`, map[string]any{}},
	{"struct, value before name", `<value><struct><member><value><int>1</int></value><name>a</name></member></struct></value>`, map[string]any{"a": int64(1)}},
	{"struct, white space around name and value", "<value>\n<struct>\n<member>\n<name>a</name>\n<value><i4>1</i4></value>\n</member>\n</struct>\n</value>", map[string]any{"a": int64(1)}},
	{"struct, a struct before its name", `<value><struct><member><value><struct><member><value>1</value><name>b</name></member></struct></value><name>a</name></member></struct></value>`, map[string]any{"a": map[string]any{"b": "1"}}},
	{"struct, a name with an attribute", `<value><struct><member id="1"><name xml:space="preserve">a</name><value>1</value></member></struct></value>`, map[string]any{"a": "1"}},
	{"struct, two names that differ in case and white space", `<value><struct><member><name>a</name><value>1</value></member><member><name>A</name><value>2</value></member><member><name> a</name><value>3</value></member></struct></value>`, map[string]any{"a": "1", "A": "2", " a": "3"}},
	{"struct, <value/> in a member", `<value><struct><member><name>a</name><value/></member><member><name>b</name><value>x</value></member></struct></value>`, map[string]any{"a": "", "b": "x"}},
	{"struct, names with white space and entities", `<value><struct><member><name> a&amp;b<![CDATA[<]]></name><value>x</value></member></struct></value>`, map[string]any{" a&b<": "x"}},
	{"struct, empty names", `<value><struct><member><name/><value>x</value></member></struct></value>`, map[string]any{"": "x"}},
	{"struct, the last of two counts", `<value><struct><member><name>a</name><value>1</value></member><member><name>a</name><value>2</value></member></struct></value>`, map[string]any{"a": "2"}},

	{"white space and comments everywhere", "\n<value >\n<!-- 1 -->\n<array\n>\n<data>\n<!-- 2 -->\n<value>\n<int>1</int >\n<!-- 3 -->\n</value\n>\n</data>\n</array>\n<!-- 4 -->\n</value>\n", []any{int64(1)}},
	{"white space around a type", "<value>\n\t<string> a </string>\r\n</value>", " a "},
	{"attributes of XML Schema, read over", `<value xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>`, ""},
	{"attributes", `<value a="1" b='&lt;"'><int xsi:type = "x">1</int></value>`, int64(1)},
}

func TestReadValues(t *testing.T) {
	for _, tt := range valueTests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readValue(response(tt.xml), Options{})
			if err != nil {
				t.Fatalf("got error %v; want %v", err, tt.want)
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What is no number has many names, -nan among them, which C prints.
func TestReadNaN(t *testing.T) {
	for _, word := range []string{"nan", "NaN", "NAN", "-nan", "+nan", "-NaN", " nan\n"} {
		got, err := readValue(response("<value><double>"+word+"</double></value>"), Options{})
		if f, ok := got.(float64); !ok || !math.IsNaN(f) || err != nil {
			t.Errorf("%q: got %v, %v; want NaN", word, got, err)
		}
	}
}

// What is read over has to leave the reader at the same place as what is read.
func TestSkippedValues(t *testing.T) {
	for _, tt := range valueTests {
		if tt.xml == "" {
			continue
		}
		doc := response("<value><array><data>" + tt.xml + "<value>next</value></data></array></value>")
		d, err := ReadResponse([]byte(doc), Options{})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		d.List()
		d.More()
		d.Skip()
		if !d.More() || d.Text() != "next" || d.More() || d.Kind() != value.KindInvalid {
			t.Errorf("%s: Skip does not end where the value does: %v", tt.name, d.Err())
		}
		if err := d.Finish(); err != nil {
			t.Errorf("%s: Finish: %v", tt.name, err)
		}
	}
}

// TestFinishReadsTheRest leaves off at every possible place.
func TestFinishReadsTheRest(t *testing.T) {
	const doc = `<methodCall><methodName>f</methodName><params>
		<param><value><struct><member><name>a</name><value><array><data><value>1</value><value>2</value></data></array></value></member>
		<member><value>x</value><name>b</name></member></struct></value></param>
		<param/><param><value><int>1</int></value></param></params></methodCall>`
	steps := []func(*Decoder){
		func(d *Decoder) { d.Kind() },
		func(d *Decoder) { d.List() },
		func(d *Decoder) { d.Kind() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.Kind() },
		func(d *Decoder) { d.Map() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.Kind() },
		func(d *Decoder) { d.Name() },
		func(d *Decoder) { d.Kind() },
		func(d *Decoder) { d.List() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.Kind() },
		func(d *Decoder) { d.Text() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.Skip() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.Name() },
		func(d *Decoder) { d.Kind() },
		func(d *Decoder) { d.Text() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.Nil() },
		func(d *Decoder) { d.More() },
		func(d *Decoder) { d.Int() },
		func(d *Decoder) { d.More() },
	}
	for n := range len(steps) + 1 {
		for _, cut := range []int{0, len("</methodCall>"), 40} {
			d, err := ReadCall([]byte(doc[:len(doc)-cut]), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range steps[:n] {
				step(d)
			}
			err = d.Finish()
			if cut == 0 && err != nil || cut > 0 && err == nil {
				t.Errorf("after %d steps, without the last %d bytes: got %v", n, cut, err)
			}
		}
	}
}

func TestDecodeIntoGoTypes(t *testing.T) {
	type row struct {
		Pid   int     `rpc:"pid"`
		Name  string  `rpc:"pname"`
		Price float64 `rpc:"pprice"`
		Note  *string `rpc:"note"`
	}
	const doc = `<?xml version="1.0"?><methodCall><methodName>put</methodName><params>
<param><value><array><data>
<value><struct><member><name>pid</name><value><int>1</int></value></member>
<member><name>unknown</name><value><array><data><value><struct/></value></data></array></value></member>
<member><name>pname</name><value>one</value></member><member><name>pprice</name><value><double>0.5</double></value></member></struct></value>
<value><struct><member><value><nil/></value><name>note</name></member><member><value><double>3.0</double></value><name>pid</name></member></struct></value>
</data></array></value></param>
<param><value><array><data><value><int>1</int></value> <value><i8>-2</i8></value><value><int> 3</int></value><value><i4>4</i4></value></data></array></value></param>
<param><value><struct><member><name>7</name><value><boolean>1</boolean></value></member></struct></value></param>
<param></param>
</params></methodCall>`
	d, err := ReadCall([]byte(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Method != "put" {
		t.Errorf("Method: got %q; want put", d.Method)
	}
	var (
		rows []row
		ints []int
		byID map[int]bool
		none *int
	)
	if err := value.DecodeArgs(d, []any{&rows, &ints, &byID, &none}, nil); err != nil {
		t.Fatal(err)
	}
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]row{{1, "one", 0.5, nil}, {Pid: 3}}, rows); diff != "" {
		t.Errorf("rows: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]int{1, -2, 3, 4}, ints); diff != "" {
		t.Errorf("ints: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(map[int]bool{7: true}, byID); diff != "" {
		t.Errorf("byID: -want +got:\n%s", diff)
	}
	if none != nil {
		t.Errorf("none: got %v; want nil", *none)
	}
}

// An argument of the wrong kind is no fault of the document.
func TestMismatchIsNotASyntaxError(t *testing.T) {
	const doc = `<methodCall><methodName>f</methodName><params><param><value><array><data><value>x</value></data></array></value></param></params></methodCall>`
	d, err := ReadCall([]byte(doc), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ints []int
	err = value.DecodeArgs(d, []any{&ints}, nil)
	const want = "params[0][0]: expected int, got string"
	var syntax *SyntaxError
	var conversion *value.Error
	if err == nil || err.Error() != want || errors.As(err, &syntax) || !errors.As(err, &conversion) {
		t.Fatalf("got %v; want %s", err, want)
	}
	if want := strings.Index(doc, "<value>x"); conversion.Offset != want {
		t.Errorf("offset: got %d; want %d, where the element begins", conversion.Offset, want)
	}
	if got := d.Finish(); got == nil || got.Error() != want {
		t.Errorf("Finish: got %v; want the first error", got)
	}
}

// TestSourceContract holds the Decoder against what value.Source promises
// beyond reading values.
func TestSourceContract(t *testing.T) {
	open := func(v string) *Decoder {
		d, err := ReadResponse([]byte(response(v)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}

	d := open(`<value><int>18446744073709551616</int></value>`)
	if n, ok := d.Int(); ok || n != 0 || d.Err() != nil || d.Kind() != value.KindInt {
		t.Errorf("Int of 65 bits: got %d, %v, %v; want not ok and no error", n, ok, d.Err())
	}
	if n := d.BigInt(); n == nil || n.String() != "18446744073709551616" {
		t.Errorf("BigInt after Int: got %v", n)
	}
	if d.Kind() != value.KindInvalid || d.Finish() != nil {
		t.Errorf("after the last value: got kind %v, %v", d.Kind(), d.Err())
	}

	d = open(`<value><struct><member><name>k&lt;</name><value>v</value></member></struct></value>`)
	d.Map()
	d.More()
	if k := d.Kind(); k != value.KindString {
		t.Errorf("Kind of a key: got %v; want string", k)
	}
	if key := d.Text(); key != "k<" {
		t.Errorf("Text as key: got %q", key)
	}
	if v := d.Text(); v != "v" || d.More() || d.Finish() != nil {
		t.Errorf("value after key: got %q, %v", v, d.Err())
	}

	d = open(`<value>x</value>`)
	if d.Bool(); d.Err() == nil || d.Kind() != value.KindInvalid || d.More() || d.Text() != "" || d.Name() != nil {
		t.Errorf("after an error: got %v and values", d.Err())
	}
	first := d.Err()
	d.Fail(errors.New("second"))
	if d.Err() != first {
		t.Errorf("the first error does not stick: got %v", d.Err())
	}

	d = open(`<value><array><data><value>x</value></data></array></value>`)
	d.List()
	for range 3 { // asking twice is no step
		if !d.More() {
			t.Fatalf("More: got false, %v", d.Err())
		}
	}
	d.Text()
	if k := d.Kind(); k != value.KindInvalid || d.Err() != nil {
		t.Errorf("Kind after the last element: got %v, %v", k, d.Err())
	}
	if d.More() || d.Finish() != nil {
		t.Errorf("the end: got %v", d.Err())
	}
}

// No order of calls may panic or hang, whatever sense it makes.
func TestMisuseDoesNotPanic(t *testing.T) {
	docs := []string{
		response(`<value><struct><member><name>a</name><value><array><data><value>1</value></data></array></value></member></struct></value>`),
		response(`<value><array/></value>`), response(``), response(`<value><int>7</int></value>`),
	}
	calls := []func(*Decoder){
		func(d *Decoder) { d.Kind() }, func(d *Decoder) { d.Nil() }, func(d *Decoder) { d.Bool() }, func(d *Decoder) { d.Int() },
		func(d *Decoder) { d.BigInt() }, func(d *Decoder) { d.Float() }, func(d *Decoder) { d.Text() }, func(d *Decoder) { d.Bytes() },
		func(d *Decoder) { d.Time() }, func(d *Decoder) { d.Other() }, func(d *Decoder) { d.List() }, func(d *Decoder) { d.Map() },
		func(d *Decoder) { d.More() }, func(d *Decoder) { d.Name() }, func(d *Decoder) { d.Skip() }, func(d *Decoder) { d.Ints(nil) },
		func(d *Decoder) { d.Floats(nil) }, func(d *Decoder) { d.Finish() },
	}
	for _, doc := range docs {
		for i := range calls {
			for j := range calls {
				for k := range calls {
					d, err := ReadResponse([]byte(doc), Options{})
					if err != nil {
						t.Fatal(err)
					}
					calls[i](d)
					calls[j](d)
					calls[k](d)
					d.Finish()
				}
			}
		}
	}
}

func TestBulkNumbers(t *testing.T) {
	elements := []string{
		`<value><int>1</int></value>`, "\n <value><i4>-2</i4></value>", `<value><i8>999999999999999999</i8></value>`,
		`<value><i8>1000000000000000000</i8></value>`, `<value><int>+1</int></value>`, `<value><int></int></value>`,
		`<value><int>1</i4></value>`, `<value><int>-</int></value>`, `<value>1</value>`, `<value><int>1 </int></value>`,
	}
	want := []int{1, 2, 3, 3, 3, 3, 3, 3, 3, 3} // how many the loop reads by itself
	for i := range elements {
		rest := elements[min(i, 3):]
		doc := response("<value><array><data>" + strings.Join(elements[:min(i, 3)], "") + rest[max(i-3, 0)] + "</data></array></value>")
		d, err := ReadResponse([]byte(doc), Options{})
		if err != nil {
			t.Fatal(err)
		}
		d.List()
		if got := d.Ints([]int64{7}); len(got) != 1+want[i] || got[0] != 7 || d.Err() != nil {
			t.Errorf("%s: got %v, %v; want %d integers", rest[max(i-3, 0)], got, d.Err(), want[i])
		}
	}
	d, err := ReadResponse([]byte(response(`<value><array><data><value><double>1.5</double></value> <value><double>nan</double></value><value><double> 2</double></value></data></array></value>`)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.List()
	got := d.Floats(nil)
	if len(got) != 2 || got[0] != 1.5 || !math.IsNaN(got[1]) {
		t.Errorf("Floats: got %v; want [1.5 NaN]", got)
	}
	if !d.More() || d.Float() != 2 || d.More() || d.Finish() != nil {
		t.Errorf("after Floats: %v", d.Err())
	}
}

func TestNameIsValidWhileValueIsSwapped(t *testing.T) {
	// Both the name and the value have to be put together in the same memory.
	doc := response(`<value><struct><member><value>v&amp;v</value><name>n&amp;n</name></member></struct></value>`)
	got, err := readValue(doc, Options{})
	if diff := cmp.Diff(any(map[string]any{"n&n": "v&v"}), got); diff != "" || err != nil {
		t.Errorf("%v -want +got:\n%s", err, diff)
	}
}

func TestReadingLeavesTheDocumentAlone(t *testing.T) {
	for _, tt := range valueTests {
		doc := []byte(response(tt.xml))
		before := string(doc)
		d, err := ReadResponse(doc, Options{})
		if err != nil {
			t.Fatal(err)
		}
		v := value.DecodeAny(d)
		if string(doc) != before {
			t.Errorf("%s: the document was changed", tt.name)
		}
		want := value.Word(v)
		clear(doc) // what was read must not be part of it
		if s, ok := v.(string); ok && strings.Contains(s, "\x00") {
			t.Errorf("%s: got a %s that shares the document's memory", tt.name, want)
		}
		if b, ok := v.([]byte); ok && strings.Contains(string(b), "\x00") {
			t.Errorf("%s: got bytes that share the document's memory", tt.name)
		}
	}
}
