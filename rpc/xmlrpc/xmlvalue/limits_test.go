package xmlvalue

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// tooLong is what reading 4 MiB must not take on the slowest of machines. What
// costs quadratic time takes many minutes.
const tooLong = 10 * time.Second

// nested returns a response with n arrays, or structs, within each other.
func nested(n int, open, closing string) string {
	return response(strings.Repeat(open, n) + "<value/>" + strings.Repeat(closing, n))
}

const (
	arrayOpen, arrayClose   = "<value><array><data>", "</data></array></value>"
	structOpen, structClose = "<value><struct><member><name>a</name>", "</member></struct></value>"
	swapOpen, swapClose     = "<value><struct><member>", "<name>a</name></member></struct></value>"
)

// wantCode fails the test unless err is a SyntaxError with the code.
func wantCode(t *testing.T, what string, err error, code int) {
	t.Helper()
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Code != code {
		t.Errorf("%s: got %v; want code %d", what, err, code)
	}
}

// readers are the ways over a value that a caller has.
var readers = map[string]func(*Decoder){
	"DecodeAny": func(d *Decoder) { value.DecodeAny(d) },
	"Skip":      func(d *Decoder) { d.Skip() },
	"Finish":    func(*Decoder) {},
}

func TestDepthLimit(t *testing.T) {
	for what, tags := range map[string][2]string{"arrays": {arrayOpen, arrayClose}, "structs": {structOpen, structClose}, "swapped": {swapOpen, swapClose}} {
		for _, tt := range []struct {
			limit, depth int
			ok           bool
		}{
			{0, 64, true},
			{0, 65, false},
			{0, 10_000, false},
			{0, 1_000_000, false},
			{1, 1, true},
			{1, 2, false},
			{10_000, 10_000, true},
			{10_000, 10_001, false},
		} {
			if tt.depth == 1_000_000 && what != "arrays" {
				continue // 40 MB, once is enough
			}
			doc := []byte(nested(tt.depth, tags[0], tags[1]))
			for name, read := range readers {
				d, err := ReadResponse(doc, Options{MaxDepth: tt.limit})
				if err != nil {
					t.Fatal(err)
				}
				read(d)
				err = d.Finish()
				if tt.ok && err != nil {
					t.Errorf("%s over %d %s with limit %d: %v", name, tt.depth, what, tt.limit, err)
				}
				if !tt.ok {
					wantCode(t, fmt.Sprintf("%s over %d %s with limit %d", name, tt.depth, what, tt.limit), err, CodeOverLimit)
				}
			}
		}
	}
	// The list of parameters is not a level of its own.
	ok := call(strings.Repeat(arrayOpen, 64) + strings.Repeat(arrayClose, 64))
	if _, _, err := readCall(ok, Options{}); err != nil {
		t.Errorf("64 arrays in a call: %v", err)
	}
	tooDeep := call(strings.Repeat(arrayOpen, 65) + strings.Repeat(arrayClose, 65))
	_, _, err := readCall(tooDeep, Options{})
	wantCode(t, "65 arrays in a call", err, CodeOverLimit)
}

// Unclosed tags must not cost more than closed ones.
func TestUnclosedNestingIsCheap(t *testing.T) {
	for _, open := range []string{arrayOpen, structOpen, swapOpen, "<value>", "<member>", "<params>", "<!--", "<![CDATA[", "&lt;"} {
		doc := "<methodResponse><params><param>" + strings.Repeat(open, 4<<20/len(open))
		start := time.Now()
		if _, err := readValue(doc, Options{MaxDepth: 10_000}); err == nil {
			t.Errorf("%s: got no error", open)
		}
		if took := time.Since(start); took > tooLong {
			t.Errorf("4 MiB of %s took %v", open, took)
		}
	}
}

