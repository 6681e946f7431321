package pickle

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parley-rpc/parley/rpc/value"
)

type item struct {
	Pid    int     `rpc:"pid"`
	Pname  string  `rpc:"pname"`
	Pprice float64 `rpc:"pprice"`
}

// nested has a field for what a column of a table cannot be read into.
type nested struct {
	A any            `rpc:"a"`
	B *int64         `rpc:"b"`
	C []nested       `rpc:"c"`
	D map[string]any `rpc:"d"`
	E uint8          `rpc:"e"`
	F string         `rpc:"f"`
	G time.Time      `rpc:"g"`
	H []byte         `rpc:"h"`
	I bool           `rpc:"i"`
}

// targets make what a message is decoded into. [value.Map] is none of them: there
// a Source keeps the order of a dict, and Value does not.
var targets = []func() any{
	func() any { return new(any) }, func() any { return new([]any) }, func() any { return new(map[string]any) },
	func() any { return new([]int64) }, func() any { return new([]int) }, func() any { return new([]int8) },
	func() any { return new([]float64) }, func() any { return new([]string) }, func() any { return new([][]int64) },
	func() any { return new([]item) }, func() any { return new(item) }, func() any { return new([]nested) },
	func() any { return new(nested) }, func() any { return new([]map[string]int64) }, func() any { return new([]map[string]any) },
	func() any { return new(map[any]any) }, func() any { return new(map[int64]any) }, func() any { return new(value.Tuple) },
	func() any { return new(value.Set) }, func() any { return new([]byte) }, func() any { return new(string) },
	func() any { return new(int64) }, func() any { return new(*big.Int) }, func() any { return new(float64) },
	func() any { return new(bool) }, func() any { return new(time.Time) }, func() any { return new(value.LocalTime) },
	func() any { return new([2]float64) }, func() any { return new([][]string) }, func() any { return new([]*item) },
	func() any { return new(struct{}) }, func() any { return new(value.Void) }, func() any { return new(Date) },
	func() any { return new(Delta) }, func() any { return new(value.Decimal) }, func() any { return new(value.Deferred) },
}

// checkSource compares what Decode, Message.Value and Message.Source give for a
// message.
func checkSource(t testing.TB, data []byte, o Options) {
	t.Helper()
	want, info, wantErr := Decode(data, o)
	m, err := Read(data, o)
	if m.Info != info {
		t.Errorf("%.200q: Read: got %+v; want %+v, as from Decode", data, m.Info, info)
	}
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%.200q: Read: got error %v; want %v, as from Decode", data, err, wantErr)
	}
	if err != nil {
		return
	}
	got, err := m.Value()
	if err != nil {
		t.Fatalf("%.200q: Value: %v", data, err)
	}
	if d := unlike(want, got); d != "" {
		t.Errorf("%.200q: Value: it differs from what Decode gives: %s", data, d)
	}
	checkAlone(t, fmt.Sprintf("%.200q", data), got)
	for _, target := range targets {
		want, got := target(), target()
		wantErr := value.Convert(want, mustDecode(t, data, o))
		m, err := Read(data, o)
		if err != nil {
			t.Fatalf("%.200q: Read: %v the second time", data, err)
		}
		s := m.Source()
		value.Decode(s, got)
		if err := s.Err(); (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() && !anyOrder(want) {
			t.Errorf("%.200q: into %T: got error %v; want %v", data, got, err, wantErr)
		} else if err == nil {
			if d := unlike(want, got); d != "" {
				t.Errorf("%.200q: into %T: %s", data, got, d)
			}
		}
		if s.Err() == nil && s.Kind() != value.KindInvalid {
			t.Errorf("%.200q: into %T: %v stands behind the value; want nothing", data, got, s.Kind())
		}
	}
}

// anyOrder reports whether the first error in a target depends on the order of a
// dict's entries.
func anyOrder(target any) bool {
	text := fmt.Sprintf("%T", target)
	return strings.Contains(text, "map[") || strings.Contains(text, "nested") || strings.Contains(text, "item") ||
		strings.Contains(text, "Delta")
}

