package xmlvalue

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

// oracleScript reads the documents of a JSON file with xmlrpc.client and prints,
// for each, what it has read in the form of canonical, and the same written by
// Python. It runs with 2.7 and with every 3.
const oracleScript = `
import base64, binascii, json, struct, sys
try:
    import xmlrpc.client as x
except ImportError:
    import xmlrpclib as x
text, whole = (str, int) if sys.version_info[0] > 2 else (basestring, (int, long))

def hexed(b):
    return binascii.hexlify(b).decode("ascii")

def utf8(s):
    return s.encode("utf-8") if not isinstance(s, bytes) else s

def canonical(v):
    if v is None: return "nil"
    if v is True: return "true"
    if v is False: return "false"
    if isinstance(v, whole): return "int %d" % v
    if isinstance(v, float): return "float nan" if v != v else "float " + hexed(struct.pack(">d", v))
    if isinstance(v, x.Binary): return "bytes " + hexed(v.data)
    if isinstance(v, x.DateTime): return "time " + v.value
    if isinstance(v, text): return "text " + hexed(utf8(v))
    if isinstance(v, (list, tuple)): return "[" + ", ".join(map(canonical, v)) + "]"
    if isinstance(v, dict): return "{" + ", ".join(sorted(canonical(k) + ": " + canonical(v[k]) for k in v)) + "}"
    return type(v).__name__

def load(doc):
    try:
        params, method = x.loads(doc)
    except x.Fault as f:
        return {"value": "fault", "code": canonical(f.faultCode), "text": canonical(f.faultString)}
    except Exception as e:
        return {"value": "error", "text": repr(e)}
    try:
        again = utf8(x.dumps(params, method, methodresponse=method is None, allow_none=True))
    except (OverflowError, TypeError, AssertionError):
        again = b""
    return {"value": canonical(params), "method": hexed(utf8(method or "")), "again": base64.b64encode(again).decode("ascii")}

print(json.dumps([load(base64.b64decode(d)) for d in json.load(open(sys.argv[1]))]))
`

// read is what the script says of a document.
type read struct {
	Value, Code, Text string
	Method            string // in hexadecimal
	Again             []byte // empty if Python cannot write the value
}

func askOracle(t *testing.T, python string, docs [][]byte) []read {
	t.Helper()
	in, err := json.Marshal(docs)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "docs.json")
	if err := os.WriteFile(file, in, 0o600); err != nil {
		t.Fatal(err)
	}
	var out []read
	if err := json.Unmarshal([]byte(peertest.RunPython(t, t.Context(), python, oracleScript, file)), &out); err != nil {
		t.Fatal(err)
	}
	if len(out) != len(docs) {
		t.Fatalf("got %d answers; want %d", len(out), len(docs))
	}
	return out
}

