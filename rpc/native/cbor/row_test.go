package cbor

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-rpc/parley/rpc/value"
)

// plainSource and plainSink hide that a codec knows rows and GoInts, so that a
// table is a list of maps to the plans, and a []int one of int64s.
type (
	plainSource struct{ value.Source }
	plainSink   struct{ value.Sink }
)

type base struct {
	Since time.Time
	On    bool
}

// stocked has a column of each kind that a row treats in its own way.
type stocked struct {
	ID    int8
	Count uint16
	Name  string
	Price float64
	Small float32
	base
	Open bool
	Tags []string
	Also []product
	Any  any
	Ref  *product
	Blob []byte
}

// tables are values that are written by rows or GoInts, each with types to read
// it as.
func tables() map[string]struct {
	v    any
	into []reflect.Type
} {
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	full := []stocked{
		{-1, 300, "bolt", 0.5, 1.5, base{at, true}, true, []string{"a"}, products(3), int64(7), &product{ID: 1}, []byte{1}},
		{127, 0, "", 3, -2, base{at, false}, false, []string{}, []product{}, nil, nil, []byte{}},
		{3, 65535, strings.Repeat("long ", 99), 0, 0, base{at, false}, true, []string{}, products(2), "x", nil, []byte{}},
	}
	type (
		fewer   struct{ Price float64 }
		narrow  struct{ Count int8 }
		other   struct{ Name int }
		another struct {
			Open, Missing bool
			ID            int
		}
		prices struct {
			Name  string  `rpc:"pname"`
			Price float64 `rpc:"pprice"`
			ID    int     `rpc:"pid"`
		}
		bad struct {
			ID int8 `rpc:"pid"`
		}
	)
	return map[string]struct {
		v    any
		into []reflect.Type
	}{
		"full": {full, []reflect.Type{
			reflect.TypeFor[[]stocked](), reflect.TypeFor[[]fewer](), reflect.TypeFor[[]narrow](), reflect.TypeFor[[]other](),
			reflect.TypeFor[[]another](), reflect.TypeFor[[]struct{}](), reflect.TypeFor[[]map[string]any](),
			reflect.TypeFor[[]*fewer](), reflect.TypeFor[any](), reflect.TypeFor[int](), reflect.TypeFor[[3]stocked](),
		}},
		"products": {products(20), []reflect.Type{
			reflect.TypeFor[[]product](), reflect.TypeFor[[]prices](), reflect.TypeFor[[]bad](), reflect.TypeFor[[]struct{}](),
		}},
		"ints": {manyInts(), []reflect.Type{
			reflect.TypeFor[[]int](), reflect.TypeFor[[]int64](), reflect.TypeFor[[]int16](), reflect.TypeFor[[]float64](), reflect.TypeFor[any](),
		}},
	}
}

// manyInts are the least and the greatest integers of each size, and more than
// are written at once.
func manyInts() []int {
	list := []int{0, -1}
	for _, n := range []int{24, 1 << 8, 1 << 16, math.MaxInt32, math.MaxInt} {
		list = append(list, n-1, n, -n, -n-1)
	}
	for i := range 100 {
		list = append(list, 7*i)
	}
	return list
}

// readBothWays decodes data by rows and as a list of maps and compares.
func readBothWays(t *testing.T, data []byte, into reflect.Type, o Options) {
	t.Helper()
	rows, maps := NewDecoder(data, o), NewDecoder(data, o)
	got, want := reflect.New(into), reflect.New(into)
	value.Decode(rows, got.Interface())
	value.Decode(plainSource{maps}, want.Interface())
	errGot, errWant := rows.Finish(), maps.Finish()
	if fmt.Sprint(errGot) != fmt.Sprint(errWant) {
		t.Fatalf("as %v, %+v: got the error %v by rows, %v by maps; the message is %x", into, o, errGot, errWant, data)
	}
	if errWant != nil {
		// Where an int has 32 bits, GoInts alone knows where the one stands that has more.
		if got, want := rows.Err().Offset, maps.Err().Offset; got != want && math.MaxInt > math.MaxInt32 {
			t.Fatalf("as %v: %v at %d by rows, at %d by maps; the message is %x", into, errGot, got, want, data)
		}
		return
	}
	if reflect.DeepEqual(got.Interface(), want.Interface()) {
		return
	}
	everything := cmp.Exporter(func(reflect.Type) bool { return true })
	if diff := cmp.Diff(want.Interface(), got.Interface(), everything, cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("as %v: %s; the message is %x", into, diff, data)
	}
}

