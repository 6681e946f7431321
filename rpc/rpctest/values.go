package rpctest

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// testValues sends values of plain Go types to functions with a parameter and a
// result of that type.
func testValues(t *testing.T, tr Transport) {
	exact(t, tr, true, false)
	exact[int](t, tr, 0, 1, -1, math.MaxInt32, math.MinInt32, math.MaxInt, math.MinInt)
	exact[int8](t, tr, 0, math.MaxInt8, math.MinInt8)
	exact[int16](t, tr, 0, math.MaxInt16, math.MinInt16)
	exact[int32](t, tr, 0, math.MaxInt32, math.MinInt32)
	exact[int64](t, tr, 0, math.MaxInt32+1, math.MinInt32-1, 1<<53+1, math.MaxInt64, math.MinInt64)
	exact[uint](t, tr, 0, math.MaxUint32, math.MaxInt)
	exact[uint8](t, tr, 0, math.MaxUint8)
	exact[uint16](t, tr, 0, math.MaxUint16)
	exact[uint32](t, tr, 0, math.MaxUint32)
	exact[uint64](t, tr, 0, math.MaxUint32, math.MaxInt64)
	exact(t, tr, big.NewInt(0), big.NewInt(-7), big.NewInt(math.MaxInt64), big.NewInt(math.MinInt64))
	exact[float32](t, tr, 0, 1.5, -0.1, math.MaxFloat32, math.SmallestNonzeroFloat32)
	exact(t, tr, 0, 0.1, -1.5, 3, 1e15, 1e16, 1e300, 5e-324, math.MaxFloat64, -math.MaxFloat64, math.Pi, 2.0/3)
	exact(t, tr, "", "a", " ", "  both ends ", "two\nlines", "tab\tcr\rcrlf\r\n", "\n", "true", "42", "nil",
		`<&>"']]>`, "&amp;", "grüß Gott", "世界", "🌍\U0010ffff", "\u00a0\u2028\ufeff", strings.Repeat("ä", 70_000))
	exact(t, tr, []byte{}, []byte{0}, []byte("text"), []byte{0xff, 0xfe, 0})
	exact(t, tr, instants(tr)...)
	exact(t, tr, []int{}, []int{1}, []int{math.MaxInt, math.MinInt, 0}, numbers(3000))
	exact(t, tr, []int64{1, -2}, []int64{})
	exact(t, tr, []float64{}, []float64{0.5, 2, -1e300})
	exact(t, tr, []string{}, []string{"", "x", " "})
	exact(t, tr, [][]byte{}, [][]byte{{}, {1}})
	exact(t, tr, [][]int{{}, {1, 2}, {}})
	exact(t, tr, [3]int{1, 2, 3})
	exact(t, tr, []any{}, []any{int64(1), "two", 3.5, nil, true, []any{}, map[string]any{}})
	exact(t, tr, map[string]int{}, map[string]int{"a": 1, "": 2, "ключ <&>": 3, "a.b[0]": 4})
	exact(t, tr, map[int]string{}, map[int]string{0: "zero", -5: "minus five", math.MaxInt: "most"})
	exact(t, tr, map[uint8]bool{0: true, 255: false})
	exact(t, tr, map[string][]int{"x": {1, 2}, "y": {}})
	exact(t, tr, map[string]map[string]int{"x": {"y": 1}, "z": {}})
	exact(t, tr, color("red"), color(""))
	exact(t, tr, level(3), level(-3))

	seven, text := 7, "seven"
	exact(t, tr, &seven, nil)
	exact(t, tr, &text, nil)

	if tr.BigInts {
		exact[uint64](t, tr, math.MaxInt64+1, math.MaxUint64)
		exact(t, tr, power(64), power(1000), new(big.Int).Neg(power(63)), new(big.Int).Neg(power(64)))
	}
	if tr.NonFinite {
		exact(t, tr, math.NaN(), math.Inf(1), math.Inf(-1))
	}
	if tr.Controls {
		exact(t, tr, "\x00", "a\x00b\x1b\x7f", "\ufffe")
	}
}

