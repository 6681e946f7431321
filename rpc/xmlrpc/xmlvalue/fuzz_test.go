package xmlvalue

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// unbent is what writes every value that can be read, so that it is read as the
// same value again.
var unbent = Options{BigInteger: true, NonFinite: true, ZoneSuffix: true, Fraction: true}

// checkIdentity writes v and what is read from that; both must be the same.
func checkIdentity(t *testing.T, v any) {
	t.Helper()
	first, err := AppendResponse(nil, v, unbent)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v\n%#v", err, v)
	}
	d, err := ReadResponse(first, Options{UniqueNames: true})
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, first)
	}
	again := value.DecodeAny(d)
	if err := d.Finish(); err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, first)
	}
	if !same(v, again) {
		t.Fatalf("read again:\n%#v\nwant\n%#v", again, v)
	}
	second, err := AppendResponse(nil, again, unbent)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("written again (%v):\n%s\nwant\n%s", err, second, first)
	}
}

// same compares dynamic values. All that have no parts are the same if they are
// written alike, -0 and nan among them.
func same(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, same)
	}
	one, err := AppendValue(nil, a, unbent)
	other, err2 := AppendValue(nil, b, unbent)
	return err == nil && err2 == nil && value.Word(a) == value.Word(b) && bytes.Equal(one, other)
}

// checkOtherWays reads a document whose values can be read in other ways, which
// have to come to its end as well.
func checkOtherWays(t *testing.T, doc []byte, read func([]byte, Options) (*Decoder, error)) {
	t.Helper()
	for name, over := range map[string]func(*Decoder){
		"Finish alone": func(*Decoder) {},
		"Skip":         func(d *Decoder) { d.Skip() },
		"Ints":         func(d *Decoder) { enter(d); d.Ints(nil) },
		"Floats":       func(d *Decoder) { enter(d); d.Floats(nil) },
	} {
		d, err := read(doc, Options{})
		if err == nil {
			over(d)
			err = d.Finish()
		}
		if err != nil {
			t.Fatalf("%s: %v; but its values can be read", name, err)
		}
	}
}

// enter goes into the innermost first list.
func enter(d *Decoder) {
	for d.Kind() == value.KindList {
		d.List()
		d.More()
	}
}

// FuzzReadCall: what is accepted means the same to the reference, which reads it
// with encoding/xml; what is refused is refused there too, but for limits; what
// has been read can be written and read again.
func FuzzReadCall(f *testing.F) {
	for _, tt := range valueTests {
		f.Add([]byte(call(tt.xml)))
	}
	for _, tt := range malformedTests {
		f.Add([]byte(tt.doc))
	}
	for _, tt := range pathTests {
		f.Add([]byte(tt.doc))
	}
	f.Fuzz(checkCall)
}

// FuzzReadResponse is the same for responses and faults.
func FuzzReadResponse(f *testing.F) {
	for _, tt := range valueTests {
		f.Add([]byte(response(tt.xml)))
	}
	for _, tt := range faultTests {
		f.Add([]byte(faultDocument(tt.members)))
	}
	for _, tt := range bareFaultTests {
		f.Add([]byte("<methodResponse><fault>" + tt.value + "</fault></methodResponse>"))
	}
	for _, doc := range emptyResponses {
		f.Add([]byte(doc))
	}
	f.Add(AppendFault(nil, 4, "too many parameters <&>", Options{}))
	f.Fuzz(checkResponse)
}

// checkCall is what holds for each document that is read as a call.
func checkCall(t *testing.T, doc []byte) {
	t.Helper()
	before := bytes.Clone(doc)
	var args any
	method := ""
	d, err := ReadCall(doc, Options{})
	if err == nil {
		args, method = value.DecodeAny(d), d.Method
		err = d.Finish()
	}
	if !bytes.Equal(doc, before) {
		t.Fatal("the document was changed")
	}
	checkReference(t, doc, "methodCall", method, args, err)
	checkPlace(t, doc, err)
	sameSpellings(t, doc, ReadCall)
	if err != nil {
		return
	}
	checkOtherWays(t, doc, ReadCall)
	checkIdentity(t, args)
	sameTyped(t, doc, ReadCall, args)
	out, err := AppendCall(nil, d.Method, args.([]any), unbent)
	if err != nil {
		t.Fatalf("method %q: %v", d.Method, err)
	}
	if again, err := ReadCall(out, Options{}); err != nil || again.Method != d.Method {
		t.Fatalf("method %q: read again: %v", d.Method, err)
	}
}

// checkResponse is what holds for each that is read as a response.
func checkResponse(t *testing.T, doc []byte) {
	t.Helper()
	var result any
	root := "methodResponse"
	d, err := ReadResponse(doc, Options{})
	if err == nil && d.fault.ok {
		root, result = "fault", d.fault
	} else if err == nil {
		result = value.DecodeAny(d)
		err = d.Finish()
	}
	checkReference(t, doc, root, "", result, err)
	checkPlace(t, doc, err)
	sameSpellings(t, doc, ReadResponse)
	if err != nil {
		return
	}
	code, message, isFault := d.Fault()
	if !isFault {
		checkOtherWays(t, doc, ReadResponse)
		checkIdentity(t, result)
		sameTyped(t, doc, ReadResponse, result)
		return
	}
	again, err := ReadResponse(AppendFault(nil, code, message, Options{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c, m, ok := again.Fault(); !ok || c != code || m != strings.ToValidUTF8(strings.Map(carried, message), "\uFFFD") {
		t.Fatalf("fault read again: got %d, %q, %v; want %d, %q", c, m, ok, code, message)
	}
}

// carried replaces what XML cannot carry: a message that came as base64 may hold it.
func carried(r rune) rune {
	if isChar(r) {
		return r
	}
	return utf8.RuneError
}

// checkPlace sees that an error tells a place within the document.
func checkPlace(t *testing.T, doc []byte, err error) {
	t.Helper()
	var syntax *SyntaxError
	switch {
	case err == nil:
	case !errors.As(err, &syntax):
		t.Fatalf("got %v; want a SyntaxError", err)
	case syntax.Offset < 0 || syntax.Offset > len(doc) || len(err.Error()) > 2000:
		t.Fatalf("in %d bytes: %v", len(doc), err)
	}
}

// FuzzEscape: any text is either refused or comes back.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "a<b>&\r\n\t]]>", "\x00", "\xff", "\uFFFE", "\U0001F600", "a\xed\xa0\x80", "\xc0\xbc", "&#13;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := AppendResponse(nil, s, Options{})
		if err == nil {
			if got, err := readValue(string(doc), Options{}); err != nil || got != any(s) {
				t.Fatalf("%q: got %q, %v", s, got, err)
			}
		}
		replaced := AppendFault(nil, 1, s, Options{})
		d, ferr := ReadResponse(replaced, Options{})
		if ferr != nil {
			t.Fatalf("%q: the fault cannot be read: %v", s, ferr)
		}
		if _, m, _ := d.Fault(); (m == s) != (err == nil) {
			t.Fatalf("%q: the fault has %q, but AppendResponse says %v", s, m, err)
		}
	})
}