// A table reads alike by rows and as a list of maps, whole and broken, up to
// the words of every error.
func TestRowsReadAsMaps(t *testing.T) {
	for name, c := range tables() {
		data := mustAppend(t, c.v)
		for _, into := range c.into {
			t.Run(fmt.Sprintf("%s as %v", name, into), func(t *testing.T) {
				readBothWays(t, data, into, Options{})
				for n := range 60 {
					readBothWays(t, data, into, Options{MaxElements: n + 1})
				}
				for n := range 6 {
					readBothWays(t, data, into, Options{MaxDepth: n + 1})
				}
				for n := range min(len(data), 300) {
					readBothWays(t, data[:n], into, Options{})
					broken := bytes.Clone(data)
					broken[n] = []byte{0x61, 0x80, 0xf6, broken[n] + 1, 0x01}[n%5]
					readBothWays(t, broken, into, Options{})
				}
			})
		}
	}
}

// A table is written alike by rows and as a list of maps.
func TestRowsWriteAsMaps(t *testing.T) {
	type text struct {
		ID   int
		Name string
	}
	values := map[string]any{
		"nothing":  []struct{}{{}, {}},
		"one":      []text{{1, "a"}},
		"text":     []text{{1, "a"}, {2, "b"}, {3, "not \xff UTF-8"}},
		"any":      []struct{ A any }{{1}, {make(chan int)}},
		"long":     reflect.Zero(reflect.ArrayOf(2, reflect.StructOf([]reflect.StructField{{Name: strings.Repeat("A", 300), Type: reflect.TypeFor[int]()}}))).Interface(),
		"pointers": []*text{{1, "a"}, nil},
		"array":    [2]text{{1, "a"}, {2, "b"}},
		"nested":   [][]text{{{1, "a"}, {2, "b"}}, {{3, "c"}, {4, "\xff"}}},
	}
	for name, c := range tables() {
		values[name] = c.v
	}
	for name, v := range values {
		for n := range 100 {
			for _, o := range []Options{{}, {MaxElements: n + 1}, {MaxDepth: n + 1}} {
				var rows, maps Encoder
				rows.Reset(nil, o)
				maps.Reset(nil, o)
				value.Encode(&rows, v)
				value.Encode(plainSink{&maps}, v)
				if string(rows.Output()) != string(maps.Output()) {
					t.Fatalf("%s, %+v: got %x by rows, %x by maps", name, o, rows.Output(), maps.Output())
				}
				if fmt.Sprint(rows.Err()) != fmt.Sprint(maps.Err()) {
					t.Fatalf("%s, %+v: got the error %v by rows, %v by maps", name, o, rows.Err(), maps.Err())
				}
			}
		}
	}
}

// What a Source that is driven by hand says where a row is not read as a whole,
// or rows are asked for where there are none.
func TestRowsByHand(t *testing.T) {
	data := mustAppend(t, []product{{1, "a", 2}, {2, "b", 3}})
	d := NewDecoder(data, Options{})
	if d.Columns() != 0 || d.Row() {
		t.Error("there are rows before the table has been entered")
	}
	d.List()
	if got := d.Columns(); got != 3 {
		t.Fatalf("got %d columns; want 3", got)
	}
	for _, want := range []string{"pid", "pname", "pprice"} {
		if got := string(d.Column()); got != want {
			t.Errorf("got the column %q; want %q", got, want)
		}
	}
	if !d.Row() || d.Kind() != value.KindInt {
		t.Fatalf("got %v in the first row; want an integer", d.Kind())
	}
	if n := d.Columns(); n != 0 {
		t.Errorf("got %d columns within a row; want 0", n)
	}
	d.Int()
	if d.Row() || d.Err() == nil || !strings.Contains(d.Err().Error(), "expected a row, got string") {
		t.Errorf("a row that was left before its end: got %v", d.Err())
	}

	var e Encoder
	if e.Row(); e.Err() == nil {
		t.Error("a row outside of a table was written")
	}
	e.Reset(nil, Options{})
	if e.Rows([]string{"a"}, 2); e.Err() != nil {
		t.Fatal(e.Err())
	}
	e.Row()
	e.Int(1)
	if e.Row(); e.Err() == nil {
		t.Error("a row within a row was written")
	}
	e.Reset(nil, Options{})
	if e.Rows([]string{"a"}, 1) || len(e.Output()) > 0 {
		t.Error("one row became a table")
	}
}

