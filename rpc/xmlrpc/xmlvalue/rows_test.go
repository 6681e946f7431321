package xmlvalue

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

type row struct {
	Pid   int8    `rpc:"pid"`
	Name  string  `rpc:"pname"`
	Price float64 `rpc:"pprice"`
	Sold  bool    `rpc:"sold"`
}

// rowForms are ways to write the same records; %d, %s, %v and %d are the values.
var rowForms = []string{
	"<value><struct><member><name>pid</name><value><int>%d</int></value></member><member><name>pname</name><value><string>%s</string></value></member><member><name>pprice</name><value><double>%v</double></value></member><member><name>sold</name><value><boolean>%d</boolean></value></member></struct></value>",
	"<value>\n <struct>\n  <member>\n   <name>pid</name>\n   <value> <i4>%d</i4> </value>\n  </member>\r\n <member><name>pname</name>\t<value>%s</value></member><member><name>pprice</name><value><double>%v</double></value>\n</member><member><name>sold</name><value><boolean>%d</boolean></value></member>\n</struct>\n</value>\n",
	"<value><struct><member><name>other</name><value><i8>%d</i8></value></member><member><name>pname</name><value><string>%s</string></value></member><member><name>more</name><value><double>%v</double></value></member><member><name>what</name><value><boolean>%d</boolean></value></member></struct></value>",
}

func rowDocument(form string) string {
	var b strings.Builder
	b.WriteString("<methodResponse><params><param><value><array><data>")
	for i := range 4 {
		fmt.Fprintf(&b, form, i*40, fmt.Sprintf("name %d", i), float64(i)*1.5, i&1)
	}
	return b.String() + "</data></array></value></param></params></methodResponse>"
}

// readRows reads a document into a T, by rows or without them.
func readRows[T any](doc []byte, o Options, fast, strict bool) (v T, d *Decoder, err error) {
	if d, err = ReadResponse(doc, o); err != nil {
		return v, d, err
	}
	if !fast {
		d.rows = &rows{misses: maxMisses}
	}
	d.RejectUnknown = strict
	value.Decode(d, &v)
	return v, d, d.Finish()
}

// sameRows fails unless both ways read the same, count the same, and say the same
// of what is wrong.
func sameRows[T any](t *testing.T, doc []byte, o Options, strict bool) {
	t.Helper()
	got, d, err := readRows[T](doc, o, true, strict)
	want, wd, wantErr := readRows[T](doc, o, false, strict)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Fatalf("%s\ngot error %v; want %v", doc, err, wantErr)
	}
	var syntax, wantSyntax *SyntaxError
	if errors.As(err, &syntax) && errors.As(wantErr, &wantSyntax) && *syntax != *wantSyntax {
		t.Fatalf("%s\ngot %#v; want %#v", doc, syntax, wantSyntax)
	}
	if !reflect.DeepEqual(got, want) && !writtenAlike(got, want) { // which a NaN is not to itself
		t.Fatalf("%s\ngot %v; want %v", doc, got, want)
	}
	if d != nil && d.path() != wd.path() {
		t.Fatalf("%s\ngot to %s; want to %s", doc, d.path(), wd.path())
	}
	if d != nil && (d.elements != wd.elements || d.pos != wd.pos || d.at != wd.at) {
		t.Fatalf("%s\ngot %d values, byte %d, %d; want %d, %d, %d", doc, d.elements, d.pos, d.at, wd.elements, wd.pos, wd.at)
	}
}

// writtenAlike does without package cmp, which asks at random, so that a fuzzer
// would take each run for news.
func writtenAlike(a, b any) bool {
	one, err := AppendResponse(nil, a, unbent)
	other, wrong := AppendResponse(nil, b, unbent)
	return err == nil && wrong == nil && bytes.Equal(one, other)
}

func sameRowsOfAll(t *testing.T, doc []byte, o Options) {
	t.Helper()
	sameRows[[]row](t, doc, o, false)
	sameRows[[]row](t, doc, o, true)
	sameRows[[]struct { // in another order, of types that are converted
		Price int     `rpc:"pprice"`
		Name  *string `rpc:"pname"`
		Pid   float64 `rpc:"pid"`
		Sold  any     `rpc:"sold"`
	}](t, doc, o, false)
}

// The first row and all others are read by rows: without this the tests here
// would hold with every row read in the ordinary way.
func TestRowsAreUsed(t *testing.T) {
	for _, form := range rowForms {
		_, d, err := readRows[[]row]([]byte(rowDocument(form)), Options{}, true, false)
		if err != nil || d.rows == nil || d.rows.forms != 1 || d.rows.misses != 0 || d.rows.stale {
			t.Errorf("%s: got %v and %+v; want one form and no misses", form, err, d.rows)
		}
	}
}

