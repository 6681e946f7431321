package value_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/parley-rpc/parley/rpc/value"
)

var exact = cmp.Options{
	cmp.Comparer(func(a, b *big.Int) bool { return a == b || a != nil && b != nil && a.Cmp(b) == 0 }),
	cmp.Comparer(func(a, b *big.Rat) bool { return a == b || a != nil && b != nil && a.Cmp(b) == 0 }),
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }),
}

type product struct {
	PID    int     `rpc:"pid"`
	Name   string  `xmlrpc:"pname" json:"other"`
	Price  float64 `json:"pprice,omitempty"`
	Secret string  `rpc:"-"`
	hidden int
}

type base struct {
	ID   int `rpc:"id"`
	Kind string
}

type order struct {
	base
	Kind  string // hides base.Kind
	Items []product
	Next  *order         `rpc:",omitempty"`
	Extra map[int]string `rpc:"extra,omitzero"`
	Addr  netip.Addr
}

type celsius float64

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

var when = time.Date(2024, 2, 29, 12, 30, 45, 123456789, time.FixedZone("", 3600))

// dynamic says what each Go value is as a dynamic one.
var dynamic = []struct {
	name string
	in   any
	want any
}{
	{"nil", nil, nil},
	{"nil pointer", (*int)(nil), nil},
	{"pointer", new(int), int64(0)},
	{"nil slice is an empty list", []string(nil), []any{}},
	{"nil map is an empty map", map[string]int(nil), map[string]any{}},
	{"bool", true, true},
	{"int8", int8(-128), int64(-128)},
	{"uint64", uint64(math.MaxUint64), bigInt("18446744073709551615")},
	{"big that fits", big.NewInt(7), int64(7)},
	{"big", bigInt("340282366920938463463374607431768211456"), bigInt("340282366920938463463374607431768211456")},
	{"float32", float32(0.5), 0.5},
	{"named float", celsius(36.6), 36.6},
	{"text", "Zoë <&> \U0001F600", "Zoë <&> \U0001F600"},
	{"bytes", []byte{0, 255}, []byte{0, 255}},
	{"array of bytes is a list", [2]byte{1, 2}, []any{int64(1), int64(2)}},
	{"byte array", value.ByteArray("x"), value.ByteArray("x")},
	{"time", when, when},
	{"local time", value.LocalTime{Time: when}, value.LocalTime{Time: when}},
	{"ints", []int{1, -2, 3}, []any{int64(1), int64(-2), int64(3)}},
	{"int64s", []int64{1}, []any{int64(1)}},
	{"floats", []float64{0.5, 2}, []any{0.5, 2.0}},
	{"any list", []any{1, "a", nil, []int{2}}, []any{int64(1), "a", nil, []any{int64(2)}}},
	{"tuple", value.Tuple{1, value.Tuple{}}, value.Tuple{int64(1), value.Tuple{}}},
	{"set", value.Set{Items: []any{1}}, value.Set{Items: []any{int64(1)}}},
	{"frozen set", value.Set{Items: []any{1}, Frozen: true}, value.Set{Items: []any{int64(1)}, Frozen: true}},
	{"map", map[string]int{"a": 1}, map[string]any{"a": int64(1)}},
	{"map by int", map[int]bool{3: true, 1: false}, value.Map{{int64(1), false}, {int64(3), true}}},
	{"map by any", map[any]int{"a": 1, 2: 3}, value.Map{{int64(2), int64(3)}, {"a", int64(1)}}},
	{"pairs", value.Map{{value.Tuple{1, 2}, "x"}, {"b", nil}}, value.Map{{value.Tuple{int64(1), int64(2)}, "x"}, {"b", nil}}},
	{"decimal", value.Decimal("1.50"), value.Decimal("1.50")},
	{"fraction", big.NewRat(1, 3), big.NewRat(1, 3)},
	{"complex", complex(1, -2), complex(1, -2)},
	{"uuid", value.UUID{1, 15: 2}, value.UUID{1, 15: 2}},
	{"range", value.Range{Start: 1, Stop: 9, Step: 2}, value.Range{Start: 1, Stop: 9, Step: 2}},
	{"marshaler", netip.MustParseAddr("::1"), "::1"},
	{"struct", product{PID: 1, Name: "n", Secret: "s", hidden: 1}, map[string]any{"pid": int64(1), "pname": "n"}},
	{"struct with all", product{PID: 1, Name: "n", Price: 2.5}, map[string]any{"pid": int64(1), "pname": "n", "pprice": 2.5}},
	{
		"nested",
		order{base: base{ID: 4}, Kind: "k", Items: []product{{PID: 1}}, Addr: netip.MustParseAddr("1.2.3.4")},
		map[string]any{"id": int64(4), "Kind": "k", "Items": []any{map[string]any{"pid": int64(1), "pname": ""}}, "Addr": "1.2.3.4"},
	},
	{"void", value.Void{}, nil},
}

