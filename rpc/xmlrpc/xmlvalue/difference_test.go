package xmlvalue

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// differences are documents that CPython and this package read in different
// ways. ours and python are values in canonical form; "error -32600" is a
// refusal with that code, "error" one by Python; old is what a Python before 3.6
// makes of it, if that is something else.
var differences = []struct {
	name, doc         string
	ours, python, old string
	why               string
}{
	{"float as int", call(`<value><int>1e+300</int></value>`), "[float 7e37e43c8800759c]", "error", "", "Lua and node write one so"},
	{"boolean in words", call(`<value><boolean>true</boolean></value>`), "[true]", "error", "", "meaning is clear"},
	{"space around a boolean", call(`<value><boolean> 1 </boolean></value>`), "[true]", "error", "", "meaning is clear"},
	{"base64 without padding", call(`<value><base64>QQ</base64></value>`), "[bytes 41]", "error", "", "meaning is clear"},
	{"base64 with other characters", call(`<value><base64>Q.Q=-=</base64></value>`), "error -32600", "[bytes 41]", "", "Python passes over them, and with them over damage"},
	{"a date as text", call(`<value><dateTime.iso8601>1998-07-17T14:08:55+01:00</dateTime.iso8601></value>`), "[time 19980717T13:08:55]", "[time 1998-07-17T14:08:55+01:00]", "", "Python takes any text and leaves its meaning to others"},
	{"no date", call(`<value><dateTime.iso8601>today</dateTime.iso8601></value>`), "error -32600", "[time today]", "", "the same"},
	{"param without value", call(``), "[nil]", "[]", "", "for Python the argument is not there, and those behind it move up"},
	{"value before name", call(`<value><struct><member><value>v</value><name>n</name></member></struct></value>`), "[{text 6e: text 76}]", "[{text 76: text 6e}]", "", "Python takes the one for the other"},
	{"text before a type", call(`<value>lost<int>1</int></value>`), "error -32600", "[int 1]", "", "the text would be lost"},
	{"text behind a type", call(`<value><int>1</int>lost</value>`), "error -32600", "[int 1]", "", "the text would be lost"},
	{"two types", call(`<value><int>1</int><int>2</int></value>`), "error -32600", "[int 1, int 2]", "", "one value is two"},
	{"type without value", call(`<int>1</int>`), "error -32600", "[int 1]", "", "no element of that name belongs there"},
	{"double beyond 64 bits", call(`<value><double>1e400</double></value>`), "error -32600", "[float 7ff0000000000000]", "", "the number would be lost"},
	{"digits beyond ASCII", call("<value><int>\u0663</int></value>"), "error -32600", "[int 3]", "", "no peer writes them"},
	{"int with underscores", call(`<value><int>1_000</int></value>`), "[float 408f400000000000]", "[int 1000]", "error", "both take what their language takes"},
	{"hexadecimal double", call(`<value><double>0x1p-2</double></value>`), "[float 3fd0000000000000]", "error", "", "both take what their language takes"},
	{"ex:nil", call(`<value><ex:nil/></value>`), "[nil]", "[nil]", "error", "unknown to Python before 3.6"},
	{"i1", call(`<value><i1>1</i1></value>`), "[int 1]", "[int 1]", "error", "the same"},
	{"bigdecimal", call(`<value><ex:bigdecimal>0.5</ex:bigdecimal></value>`), "[float 3fe0000000000000]", "[Decimal]", "error", "there is no decimal in the values of Go"},
	{"upper case", call(`<VALUE><INT>1</INT></VALUE>`), "error -32600", "[]", "", "Python passes over what it does not know, and with it over the argument"},
	{"DOCTYPE", `<!DOCTYPE methodCall><methodCall><methodName>f</methodName><params/></methodCall>`, "error -32700", "[]", "", "entities and files come with it"},
	{"an entity of its own", `<!DOCTYPE methodCall [<!ENTITY e "x">]>` + call(`<value>&e;</value>`), "error -32700", "[text 78]", "", "the same"},
	{"processing instruction", `<?x y?>` + call(`<value>1</value>`), "error -32700", "[text 31]", "", "no client writes one"},
	{"another encoding", `<?xml version="1.0" encoding="KOI8-R"?>` + call("<value>\xC1</value>"), "error -32701", "[text d0b0]", "", "UTF-8 is asked for instead"},
	{"UTF-16", utf16("<methodCall><methodName>f</methodName></methodCall>"), "error -32701", "[]", "", "the same"},
	{"17 attributes", call(`<value a="" b="" c="" d="" e="" f="" g="" h="" i="" j="" k="" l="" m="" n="" o="" p="" q="">1</value>`), "error -32003", "[text 31]", "", "there are none in XML-RPC; sixteen leave room for those of others"},
	{"65 lists", call(strings.Repeat("<value><array>", 65) + strings.Repeat("</array></value>", 65)), "error -32003", "[" + strings.Repeat("[", 65) + strings.Repeat("]", 65) + "]", "", "Options.MaxDepth"},
	{"two results", `<methodResponse><params><param><value>a</value></param><param><value>b</value></param></params></methodResponse>`, "error -32600", "[text 61, text 62]", "", "a response has one"},
	{"no result", `<methodResponse><params/></methodResponse>`, "nil", "[]", "", "a function that has none"},
	{"fault without a code", faultDocument(`<member><name>faultString</name><value>no</value></member>`), `fault 0 "no"`, "error", "", "what there is, is told"},
	{"fault with text as code", faultDocument(`<member><name>faultCode</name><value>AccessError</value></member><member><name>faultString</name><value>no</value></member>`), `fault 0 "AccessError: no"`, "fault text 4163636573734572726f72 text 6e6f", "", "a code is an integer in Go"},
}

// utf16 returns ASCII in UTF-16, with its mark.
func utf16(s string) string {
	out := "\xFF\xFE"
	for i := range len(s) {
		out += s[i:i+1] + "\x00"
	}
	return out
}

// TestLiveDifferences holds both columns against what reads today: here, and
// CPython.
func TestLiveDifferences(t *testing.T) {
	var docs [][]byte
	for _, tt := range differences {
		docs = append(docs, []byte(tt.doc))
		if tt.ours == tt.python && tt.old == "" || tt.why == "" {
			t.Errorf("%s: no difference, or no reason for it", tt.name)
		}
		if got := ourReading(tt.doc); got != tt.ours {
			t.Errorf("%s: got %s; want %s", tt.name, got, tt.ours)
		}
	}
	for _, python := range oraclePythons(t) {
		for i, r := range askOracle(t, python.Path, docs) {
			tt := differences[i]
			got, want := r.Value, tt.python
			if got == "fault" {
				got = fmt.Sprintf("fault %s %s", r.Code, r.Text)
			}
			if tt.old != "" && !python.AtLeast(3, 6) {
				want = tt.old
			}
			if got != want {
				t.Errorf("%s: Python %s reads %s %s; want %s", tt.name, python, got, r.Text, want)
			}
		}
	}
}

func ourReading(doc string) string {
	if d, err := ReadResponse([]byte(doc), Options{}); err == nil && d.fault.ok {
		return fmt.Sprintf("fault %d %q", d.fault.code, d.fault.message)
	}
	_, v, err := readCall(doc, Options{})
	if strings.Contains(doc, "<methodResponse>") {
		v, err = readValue(doc, Options{})
	}
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Sprint("error ", syntax.Code)
	}
	return canonical(v)
}