// One difference anywhere in a document is read as it is read in the ordinary way.
func TestRowsWithOneDifference(t *testing.T) {
	for _, form := range rowForms {
		doc := rowDocument(form)
		sameRowsOfAll(t, []byte(doc), Options{})
		for i := 0; i < len(doc); i += 5 {
			for _, piece := range []string{"", " ", "\r", "x", "<", ">", "&amp;", "&", "]]>", "<!-- c -->", "<![CDATA[d]]>", "9", "-", ".", "<member><name>pid</name><value><int>7</int></value></member>", "<member><name>more</name></member>"} {
				sameRowsOfAll(t, []byte(doc[:i]+piece+doc[i:]), Options{})
			}
			sameRowsOfAll(t, []byte(doc[:i]+doc[i+1:]), Options{})
			sameRowsOfAll(t, []byte(doc[:i]), Options{})
		}
	}
}

// Behind <data/> and in <array/> stands nothing, whatever type reads it.
func TestNothingBehindEmptyData(t *testing.T) {
	one := "<value><struct><member><name>pid</name><value><int>1</int></value></member></struct></value>"
	for _, list := range []string{
		"<value><array><data/>" + one + one + "</array></value>",
		"<value><array><data/><value><int>1</int></value></array></value>",
		"<value><array><data/><value><double>1</double></value></array></value>",
		"<value><array/>" + one + one + "</value>",
	} {
		for _, dst := range []any{new([]row), new([]int), new([]int64), new([]float64), new([]any), new(any), new([]string)} {
			d, err := ReadResponse([]byte(response(list)), Options{})
			if err != nil {
				t.Fatal(err)
			}
			value.Decode(d, dst)
			wantCode(t, fmt.Sprintf("%s into %T", list, dst), d.Finish(), CodeInvalidRequest)
		}
	}
}

// Parts of a row that are written differently, or missing, or there twice.
func TestRowsWithOtherParts(t *testing.T) {
	for _, form := range rowForms[:1] {
		doc := rowDocument(form)
		for _, tt := range [][2]string{
			{"<int>80</int>", "<i8>80</i8>"},
			{"<int>80</int>", "<int>800</int>"},
			{"<int>80</int>", "<int>-129</int>"},
			{"<int>80</int>", "<int>+8</int>"},
			{"<int>80</int>", "<int> 8 </int>"},
			{"<int>80</int>", "<int/>"},
			{"<int>80</int>", "<int></int>"},
			{"<int>80</int>", "<int>8.0</int>"},
			{"<int>80</int>", "<int>123456789012345678901234567890</int>"},
			{"<int>80</int>", "<double>80</double>"},
			{"<int>80</int>", "<nil/>"},
			{"<int>80</int>", "<boolean>0</boolean>"},
			{"<string>name 2</string>", "<string/>"},
			{"<string>name 2</string>", "name 2"},
			{"<string>name 2</string>", "<string>a&lt;b</string>"},
			{"<string>name 2</string>", "<string>a\r\nb</string>"},
			{"<string>name 2</string>", "<string><![CDATA[<]]></string>"},
			{"<string>name 2</string>", "<string>na<!-- -->me</string>"},
			{"<string>name 2</string>", "<array><data/></array>"},
			{"<string>name 2</string>", "<boolean>0</boolean>"},
			{"<value><string>name 2</string></value>", "<value/>"},
			{"<double>3</double>", "<double>3e400</double>"},
			{"<double>3</double>", "<double>nan</double>"},
			{"<double>3</double>", "<double>three</double>"},
			{"<double>3</double>", "<int>3</int>"},
			{"<name>pname</name>", "<name>pid</name>"},
			{"<name>pname</name>", "<name> pname</name>"},
			{"<name>pname</name>", "<name>p&#110;ame</name>"},
			{"<name>pname</name>", "<name/>"},
			{"<boolean>1</boolean>", "<boolean>true</boolean>"},
			{"<boolean>1</boolean>", "<boolean>2</boolean>"},
			{"</struct>", "<member><name>pid</name><value><int>1</int></value></member></struct>"},
			{"</struct>", "<member><value><int>1</int></value><name>pid</name></member></struct>"},
			{"<value><struct>", "<value><struct><member><name>x</name><value><struct/></value></member>"},
			{"<struct>", "<struct a='b'>"},
		} {
			for n := range 4 { // in which of the places where it stands
				parts := strings.SplitAfterN(doc, tt[0], n+2)
				last := len(parts) - 1
				if last <= n && tt[0] != "<struct>" && n > 0 {
					break
				}
				parts[max(0, last-1)] = strings.TrimSuffix(parts[max(0, last-1)], tt[0]) + tt[1]
				changed := []byte(strings.Join(parts, ""))
				sameRowsOfAll(t, changed, Options{})
				sameRowsOfAll(t, changed, Options{UniqueNames: true})
				sameRowsOfAll(t, changed, Options{FalseIsZero: true})
			}
		}
	}
}

