package xmlrpc_test

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	kolo "github.com/kolo/xmlrpc"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

// replier answers every call with the document that it holds.
type replier struct {
	mu   sync.Mutex // protects body
	body string
}

func (r *replier) set(body string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.body = body
}

func (r *replier) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	io.Copy(io.Discard, q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml")
	io.WriteString(w, r.body)
}

// result returns the document of an answer with this value.
func result(content string) string {
	return "<?xml version='1.0'?><methodResponse><params><param>" + content + "</param></params></methodResponse>"
}

type koloPair struct {
	First string `xmlrpc:"first"`
	Rest  int    `xmlrpc:"rest"`
}

type koloOptional struct {
	Text *string `xmlrpc:"text"`
	Rest int     `xmlrpc:"rest"`
}

// koloForms are well-formed answers in all the forms that servers write.
var koloForms = []struct {
	name   string
	answer string
	want   any  // what it means, in the type that a program would take
	wrong  bool // kolo alone gets it wrong: something else, or an error
}{
	{"int", result("<value><int>-7</int></value>"), -7, false},
	{"int as any", result("<value><i4>7</i4></value>"), asAny{int64(7)}, false},
	{"int with white space", result("<value><int> 7\n</int></value>"), 7, true},
	{"int with a plus", result("<value><int>+7</int></value>"), 7, false},
	{"i8", result("<value><i8>9223372036854775807</i8></value>"), int64(math.MaxInt64), false},
	{"i1", result("<value><i1>7</i1></value>"), 7, true},
	{"ex:i2", result(`<value><ex:i2 xmlns:ex="x">7</ex:i2></value>`), 7, true},
	{"ex:biginteger that fits", result(`<value><ex:biginteger>7</ex:biginteger></value>`), 7, true},
	{"int with a comment", result("<value><int>1<!-- --><!-- -->2</int></value>"), 12, true},
	{"double", result("<value><double>2.5</double></value>"), 2.5, false},
	{"double with white space", result("<value><double> 2.5 </double></value>"), 2.5, true},
	{"double by exponent", result("<value><double>1e300</double></value>"), 1e300, false},
	{"double as int", result("<value><int>1e+300</int></value>"), 1e300, true},
	{"infinite", result("<value><double>inf</double></value>"), math.Inf(1), false},
	{"ex:float", result("<value><ex:float>2.5</ex:float></value>"), 2.5, true},
	{"boolean", result("<value><boolean>1</boolean></value>"), true, false},
	{"boolean in words", result("<value><boolean>true</boolean></value>"), true, false},
	{"boolean with white space", result("<value><boolean> 1 </boolean></value>"), true, true},
	{"text", result("<value><string>a &lt;b&gt; &amp; c</string></value>"), "a <b> & c", false},
	{"text without a type", result("<value>text</value>"), "text", false},
	{"text without a type as any", result("<value>text</value>"), asAny{"text"}, true},
	{"text without a type with white space", result("<value> text </value>"), " text ", true},
	{"white space without a type", result("<value> </value>"), " ", true},
	{"text within CDATA", result("<value><string><![CDATA[<b>]]></string></value>"), "<b>", false},
	{"text and CDATA", result("<value><string>a<![CDATA[<b>]]>c</string></value>"), "a<b>c", true},
	{"text and a comment", result("<value><string>a<!-- x -->b</string></value>"), "ab", true},
	{"text that begins with a comment", result("<value><string><!-- x -->b</string></value>"), "b", true},
	{"a fault in CDATA", result("<value><string><![CDATA[<fault>x</fault>]]></string></value>"), "<fault>x</fault>", true},
	{"line ends", result("<value><string>a&#13;\n\tb</string></value>"), "a\r\n\tb", false},
	{"empty text", result("<value><string></string></value>"), "", false},
	{"empty text as any", result("<value><string></string></value>"), asAny{""}, true},
	{"empty text in a list", result("<value><array><data><value><string/></value><value><int>1</int></value></data></array></value>"), asAny{[]any{"", int64(1)}}, true},
	{"Latin-1", "<?xml version='1.0' encoding='ISO-8859-1'?><methodResponse><params><param><value><string>gr\xfc\xdf</string></value></param></params></methodResponse>", "grüß", true},
	{"date", result("<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>"), day, false},
	{"date with Z", result("<value><dateTime.iso8601>1998-07-17T14:08:55Z</dateTime.iso8601></value>"), day, false},
	{"date with a zone", result("<value><dateTime.iso8601>19980717T16:08:55+0200</dateTime.iso8601></value>"), day, true},
	{"date without colons", result("<value><dateTime.iso8601>19980717T140855</dateTime.iso8601></value>"), day, true},
	{"date with a fraction", result("<value><dateTime.iso8601>19980717T14:08:55.250</dateTime.iso8601></value>"), day.Add(250 * time.Millisecond), false},
	{"date with white space", result("<value><dateTime.iso8601> 19980717T14:08:55 </dateTime.iso8601></value>"), day, true},
	{"base64", result("<value><base64>AP8B</base64></value>"), "AP8B", false}, // kolo leaves it to the program
	{"base64 in lines", result("<value><base64>\nAP8B\nAP8B\n</base64></value>"), "AP8BAP8B", true},
	{"base64 without padding", result("<value><base64>AP8</base64></value>"), "AP8=", true},
	{"nil", result("<value><nil/></value>"), asAny{nil}, false},
	{"ex:nil", result("<value><ex:nil/></value>"), asAny{nil}, false},
	{"nothing", "<methodResponse><params/></methodResponse>", asAny{nil}, true},
	{"list", result("<value><array><data><value><int>1</int></value><value><int>2</int></value></data></array></value>"), []int{1, 2}, false},
	{"list without data", result("<value><array><value><int>1</int></value></array></value>"), []int{1}, true},
	{"empty list as any", result("<value><array/></value>"), asAny{[]any{}}, true},
	{"list with an empty value", result("<value><array><data><value/><value>b</value><value>c</value></data></array></value>"), []string{"", "b", "c"}, true},
	{"struct", member("<name>first</name><value><string>a</string></value>"), koloPair{"a", 1}, false},
	{"struct with an empty value", member("<name>first</name><value/>"), koloPair{"", 1}, true},
	{"struct with white space as value", member("<name>first</name><value> </value>"), koloPair{" ", 1}, true},
	{"map with an empty value", member("<name>first</name><value></value>"), asAny{map[string]any{"first": "", "rest": int64(1)}}, true},
	{"struct with its value first", member("<value>a</value><name>first</name>"), koloPair{"a", 1}, true},
	{"struct with CDATA in a name", member("<name>fi<![CDATA[rst]]></name><value>a</value>"), koloPair{"a", 1}, true},
	{"struct with an empty name", member("<name></name><value>a</value>"), map[string]any{"": "a", "rest": int64(1)}, true},
	{"struct with a nil", member("<name>first</name><value><nil/></value>"), koloPair{"", 1}, false},
	{"empty struct", result("<value><struct></struct></value>"), map[string]int{}, false},
	{"text in a pointer", member("<name>text</name><value>a</value>"), koloOptional{new("a"), 1}, false},
}

