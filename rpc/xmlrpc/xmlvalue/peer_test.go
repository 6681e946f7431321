package xmlvalue

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/value"
)

// pythonScript reads the documents of a JSON file and prints, as JSON, what
// xmlrpc.client makes of each: repr of the parameters, the method, and the same
// written by Python ("" if it cannot).
const pythonScript = `
import base64, json, sys, xmlrpc.client as x
from xml.parsers import expat

def load(doc):
    try:
        params, method = x.loads(doc, use_builtin_types=True)
    except x.Fault as f:
        return {"repr": repr((f.faultCode, f.faultString)), "method": "", "doc": x.dumps(f)}
    try:
        again = x.dumps(params, method, methodresponse=method is None, allow_none=True)
    except OverflowError:
        again = ""
    return {"repr": repr(params), "method": method or "", "doc": again}

def well_formed(doc):
    try:
        expat.ParserCreate().Parse(doc, True)
        return ""
    except (expat.ExpatError, ValueError, LookupError) as e:
        return str(e)

docs = [base64.b64decode(d) for d in json.load(open(sys.argv[2]))]
print(json.dumps([globals()[sys.argv[1]](d) for d in docs]))
`

type loaded struct{ Repr, Method, Doc string }

// askPython runs a function of the script over documents.
func askPython(t *testing.T, python, function string, docs [][]byte, out any) {
	t.Helper()
	in, err := json.Marshal(docs)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "docs.json")
	if err := os.WriteFile(file, in, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(peertest.RunPython(t, t.Context(), python, pythonScript, function, file)), out); err != nil {
		t.Fatal(err)
	}
}

var peerTests = []struct {
	v    any
	o    Options
	repr string // as a parameter, in Python
}{
	// Python itself neither writes CR so that it is kept, nor integers beyond 32 bits.
	{int64(3), Options{}, `3`},
	{int64(-1 << 31), Options{}, `-2147483648`},
	{int64(1 << 40), Options{}, `1099511627776`},
	{int64(-1 << 63), Options{}, `-9223372036854775808`},
	{bigInt("123456789012345678901234567890"), Options{BigInteger: true}, `123456789012345678901234567890`},
	{0.1, Options{}, `0.1`},
	{3.0, Options{}, `3.0`},
	{1e300, Options{}, `1e+300`},
	{5e-324, Options{}, `5e-324`},
	{true, Options{}, `True`},
	{nil, Options{}, `None`},
	{"", Options{}, `''`},
	{"\r\n\r", Options{}, `'\r\n\r'`},
	{"a<b>&\"' \t\n]]> é\u2028\U0001F600", Options{}, `'a<b>&"\' \t\n]]> é\u2028😀'`},
	{[]byte("\x00\x01\xfe\xff"), Options{}, `b'\x00\x01\xfe\xff'`},
	{[]byte{}, Options{}, `b''`},
	{time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC), Options{}, `datetime.datetime(2024, 2, 29, 23, 59, 59)`},
	{[]any{}, Options{}, `[]`},
	{[]any{int64(1), "a", []any{nil}}, Options{}, `[1, 'a', [None]]`},
	{map[string]any{}, Options{}, `{}`},
	{map[string]any{"a<": int64(1), "b": map[string]any{"": false}}, Options{}, `{'a<': 1, 'b': {'': False}}`},
}