// TestThreatSmallTextHoldsMessage: who keeps one short text of a table must not
// keep a message in memory, and texts far from each other get no more than they
// need.
func TestThreatSmallTextHoldsMessage(t *testing.T) {
	blocks := func(v any) (n, bytes int) {
		d := NewDecoder(mustAppend(t, v), Options{})
		last := 0
		for d.List(); d.Row(); {
			for d.left > 0 {
				if d.Kind() != value.KindString {
					d.Skip()
					continue
				}
				d.Text()
				if len(d.texts.block) > textBlock {
					t.Fatalf("a block of %d bytes; want at most %d", len(d.texts.block), textBlock)
				}
				if d.texts.at != last {
					n, bytes = n+1, bytes+len(d.texts.block)
					last = d.texts.at
				}
			}
		}
		if err := d.Finish(); err != nil {
			t.Fatal(err)
		}
		return n, bytes
	}
	if n, bytes := blocks(products(100)); n > 3 || bytes > 3*textBlock {
		t.Errorf("dense texts: got %d blocks of %d bytes in all; want at most 3", n, bytes)
	}
	type row struct {
		Name string
		Blob []byte
	}
	sparse := make([]row, 100)
	for i := range sparse {
		sparse[i] = row{"short", make([]byte, 500)}
	}
	if n, bytes := blocks(sparse); n > 1 || bytes > textBlock {
		t.Errorf("sparse texts: got %d blocks of %d bytes in all; want one", n, bytes)
	}
	long := make([]row, 100)
	for i := range long {
		long[i] = row{strings.Repeat("x", textBlock/4+1), nil}
	}
	if n, _ := blocks(long); n > 0 {
		t.Errorf("long texts: got %d blocks; want none", n)
	}
}

// Where an int has 32 bits GoInts leaves what is longer to be refused by name.
func TestGoIntsFit(t *testing.T) {
	var got []int
	err := Decode(mustAppend(t, []int64{1, math.MaxInt32, math.MaxInt32 + 1}), &got, Options{})
	if want := "[2]: 2147483648 does not fit int"; math.MaxInt == math.MaxInt32 && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("got %v; want %s", err, want)
	}
	if math.MaxInt > math.MaxInt32 && (err != nil || len(got) != 3 || int64(got[2]) != math.MaxInt32+1) {
		t.Errorf("got %v, %v", got, err)
	}
}

// A strict reader refuses a column that it has no field for, in the words in
// which it refuses an entry of a map.
func TestRowsRejectUnknown(t *testing.T) {
	d := NewDecoder(mustAppend(t, products(2)), Options{})
	d.RejectUnknown = true
	var list []struct {
		ID int `rpc:"pid"`
	}
	value.Decode(d, &list)
	if want := `[0]: unknown field "pname": expected one of pid`; d.Err() == nil || d.Err().Error() != want {
		t.Errorf("got %v; want %s", d.Err(), want)
	}
}

// Records take one allocation for all of them and one for each block of texts.
func TestAllocationsOfRows(t *testing.T) {
	list := products(100)
	var e Encoder
	buf := make([]byte, 0, 1<<16)
	if got := testing.AllocsPerRun(100, func() { e.Reset(buf, Options{}); value.Encode(&e, &list) }); got > 0 {
		t.Errorf("encode: got %v allocations; want none", got)
	}
	data := mustAppend(t, list)
	var d Decoder
	var got []product
	most := float64(1 + (len(data)+textBlock-1)/textBlock)
	if n := testing.AllocsPerRun(100, func() { d.Reset(data, Options{}); value.Decode(&d, &got) }); n > most {
		t.Errorf("decode: got %v allocations; want at most %v", n, most)
	}
	if err := d.Finish(); err != nil || len(got) != len(list) || got[99] != list[99] {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzRows(f *testing.F) {
	var types []reflect.Type
	for _, c := range tables() {
		f.Add(mustAppend(f, c.v), 0, 0)
		f.Add(mustAppend(f, c.v), 100, 3)
		types = append(types, c.into...)
	}
	f.Add(unhex(f, "da50726c52 82 82 6161 6162 82 01 da50726c52 82 81 6161 81 6162"), 0, 0)
	f.Fuzz(func(t *testing.T, data []byte, elements, depth int) {
		for _, into := range types {
			readBothWays(t, data, into, Options{MaxElements: max(elements, 0), MaxDepth: max(depth, 0)})
		}
	})
}