var day = time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)

// member returns a document with a struct of this member and the one rest = 1.
func member(content string) string {
	return result("<value><struct><member>" + content + "</member><member><name>rest</name><value><int>1</int></value></member></struct></value>")
}

// asAny is a value in a destination of type any.
type asAny struct{ v any }

// destination returns a pointer to what holds want, and a function that returns
// what it holds.
func destination(want any) (dst any, got func() any) {
	t := reflect.TypeOf(want)
	if t == reflect.TypeFor[asAny]() {
		var v any
		return &v, func() any { return asAny{v} }
	}
	p := reflect.New(t)
	return p.Interface(), func() any { return p.Elem().Interface() }
}

// koloReads returns what kolo makes of an answer in the type of want.
func koloReads(c *kolo.Client, want any) (got any, err error) {
	dst, held := destination(want)
	err = c.Call("f", nil, dst)
	return held(), err
}

func sameForm(want, got any) bool { return cmp.Equal(want, got, cmp.AllowUnexported(asAny{})) }

// TestTransportForms: over a Transport kolo reads every form rightly, and which
// ones it gets wrong by itself.
func TestTransportForms(t *testing.T) {
	var srv replier
	url := mount(t, &srv)
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{})
	for _, test := range koloForms {
		alone := koloClient(t, url+"/RPC2") // one each: what it cannot read ends it
		srv.set(test.answer)
		got, err := koloReads(over, test.want)
		if err != nil {
			t.Errorf("%s: over a Transport: %v", test.name, err)
		} else if !sameForm(test.want, got) {
			t.Errorf("%s: over a Transport: got %#v; want %#v", test.name, got, test.want)
		}
		got, err = koloReads(alone, test.want)
		if wrong := err != nil || !sameForm(test.want, got); wrong != test.wrong {
			t.Errorf("%s: kolo alone got %#v, %v; the table says wrong is %v", test.name, got, err, test.wrong)
		}
	}
}