// Python loads what is written here, and what Python makes of it is read here
// as what it was.
func TestLivePythonXMLRPC(t *testing.T) {
	var docs [][]byte
	for _, tt := range peerTests {
		doc, err := AppendCall(nil, "a/b:c.d", []any{tt.v}, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
		if doc, err = AppendResponse(nil, tt.v, tt.o); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	escaped, err := AppendCall(nil, "<a>&b", nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	docs = append(docs, escaped, AppendFault(nil, -32601, "no <such> method\x00", Options{}))
	sameBig := cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })
	pythons := slices.DeleteFunc(peertest.Pythons(t), func(v peertest.PythonVersion) bool { return !v.AtLeast(3, 6) })
	if len(pythons) > 2 {
		pythons = []peertest.PythonVersion{pythons[0], pythons[len(pythons)-1]} // the oldest and the newest
	}
	for _, python := range pythons {
		t.Run(python.String(), func(t *testing.T) {
			var got []loaded
			askPython(t, python.Path, "load", docs, &got)
			if len(got) != len(docs) {
				t.Fatalf("got %d answers; want %d", len(got), len(docs))
			}
			for i, tt := range peerTests {
				call, response := got[2*i], got[2*i+1]
				if want := "(" + tt.repr + ",)"; call.Repr != want || response.Repr != want || call.Method != "a/b:c.d" {
					t.Errorf("Python loads %s and %s of %s; want %s", call.Repr, response.Repr, call.Method, want)
				}
				switch tt.v.(type) {
				case int64, *big.Int:
					if call.Doc == "" && len(tt.repr) > 11 {
						continue
					}
				case string:
					if strings.Contains(tt.v.(string), "\r") {
						continue
					}
				}
				method, args, err := readCall(call.Doc, Options{})
				if diff := cmp.Diff(any([]any{tt.v}), args, sameBig); diff != "" || err != nil || method != "a/b:c.d" {
					t.Errorf("%s: written by Python: %q, %v -want +got:\n%s", tt.repr, method, err, diff)
				}
				result, err := readValue(response.Doc, Options{})
				if diff := cmp.Diff(tt.v, result, sameBig); diff != "" || err != nil {
					t.Errorf("%s: written by Python: %v -want +got:\n%s", tt.repr, err, diff)
				}
			}
			if got := got[len(got)-2]; got.Method != "<a>&b" || got.Repr != "()" {
				t.Errorf("Python loads the method as %s%s", got.Method, got.Repr)
			}
			fault := got[len(got)-1]
			if want := `(-32601, 'no <such> method` + "\uFFFD" + `')`; fault.Repr != want {
				t.Errorf("Python loads the fault as %s; want %s", fault.Repr, want)
			}
			d, err := ReadResponse([]byte(fault.Doc), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if code, message, ok := d.Fault(); !ok || code != -32601 || message != "no <such> method\uFFFD" {
				t.Errorf("fault written by Python: got %d, %q, %v", code, message, ok)
			}
		})
	}
}

// TestLiveAgainstExpat: expat, which most XML-RPC libraries read with, accepts all
// that is accepted here, and refuses what is refused here as not well formed
// but for what is refused on purpose.
func TestLiveAgainstExpat(t *testing.T) {
	python := peertest.Python(t)
	onPurpose := map[string]bool{
		"attributes without number": true, "DOCTYPE": true, "external entity": true, "processing instruction": true,
		"processing instruction in text": true, "processing instruction behind the end": true,
		"name with two colons": true, "name that is only a prefix": true, "DOCTYPE behind the declaration": true,
		"unknown encoding": true, "XML 1.1": true,
	}
	var docs [][]byte
	for _, tt := range valueTests {
		docs = append(docs, []byte(response(tt.xml)))
	}
	for _, tt := range malformedTests {
		docs = append(docs, []byte(tt.doc))
	}
	var reasons []string
	askPython(t, python, "well_formed", docs, &reasons)
	if len(reasons) != len(docs) {
		t.Fatalf("got %d answers; want %d", len(reasons), len(docs))
	}
	for i, tt := range valueTests {
		if reasons[i] != "" {
			t.Errorf("%s: expat: %s", tt.name, reasons[i])
		}
	}
	for i, tt := range malformedTests {
		reason := reasons[len(valueTests)+i]
		if accepts := tt.code == CodeInvalidRequest || onPurpose[tt.name]; accepts != (reason == "") {
			t.Errorf("%s: code %d here, expat says %q", tt.name, tt.code, reason)
		}
	}
}

// What Python's own marshaller writes, every type of it, with white space as it
// puts it.
func TestLiveReadWhatPythonWrites(t *testing.T) {
	const script = `
import sys, datetime, xmlrpc.client as x
sys.stdout.buffer.write(x.dumps((1, -2, 1.5, float("inf"), True, None, "a&b<c>\u00e9", b"\x00" * 100, (1, 2), [],
    {"k": {"n": 1}}, datetime.datetime(2024, 1, 2, 3, 4, 5), x.DateTime("20240102T03:04:05"), x.Binary(b"x")),
    "m.n", allow_none=True, encoding=sys.argv[1]).encode(sys.argv[1]))`
	date := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	want := []any{
		int64(1), int64(-2), 1.5, mustRead(t, "<value><double>inf</double></value>"), true, nil, "a&b<c>é", make([]byte, 100),
		[]any{int64(1), int64(2)},
		[]any{},
		map[string]any{"k": map[string]any{"n": int64(1)}},
		date, date, []byte("x"),
	}
	for _, encoding := range []string{"utf-8", "iso-8859-1", "cp1252"} {
		doc := peertest.RunPython(t, t.Context(), peertest.Python(t), script, encoding)
		method, args, err := readCall(doc, Options{})
		if diff := cmp.Diff(any(want), args); diff != "" || err != nil || method != "m.n" {
			t.Errorf("%s: %q, %v -want +got:\n%s\n%s", encoding, method, err, diff, strings.ToValidUTF8(doc, "?"))
		}
	}
}

func mustRead(t *testing.T, xml string) any {
	v, err := readValue(response(xml), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var (
	_ value.Source   = (*Decoder)(nil)
	_ value.VoidSink = (*Encoder)(nil)
)
