package notation

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc/value"
)

// same compares dynamic values: numbers of package big by what they are, NaN
// with NaN.
var same = cmp.Options{
	cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }),
	cmp.Comparer(func(a, b *big.Rat) bool { return a.Cmp(b) == 0 }),
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
}

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

var jsonForms = []struct {
	json string
	want any
}{
	{`null`, nil},
	{`true`, true},
	{`false`, false},
	{`0`, int64(0)},
	{`-3`, int64(-3)},
	{`9223372036854775807`, int64(math.MaxInt64)},
	{`-9223372036854775808`, int64(math.MinInt64)},
	{`9223372036854775808`, bigInt("9223372036854775808")},
	{`-123456789012345678901234567890`, bigInt("-123456789012345678901234567890")},
	{`8.0`, 8.0},
	{`0.1`, 0.1},
	{`-0.0`, math.Copysign(0, -1)},
	{`1e+300`, 1e300},
	{`5e-324`, 5e-324},
	{`100000000000000000000.0`, 1e20},
	{`""`, ""},
	{`"a\"b\\c\n\t\r"`, "a\"b\\c\n\t\r"},
	{`"grüß <&> 世界 🌍"`, "grüß <&> 世界 🌍"},
	{`"\u0000\u001b[31m\u007f\u009b\u202e"`, "\x00\x1b[31m\x7f\u009b\u202e"},
	{`[]`, []any{}},
	{`[1,2.5,"x",null,[true]]`, []any{int64(1), 2.5, "x", nil, []any{true}}},
	{`{}`, map[string]any{}},
	{`{"":0,"a":[1],"b":{"c":null}}`, map[string]any{"": int64(0), "a": []any{int64(1)}, "b": map[string]any{"c": nil}}},
	{`{"$binary":""}`, []byte{}},
	{`{"$binary":"3q2+7w=="}`, []byte{0xde, 0xad, 0xbe, 0xef}},
	{`{"$bytearray":"AQI="}`, value.ByteArray{1, 2}},
	{`{"$time":"2026-03-04T05:06:07Z"}`, time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)},
	{`{"$time":"2026-03-04T05:06:07.000000001+02:00"}`, time.Date(2026, 3, 4, 3, 6, 7, 1, time.UTC)},
	{`{"$localtime":"2026-03-04T05:06:07.5"}`, value.LocalTime{Time: time.Date(2026, 3, 4, 5, 6, 7, 5e8, time.UTC)}},
	{`{"$float":"NaN"}`, math.NaN()},
	{`{"$float":"Infinity"}`, math.Inf(1)},
	{`{"$float":"-Infinity"}`, math.Inf(-1)},
	{`{"$tuple":[1,{"$tuple":[]}]}`, value.Tuple{int64(1), value.Tuple{}}},
	{`{"$set":[1,"x"]}`, value.Set{Items: []any{int64(1), "x"}}},
	{`{"$frozenset":[]}`, value.Set{Items: []any{}, Frozen: true}},
	{`{"$map":[[1,"one"],["two",2]]}`, value.Map{{Key: int64(1), Value: "one"}, {Key: "two", Value: int64(2)}}},
	{`{"$map":[["$binary","no base64!"]]}`, map[string]any{"$binary": "no base64!"}},
	{`{"$decimal":"1.50"}`, value.Decimal("1.50")},
	{`{"$fraction":"22/7"}`, big.NewRat(22, 7)},
	{`{"$complex":[1.5,-2.0]}`, complex(1.5, -2)},
	{
		`{"$uuid":"6ba7b810-9dad-11d1-80b4-00c04fd430c8"}`,
		value.UUID{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8},
	},
	{`{"$range":[1,10,3]}`, value.Range{Start: 1, Stop: 10, Step: 3}},
	{`{"$binary":"AQ==","other":1}`, map[string]any{"$binary": "AQ==", "other": int64(1)}},
	{`{"$unknown":1}`, map[string]any{"$unknown": int64(1)}},
}

// Each form is read as the value that it stands for, and written like that.
func TestJSONForms(t *testing.T) {
	for _, tt := range jsonForms {
		got, err := Argument(tt.json, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.json, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got, same); diff != "" {
			t.Errorf("%s is read as %T(%v); -want +got\n%s", tt.json, got, got, diff)
		}
		text, err := AppendJSON(nil, got)
		if err != nil || string(text) != tt.json {
			t.Errorf("%v is written as %s, %v; want %s", got, text, err, tt.json)
		}
	}
}