func TestDynamic(t *testing.T) {
	for _, tt := range dynamic {
		var got any
		if err := value.Convert(&got, tt.in); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if d := cmp.Diff(tt.want, got, exact); d != "" {
			t.Errorf("%s: got (+), want (-):\n%s", tt.name, d)
		}
	}
}

// TestThereAndBack decodes what each value becomes into its own type again.
func TestThereAndBack(t *testing.T) {
	for _, tt := range dynamic {
		if tt.in == nil || reflect.TypeOf(tt.in).Kind() == reflect.Pointer && reflect.ValueOf(tt.in).IsNil() {
			continue
		}
		back := reflect.New(reflect.TypeOf(tt.in))
		if err := value.Convert(back.Interface(), tt.want); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var again any
		if err := value.Convert(&again, back.Interface()); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if d := cmp.Diff(tt.want, again, exact); d != "" {
			t.Errorf("%s: got (+), want (-):\n%s", tt.name, d)
		}
	}
}

func TestIntegersBetweenTypes(t *testing.T) {
	var u8 uint8
	var i32 int32
	var u64 uint64
	var f float64
	var n *big.Int
	var byKey map[uint8]string
	for _, tt := range []struct {
		dst  any
		src  any
		want any
	}{
		{&u8, 255, uint8(255)},
		{&i32, 3.0, int32(3)},
		{&u64, bigInt("18446744073709551615"), uint64(math.MaxUint64)},
		{&f, 1 << 53, float64(1 << 53)},
		{&f, bigInt("36893488147419103232"), float64(1 << 65)},
		{&n, 12, big.NewInt(12)},
		{&n, 1e20, bigInt("100000000000000000000")},
		{&byKey, map[string]any{"7": "seven"}, map[uint8]string{7: "seven"}},
	} {
		if err := value.Convert(tt.dst, tt.src); err != nil {
			t.Errorf("%T from %v: %v", tt.dst, tt.src, err)
		} else if d := cmp.Diff(tt.want, reflect.ValueOf(tt.dst).Elem().Interface(), exact); d != "" {
			t.Errorf("%T from %v:\n%s", tt.dst, tt.src, d)
		}
	}
}

func TestWhatDoesNotFit(t *testing.T) {
	cyclic := []any{nil}
	cyclic[0] = cyclic
	for _, tt := range []struct {
		dst  any
		src  any
		want string
	}{
		{new(int8), 300, "300 does not fit int8"},
		{new(uint), -1, "-1 does not fit uint"},
		{new(int), 1.5, "1.5 does not fit int"},
		{new(int), math.NaN(), "NaN does not fit int"},
		{new(uint64), math.Inf(1), "+Inf does not fit uint64"},
		{new(int64), uint64(1 << 63), "9223372036854775808 does not fit int64"},
		{new(int64), new(big.Int).Lsh(big.NewInt(1), 1000), "an integer of 1001 bits does not fit int64"},
		{new(float64), 1<<53 + 1, "9007199254740993 does not fit a float exactly"},
		{new(float32), 1e300, "1e+300 does not fit float32"},
		{new(*big.Int), 0.5, "0.5 does not fit an integer"},
		{new(string), 1, "expected string, got int"},
		{new(string), []byte("a"), "expected string, got bytes"},
		{new([]byte), "a", "expected bytes, got string"},
		{new(bool), 1, "expected bool, got int"},
		{new(int), nil, "expected int, got nil"},
		{new(product), []any{}, "expected map, got list"},
		{new([]int), map[string]any{}, "expected list, got map"},
		{new(time.Time), "now", "expected time, got string"},
		{new(value.Decimal), value.UUID{}, "expected decimal, got uuid"},
		{new([2]int), []int{1}, "expected a list of 2 elements, got 1"},
		{new([1]int), []int{1, 2}, "expected a list of 1 elements, got more"},
		{new([]int8), []int{1, 2, 300}, "[2]: 300 does not fit int8"},
		{new([]int), []any{1, 2, "c"}, "[2]: expected int, got string"},
		{new(order), map[string]any{"Items": []any{map[string]any{}, map[string]any{"pid": "x"}}}, "Items[1].pid: expected int, got string"},
		{new(map[string]map[string]int), map[string]any{"a": map[string]any{"b": true}}, "a.b: expected int, got bool"},
		{new(map[int]string), map[string]any{"x": ""}, "map key: expected int, got string"},
		{new(map[string]int), map[int]int{1: 1}, "expected string, got int"},
		{new(map[any]int), value.Map{{value.Tuple{1}, 1}}, "a tuple cannot be a key of a Go map"},
		{new(netip.Addr), "1.2.3", `"1.2.3" does not fit netip.Addr`},
		{new(any), make(chan int), "chan int cannot cross the wire"},
		{new(any), map[string]any{"f": []any{func() {}}}, "f[0]: func() cannot cross the wire"},
		{new(any), cyclic, "nested deeper than"},
		{new(error), "x", "of interfaces only any"},
		{3, 4, "expected a non-nil pointer"},
		{(*int32)(nil), 4, "expected a non-nil pointer"},
		{nil, 4, "expected a non-nil pointer"},
	} {
		err := value.Convert(tt.dst, tt.src)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%T from %T: got error %v; want %q", tt.dst, tt.src, err, tt.want)
		}
	}
}