// color and level are named types, which are carried as what they are made of.
type (
	color string
	level int8
)

func power(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = (i - n/2) * 1_234_567
	}
	return list
}

func instants(tr Transport) []time.Time {
	list := []time.Time{
		time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2400, 2, 29, 0, 0, 0, 0, time.FixedZone("", 5*3600+1800)),
	}
	if tr.Nanoseconds {
		list = append(list,
			time.Date(2026, 3, 4, 5, 6, 7, 123_456_789, time.UTC),
			time.Date(1900, 1, 1, 0, 0, 0, 1, time.FixedZone("", -3600)))
	}
	return list
}

// exact checks that values of one type come back as they went.
func exact[T any](t *testing.T, tr Transport, values ...T) {
	t.Helper()
	t.Run(fmt.Sprintf("%T", *new(T)), func(t *testing.T) {
		t.Helper()
		c := tr.connect(t, functions{"echo": func(v T) T { return v }})
		for _, v := range values {
			got, err := rpc.Invoke[T](tr.bounded(t), c, "echo", v)
			if err != nil {
				t.Errorf("echo(%.80v) failed: %v", v, err)
			} else if !same(v, got) {
				t.Errorf("echo(%.80v) = %.80v", v, got)
			}
		}
	})
}

// testDynamic sends values through an any, whose receiver must see of which
// kind they were.
func testDynamic(t *testing.T, tr Transport) {
	type trip struct{ send, want any }
	var trips []trip
	back := func(values ...any) { // each comes back as itself
		for _, v := range values {
			trips = append(trips, trip{v, v})
		}
	}
	back(nil, true, false, int64(0), int64(-1), int64(math.MaxInt32)+1, int64(math.MaxInt64), int64(math.MinInt64),
		0.5, 3.0, -0.25, "", "text", "7", " ", []byte{}, []byte{0, 0xff},
		[]any{}, []any{int64(1), int64(2)}, []any{1.5, 2.0}, []any{nil, "x", []any{[]any{}}},
		map[string]any{}, map[string]any{"a": int64(1), "b": map[string]any{"c": []any{}}, "": nil})
	for _, instant := range instants(tr) {
		back(instant)
	}
	trips = append(trips,
		trip{42, int64(42)}, trip{int8(-3), int64(-3)}, trip{uint16(7), int64(7)}, trip{float32(0.5), 0.5},
		trip{[]int{1, 2}, []any{int64(1), int64(2)}},
		trip{[2]string{"a", "b"}, []any{"a", "b"}},
		trip{point{1, 2}, map[string]any{"x": int64(1), "y": int64(2)}},
		trip{[]point{{1, 2}, {3, 4}}, []any{
			map[string]any{"x": int64(1), "y": int64(2)}, map[string]any{"x": int64(3), "y": int64(4)},
		}},
	)
	tuple := value.Tuple{int64(1), "two", value.Tuple{}}
	set := value.Set{Items: []any{int64(1), "two"}}
	frozen := value.Set{Items: []any{"x"}, Frozen: true}
	if tr.Kinds {
		back(tuple, set, frozen, value.Tuple{}, value.Set{},
			value.Map{{Key: int64(1), Value: "one"}, {Key: "two", Value: int64(2)}, {Key: value.Tuple{int64(3)}, Value: nil}},
			value.LocalTime{Time: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)},
			value.ByteArray{1, 2}, value.Decimal("1.50"), value.UUID{1, 2, 15: 3},
			value.Range{Start: 1, Stop: 10, Step: 3}, complex(1.5, -2), big.NewRat(22, 7))
	} else {
		trips = append(trips,
			trip{tuple, []any{int64(1), "two", []any{}}},
			trip{set, []any{int64(1), "two"}},
			trip{frozen, []any{"x"}})
	}
	if tr.BigInts {
		back(power(63), power(64), new(big.Int).Neg(power(200)))
		trips = append(trips, trip{big.NewInt(9), int64(9)}, trip{uint64(math.MaxUint64), new(big.Int).Sub(power(64), big.NewInt(1))})
	}

	received := make(chan any, 1)
	c := tr.connect(t, functions{"echo": func(v any) any { received <- v; return v }})
	for _, trip := range trips {
		got, err := rpc.Invoke[any](tr.bounded(t), c, "echo", trip.send)
		if err != nil {
			t.Errorf("%T(%v): %v", trip.send, trip.send, err)
			continue
		}
		if seen := <-received; !same(trip.want, seen) {
			t.Errorf("the function got %T(%v); want %T(%v)", seen, seen, trip.want, trip.want)
		}
		if !same(trip.want, got) {
			t.Errorf("the caller got %T(%v); want %T(%v)", got, got, trip.want, trip.want)
		}
	}
}