func TestElementLimit(t *testing.T) {
	list := func(n int, element string) string {
		return response(arrayOpen + strings.Repeat(element, n) + arrayClose)
	}
	for _, element := range []string{"<value/>", "<value><int>1</int></value>", "<value><double>1</double></value>", "<value><array/></value>"} {
		for name, read := range readers {
			for n, ok := range map[int]bool{9: true, 10: false, 1000: false} { // the list counts too
				d, err := ReadResponse([]byte(list(n, element)), Options{MaxElements: 10})
				if err != nil {
					t.Fatal(err)
				}
				read(d)
				if err = d.Finish(); ok != (err == nil) {
					t.Errorf("%s over %d of %s: got %v", name, n, element, err)
				}
				if !ok {
					wantCode(t, name, err, CodeOverLimit)
				}
			}
		}
	}
	// The tight loops count as well.
	for _, dst := range []any{new([]int), new([]int64)} {
		d, _ := ReadResponse([]byte(list(10, "<value><int>1</int></value>")), Options{MaxElements: 10})
		value.Decode(d, dst)
		wantCode(t, "Ints", d.Finish(), CodeOverLimit)
	}
	d, _ := ReadResponse([]byte(list(10, "<value><double>1</double></value>")), Options{MaxElements: 10})
	value.Decode(d, new([]float64))
	wantCode(t, "Floats", d.Finish(), CodeOverLimit)

	d, _ = ReadResponse([]byte(list(262_144, "<value/>")), Options{})
	d.Skip()
	wantCode(t, "one more than by default", d.Finish(), CodeOverLimit)
	d, _ = ReadResponse([]byte(list(262_143, "<value/>")), Options{})
	d.Skip()
	if err := d.Finish(); err != nil {
		t.Errorf("as many as by default: %v", err)
	}
}

func TestStringLimit(t *testing.T) {
	o := Options{MaxString: 8}
	for _, xml := range []string{
		"<value>12345678</value>", "<value><string>&lt;2345678</string></value>", "<value><![CDATA[1234]]>5678</value>",
		"<value><base64>MTIzNDU2</base64></value>", "<value><struct><member><name>12345678</name><value/></member></struct></value>",
	} {
		if _, err := readValue(response(xml), o); err != nil {
			t.Errorf("%s: %v", xml, err)
		}
		longer := strings.NewReplacer("8<", "89<", "678]", "6789]", "MTIz", "MTIzMTIz", "78</str", "789</str").Replace(xml)
		_, err := readValue(response(longer), o)
		wantCode(t, longer, err, CodeOverLimit)
	}
	_, err := ReadCall([]byte("<methodCall><methodName>123456789</methodName></methodCall>"), o)
	wantCode(t, "method name", err, CodeOverLimit)
}

// A number of a million digits costs quadratic time if it is converted.
func TestDigitsBomb(t *testing.T) {
	largest := strings.Repeat("9", 1234)
	if got, err := readValue(response("<value><int>-"+largest+"</int></value>"), Options{}); err != nil || fmt.Sprint(got) != "-"+largest {
		t.Errorf("1234 digits: %v", err)
	}
	_, err := readValue(response("<value><int>123456</int></value>"), Options{MaxDigits: 5})
	wantCode(t, "six digits of five", err, CodeOverLimit)
	d, _ := ReadResponse([]byte(response(arrayOpen+"<value><int>123456</int></value>"+arrayClose)), Options{MaxDigits: 5})
	value.Decode(d, new([]int))
	wantCode(t, "six digits of five in a list", d.Finish(), CodeOverLimit)
	d, _ = ReadResponse([]byte(response(arrayOpen+"<value><double>1.2345</double></value>"+arrayClose)), Options{MaxDigits: 5})
	value.Decode(d, new([]float64))
	wantCode(t, "a long double in a list", d.Finish(), CodeOverLimit)
	if t.Failed() {
		return // what follows would take minutes
	}
	digits := strings.Repeat("9", 4<<20)
	for _, typ := range []string{"int", "i8", "ex:biginteger", "double", "ex:bigdecimal"} {
		for name, read := range readers {
			start := time.Now()
			d, err := ReadResponse([]byte(response("<value><"+typ+">"+digits+"</"+typ+"></value>")), Options{})
			if err != nil {
				t.Fatal(err)
			}
			read(d)
			wantCode(t, name+" over "+typ, d.Finish(), CodeOverLimit)
			if took := time.Since(start); took > tooLong {
				t.Errorf("%s over %s: took %v", name, typ, took)
			}
		}
	}
}