func TestErrorNamesThePlace(t *testing.T) {
	type item struct {
		Qty int8 `rpc:"qty"`
	}
	type cart struct {
		Items []item `rpc:"items"`
	}
	src := []any{"x", map[string]any{"items": []any{map[string]any{"qty": 1}, map[string]any{"qty": 300}}}}
	err := value.DecodeArgs(value.NewSource(src), []any{new(string), new(cart)}, nil)
	var e *value.Error
	if !errors.As(err, &e) || e.Error() != "params[1].items[1].qty: 300 does not fit int8" || e.Offset != -1 {
		t.Errorf("got %v; want params[1].items[1].qty: 300 does not fit int8", err)
	}
}

func TestDecodeLeavesNothingBehind(t *testing.T) {
	shared := []int{1, 2, 3}
	list := shared
	if err := value.Convert(&list, []int{9}); err != nil || shared[0] != 1 {
		t.Errorf("list %v, shared %v, %v; the old memory was reused", list, shared, err)
	}
	p := product{PID: 1, Price: 3}
	if err := value.Convert(&p, map[string]any{"pid": 2, "unknown": []any{1}}); err != nil || p != (product{PID: 2}) {
		t.Errorf("got %+v, %v; want only pid 2", p, err)
	}
	src := map[string]any{"b": []byte("abc"), "n": bigInt("99999999999999999999")}
	var got map[string]any
	if err := value.Convert(&got, src); err != nil {
		t.Fatal(err)
	}
	got["b"].([]byte)[0] = 'X'
	got["n"].(*big.Int).SetInt64(0)
	if string(src["b"].([]byte)) != "abc" || src["n"].(*big.Int).Sign() == 0 {
		t.Error("the copy shares memory with its source")
	}
}

func TestCheck(t *testing.T) {
	type list struct{ Next *list }
	type bad struct{ Done chan bool }
	type deep struct{ List []map[string]bad }
	type twice struct {
		A int `rpc:"x"`
		B int `rpc:"x"`
	}
	type secret struct {
		a int `rpc:"a"` //nolint:unused // that it is not exported is the point
	}
	type loop *loop
	type closed struct{ a int } //nolint:unused // that it is not exported is the point
	type embedded struct{ *base }
	for _, tt := range []struct {
		t    reflect.Type
		want string
	}{
		{reflect.TypeFor[list](), ""},
		{reflect.TypeFor[any](), ""},
		{reflect.TypeFor[struct{}](), ""},
		{reflect.TypeFor[deep](), "field List of value_test.deep"},
		{reflect.TypeFor[deep](), "chan bool cannot cross the wire"},
		{reflect.TypeFor[twice](), `fields A and B have the same wire name "x"`},
		{reflect.TypeFor[secret](), "field a has a tag but is not exported"},
		{reflect.TypeFor[closed](), "no exported field"},
		{reflect.TypeFor[embedded](), "embedded as a pointer"},
		{reflect.TypeFor[loop](), "pointers to pointers"},
		{reflect.TypeFor[map[float64]int](), "keys must be"},
		{reflect.TypeFor[complex64](), "complex64 cannot cross"},
		{reflect.TypeFor[error](), "only any"},
		{reflect.TypeFor[uintptr](), "uintptr cannot cross"},
	} {
		err := value.Check(tt.t)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v; want %q", tt.t, err, tt.want)
		}
	}
}