// testBinary sends blobs of every small length and large ones.
func testBinary(t *testing.T, tr Transport) {
	c := tr.connect(t, functions{
		"echo":  func(b []byte) []byte { return b },
		"texts": func(s string) string { return s },
	})
	all := make([]byte, 301)
	for i := range all {
		all[i] = byte(i * 7)
	}
	for n := range all {
		got, err := rpc.Invoke[[]byte](tr.bounded(t), c, "echo", all[:n])
		if err != nil || !same(all[:n], got) {
			t.Fatalf("a blob of %d bytes came back as %d bytes %.40x, error %v", n, len(got), got, err)
		}
	}
	const mebibyte = 1 << 20
	for _, n := range []int{16383, 16384, 16385, 65535, 65536, 65537, mebibyte} {
		blob := make([]byte, n)
		for i := range blob {
			blob[i] = byte(i ^ i>>8)
		}
		got, err := rpc.Invoke[[]byte](tr.bounded(t), c, "echo", blob)
		if err != nil || !same(blob, got) {
			t.Errorf("a blob of %d bytes came back as %d bytes, error %v", n, len(got), err)
		}
	}
	text := strings.Repeat("<ä🌍>\n", mebibyte/10)
	got, err := rpc.Invoke[string](tr.bounded(t), c, "texts", text)
	if err != nil || got != text {
		t.Errorf("a text of %d bytes came back as %d bytes, error %v", len(text), len(got), err)
	}
}

// testRefusals sends what the wire cannot carry. It must be refused, and the
// connection must live on.
func testRefusals(t *testing.T, tr Transport) {
	var ran atomic.Bool
	c := tr.connect(t, functions{
		"take": func(any) { ran.Store(true) },
		"give": func(what string) any {
			switch what {
			case "channel":
				return make(chan int)
			case "function":
				return func() {}
			}
			return nil
		},
	})
	refused := []any{make(chan int), func() {}, []any{1, []any{make(chan int)}}, struct{ hidden int }{1}}
	if !tr.BigInts {
		refused = append(refused, power(63), power(200), uint64(math.MaxUint64))
	}
	if !tr.NonFinite {
		refused = append(refused, math.NaN(), math.Inf(1), math.Inf(-1), []float64{1, math.NaN()})
	}
	if !tr.Controls {
		refused = append(refused, "a\x00b", "\x1b[0m", map[string]any{"\x01": 1})
	}
	if !tr.Local {
		refused = append(refused, "\xff not UTF-8")
	}
	refused = append(refused, nested(1000))
	for _, v := range refused {
		if got, err := rpc.Invoke[any](tr.bounded(t), c, "take", v); err == nil {
			t.Errorf("%T(%.40v) was not refused: the answer is %v", v, v, got)
		}
		if ran.Load() {
			t.Fatalf("the function ran, though its argument %T cannot cross", v)
		}
		tr.wantAlive(t, c)
	}
	for _, what := range []string{"channel", "function"} {
		_, err := rpc.Invoke[any](tr.bounded(t), c, "give", what)
		if !tr.Local {
			wantFault(t, "a result that is a "+what, err, rpc.CodeInternal, "internal error")
		} else if err == nil {
			t.Errorf("a result that is a %s was not refused", what)
		}
		tr.wantAlive(t, c)
	}
}

// nested returns a list in a list in a list, depth lists in all.
func nested(depth int) any {
	var v any = []any{}
	for range depth - 1 {
		v = []any{v}
	}
	return v
}
