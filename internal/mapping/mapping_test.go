package mapping

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	fxcbor "github.com/fxamacker/cbor/v2"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc/xmlvalue"
)

type line struct {
	Item string `rpc:"item"`
	Qty  int    `rpc:"qty"`
}

var noon = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// values are the rows of the first table: a Go value as it is written in a
// program, and the value itself.
var values = []struct {
	code string
	v    any
}{
	{"nil", nil},
	{"(*int)(nil)", (*int)(nil)},
	{"true", true},
	{"42", 42},
	{"uint8(200)", uint8(200)},
	{"int64(-1 << 40)", int64(-1 << 40)},
	{"uint64(1 << 63)", uint64(1 << 63)},
	{"big.NewInt(7)", big.NewInt(7)},
	{"time.Second", time.Second},
	{"2.5", 2.5},
	{"math.NaN()", math.NaN()},
	{`"a<b"`, "a<b"},
	{`"\x00"`, "\x00"},
	{`[]byte("a")`, []byte("a")},
	{"noon", noon},
	{"value.LocalTime{noon}", value.LocalTime{Time: noon}},
	{"[]int{1, 2}", []int{1, 2}},
	{"[]string(nil)", []string(nil)},
	{"[2]byte{1, 2}", [2]byte{1, 2}},
	{`map[string]bool{"a": true}`, map[string]bool{"a": true}},
	{`map[int]string{1: "a"}`, map[int]string{1: "a"}},
	{`line{"tea", 2}`, line{"tea", 2}},
	{`[]line{{"a", 1}, {"b", 2}}`, []line{{"a", 1}, {"b", 2}}},
	{"value.Tuple{1}", value.Tuple{1}},
	{"value.Set{Items: []any{1}}", value.Set{Items: []any{1}}},
	{"value.Set{[]any{1}, true}", value.Set{Items: []any{1}, Frozen: true}},
	{"value.Map{{value.Tuple{1}, 2}}", value.Map{{Key: value.Tuple{1}, Value: 2}}},
	{`value.ByteArray("a")`, value.ByteArray("a")},
	{`value.Decimal("1.50")`, value.Decimal("1.50")},
	{"big.NewRat(1, 3)", big.NewRat(1, 3)},
	{"complex(1, -2)", complex(1, -2)},
	{"value.UUID{}", value.UUID{}},
	{"value.Range{0, 9, 2}", value.Range{Start: 0, Stop: 9, Step: 2}},
	{`netip.MustParseAddr("::1")`, netip.MustParseAddr("::1")},
	{"value.Void{}", value.Void{}},
}

// unpickle prints what each line of its input, a pickle in hexadecimal, is.
const unpickle = `
import pickle, sys
for line in sys.stdin:
    print(repr(pickle.loads(bytes.fromhex(line.strip()))))
`

func TestLiveValues(t *testing.T) {
	python := exec.Command(peertest.Python(t), "-c", unpickle)
	var input strings.Builder
	for _, row := range values {
		data, err := pickle.Append(nil, row.v, pickle.EncodeOptions{})
		if err != nil {
			t.Fatalf("%s: %v", row.code, err)
		}
		input.WriteString(hex.EncodeToString(data) + "\n")
	}
	python.Stdin = strings.NewReader(input.String())
	python.Stderr = os.Stderr
	output, err := python.Output()
	if err != nil {
		t.Fatal(err)
	}
	inPython := strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
	if len(inPython) != len(values) {
		t.Fatalf("got %d lines from Python; want %d", len(inPython), len(values))
	}

	var table strings.Builder
	table.WriteString("| Go | XML-RPC | CBOR | Python | as an `any` |\n|---|---|---|---|---|\n")
	for i, row := range values {
		table.WriteString(fmt.Sprintf("| %s | %s | %s | %s | %s |\n",
			code(row.code), inXML(row.v), inCBOR(t, row.v), code(inPython[i]), dynamic(t, row.v)))
	}
	inDocument(t, table.String())
}

func code(s string) string { return "`" + strings.ReplaceAll(s, "|", `\|`) + "`" }