func TestDecodeArgs(t *testing.T) {
	two := &value.Params{Required: 2, Names: []string{"a", "b"}}
	optional := &value.Params{Required: 1}
	rest := &value.Params{Required: 1, Variadic: true}
	for _, tt := range []struct {
		name string
		args []any
		dst  []any
		p    *value.Params
		want string // error, or the parameters
	}{
		{"exact", []any{1, "x"}, []any{new(int), new(string)}, two, "1 x"},
		{"too few", []any{1}, []any{new(int), new(string)}, two, "expected 2 arguments (a, b), got 1"},
		{"too many", []any{1, "x", 3, 4}, []any{new(int), new(string)}, two, "expected 2 arguments (a, b), got 4"},
		{"none expected", []any{1}, nil, nil, "expected no arguments, got 1"},
		{"none", nil, nil, nil, ""},
		{"optional left out", []any{1}, []any{new(int), new(*int)}, optional, "1 <nil>"},
		{"optional nil", []any{1, nil}, []any{new(int), new(*int)}, optional, "1 <nil>"},
		{"too few with optional", nil, []any{new(int), new(*int)}, optional, "expected 1 to 2 arguments, got 0"},
		{"rest empty", []any{1}, []any{new(int), new([]string)}, rest, "1 []"},
		{"rest", []any{1, "a", "b"}, []any{new(int), new([]string)}, rest, "1 [a b]"},
		{"rest wrong", []any{1, "a", 2}, []any{new(int), new([]string)}, rest, "params[2]: expected string, got int"},
		{"rest too few", nil, []any{new(int), new([]string)}, rest, "expected at least 1 argument, got 0"},
		{"no list", nil, nil, nil, ""},
	} {
		err := value.DecodeArgs(value.NewSource(tt.args), tt.dst, tt.p)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			var parts []string
			for _, d := range tt.dst {
				parts = append(parts, fmt.Sprint(reflect.ValueOf(d).Elem().Interface()))
			}
			got = strings.Join(parts, " ")
		}
		if got != tt.want {
			t.Errorf("%s: got %q; want %q", tt.name, got, tt.want)
		}
	}
	if err := value.DecodeArgs(value.NewSource("x"), nil, nil); err == nil || !strings.Contains(err.Error(), "expected a list of arguments, got string") {
		t.Errorf("no list: got %v", err)
	}
}

// TestConvertIsIdentity: a struct of every plain kind survives the way through
// its dynamic form, whatever is in it.
func TestConvertIsIdentity(t *testing.T) {
	type all struct {
		B   bool
		I   int
		I8  int8
		U16 uint16
		U64 uint64
		F   float64
		S   string
		Raw []byte
		L   []string
		N   []int
		M   map[string]int32
		K   map[int16]string
		P   *int
		In  []struct{ A, B int }
	}
	same := func(in all) bool {
		var mid any
		var out all
		if err := value.Convert(&mid, in); err != nil {
			t.Error(err)
			return false
		}
		if err := value.Convert(&out, mid); err != nil {
			t.Error(err)
			return false
		}
		return cmp.Equal(in, out, cmpopts.EquateEmpty())
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

// TestThreatEntriesAreMixed: of entries of one name the last one counts as a
// whole, in any order, and no part of the first stays.
func TestThreatEntriesAreMixed(t *testing.T) {
	type inner struct {
		A, B int
		L    []int
	}
	type outer struct {
		First string
		In    inner
		Pair  [2]inner
	}
	first := map[string]any{"A": int64(1), "L": []any{int64(7)}}
	last := map[string]any{"B": int64(2)}
	want := outer{First: "f", In: inner{B: 2}, Pair: [2]inner{{B: 2}, {B: 2}}}
	for _, entries := range []value.Map{
		{{Key: "First", Value: "f"}, {Key: "In", Value: first}, {Key: "In", Value: last}, {Key: "Pair", Value: []any{first, first}}, {Key: "Pair", Value: []any{last, last}}},
		{{Key: "In", Value: first}, {Key: "Pair", Value: []any{first, first}}, {Key: "First", Value: "e"}, {Key: "First", Value: "f"}, {Key: "In", Value: last}, {Key: "Pair", Value: []any{last, last}}},
		{{Key: "Pair", Value: []any{first, first}}, {Key: "In", Value: first}, {Key: "none", Value: first}, {Key: "Pair", Value: []any{last, last}}, {Key: "First", Value: "f"}, {Key: "In", Value: last}},
	} {
		var got outer
		if err := value.Convert(&got, entries); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: -want +got\n%s", entries, diff)
		}
	}
}
