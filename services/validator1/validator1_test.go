package validator1_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/services/validator1"
)

type record = map[string]any

func serve(t *testing.T) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	if err := validator1.Register(reg); err != nil {
		t.Fatal(err)
	}
	return reg
}

func texts(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("<%d>", i)
	}
	return list
}

func TestSuite(t *testing.T) {
	reg := serve(t)
	when := time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)
	three := func(moe, larry, curly int) record { return record{"moe": moe, "larry": larry, "curly": curly} }
	tests := []struct {
		method string
		args   []any
		want   any
	}{
		{"arrayOfStructsTest", []any{[]any{three(1, 2, 3), three(4, 5, -6), three(7, 8, 9)}}, int64(6)},
		{"arrayOfStructsTest", []any{[]any{}}, int64(0)},
		{"arrayOfStructsTest", []any{[]any{three(0, 0, math.MaxInt32), three(0, 0, math.MaxInt32)}}, int64(2 * math.MaxInt32)},
		{"countTheEntities", []any{`a<b>>c & d&e "q" it's`}, record{
			"ctLeftAngleBrackets": int64(1), "ctRightAngleBrackets": int64(2),
			"ctAmpersands": int64(2), "ctApostrophes": int64(1), "ctQuotes": int64(2),
		}},
		{"easyStructTest", []any{three(17, 25, -2)}, int64(40)},
		{"easyStructTest", []any{three(math.MaxInt32, math.MaxInt32, math.MaxInt32)}, int64(3 * math.MaxInt32)},
		{
			"echoStructTest",
			[]any{record{"a": 1, "b": record{"c": []any{"d"}}}},
			record{"a": int64(1), "b": record{"c": []any{"d"}}},
		},
		{
			"manyTypesTest",
			[]any{42, true, "text", 1.5, when, []byte{0, 255}},
			[]any{int64(42), true, "text", 1.5, when, []byte{0, 255}},
		},
		{"moderateSizeArrayCheck", []any{texts(150)}, "<0><149>"},
		{"moderateSizeArrayCheck", []any{texts(1)}, "<0><0>"},
		{"nestedStructTest", []any{record{
			"1999": record{"04": record{"01": three(9, 9, 9)}},
			"2000": record{"03": record{}, "04": record{"01": three(12, 14, 5), "02": record{}}},
		}}, int64(31)},
		{"simpleStructReturnTest", []any{37}, record{"times10": int64(370), "times100": int64(3700), "times1000": int64(37000)}},
		{"simpleStructReturnTest", []any{math.MinInt32}, record{
			"times10": int64(10 * math.MinInt32), "times100": int64(100 * math.MinInt32), "times1000": int64(1000 * math.MinInt32),
		}},
	}
	for _, tt := range tests {
		got, err := rpc.Invoke[any](context.Background(), reg, "validator1."+tt.method, tt.args...)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s(%v): error %v; -want +got\n%s", tt.method, tt.args, err, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	reg := serve(t)
	tests := []struct {
		method string
		arg    any
	}{
		{"moderateSizeArrayCheck", []string{}},
		{"nestedStructTest", record{"2000": record{"04": record{"02": record{}}}}},
		{"nestedStructTest", record{}},
		{"echoStructTest", "no struct"},
		{"arrayOfStructsTest", record{"curly": 1}},
		{"simpleStructReturnTest", int64(math.MaxInt32) + 1},
		{"easyStructTest", record{"moe": 1.5, "larry": 0, "curly": 0}},
		{"easyStructTest", record{"moe": 1, "curly": 0}},
		{"easyStructTest", record{"moe": 1, "larry": 0, "curly": nil}},
		{"arrayOfStructsTest", []any{record{"curly": 1}, record{"Curly": 1}}},
		{"nestedStructTest", record{"2000": record{"04": record{"01": record{"moe": 1, "larry": 2}}}}},
	}
	for _, tt := range tests {
		got, err := rpc.Invoke[any](context.Background(), reg, "validator1."+tt.method, tt.arg)
		if !errors.Is(err, &rpc.Fault{Code: rpc.CodeInvalidParams}) {
			t.Errorf("%s(%v) = %v, %v; want fault %d", tt.method, tt.arg, got, err, rpc.CodeInvalidParams)
		}
	}
}