// Entities that stand for entities, and entities that stand for files, need a
// document type; there is none.
func TestEntityBombs(t *testing.T) {
	laughs := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">`
	for i := range 9 {
		laughs += fmt.Sprintf(`<!ENTITY lol%d "%s">`, i, strings.Repeat("&lol;", 10))
	}
	laughs += `]><methodCall><methodName>&lol9;</methodName></methodCall>`
	for name, doc := range map[string]string{
		"billion laughs":   laughs,
		"external entity":  `<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/passwd">]><methodCall><methodName>&x;</methodName></methodCall>`,
		"external subset":  `<!DOCTYPE m SYSTEM "http://127.0.0.1:1/x.dtd"><methodCall><methodName>f</methodName></methodCall>`,
		"parameter entity": `<!DOCTYPE m [<!ENTITY % p SYSTEM "http://127.0.0.1:1/"> %p;]><methodCall><methodName>f</methodName></methodCall>`,
		"without DOCTYPE":  `<methodCall><methodName>&lol9;</methodName></methodCall>`,
		"in lower case":    `<!doctype m><methodCall><methodName>f</methodName></methodCall>`,
		"behind a comment": `<!-- x --><!DOCTYPE m><methodCall><methodName>f</methodName></methodCall>`,
		"ENTITY alone":     `<!ENTITY x "y"><methodCall><methodName>f</methodName></methodCall>`,
		"in another place": `<methodCall><!DOCTYPE m><methodName>f</methodName></methodCall>`,
		"within text":      `<methodCall><methodName>a<!DOCTYPE m>f</methodName></methodCall>`,
	} {
		_, err := ReadCall([]byte(doc), Options{})
		wantCode(t, name, err, CodeNotWellFormed)
	}
}

// Members whose value comes first make the reader look ahead for the name. If
// it did so at every level anew, 4 MiB would cost it 10 000 times 4 MiB.
func TestSwappedMembersAreReadOnce(t *testing.T) {
	const depth = 10_000
	fill := strings.Repeat("<!-- x -->", 300_000)
	doc := response(strings.Repeat(swapOpen, depth) + "<value>" + fill + "</value>" + strings.Repeat(swapClose, depth))
	start := time.Now()
	d, err := ReadResponse([]byte(doc), Options{MaxDepth: depth})
	if err != nil {
		t.Fatal(err)
	}
	d.Skip()
	if err := d.Finish(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > tooLong {
		t.Errorf("took %v", took)
	}
}

// TestMemoryUnderAttack: what is allocated while a hostile message of 4 MiB is
// read stays below 150 MiB.
func TestMemoryUnderAttack(t *testing.T) {
	const size = 4 << 20
	fill := func(element string) string {
		return response(arrayOpen + strings.Repeat(element, size/len(element)) + arrayClose)
	}
	attacks := map[string]string{
		"empty values":  fill("<value/>"),
		"empty arrays":  fill("<value><array/></value>"),
		"empty structs": fill("<value><struct/></value>"),
		"short arrays":  fill("<value><array><value><int>1</int></value></array></value>"),
		"short base64":  fill("<value><base64>QQ</base64></value>"),
		"swapped":       response(strings.Repeat(swapOpen, 64) + "<value><struct>" + strings.Repeat("<member><value/><name>a</name></member>", size/40) + "</struct></value>" + strings.Repeat(swapClose, 64)),
		"many names":    response("<value><struct>" + strings.Repeat("<member><name>a</name><value/></member>", size/39) + "</struct></value>"),
		"base64 spaces": response("<value><base64>" + strings.Repeat(" ", size) + "</base64></value>"),
		"references":    response("<value>" + strings.Repeat("&#9;", size/4) + "</value>"),
		"1252":          `<?xml version="1.0" encoding="windows-1252"?>` + response("<value>"+strings.Repeat("\x80", size)+"</value>"),
	}
	for name, doc := range attacks {
		data := []byte(doc)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		if d, err := ReadResponse(data, Options{UniqueNames: name == "many names"}); err == nil {
			value.DecodeAny(d)
			d.Finish()
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 150<<20 {
			t.Errorf("%s: %d MiB allocated for a message of %d MiB", name, got>>20, len(data)>>20)
		}
	}
}

// TestThreatEmptyParams: a parameter without a value is one too.
func TestThreatEmptyParams(t *testing.T) {
	for _, param := range []string{"<param/>", "<param></param>"} {
		for n, ok := range map[int]bool{10: true, 11: false} {
			doc := "<methodCall><methodName>f</methodName><params>" + strings.Repeat(param, n) + "</params></methodCall>"
			_, args, err := readCall(doc, Options{MaxElements: 10})
			list, _ := args.([]any)
			if ok && (err != nil || len(list) != n) {
				t.Errorf("%d times %s: got %d parameters, %v", n, param, len(list), err)
			}
			if !ok {
				wantCode(t, fmt.Sprintf("%d times %s", n, param), err, CodeOverLimit)
			}
		}
	}
}