// canonical is one text for each value.
func canonical(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return fmt.Sprint(v)
	case int64, *big.Int:
		return fmt.Sprint("int ", v)
	case float64:
		if v != v {
			return "float nan"
		}
		return fmt.Sprintf("float %016x", math.Float64bits(v))
	case string:
		return "text " + hex.EncodeToString([]byte(v))
	case []byte:
		return "bytes " + hex.EncodeToString(v)
	case time.Time:
		return "time " + v.UTC().Format("20060102T15:04:05")
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = canonical(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		var parts []string
		for name, e := range v {
			parts = append(parts, canonical(name)+": "+canonical(e))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprintf("%T", v)
}

// author writes values at random, in spellings that are odd but that every
// reader must understand.
type author struct {
	*rand.Rand
	letters []string // what text is made of
	old     bool     // for a Python before 3.6, which knows no prefixes and no <i1>
}

var (
	asciiLetters = strings.Split("a|b|Z|0|9| |  |\n|\t|<|>|&|'|\"|]]|<int>|&amp;|\r|\r\n|%|\\", "|")
	latinLetters = append(slices.Clone(asciiLetters), "é", "ß", "\u00a0", "¤")
	allLetters   = append(slices.Clone(latinLetters), "€", "\u0085", "\u2028", "中", "\ufeff", "\ufffd", "\U0001F600", "e\u0301")
)

func (a *author) oneOf(s ...string) string { return s[a.IntN(len(s))] }

// gap is what may stand between two elements.
func (a *author) gap() string {
	return a.oneOf("", "", "", "", " ", "\n\t", "\r\n", "<!-- a & <b> -->")
}

func (a *author) element(name, content string) string {
	tag := name + a.oneOf("", "", "", " ", "\n", ` a="1"`, " a='&lt;&quot;' b='\"'")
	if content == "" && a.IntN(2) == 0 {
		return "<" + tag + "/>"
	}
	return "<" + tag + ">" + content + "</" + name + a.oneOf("", "", " ") + ">"
}

// spell writes text as character data in one of its many ways.
func (a *author) spell(text string) string {
	var b strings.Builder
	for _, r := range text {
		special := r == '<' || r == '&' || r == '>' || r == '\r'
		switch way := a.IntN(10); {
		case r == '\r' || way == 0:
			fmt.Fprintf(&b, "&#%s%d;", a.oneOf("", "0"), r)
		case way == 1:
			fmt.Fprintf(&b, "&#x%x;", r)
		case special && way == 2 || way == 3:
			b.WriteString("<![CDATA[" + string(r) + "]]>")
		case special:
			b.WriteString(map[rune]string{'<': "&lt;", '&': "&amp;", '>': "&gt;"}[r])
		case r == '\n' && way == 4:
			b.WriteString("\r\n")
		default:
			b.WriteRune(r)
		}
		if a.IntN(12) == 0 {
			b.WriteString(a.oneOf("<!-- -->", "<![CDATA[]]>"))
		}
	}
	return b.String()
}

func (a *author) text() string {
	var b strings.Builder
	for range a.IntN(12) {
		b.WriteString(a.oneOf(a.letters...))
	}
	return b.String()
}

// spaced puts white space around a scalar that may have it.
func (a *author) spaced(s string) string {
	return a.oneOf("", "", " ", "\n", "\r\n\t", "&#10;") + s + a.oneOf("", "", " ", "\n")
}

func (a *author) value(depth int) (xml string, v any) {
	kind := a.IntN(10)
	if depth == 0 {
		kind = a.IntN(8)
	}
	inside, untyped := "", false
	switch kind {
	case 0:
		inside, v = a.integer()
	case 1:
		inside, v = a.float()
	case 2:
		v = a.IntN(2) == 1
		inside = a.element("boolean", a.spell(map[any]string{true: "1", false: "0"}[v]))
	case 3, 4:
		s := a.text()
		v, inside, untyped = s, a.spell(s), a.IntN(3) == 0
		if !untyped {
			inside = a.element("string", inside)
		}
	case 5:
		inside, v = a.bytes()
	case 6:
		at := time.Date(a.IntN(8000)+1900, time.Month(a.IntN(12)+1), a.IntN(28)+1, a.IntN(24), a.IntN(60), a.IntN(60), 0, time.UTC)
		v, inside = at, a.element("dateTime.iso8601", a.spaced(at.Format("20060102T15:04:05")))
	case 7:
		inside = a.element(a.name("nil"), "")
	case 8:
		inside, v = a.list(depth)
	case 9:
		inside, v = a.record(depth)
	}
	if !untyped {
		inside = a.gap() + inside + a.gap()
	}
	return a.element("value", inside), v
}

// name puts a prefix before a type that may have one.
func (a *author) name(s string) string {
	if a.old {
		return s
	}
	return a.oneOf("", "", "ex:") + s
}

func (a *author) integer() (xml string, v any) {
	n := new(big.Int).SetUint64(a.Uint64())
	n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(a.Uint64())).Rsh(n, uint(a.IntN(128)))
	if a.IntN(2) == 0 {
		n.Neg(n)
	}
	digits := n.String()
	if n.Sign() >= 0 {
		digits = a.oneOf("", "", "+", "0", "+00") + digits
	} else if a.IntN(4) == 0 {
		digits = "-00" + digits[1:]
	}
	names := []string{"int", "i4", "i8"}
	if !a.old {
		names = append(names, "i1", "i2", "ex:i8", "biginteger", "ex:biginteger")
	}
	v = n
	if n.IsInt64() {
		v = n.Int64()
	}
	return a.element(a.oneOf(names...), a.spaced(a.spell(digits))), v
}

func (a *author) float() (xml string, v any) {
	f := math.Float64frombits(a.Uint64())
	if a.IntN(2) == 0 {
		f = math.Trunc(a.NormFloat64()*1e6) / 64
	}
	written := fmt.Sprintf(a.oneOf("%v", "%+v", "%.17g", "%.17E", "%.30f"), f)
	switch { // %v writes +Inf and NaN; an underflow of %.30f is another number
	case f != f:
		written = a.oneOf("nan", "NaN", "-nan", "+nan")
	case math.IsInf(f, 0) || math.Abs(f) < 1e-5:
		f = math.Inf(1 - 2*a.IntN(2))
		written = a.oneOf("inf", "Infinity", "INF")
		if f < 0 {
			written = "-" + written
		}
	}
	name := "double"
	if !a.old {
		name = a.oneOf("double", "float", "ex:float")
	}
	return a.element(name, a.spaced(a.spell(written))), f
}

func (a *author) bytes() (xml string, v any) {
	blob := make([]byte, a.IntN(80))
	for i := range blob {
		blob[i] = byte(a.Uint32())
	}
	b64 := make([]byte, base64Len(len(blob)))
	encodeBase64(b64, blob)
	var lines strings.Builder
	for i, c := range b64 {
		if i > 0 && a.IntN(20) == 0 {
			lines.WriteString(a.oneOf("\n", "\r\n", " ", "\t", "&#10;", "&#13;&#10;", "<!-- -->", "\n\n  "))
		}
		lines.WriteByte(c)
	}
	return a.element("base64", a.spaced(lines.String())), blob
}

func (a *author) list(depth int) (xml string, v any) {
	list, inside := []any{}, a.gap()
	for range a.IntN(5) {
		xml, e := a.value(depth - 1)
		inside += xml + a.gap()
		list = append(list, e)
	}
	if a.IntN(4) > 0 {
		inside = a.gap() + a.element("data", inside) + a.gap()
	}
	return a.element("array", inside), list
}

func (a *author) record(depth int) (xml string, v any) {
	m, inside := map[string]any{}, a.gap()
	for range a.IntN(5) {
		name := a.text()
		if a.IntN(6) == 0 {
			name = "again" // the last one counts
		}
		xml, e := a.value(depth - 1)
		inside += a.element("member", a.gap()+a.element("name", a.spell(name))+a.gap()+xml+a.gap()) + a.gap()
		m[name] = e
	}
	return a.element("struct", inside), m
}

// document is a call or a response, in one of the encodings.
func (a *author) document() (doc []byte, response bool, v any) {
	encodings := []string{"", "UTF-8", "utf-8", "US-ASCII", "ISO-8859-1", "windows-1252"}
	encoding := a.oneOf(encodings...)
	a.letters = allLetters
	switch encoding {
	case "US-ASCII":
		a.letters = asciiLetters
	case "ISO-8859-1", "windows-1252":
		a.letters = latinLetters
	}
	var params string
	list := []any{}
	response = a.IntN(2) == 0
	for range a.IntN(4) {
		if response && len(list) == 1 {
			break
		}
		xml, e := a.value(4)
		params += a.element("param", a.gap()+xml+a.gap()) + a.gap()
		list = append(list, e)
	}
	if response && len(list) == 0 {
		return a.document()
	}
	text := a.element("params", a.gap()+params)
	if response {
		text = a.element("methodResponse", a.gap()+text+a.gap())
	} else {
		text = a.element("methodCall", a.gap()+a.element("methodName", a.spell("a.b"))+a.gap()+text+a.gap())
	}
	switch encoding {
	case "":
		text = a.oneOf("", "\n", "\xEF\xBB\xBF", `<?xml version='1.0' ?>`) + text
	default:
		text = `<?xml version="1.0" encoding="` + encoding + `"?>` + "\n" + text
	}
	doc = []byte(text)
	if encoding == "ISO-8859-1" || encoding == "windows-1252" {
		doc = doc[:0]
		for _, r := range text {
			doc = append(doc, byte(r)) // the letters have the same byte in both
		}
	}
	return doc, response, list
}

// readAny reads a call or a response; of either the values are a list.
func readAny(doc []byte, response bool) (method string, v any, err error) {
	if !response {
		return readCall(string(doc), Options{})
	}
	v, err = readValue(string(doc), Options{})
	return "", []any{v}, err
}

// TestLiveOracle: of documents made at random, whose meaning is known, CPython and
// this package read the same; what either writes the other reads as it was.
func TestLiveOracle(t *testing.T) {
	const documents = 1200
	for _, python := range oraclePythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			a := &author{Rand: rand.New(rand.NewPCG(22, uint64(python.Minor))), old: !python.AtLeast(3, 6)}
			var docs [][]byte
			var want []any
			for range documents {
				doc, response, v := a.document()
				method, got, err := readAny(doc, response)
				if err != nil || canonical(got) != canonical(v) || !response && method != "a.b" {
					t.Fatalf("got %s, %v\nwant %s\n%s", canonical(got), err, canonical(v), doc)
				}
				ours, err := AppendCall(nil, "a.b", v.([]any), Options{NonFinite: true, BigInteger: !a.old})
				if err != nil {
					ours = doc // 2.7 knows no type for an integer that large
				}
				docs, want = append(docs, doc, ours), append(want, v, v)
			}
			again := 0
			for i, r := range askOracle(t, python.Path, docs) {
				if r.Value != canonical(want[i]) || r.Method != "" && r.Method != hex.EncodeToString([]byte("a.b")) {
					t.Fatalf("Python reads %s %s, method %q\nwant %s\n%s", r.Value, r.Text, r.Method, canonical(want[i]), docs[i])
				}
				if len(r.Again) == 0 || strings.Contains(fmt.Sprintf("%q", want[i]), `\r`) {
					continue // an integer beyond 32 bits, which Python does not write, or a CR, which it writes as it is
				}
				again++
				if _, got, err := readAny(r.Again, r.Method == ""); err != nil || canonical(got) != canonical(want[i]) {
					t.Fatalf("written by Python: got %s, %v\nwant %s\n%s", canonical(got), err, canonical(want[i]), r.Again)
				}
			}
			if again < documents/4 {
				t.Errorf("only %d documents were written by Python too", again)
			}
		})
	}
}

// oraclePythons are the oldest and the newest CPython, or the one to test with.
func oraclePythons(t *testing.T) []peertest.PythonVersion {
	pythons := peertest.Pythons(t)
	if len(pythons) > 2 {
		pythons = []peertest.PythonVersion{pythons[0], pythons[len(pythons)-1]}
	}
	return pythons
}