func TestArgumentText(t *testing.T) {
	for _, tt := range []struct {
		arg  string
		want any
	}{
		{"", ""},
		{"hello", "hello"},
		{"007", "007"},
		{"NaN", "NaN"},
		{"1,5", "1,5"},
		{"nul", "nul"},
		{"{", "{"},
		{`[1,`, `[1,`},
		{"'x'", "'x'"},
		{"-", "-"},
		{" 3 ", int64(3)},
		{"-3", int64(-3)},
		{"1e2", 100.0},
		{`"5"`, "5"},
		{`"@x"`, "@x"},
		{"a@b", "a@b"},
		{"+3", "+3"},
		{"0x10", "0x10"},
	} {
		got, err := Argument(tt.arg, nil)
		if diff := cmp.Diff(tt.want, got, same); err != nil || diff != "" {
			t.Errorf("argument(%q) = %T(%v), %v; want %T(%v)", tt.arg, got, got, err, tt.want, tt.want)
		}
	}
}

func TestArgumentRefused(t *testing.T) {
	for _, tt := range []struct{ arg, want string }{
		{"\xff", "not UTF-8"},
		{"1e400", "beyond the range of a float"},
		{`{"a":1,"a":2}`, `"a" stands in an object twice`},
		{`{"$binary":"!"}`, "illegal base64"},
		{`{"$binary":5}`, "expected text, got int"},
		{`[{"$tuple":5}]`, "expected a list, got int"},
		{`{"$set":"x"}`, `{"$map": [["$set", …]]}`},
		{`{"$float":"1"}`, "NaN"},
		{`{"$time":"yesterday"}`, "yesterday"},
		{`{"$localtime":"2026-03-04T05:06:07Z"}`, "extra text"},
		{`{"$uuid":"6ba7b810"}`, "expected a UUID"},
		{`{"$uuid":"6ba7b8109dad11d180b400c04fd430c8----"}`, "expected a UUID"},
		{`{"$fraction":"1.5"}`, "22/7"},
		{`{"$fraction":"1/0"}`, "22/7"},
		{`{"$complex":[1]}`, "expected 2 numbers, got 1"},
		{`{"$range":[1,2,"x"]}`, "expected int, got string"},
		{`{"$map":[[1]]}`, "entry 0: expected [key, value]"},
		{"@", "@ needs the name of a file"},
		{"@/no/such/file", "no such file"},
	} {
		got, err := Argument(tt.arg, nil)
		var mistake *usage.Error
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("argument(%q) = %v, %v; want a usage error with %q", tt.arg, got, err, tt.want)
		}
	}
}

func TestArgumentFile(t *testing.T) {
	blob := []byte{0, 0xff, '\n'}
	name := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(name, blob, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Argument("@"+name, nil)
	if diff := cmp.Diff(any(blob), got); err != nil || diff != "" {
		t.Errorf("@file: %v; -want +got\n%s", err, diff)
	}
	got, err = Argument("@-", strings.NewReader(string(blob)))
	if diff := cmp.Diff(any(blob), got); err != nil || diff != "" {
		t.Errorf("@-: %v; -want +got\n%s", err, diff)
	}
	if _, err := Argument("@-", endless{}); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("@- without end: %v; want it refused", err)
	}
}

// endless is a reader that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// What is written is valid JSON and reads as the same value again.
func FuzzJSON(f *testing.F) {
	for _, tt := range jsonForms {
		f.Add(tt.json)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "@") {
			return
		}
		v, err := Argument(text, nil)
		if err != nil {
			return
		}
		written, err := AppendJSON(nil, v)
		if err != nil || !json.Valid(written) {
			t.Fatalf("%q is read as %T(%v) and written as %q, %v", text, v, v, written, err)
		}
		again, err := readJSON(string(written))
		if diff := cmp.Diff(v, again, same); err != nil || diff != "" {
			t.Fatalf("%s is read as another value, %v: -first +second\n%s", written, err, diff)
		}
	})
}
