package adder_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/services/adder"
)

func bigInt(t *testing.T, s string) *big.Int {
	t.Helper()
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatalf("%q is no integer", s)
	}
	return n
}

// same compares dynamic values by type and content; big.Ints by their number.
var same = cmp.Options{
	cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }),
}

func TestAdd(t *testing.T) {
	huge := bigInt(t, "9223372036854775808") // 2^63
	lower := bigInt(t, "-9223372036854775809")
	tests := []struct {
		a, b, want any
	}{
		{int64(3), int64(5), int64(8)},
		{int64(0), int64(0), int64(0)},
		{int64(math.MaxInt64), int64(1), huge},
		{int64(math.MinInt64), int64(-1), lower},
		{int64(math.MinInt64), int64(math.MaxInt64), int64(-1)},
		{int64(math.MaxInt64), int64(math.MaxInt64), bigInt(t, "18446744073709551614")},
		{int64(math.MinInt64), int64(math.MinInt64), bigInt(t, "-18446744073709551616")},
		{huge, int64(-1), int64(math.MaxInt64)}, // back into 64 bits
		{huge, huge, bigInt(t, "18446744073709551616")},
		{bigInt(t, "1000000000000000000000000000001"), bigInt(t, "-1000000000000000000000000000000"), int64(1)},
		{3, 5, int64(8)},

		{1.5, 2.25, 3.75},
		{int64(3), 0.5, 3.5},
		{0.5, int64(3), 3.5},
		{huge, 0.5, 9223372036854775808.5},
		{math.MaxFloat64, math.MaxFloat64, math.Inf(1)},

		{"Hello", "World", "HelloWorld"},
		{"", "", ""},
		{"grüß ", "世界 🌍", "grüß 世界 🌍"},

		{[]byte{0, 1}, []byte{255}, []byte{0, 1, 255}},
		{value.ByteArray{1}, []byte{2}, value.ByteArray{1, 2}},
		{[]byte{1}, value.ByteArray{2}, []byte{1, 2}},

		{[]any{int64(1), int64(2), int64(3)}, []any{int64(4), int64(5)}, []any{int64(1), int64(2), int64(3), int64(4), int64(5)}},
		{[]any{}, []any{}, []any{}},
		{[]any{"a", nil}, []any{1.5}, []any{"a", nil, 1.5}},
		{value.Tuple{int64(1)}, value.Tuple{"x"}, value.Tuple{int64(1), "x"}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v+%v", tt.a, tt.b), func(t *testing.T) {
			got, err := adder.Add(tt.a, tt.b)
			if err != nil {
				t.Fatalf("Add(%v, %v) failed: %v", tt.a, tt.b, err)
			}
			if diff := cmp.Diff(tt.want, got, same); diff != "" {
				t.Errorf("Add(%v, %v): -want +got\n%s", tt.a, tt.b, diff)
			}
		})
	}
}

func TestAddRefuses(t *testing.T) {
	tests := []struct {
		a, b any
		want string
	}{
		{int64(3), "x", "add: cannot add int and string"},
		{"x", int64(3), "add: cannot add string and int"},
		{bigInt(t, "99999999999999999999"), "x", "add: cannot add int and string"},
		{"x", []byte("x"), "add: cannot add string and bytes"},
		{true, false, "add: cannot add bool and bool"},
		{int64(1), true, "add: cannot add int and bool"},
		{nil, nil, "add: cannot add nil and nil"},
		{1.5, nil, "add: cannot add float and nil"},
		{[]any{}, value.Tuple{}, "add: cannot add list and tuple"},
		{map[string]any{}, map[string]any{}, "add: cannot add map and map"},
		{value.Set{}, value.Set{}, "add: cannot add set and set"},
		{complex(1, 2), int64(1), "add: cannot add complex and int"},
		{value.Decimal("1.5"), value.Decimal("1.5"), "add: cannot add decimal and decimal"},
		{(*big.Int)(nil), int64(1), "add: cannot add int and int"},
	}
	for _, tt := range tests {
		got, err := adder.Add(tt.a, tt.b)
		var f *rpc.Fault
		if !errors.As(err, &f) {
			t.Errorf("Add(%v, %v) = %v, %v; want a fault", tt.a, tt.b, got, err)
			continue
		}
		if f.Code != rpc.CodeInvalidParams || f.Message != tt.want {
			t.Errorf("Add(%v, %v) = %v; want fault %d: %s", tt.a, tt.b, f, rpc.CodeInvalidParams, tt.want)
		}
	}
}