func TestRowsAtEachLimit(t *testing.T) {
	for _, form := range rowForms {
		doc := []byte(rowDocument(form))
		for n := range 30 {
			sameRowsOfAll(t, doc, Options{MaxElements: n})
			sameRowsOfAll(t, doc, Options{MaxString: n})
			sameRowsOfAll(t, doc, Options{MaxDigits: n})
			sameRowsOfAll(t, doc, Options{MaxDepth: n})
		}
	}
}

// Names and integers alone meet their limits.
func TestRowsAtLimitsOfOnePart(t *testing.T) {
	one := func(name, v string) []byte {
		row := "<value><struct><member><name>" + name + "</name><value>" + v + "</value></member></struct></value>"
		return []byte("<methodResponse><params><param><value><array><data>" + strings.Repeat(row, 3) + "</data></array></value></param></params></methodResponse>")
	}
	for n := range 30 {
		for _, v := range []string{"1234", "-123", "1234567890123456789", "<int>5</int>"} {
			sameRows[[]struct {
				A int `rpc:"a"`
			}](t, one("a", "<int>"+v+"</int>"), Options{MaxDigits: n}, false)
			sameRows[[]struct {
				A int `rpc:"a"`
			}](t, one("a", "<int>"+v+"</int>"), Options{MaxString: n}, false)
		}
		sameRows[[]struct {
			A int8 `rpc:"a"`
		}](t, one("a", "<int>800</int>"), Options{MaxElements: n}, false)
		sameRows[[]struct {
			A int `rpc:"long-name"`
		}](t, one("long-name", "<int>5</int>"), Options{MaxString: n}, false)
		sameRows[[]struct {
			A bool `rpc:"a"`
		}](t, one("a", "<boolean>1</boolean>"), Options{MaxString: n}, false)
	}
}

// Lists of numbers that are read in a tight loop meet the same limit of text.
func TestNumbersInListsMeetMaxString(t *testing.T) {
	for _, list := range []any{[]int{1, 123}, []float64{0.5, 1.25}} {
		doc, err := AppendResponse(nil, list, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, dst := range []any{new([]int), new([]int64), new([]float64)} {
			d, err := ReadResponse(doc, Options{MaxString: 2})
			if err != nil {
				t.Fatal(err)
			}
			value.Decode(d, dst)
			wantCode(t, fmt.Sprintf("%v into %T", list, dst), d.Finish(), CodeOverLimit)
		}
	}
}

// Offsets are those of the document as it came.
func TestRowsInOtherEncodings(t *testing.T) {
	doc := `<?xml version="1.0" encoding="latin1"?>` + strings.ReplaceAll(rowDocument(rowForms[0]), "name 2", "n\xe4me")
	sameRowsOfAll(t, []byte(doc), Options{})
	sameRowsOfAll(t, []byte(strings.ReplaceAll(doc, "<int>120", "<int>x")), Options{})
}

// Lists whose structs all look different are given up: looking at them costs no
// more than a part of the time.
func TestRowsAreGivenUp(t *testing.T) {
	var b strings.Builder
	b.WriteString("<methodResponse><params><param><value><array><data>")
	for i := range 10 * maxMisses {
		b.WriteString("<value><struct>" + strings.Repeat(" ", i) + "<member><name>pid</name><value><int>1</int></value></member></struct> " + strings.Repeat(" ", i) + "</value>")
		b.WriteString("<value><struct>" + strings.Repeat(" ", i) + "<member><name>pid</name><value><int/></value></member></struct></value>")
	}
	doc := strings.ReplaceAll(b.String(), "<int/>", "<string>1</string>") + "</data></array></value></param></params></methodResponse>"
	sameRows[[]struct {
		Pid any `rpc:"pid"`
	}](t, []byte(doc), Options{}, false)
	_, d, err := readRows[[]struct {
		Pid any `rpc:"pid"`
	}]([]byte(doc), Options{}, true, false)
	if err != nil || d.rows.forms > maxMisses {
		t.Errorf("got %v and %d forms; want at most %d", err, d.rows.forms, maxMisses)
	}
}

// FuzzRows: any document is read by rows as it is read without them.
func FuzzRows(f *testing.F) {
	for _, form := range rowForms {
		f.Add([]byte(rowDocument(form)), 0, 0, 0)
	}
	for _, tt := range valueTests {
		f.Add([]byte(response(tt.xml)), 0, 0, 0)
	}
	f.Fuzz(func(t *testing.T, doc []byte, elements, text, digits int) {
		o := Options{MaxElements: max(0, elements), MaxString: max(0, text), MaxDigits: max(0, digits)}
		sameRowsOfAll(t, doc, o)
		sameRows[[][]row](t, doc, o, false)
	})
}