// inXML leaves out the elements that stand around every value.
func inXML(v any) string {
	data, err := xmlvalue.AppendValue(nil, v, xmlvalue.Options{})
	if err != nil {
		return "error"
	}
	text := strings.TrimSuffix(strings.TrimPrefix(string(data), "<value>"), "</value>")
	text = strings.NewReplacer("<value>", "", "</value>", "", "<data>", "", "</data>", "", "<member>", "", "</member>", "").Replace(text)
	return code(text)
}

// inCBOR is the diagnostic notation of RFC 8949, section 8.
func inCBOR(t *testing.T, v any) string {
	data, err := cbor.Append(nil, v)
	if err != nil {
		t.Errorf("%v in CBOR: %v", v, err)
	}
	text, err := fxcbor.Diagnose(data)
	if err != nil {
		t.Errorf("%v in CBOR: %v", v, err)
	}
	return code(text)
}

func dynamic(t *testing.T, v any) string {
	var got any
	if err := value.Convert(&got, v); err != nil {
		t.Errorf("%v as an any: %v", v, err)
	}
	switch got := got.(type) {
	case nil:
		return "nil"
	case value.Set:
		return code(fmt.Sprintf("value.Set, Frozen: %v", got.Frozen))
	}
	name := fmt.Sprintf("%T", got)
	return code(strings.NewReplacer("interface {}", "any", "[]uint8", "[]byte").Replace(name))
}

// samples are values of each kind, by the words of the second table.
var samples = []struct {
	word string
	v    any
}{
	{"nil", nil},
	{"bool", true},
	{"int", 3},
	{"3.0", 3.0},
	{"2.5", 2.5},
	{"string", "text"},
	{"bytes", []byte("b")},
	{"time", noon},
	{"local time", value.LocalTime{Time: noon}},
	{"list", []any{}},
	{"tuple", value.Tuple{}},
	{"set", value.Set{}},
	{"frozenset", value.Set{Frozen: true}},
	{"map", map[string]any{}},
	{"bytearray", value.ByteArray("b")},
	{"decimal", value.Decimal("1")},
	{"fraction", big.NewRat(1, 2)},
	{"complex", complex(1, 1)},
	{"uuid", value.UUID{}},
	{"range", value.Range{Step: 1}},
}

// targets are the rows of the second table.
var targets = []struct {
	code string
	new  func() any
}{
	{"bool", func() any { return new(bool) }},
	{"int, int8 … uint64", func() any { return new(uint16) }},
	{"*big.Int", func() any { return new(*big.Int) }},
	{"float64, float32", func() any { return new(float64) }},
	{"string", func() any { return new(string) }},
	{"[]byte", func() any { return new([]byte) }},
	{"time.Time", func() any { return new(time.Time) }},
	{"value.LocalTime", func() any { return new(value.LocalTime) }},
	{"[]T", func() any { return new([]int) }},
	{"[0]T", func() any { return new([0]int) }},
	{"map[K]T", func() any { return new(map[string]int) }},
	{"struct", func() any { return new(line) }},
	{"*T", func() any { return new(*line) }},
	{"value.Tuple", func() any { return new(value.Tuple) }},
	{"value.Set", func() any { return new(value.Set) }},
	{"value.Map", func() any { return new(value.Map) }},
	{"value.ByteArray", func() any { return new(value.ByteArray) }},
	{"value.Decimal", func() any { return new(value.Decimal) }},
	{"*big.Rat", func() any { return new(*big.Rat) }},
	{"complex128", func() any { return new(complex128) }},
	{"value.UUID", func() any { return new(value.UUID) }},
	{"value.Range", func() any { return new(value.Range) }},
}

func TestTargets(t *testing.T) {
	var table strings.Builder
	table.WriteString("| into | accepts |\n|---|---|\n")
	for _, target := range targets {
		var accepted []string
		for _, sample := range samples {
			if value.Convert(target.new(), sample.v) == nil {
				accepted = append(accepted, sample.word)
			}
		}
		table.WriteString("| " + code(target.code) + " | " + strings.Join(accepted, ", ") + " |\n")
	}
	inDocument(t, table.String())
}

// inDocument reports where the document does not have a table.
func inDocument(t *testing.T, table string) {
	t.Helper()
	document, err := os.ReadFile("../../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(document), table) {
		t.Errorf("docs/mapping.md does not have this table:\n\n%s", table)
	}
}