// What add returns must not change when its caller changes an operand later.
func TestAddSharesNoMemory(t *testing.T) {
	list := make([]any, 1, 8)
	list[0] = "kept"
	got, err := adder.Add(list, []any{})
	if err != nil {
		t.Fatal(err)
	}
	list[0] = "changed"
	if got.([]any)[0] != "kept" {
		t.Errorf("the sum changed with its operand: %v", got)
	}
	blob := make([]byte, 1, 8)
	got, err = adder.Add(blob, []byte{})
	if err != nil {
		t.Fatal(err)
	}
	blob[0] = 1
	if got.([]byte)[0] != 0 {
		t.Errorf("the sum changed with its operand: %v", got)
	}
	n := bigInt(t, "99999999999999999999")
	if _, err := adder.Add(n, n); err != nil || n.Cmp(bigInt(t, "99999999999999999999")) != 0 {
		t.Errorf("an operand became %v (error %v)", n, err)
	}
}

func TestRegister(t *testing.T) {
	reg := rpc.NewRegistry()
	if err := adder.Register(reg); err != nil {
		t.Fatal(err)
	}
	if err := adder.Register(reg); err == nil {
		t.Error("a second Register succeeded; want an error, for the name is taken")
	}
	// Typed lists of a Go caller reach the function as lists.
	got, err := rpc.Invoke[[]int](context.Background(), reg, "add", []int{1, 2, 3}, []int{4, 5})
	if diff := cmp.Diff([]int{1, 2, 3, 4, 5}, got); err != nil || diff != "" {
		t.Errorf("add([1 2 3], [4 5]): error %v; -want +got\n%s", err, diff)
	}
	_, err = rpc.Invoke[any](context.Background(), reg, "add", 1)
	if !errors.Is(err, &rpc.Fault{Code: rpc.CodeInvalidParams}) {
		t.Errorf("add(1): %v; want fault %d", err, rpc.CodeInvalidParams)
	}
}

func FuzzAddIntegers(f *testing.F) {
	f.Add(int64(3), int64(5))
	f.Add(int64(math.MaxInt64), int64(1))
	f.Add(int64(math.MinInt64), int64(-1))
	f.Fuzz(func(t *testing.T, a, b int64) {
		got, err := adder.Add(a, b)
		if err != nil {
			t.Fatal(err)
		}
		want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		switch got := got.(type) {
		case int64:
			if want.Cmp(big.NewInt(got)) != 0 {
				t.Errorf("%d + %d = %d; want %v", a, b, got, want)
			}
		case *big.Int:
			if got.IsInt64() || want.Cmp(got) != 0 {
				t.Errorf("%d + %d = %v as a big.Int; want %v", a, b, got, want)
			}
		default:
			t.Errorf("%d + %d is a %T", a, b, got)
		}
	})
}

func BenchmarkAddInt64(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := adder.Add(int64(3), int64(5)); err != nil {
			b.Fatal(err)
		}
	}
}

// What two operands of any kind make.
func ExampleAdd() {
	fmt.Println(adder.Add(int64(3), 0.5))
	fmt.Println(adder.Add("Hello", "World"))
	fmt.Println(adder.Add(int64(3), "five"))
	// Output:
	// 3.5 <nil>
	// HelloWorld <nil>
	// <nil> fault -32602: add: cannot add int and string
}

func ExampleRegister() {
	reg := rpc.NewRegistry()
	if err := adder.Register(reg); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	fmt.Println(rpc.Invoke[int](ctx, reg, "add", 3, 5))
	fmt.Println(rpc.Invoke[string](ctx, reg, "add", "Hello", "World"))
	fmt.Println(rpc.Invoke[[]int](ctx, reg, "add", []int{1, 2, 3}, []int{4, 5}))
	_, err := rpc.Invoke[int](ctx, reg, "add", 3, "five")
	fmt.Println(err)
	// Output:
	// 8 <nil>
	// HelloWorld <nil>
	// [1 2 3 4 5] <nil>
	// fault -32602: add: cannot add int and string
}