func mustDecode(t testing.TB, data []byte, o Options) any {
	t.Helper()
	v, _, err := Decode(data, o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// unlike compares by value, NaN with itself, and tells nil from empty.
func unlike(want, got any) string {
	if reflect.DeepEqual(want, got) { // most are, and it is much quicker
		return ""
	}
	return cmp.Diff(want, got,
		cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b }),
		cmp.Comparer(func(a, b complex128) bool { return fmt.Sprint(a) == fmt.Sprint(b) }),
		cmp.Comparer(func(a, b *big.Int) bool { return a == b || a != nil && b != nil && a.Cmp(b) == 0 }),
		cmp.Comparer(func(a, b *big.Rat) bool { return a == b || a != nil && b != nil && a.Cmp(b) == 0 }),
		cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.String() == b.String() }),
		cmp.Comparer(func(a, b value.Deferred) bool { return unlike(a.Value(), b.Value()) == "" }),
		cmp.Exporter(func(reflect.Type) bool { return true }),
	)
}

// randomTree returns a value in which lists of numbers and of records are common.
func randomTree(r *rand.Rand, depth int) any {
	kinds := 16
	if depth == 0 {
		kinds = 9
	}
	n := r.IntN(4)
	if r.IntN(8) == 0 {
		n = 20 + r.IntN(60)
	}
	list := func(item func(i int) any) []any {
		items := make([]any, n)
		for i := range items {
			items[i] = item(i)
		}
		return items
	}
	switch r.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return randomInt(r)
	case 3:
		return float64(r.IntN(1000)) / 4
	case 4, 5:
		return randomText(r)
	case 6:
		return []byte(randomText(r))
	case 7:
		return new(big.Int).Lsh(big.NewInt(int64(1+r.IntN(9))), uint(64+r.IntN(64)))
	case 8:
		return time.Unix(r.Int64N(1<<32), 0).UTC()
	case 9:
		return list(func(int) any { return randomInt(r) })
	case 10:
		return list(func(int) any { return r.NormFloat64() })
	case 11:
		names := []string{"pid", "pname", "pprice", "a", "e", "f", "i"}[:1+r.IntN(7)]
		return list(func(i int) any {
			m := map[string]any{}
			for _, name := range names {
				m[name] = randomScalar(r, name)
			}
			if r.IntN(200) == 0 {
				m["b"] = randomTree(r, depth-1)
			}
			return m
		})
	case 12:
		return value.Tuple(list(func(int) any { return randomTree(r, depth-1) }))
	case 13:
		m := map[string]any{}
		for _, name := range []string{"a", "b", "c", "d", "e", "g", "h"}[:n%8] {
			m[name] = randomTree(r, depth-1)
		}
		return m
	case 14:
		var m value.Map
		for i := range n {
			m = append(m, value.Pair{Key: int64(i), Value: randomTree(r, depth-1)})
		}
		return m
	}
	return list(func(int) any { return randomTree(r, depth-1) })
}

func randomInt(r *rand.Rand) int64 { return int64(r.Uint64()) >> r.IntN(64) }

func randomText(r *rand.Rand) string {
	return strings.Repeat(string(rune('a'+r.IntN(2000))), r.IntN(3)*r.IntN(3)*r.IntN(30))
}

func randomScalar(r *rand.Rand, name string) any {
	switch {
	case r.IntN(50) == 0:
		return randomTree(r, 0)
	case name == "pid" || name == "e":
		return randomInt(r)
	case name == "pprice":
		return r.Float64()
	case name == "i":
		return r.IntN(2) == 0
	}
	return randomText(r)
}

func TestSourceAgreesWithValue(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		v := randomTree(r, 3)
		data, err := Append(nil, v, EncodeOptions{Protocol: 2 + r.IntN(4)})
		if err != nil {
			t.Fatal(err)
		}
		checkSource(t, data, Options{})
		if t.Failed() {
			return
		}
	}
}