// TestClientForms: our client reads the same.
func TestClientForms(t *testing.T) {
	var srv replier
	c := newClient(t, mount(t, &srv), xmlrpc.ClientConfig{})
	for _, test := range koloForms {
		if strings.HasPrefix(test.name, "base64") {
			continue // is []byte, and no text
		}
		srv.set(test.answer)
		if test.name == "struct with a nil" {
			continue // nil is no string: want *string
		}
		dst, held := destination(test.want)
		_, err := c.Call(bounded(t), &rpc.Request{Method: "f", Into: dst})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := held(); !sameForm(test.want, got) {
			t.Errorf("%s: got %#v; want %#v", test.name, got, test.want)
		}
	}
}

// TestTransportRefuses: what kolo has no type for is an error instead of another
// value, and so is what is broken.
func TestTransportRefuses(t *testing.T) {
	var srv replier
	url := mount(t, &srv)
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{Values: xmlvalue.Options{MaxElements: 100}})
	for name, test := range map[string]struct{ answer, want string }{
		"large integer":   {result("<value><i8>9223372036854775808</i8></value>"), "does not fit <i8>"},
		"within a struct": {member("<name>first</name><value><ex:biginteger>99999999999999999999</ex:biginteger></value>"), "does not fit <i8>"},
		"broken base64":   {result("<value><base64>A?</base64></value>"), "expected base64"},
		"broken date":     {result("<value><dateTime.iso8601>yesterday</dateTime.iso8601></value>"), "expected a date"},
		"broken boolean":  {result("<value><boolean>maybe</boolean></value>"), "expected a boolean"},
		"unknown type":    {result("<value><colour>red</colour></value>"), "no type of XML-RPC"},
		"DOCTYPE":         {"<!DOCTYPE x>" + result("<value>x</value>"), "DOCTYPE"},
		"more behind":     {result("<value>x</value>") + "<x/>", "behind the end"},
		"many values":     {result("<value><array><data>" + strings.Repeat("<value/>", 200) + "</data></array></value>"), "MaxElements"},
	} {
		srv.set(test.answer)
		var got any
		if err := over.Call("f", nil, &got); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, %v; want %q", name, got, err, test.want)
		}
	}
}

