package xmlvalue

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// call puts a parameter's content into a document.
func call(param string) string {
	return "<methodCall><methodName>f</methodName><params><param>" + param + "</param></params></methodCall>"
}

// malformedTests are documents that are refused: with what code and, unless it
// is empty, at the first occurrence of what in them. They are calls, and their
// arguments are read too.
var malformedTests = []struct {
	name, doc string
	code      int
	at        string
}{
	// Not well formed.
	{"empty", "", CodeNotWellFormed, ""},
	{"white space only", " \n", CodeNotWellFormed, ""},
	{"text only", "hello", CodeNotWellFormed, "hello"},
	{"a lone <", "<", CodeNotWellFormed, "<"},
	{"a broken tag in a swapped member", call("<value><struct><member><value><array><1></array></value><name>a</name></member></struct></value>"), CodeNotWellFormed, "<1>"},
	{"a broken comment in a swapped member", call("<value><struct><member><value><!-- -- --></value><name>a</name></member></struct></value>"), CodeNotWellFormed, "<!-- --"},
	{"cut within a tag", "<methodCall", CodeNotWellFormed, ""},
	{"cut within the name", "<methodCall><methodName>f", CodeNotWellFormed, ""},
	{"cut behind the name", "<methodCall><methodName>f</methodName>", CodeNotWellFormed, ""},
	{"cut within a value", "<methodCall><methodName>f</methodName><params><param><value><int>1", CodeNotWellFormed, ""},
	{"white space before the declaration", " <?xml version=\"1.0\"?><methodCall><methodName>f</methodName></methodCall>", CodeNotWellFormed, "<?xml"},
	{"something behind the end", "<methodCall><methodName>f</methodName></methodCall>x", CodeNotWellFormed, "x"},
	{"a second root", "<methodCall><methodName>f</methodName></methodCall><methodCall/>", CodeNotWellFormed, "<methodCall/>"},
	{"wrong end tag", call("<value><int>1</i4></value>"), CodeNotWellFormed, "</i4>"},
	{"end tag with another prefix", call("<value><ex:i8>1</i8></value>"), CodeNotWellFormed, "</i8>"},
	{"crossing tags", call("<value><string>a</value></string>"), CodeNotWellFormed, "</value></string>"},
	{"end tag with an attribute", call(`<value></value a="1">`), CodeNotWellFormed, `a="1"`},
	{"bare &", call("<value>a & b</value>"), CodeNotWellFormed, "& b"},
	{"& at the end of text", call("<value>a &</value>"), CodeNotWellFormed, "&<"},
	{"entity without ;", call("<value>&lt</value>"), CodeNotWellFormed, "&lt<"},
	{"unknown entity", call("<value>&nbsp;</value>"), CodeNotWellFormed, "&nbsp;"},
	{"empty entity", call("<value>&;</value>"), CodeNotWellFormed, "&;"},
	{"reference without digits", call("<value>&#;</value>"), CodeNotWellFormed, "&#;"},
	{"hexadecimal reference without digits", call("<value>&#x;</value>"), CodeNotWellFormed, "&#x;"},
	{"reference with X", call("<value>&#X41;</value>"), CodeNotWellFormed, "&#X41;"},
	{"reference with letters", call("<value>&#4a;</value>"), CodeNotWellFormed, "&#4a;"},
	{"reference to a control character", call("<value>ab&#8;</value>"), CodeNotWellFormed, "&#8;"},
	{"reference to NUL", call("<value>&#x0;</value>"), CodeNotWellFormed, "&#x0;"},
	{"reference to a surrogate", call("<value>&#xD800;</value>"), CodeNotWellFormed, "&#xD800;"},
	{"reference to U+FFFE", call("<value>&#xFFFE;</value>"), CodeNotWellFormed, "&#xFFFE;"},
	{"reference beyond Unicode", call("<value>&#x110000;</value>"), CodeNotWellFormed, "&#x110000;"},
	{"reference that would wrap", call("<value>&#4294967361;</value>"), CodeNotWellFormed, "&#4294967361;"},
	{"]]> in text", call("<value>a]]>b</value>"), CodeNotWellFormed, "]]>"},
	{"]]> in text behind CDATA", call("<value><![CDATA[x]]>y]]>z</value>"), CodeNotWellFormed, "]]>z"},
	{"control character", call("<value>a\x01b</value>"), CodeNotWellFormed, "\x01"},
	{"NUL", call("<value>a\x00b</value>"), CodeNotWellFormed, "\x00"},
	{"escape among eight bytes", call("<value>12345678\t\n\r\x1b12345678</value>"), CodeNotWellFormed, "\x1b"},
	{"control character outside of text", "<methodCall>\x02<methodName>f</methodName></methodCall>", CodeNotWellFormed, "\x02"},
	{"control character in a comment", "<methodCall><!-- \x02 --><methodName>f</methodName></methodCall>", CodeNotWellFormed, "\x02"},
	{"U+FFFF", call("<value>a\uFFFFb</value>"), CodeNotWellFormed, "\uFFFF"},
	{"CDATA without end", call("<value><![CDATA[x</value>"), CodeNotWellFormed, "<![CDATA["},
	{"comment without end", call("<!-- x"), CodeNotWellFormed, "<!--"},
	{"comment with --", call("<!-- a -- b --><value/>"), CodeNotWellFormed, "<!--"},
	{"comment that ends in --->", call("<!-- a ---><value/>"), CodeNotWellFormed, "<!--"},
	{"comment <!-->", call("<!--><value/>"), CodeNotWellFormed, "<!--"},
	{"< in an attribute", call(`<value a="<">x</value>`), CodeNotWellFormed, `"<"`},
	{"bare & in an attribute", call(`<value a="&">x</value>`), CodeNotWellFormed, `"&"`},
	{"attribute without value", call(`<value a>x</value>`), CodeNotWellFormed, ""},
	{"attribute without quotes", call(`<value a=1>x</value>`), CodeNotWellFormed, "1>"},
	{"attribute without end", call(`<value a="1>x`), CodeNotWellFormed, ""},
	{"attributes without space between", call(`<value a="1"b="2">x</value>`), CodeNotWellFormed, `b="2"`},
	{"attribute twice", call(`<value a="1" b="1" a='2'>x</value>`), CodeNotWellFormed, ""},
	{"attribute that begins with a digit", call(`<value 1a="1">x</value>`), CodeNotWellFormed, `1a`},
	{"name with two colons", call(`<value><a:b:i8>1</a:b:i8></value>`), CodeNotWellFormed, "<a:b"},
	{"name that is only a prefix", call(`<value><ex:>1</ex:></value>`), CodeNotWellFormed, "<ex:"},
	{"< before white space", call("<value>1 < 2</value>"), CodeNotWellFormed, ""},
	{"/ within a tag", call("<value/ >"), CodeNotWellFormed, "/ >"},

	// Refused although well formed.
	{"DOCTYPE", `<!DOCTYPE methodCall><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, "<!DOCTYPE"},
	{"DOCTYPE behind the declaration", `<?xml version="1.0"?><!DOCTYPE methodCall [<!ENTITY x "y">]><methodCall><methodName>&x;</methodName></methodCall>`, CodeNotWellFormed, "<!DOCTYPE"},
	{"external entity", `<!DOCTYPE f SYSTEM "file:///etc/passwd"><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, "<!DOCTYPE"},
	{"processing instruction", `<?xml version="1.0"?><?php x ?><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, "<?php"},
	{"processing instruction in text", call("<value>a<?x y?>b</value>"), CodeNotWellFormed, "<?x"},
	{"processing instruction behind the end", "<methodCall><methodName>f</methodName></methodCall><?x?>", CodeNotWellFormed, "<?x"},
	{"a second declaration", `<?xml version="1.0"?><?xml version="1.0"?><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, ""},
	{"XML 1.1", `<?xml version="1.1"?><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, "<?xml"},
	{"declaration without version", `<?xml encoding="UTF-8"?><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, "<?xml"},
	{"empty declaration", `<?xml ?><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, ""},
	{"declaration in the wrong order", `<?xml version="1.0" standalone="yes" encoding="UTF-8"?><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, "<?xml"},
	{"declaration without end", `<?xml version="1.0"><methodCall><methodName>f</methodName></methodCall>`, CodeNotWellFormed, "<?xml"},
	{"attributes without number", call("<value " + strings.Join(strings.Split("abcdefghijklmnopq", ""), "='' ") + "=''/>"), CodeOverLimit, ""},

	// Encodings.
	{"unknown encoding", `<?xml version="1.0" encoding="KOI8-R"?><methodCall><methodName>f</methodName></methodCall>`, CodeEncoding, ""},
	{"UTF-16 declared", `<?xml version="1.0" encoding="UTF-16"?><methodCall><methodName>f</methodName></methodCall>`, CodeEncoding, ""},
	{"UTF-16, little endian", "\xFF\xFE<\x00m\x00", CodeEncoding, "\xFF"},
	{"UTF-16, big endian", "\xFE\xFF\x00<\x00m", CodeEncoding, "\xFE"},
	{"UTF-16 without mark", "<\x00?\x00x\x00", CodeEncoding, "<"},
	{"invalid UTF-8", call("<value>\xE9t\xE9</value>"), CodeInvalidCharacter, "\xE9"},
	{"UTF-8 cut short", call("<value>\xE2\x82</value>"), CodeInvalidCharacter, "\xE2"},
	{"overlong UTF-8", call("<value>\xC0\xBC</value>"), CodeInvalidCharacter, "\xC0"},
	{"surrogate in UTF-8", call("<value>\xED\xA0\x80</value>"), CodeInvalidCharacter, "\xED"},
	{"not windows-1252", "<?xml version='1.0' encoding='windows-1252'?>" + call("<value>\x80\xE9\x81</value>"), CodeInvalidCharacter, "\x81"},
	{"UTF-32", "\x00\x00\xFE\xFF", CodeEncoding, ""},
	{"EBCDIC", "\x4C\x6F\xA7\x94\x93", CodeInvalidCharacter, "\xA7"},
	{"UTF-7 declared", `<?xml version="1.0" encoding="UTF-7"?><methodCall><methodName>f</methodName></methodCall>`, CodeEncoding, ""},
	{"not US-ASCII", `<?xml version="1.0" encoding="us-ascii"?>` + call("<value>é</value>"), CodeInvalidCharacter, "é"},

	// XML, but not XML-RPC.
	{"another root", "<html><body/></html>", CodeInvalidRequest, "<html>"},
	{"a response", "<methodResponse><params/></methodResponse>", CodeInvalidRequest, "<methodResponse>"},
	{"no method name", "<methodCall></methodCall>", CodeInvalidRequest, "</methodCall>"},
	{"empty call", "<methodCall/>", CodeInvalidRequest, ""},
	{"empty method name", "<methodCall><methodName> </methodName></methodCall>", CodeInvalidRequest, " </"},
	{"empty-element method name", "<methodCall><methodName/></methodCall>", CodeInvalidRequest, ""},
	{"element in the method name", "<methodCall><methodName>a<b/></methodName></methodCall>", CodeInvalidRequest, "<b/>"},
	{"params first", "<methodCall><params/><methodName>f</methodName></methodCall>", CodeInvalidRequest, "<params/>"},
	{"params twice", "<methodCall><methodName>f</methodName><params/><params></params></methodCall>", CodeInvalidRequest, "<params></params>"},
	{"other element for params", "<methodCall><methodName>f</methodName><args/></methodCall>", CodeInvalidRequest, "<args/>"},
	{"value without param", "<methodCall><methodName>f</methodName><params><value/></params></methodCall>", CodeInvalidRequest, "<value/>"},
	{"text in params", "<methodCall><methodName>f</methodName><params>x</params></methodCall>", CodeInvalidRequest, "x"},
	{"type without value", call("<int>1</int>"), CodeInvalidRequest, "<int>"},
	{"two values in a param", call("<value/><value/>"), CodeInvalidRequest, ""},
	{"text before a type", call("<value>a<int>1</int></value>"), CodeInvalidRequest, "<int>"},
	{"text behind a type", call("<value><int>1</int>a</value>"), CodeInvalidRequest, "a</value>"},
	{"two types", call("<value><int>1</int><int>2</int></value>"), CodeInvalidRequest, "<int>2"},
	{"unknown type", call("<value><uint>1</uint></value>"), CodeInvalidRequest, "<uint>"},
	{"unknown type with prefix", call("<value><ex:dom/></value>"), CodeInvalidRequest, "<ex:dom"},
	{"types in upper case", call("<value><INT>1</INT></value>"), CodeInvalidRequest, "<INT>"},
	{"values in upper case", call("<VALUE>1</VALUE>"), CodeInvalidRequest, "<VALUE>"},
	{"date in lower case", call("<value><datetime.iso8601>19980717T14:08:55</datetime.iso8601></value>"), CodeInvalidRequest, "<datetime"},
	{"a type in a type", call("<value><string><string>a</string></string></value>"), CodeInvalidRequest, "<string>a"},
	{"a value in a value", call("<value><value>1</value></value>"), CodeInvalidRequest, "<value>1"},
	{"a serialized object of Java", call("<value><ex:serializable>rO0AB</ex:serializable></value>"), CodeInvalidRequest, "<ex:ser"},
	{"a prefixed value", call("<x:value>1</x:value>"), CodeInvalidRequest, "<x:value>"},
	{"text in an array", call("<value><array><data>x</data></array></value>"), CodeInvalidRequest, "x</data>"},
	{"text in a struct", call("<value><struct>x</struct></value>"), CodeInvalidRequest, "x</struct>"},
	{"text in a member", call("<value><struct><member><name>a</name>x<value/></member></struct></value>"), CodeInvalidRequest, "x<value"},
	{"text in a param", call("x"), CodeInvalidRequest, "x"},
	{"a reference to white space between elements", call("&#32;<value/>"), CodeInvalidRequest, "&#32;"},
	{"CDATA between elements", call("<![CDATA[ ]]><value/>"), CodeInvalidRequest, "<![CDATA["},
	{"element in a name", call("<value><struct><member><name>a<b/></name><value/></member></struct></value>"), CodeInvalidRequest, "<b/>"},
	{"array with prefix", call("<value><ex:array/></value>"), CodeInvalidRequest, "<ex:array"},
	{"member outside of a struct", call("<value><member/></value>"), CodeInvalidRequest, "<member/>"},
	{"element in a string", call("<value><string>a<b>c</b></string></value>"), CodeInvalidRequest, "<b>"},
	{"element in nil", call("<value><nil>x</nil></value>"), CodeInvalidRequest, "<value>"},
	{"a value behind <data/>", call("<value><array><data/><value/></array></value>"), CodeInvalidRequest, "<value/>"},
	{"a value behind <data></data>", call("<value><array><data></data><value/></array></value>"), CodeInvalidRequest, "<value/>"},
	{"an int behind <data/>", call("<value><array><data/><value><int>1</int></value></array></value>"), CodeInvalidRequest, "<value><int>"},
	{"a struct behind <data/>", call("<value><array><data/><value><struct/></value></array></value>"), CodeInvalidRequest, "<value><struct/>"},
	{"text behind <data/>", call("<value><array><data/>x</array></value>"), CodeInvalidRequest, "x<"},
	{"data twice, empty-element tags", call("<value><array><data/><data/></array></value>"), CodeInvalidRequest, ""},
	{"data twice", call("<value><array><data></data><data></data></array></value>"), CodeInvalidRequest, ""},
	{"values behind data", call("<value><array><data></data><value/></array></value>"), CodeInvalidRequest, "<value/>"},
	{"struct without member", call("<value><struct><name>a</name></struct></value>"), CodeInvalidRequest, "<name>"},
	{"member behind an empty struct", call("<value><struct/><member><name>a</name><value/></member></value>"), CodeInvalidRequest, "<member>"},
	{"element behind an empty array", call("<value><array/><value/></value>"), CodeInvalidRequest, "<value/>"},
	{"member without name", call("<value><struct><member><value/></member></struct></value>"), CodeInvalidRequest, "<value/>"},
	{"member without value", call("<value><struct><member><name>a</name></member></struct></value>"), CodeInvalidRequest, "</member>"},
	{"empty member", call("<value><struct><member/></struct></value>"), CodeInvalidRequest, ""},
	{"member with two values", call("<value><struct><member><name>a</name><value/><value>x</value></member></struct></value>"), CodeInvalidRequest, "<value>x"},
	{"member with two names", call("<value><struct><member><name>a</name><value/><name>b</name></member></struct></value>"), CodeInvalidRequest, "<name>b"},
	{"swapped member with something else", call("<value><struct><member><value/><x/><name>b</name></member></struct></value>"), CodeInvalidRequest, "<x/>"},
	{"swapped member with two names", call("<value><struct><member><value/><name>a</name><name>b</name></member></struct></value>"), CodeInvalidRequest, "<name>b"},

	// Content.
	{"empty int", call("<value><int></int></value>"), CodeInvalidRequest, "<value>"},
	{"empty-element int", call("<value><int/></value>"), CodeInvalidRequest, "<value>"},
	{"letters in int", call("<value><int>12a</int></value>"), CodeInvalidRequest, "<value>"},
	{"nan as int", call("<value><int>nan</int></value>"), CodeInvalidRequest, "<value>"},
	{"hexadecimal int", call("<value><int>0x1F</int></value>"), CodeInvalidRequest, "<value>"},
	{"space in int", call("<value><int>1 2</int></value>"), CodeInvalidRequest, "<value>"},
	{"empty double", call("<value><double/></value>"), CodeInvalidRequest, "<value>"},
	{"double beyond 64 bits", call("<value><double>1e400</double></value>"), CodeInvalidRequest, "<value>"},
	{"decimal comma", call("<value><double>1,5</double></value>"), CodeInvalidRequest, "<value>"},
	{"boolean 2", call("<value><boolean>2</boolean></value>"), CodeInvalidRequest, "<value>"},
	{"int of white space", call("<value><i4> </i4></value>"), CodeInvalidRequest, "<value>"},
	{"int with a comma", call("<value><int>1,000</int></value>"), CodeInvalidRequest, "<value>"},
	{"int with two underscores", call("<value><int>1__000</int></value>"), CodeInvalidRequest, "<value>"},
	{"int in digits beyond ASCII", call("<value><int>\u0661</int></value>"), CodeInvalidRequest, "<value>"},
	{"int with two signs", call("<value><int>+-1</int></value>"), CodeInvalidRequest, "<value>"},
	{"int with a sign alone", call("<value><int>-</int></value>"), CodeInvalidRequest, "<value>"},
	{"text as int", call("<value><int>true</int></value>"), CodeInvalidRequest, "<value>"},
	{"double of white space", call("<value><double> </double></value>"), CodeInvalidRequest, "<value>"},
	{"nan of Visual C", call("<value><double>1.#QNAN</double></value>"), CodeInvalidRequest, "<value>"},
	{"empty boolean", call("<value><boolean/></value>"), CodeInvalidRequest, "<value>"},
	{"boolean yes", call("<value><boolean>yes</boolean></value>"), CodeInvalidRequest, "<value>"},
	{"boolean in letters that fold to it", call("<value><boolean>fal\u017fe</boolean></value>"), CodeInvalidRequest, "<value>"},
	{"empty date", call("<value><dateTime.iso8601/></value>"), CodeInvalidRequest, "<value>"},
	{"date without time", call("<value><dateTime.iso8601>19980717</dateTime.iso8601></value>"), CodeInvalidRequest, "<value>"},
	{"date that there is not", call("<value><dateTime.iso8601>19990229T00:00:00</dateTime.iso8601></value>"), CodeInvalidRequest, "<value>"},
	{"seconds since 1970 as a date", call("<value><dateTime.iso8601>900684535</dateTime.iso8601></value>"), CodeInvalidRequest, "<value>"},
	{"date of ROS", call("<value><dateTime.iso8601> 1240717T14:08:55</dateTime.iso8601></value>"), CodeInvalidRequest, "<value>"},
	{"base64 with -", call("<value><base64>ab-_</base64></value>"), CodeInvalidRequest, "<value>"},
	{"base64 of one character", call("<value><base64>A</base64></value>"), CodeInvalidRequest, "<value>"},
}