// Messages as other picklers write them, and as nobody does.
var packedPickles = []string{
	"](K\x01K\x02e(M\x00\x01e.",                                         // two batches
	"](K\x01G?\xf0\x00\x00\x00\x00\x00\x00e.",                           // an int and a float
	"](K\x01e(G?\xf0\x00\x00\x00\x00\x00\x00e.",                         // the same in two batches
	"](K\x01e(Ne(K\x02e.",                                               // None in between
	"](K\x01eK\x02a.",                                                   // APPEND behind a batch
	"](\x8a\x00\x8a\x01\xff\x8a\x09" + strings.Repeat("\xff", 9) + "e.", // a long that is not
	"](\x8a\x08" + strings.Repeat("\x80", 8) + "e.",
	"](K\x01e2\x86.", // the list twice
	"](}(\x8c\x01aK\x01\x8c\x01bK\x02u}(\x8c\x01aK\x03\x8c\x01bK\x04ue.",
	"](}(\x8c\x01aK\x01\x8c\x01aK\x02u}(\x8c\x01aK\x03\x8c\x01aK\x04ue.", // a name twice
	"](}(\x8c\x01aK\x01\x8c\x01bK\x02u}(\x8c\x01bK\x03\x8c\x01aK\x04ue.", // another order
	"](}(\x8c\x01aK\x01\x8c\x01bK\x02u}(\x8c\x01aK\x03ue.",               // fewer
	"](}(\x8c\x01aK\x01u}(\x8c\x01a](K\x01eue.",                          // a list as a value
	"]\x94(}\x94(\x8c\x01a\x94\x8c\x01x\x94\x8c\x01f\x94h\x03u}\x94(h\x02\x8c\x01y\x94h\x04h\x03ue.",
	"]\x94(}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02u}\x94(h\x02K\x03h\x03K\x04ueh\x01h\x04h\x02\x87\x86.", // rows again
	"]\x94(}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02ueh\x01\x8c\x01cK\x09s\x86.",                           // a row that changes
	"]\x94(}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94K\x02ue(K\x01e(}(\x8c\x01aNue.",                             // all sorts
	"]\x94(}\x94(\x8c\x01ah\x00ue.",                                                                         // a cycle
	"]q\x01(}q\x02(X\x01\x00\x00\x00aq\x03K\x01u}q\x04(h\x03Neu.",
	"](\x95\x02\x00\x00\x00\x00\x00\x00\x00K\x01e.",
	"](\x95\xff\x00\x00\x00\x00\x00\x00\x00K\x01e.",
	"](}(\x8c\x01a\x8c\x01\xffue.", // no UTF-8
	"](}(\x8c\x01aK\x01u",
	"](}(\x8c\x01aK",
	"](}ue.", "](}(ue.", "(}(\x8c\x01aK\x01ue.",
	"ccollections\ndeque\n)R(K\x01K\x02e.",
	"ccollections\nOrderedDict\n(](](\x8c\x01aK\x01e](\x8c\x01bK\x02eetR.",
	"ccollections\nOrderedDict\n(](](K\x01K\x02eetR.",
	"}(\x8c\x01aK\x01\x8c\x01aK\x02u.",
	"](}(\x8c\x01a\x8c\x01x\x8c\x01aK\x02ue.", // a name twice, once with a value that does not fit
	"](}(\x8c\x01a\x8c\x01x\x8c\x01aK\x02uNe.",
}

func TestSourceOfPackedLists(t *testing.T) {
	for _, data := range packedPickles {
		checkSource(t, []byte(data), Options{})
	}
}

// The limits of a packed list are those of its items: what Decode refuses, Read
// refuses.
func TestReadHoldsLimits(t *testing.T) {
	for _, test := range limits {
		if m, err := Read([]byte(test.over), test.o); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: beyond the limit: got %v, %v; want an error that is ErrLimit", test.name, m, err)
		}
		if _, err := Read([]byte(test.at), test.o); err != nil {
			t.Errorf("%s: at the limit: got error %v; want none", test.name, err)
		}
	}
}

// Numbers and records count as much in a packed list as elsewhere.
func TestPackedListsHoldLimits(t *testing.T) {
	ints := "](K\x01K\x02K\x03e."
	rows := "](}(\x8c\x01aK\x01\x8c\x01bK\x02u}(\x8c\x01aK\x01\x8c\x01bK\x02ue."
	for _, test := range []struct {
		name, data string
		at, over   Options
	}{
		{"elements of ints", ints, Options{MaxElements: 4}, Options{MaxElements: 3}},
		{"elements of rows", rows, Options{MaxElements: 11}, Options{MaxElements: 10}},
		{"depth of rows", rows, Options{MaxDepth: 2}, Options{MaxDepth: 1}},
		{"memory of ints", ints, Options{MaxExpanded: 2000}, Options{MaxExpanded: 100}},
		{"memory of rows", rows, Options{MaxExpanded: 2000}, Options{MaxExpanded: 400}},
		{"memo of rows", "]\x94(}\x94(\x8c\x01a\x94K\x01u}\x94(h\x02K\x01ue.", Options{MaxMemo: 4}, Options{MaxMemo: 3}},
	} {
		for _, read := range []func(o Options) error{
			func(o Options) error { _, _, err := Decode([]byte(test.data), o); return err },
			func(o Options) error { _, err := Read([]byte(test.data), o); return err },
		} {
			if err := read(test.at); err != nil {
				t.Errorf("%s: got error %v with %+v; want none", test.name, err, test.at)
			}
			if err := read(test.over); !errors.Is(err, ErrLimit) {
				t.Errorf("%s: got error %v with %+v; want one that is ErrLimit", test.name, err, test.over)
			}
		}
	}
}