// TestTransportFaults: kolo finds faults by their start tag as it is mostly
// written, and reads a code that is text as an error of its own.
func TestTransportFaults(t *testing.T) {
	const members = "<member><name>faultString</name><value>no <![CDATA[<luck>]]></value></member>"
	fault := func(tag, code string) string {
		return "<methodResponse><" + tag + "><value><struct><member><name>faultCode</name><value>" + code + "</value></member>" + members + "</struct></value></fault></methodResponse>"
	}
	var srv replier
	url := mount(t, &srv)
	over, _ := koloOver(t, url, xmlrpc.ClientConfig{})
	for _, test := range []struct{ name, answer string }{
		{"as it is mostly written", fault("fault", "<int>42</int>")},
		{"with a space in its tag", fault("fault ", "<int>42</int>")},
		{"with an attribute", fault("fault kind='x'", "<int>42</int>")},
		{"with its code as text", fault("fault", "<string>42</string>")},
	} {
		srv.set(test.answer)
		var got map[string]any
		if err := over.Call("f", nil, &got); err == nil || err.Error() != "Fault(42): no <luck>" {
			t.Errorf("%s: over a Transport: got %v, %v; want fault 42", test.name, got, err)
		}
		alone := koloClient(t, url+"/RPC2")
		if err := alone.Call("f", nil, &got); err != nil && err.Error() == "Fault(42): no <luck>" {
			t.Errorf("%s: kolo alone got it right: %v", test.name, err)
		}
	}
}

// TestTransportChecksCalls: what kolo writes wrong is not sent, and its nil is
// sent as one.
func TestTransportChecksCalls(t *testing.T) {
	calls := make(chan string, 1)
	url := mount(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- string(body)
		io.WriteString(w, yes)
	}))
	c, _ := koloOver(t, url, xmlrpc.ClientConfig{})
	for name, arg := range map[string]any{
		"name of a member":            map[string]int{"a<b": 1},
		"ampersand":                   map[string]int{"a&b": 1},
		"base64 that was not encoded": kolo.Base64("\x00\xff raw bytes"),
		"control character":           kolo.Base64("?"),
	} {
		if err := c.Call("f", arg, nil); err == nil || !strings.Contains(err.Error(), "was not sent") {
			t.Errorf("%s: got %v; want an error before it is sent", name, err)
		}
	}
	if err := c.Call("f", []any{nil, 7, kolo.Base64("AP8B")}, nil); err != nil {
		t.Fatal(err)
	}
	call := wait(t, calls, "the call")
	if !strings.Contains(call, "<params><param><value><nil/></value></param><param><value><int>7</int></value></param>") {
		t.Errorf("got %s; want nil as <nil/>", call)
	}
}

// BenchmarkTransport: what the rewriting of an answer of 1000 records costs,
// beside the call itself over net/http, and with kolo, which reads it.
func BenchmarkTransport(b *testing.B) {
	var doc bytes.Buffer
	doc.WriteString("<value><array><data>")
	for range 1000 {
		doc.WriteString("<value><struct><member><name>name</name><value><string>Cup and saucer</string></value></member><member><name>price</name><value><double>8.25</double></value></member><member><name>count</name><value><int>3</int></value></member></struct></value>")
	}
	doc.WriteString("</data></array></value>")
	srv := &replier{body: result(doc.String())}
	url := mount(b, srv)
	type record struct {
		Name  string  `xmlrpc:"name"`
		Price float64 `xmlrpc:"price"`
		Count int     `xmlrpc:"count"`
	}
	transport, err := xmlrpc.NewTransport(url, xmlrpc.ClientConfig{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { transport.Close() })
	trip := func(b *testing.B, rt http.RoundTripper) {
		b.ReportAllocs()
		for b.Loop() {
			req, err := kolo.NewRequest(url+"/RPC2", "f", nil)
			if err != nil {
				b.Fatal(err)
			}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				b.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	plain := newHTTPTransport()
	b.Cleanup(plain.CloseIdleConnections)
	b.Run("net/http", func(b *testing.B) { trip(b, plain) })
	b.Run("Transport", func(b *testing.B) { trip(b, transport) })
	over, _ := koloOver(b, url, xmlrpc.ClientConfig{})
	for name, c := range map[string]*kolo.Client{"kolo": koloClient(b, url+"/RPC2"), "kolo over Transport": over} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var got []record
				if err := c.Call("f", nil, &got); err != nil || len(got) != 1000 {
					b.Fatal(len(got), err)
				}
			}
		})
	}
}