func TestMalformedDocuments(t *testing.T) {
	for _, tt := range malformedTests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readCall(tt.doc, Options{})
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v; want a SyntaxError with code %d", err, tt.code)
			}
			if syntax.Code != tt.code {
				t.Errorf("got code %d (%v); want %d", syntax.Code, err, tt.code)
			}
			if tt.at != "" && syntax.Offset != strings.Index(tt.doc, tt.at) {
				t.Errorf("got offset %d (%v); want %d, where %q is", syntax.Offset, err, strings.Index(tt.doc, tt.at), tt.at)
			}
			if len(err.Error()) > 200 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// Characters are checked many bytes at a time: one that is bad must be found at
// every place, and be told from its neighbours.
func TestBadCharactersAreFoundEverywhere(t *testing.T) {
	for _, around := range []string{"x", "\n", "\t\r", "é", "\x7f", "~\x7f €"} {
		text := strings.Repeat(around, 80/len(around))
		for _, bad := range []string{"\x00", "\x08", "\x0b", "\x1f", "\uFFFE", "\x80", "\xff"} {
			for at := 0; at <= len(text); at++ {
				if at < len(text) && !utf8.RuneStart(text[at]) {
					continue
				}
				s := scanner{data: []byte(text[:at] + bad + text[at:])}
				var syntax *SyntaxError
				if ok := s.checkCharacters(); ok || !errors.As(error(s.Err()), &syntax) || syntax.Offset != at {
					t.Fatalf("%q at %d among %q: got %v", bad, at, around, s.Err())
				}
			}
		}
		s := scanner{data: []byte(text)}
		if !s.checkCharacters() || s.plain == strings.Contains(text, "\r") {
			t.Errorf("%q: got %v, plain %v", around, s.Err(), s.plain)
		}
	}
}