// What Hold grants is asked for by typed reading, too.
func TestSourceAsksForMemory(t *testing.T) {
	data, err := Append(nil, benchRecords(1000), EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	m, err := Read(data, Options{Hold: func(n int) error { held += n; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	before := held
	var list []item
	if value.Decode(m.Source(), &list); len(list) != 1000 || held <= before {
		t.Errorf("got %d records and %d bytes held, %d before; want 1000, and more bytes", len(list), held, before)
	}
	refused := errors.New("no memory")
	m, err = Read(data[:], Options{Hold: func(n int) error {
		if held -= n; held < 0 {
			return refused
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	held = 0
	s := m.Source()
	if value.Decode(s, &list); s.Err() == nil || !errors.Is(s.Err(), refused) {
		t.Errorf("got error %v; want that of Hold", s.Err())
	}
}

func TestMessageParts(t *testing.T) {
	data, err := Append(nil, value.Tuple{"add", value.Tuple{int64(3), []any{int64(5)}}, map[string]any{}}, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	parts, ok := m.Parts()
	if !ok || len(parts) != 3 || m.Kind() != value.KindTuple || parts[2].Kind() != value.KindMap {
		t.Fatalf("got %d parts, %v of a %v; want 3 of a tuple, the last a map", len(parts), ok, m.Kind())
	}
	if name, err := parts[0].Value(); name != "add" || err != nil {
		t.Errorf("got %v, %v; want add", name, err)
	}
	var a int
	var b []int
	if err := value.DecodeArgs(parts[1].Source(), []any{&a, &b}, nil); err != nil || a != 3 || len(b) != 1 || b[0] != 5 {
		t.Errorf("got %d, %v, error %v; want 3, [5]", a, b, err)
	}
	if _, ok := parts[2].Parts(); ok {
		t.Error("a dict has parts; want none")
	}
}

// A Message of a failed Read tells its protocol, and no value.
func TestMessageOfFailedRead(t *testing.T) {
	m, err := Read([]byte("\x80\x03c"), Options{})
	if err == nil || m.Info.Protocol != 3 {
		t.Fatalf("got %+v, error %v; want protocol 3 and an error", m.Info, err)
	}
	if v, err := m.Value(); err == nil {
		t.Errorf("Value: got %v; want an error", v)
	}
	if s := m.Source(); s.Err() == nil {
		t.Error("Source: got no error; want one")
	}
}

// The memory of a message can be used again as soon as its values are made.
func TestValuesDoNotReferToTheMessage(t *testing.T) {
	v := []any{benchRecords(50), []any{"text", []byte("bytes"), strings.Repeat("long ", 100)}, bytes.Repeat([]byte("x"), 5000)}
	data, err := Append(nil, v, EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := mustDecode(t, data, Options{})
	for name, read := range map[string]func(data []byte, dst *any) error{
		"Decode": func(data []byte, dst *any) (err error) { *dst, _, err = Decode(data, Options{}); return err },
		"Source": func(data []byte, dst *any) error {
			m, err := Read(data, Options{})
			if err != nil {
				return err
			}
			value.Decode(m.Source(), dst)
			return nil
		},
	} {
		var got any
		data := bytes.Clone(data)
		if err := read(data, &got); err != nil {
			t.Fatal(err)
		}
		clear(data)
		if d := unlike(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func FuzzSource(f *testing.F) {
	for _, data := range samples(f) {
		f.Add(data)
	}
	for _, data := range packedPickles {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<16 {
			checkSource(t, data, Options{})
		}
	})
}