// wellFormed asks encoding/xml whether a document is well formed and has one
// root.
func wellFormed(doc string) error {
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(doc, utf8BOM)))
	d.CharsetReader = func(label string, r io.Reader) (io.Reader, error) {
		switch strings.ToLower(label) {
		case "windows-1252", "cp1252":
			return charmap.Windows1252.NewDecoder().Reader(r), nil
		case "us-ascii", "ascii", "utf8":
			return r, nil
		}
		return charmap.ISO8859_1.NewDecoder().Reader(r), nil
	}
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if err == io.EOF && roots == 1 {
			return nil
		}
		if err == io.EOF {
			return errors.New("not one root")
		}
		if err != nil {
			return err
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth == 1 {
				roots++
			}
		case xml.EndElement:
			depth--
		}
	}
}

// TestAgainstEncodingXML: what is read here is well formed there, and of what
// is refused here as not well formed all is refused there but what is listed.
func TestAgainstEncodingXML(t *testing.T) {
	for _, tt := range valueTests {
		if err := wellFormed(response(tt.xml)); err != nil {
			t.Errorf("%s: encoding/xml: %v", tt.name, err)
		}
	}
	lenient := map[string]bool{ // where encoding/xml knows less of XML, or this package refuses on purpose
		"white space before the declaration": true, "something behind the end": true,
		"attribute twice": true, "attributes without space between": true,
		"DOCTYPE": true, "external entity": true, "processing instruction": true, "processing instruction in text": true,
		"processing instruction behind the end": true, "a second declaration": true,
		"declaration without version": true, "empty declaration": true, "declaration in the wrong order": true,
		"control character in a comment": true, "name that is only a prefix": true, "reference to a surrogate": true,
	}
	for _, tt := range malformedTests {
		err := wellFormed(tt.doc)
		switch {
		case tt.code == CodeInvalidRequest && err != nil:
			t.Errorf("%s: refused as XML that is not XML-RPC, but encoding/xml says %v", tt.name, err)
		case tt.code == CodeNotWellFormed && (err == nil) != lenient[tt.name]:
			t.Errorf("%s: encoding/xml says %v", tt.name, err)
		}
	}
}

// A reference has at most 32 bytes: this is stricter than XML, and what is behind
// an & is not searched to the end of the document.
func TestLongReference(t *testing.T) {
	for zeros, ok := range map[int]bool{27: true, 28: false, 100: false} {
		got, err := readValue(response("<value>&#"+strings.Repeat("0", zeros)+"65;</value>"), Options{})
		if ok && (got != "A" || err != nil) {
			t.Errorf("%d zeros: got %v, %v; want A", zeros, got, err)
		}
		if !ok {
			wantCode(t, "a long reference", err, CodeNotWellFormed)
		}
	}
}
