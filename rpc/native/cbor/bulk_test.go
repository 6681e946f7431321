package cbor

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

// Ints reads what Int would, up to the first element that Int has to look at.
func TestInts(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		want      []int64
		rest      value.Kind
		err       string
	}{
		{"none", "80", nil, value.KindInvalid, ""},
		{
			"each size", "86 00 1818 1903e8 1a000f4240 1b000000e8d4a51000 1b7fffffffffffffff",
			[]int64{0, 24, 1000, 1000000, 1000000000000, math.MaxInt64},
			value.KindInvalid, "",
		},
		{
			"each size below zero", "86 20 3818 3903e7 3a000f4240 3b000000e8d4a51000 3b7fffffffffffffff",
			[]int64{-1, -25, -1000, -1000001, -1000000000001, math.MinInt64},
			value.KindInvalid, "",
		},
		{"up to one beyond", "82 01 1b8000000000000000", []int64{1}, value.KindInt, ""},
		{"up to one below", "82 01 3b8000000000000000", []int64{1}, value.KindInt, ""},
		{"up to a bignum", "82 01 c249010000000000000000", []int64{1}, value.KindInt, ""},
		{"up to a float", "82 01 f93c00", []int64{1}, value.KindFloat, ""},
		{"up to text", "83 01 02 6161", []int64{1, 2}, value.KindString, ""},
		{"up to one not shortest", "82 01 1817", []int64{1}, value.KindInt, "shortest"},
		{"up to one not shortest in two bytes", "82 01 1900ff", []int64{1}, value.KindInt, "shortest"},
		{"up to one not shortest in four bytes", "82 01 1a0000ffff", []int64{1}, value.KindInt, "shortest"},
		{"up to one not shortest in eight bytes", "82 01 1b00000000ffffffff", []int64{1}, value.KindInt, "shortest"},
		{"up to the end of the message", "83 01 02 1903", []int64{1, 2}, value.KindInt, "the message ends"},
		{"up to what is reserved", "82 01 1c", []int64{1}, value.KindInvalid, "reserved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(unhex(t, c.hex), Options{})
			d.List()
			got := d.Ints([]int64{-7})
			if want := append([]int64{-7}, c.want...); !slices.Equal(got, want) || d.Err() != nil {
				t.Errorf("got %v, %v; want %v", got, d.Err(), want)
			}
			if d.Kind() != c.rest {
				t.Errorf("got %v after it; want %v", d.Kind(), c.rest)
			}
			for d.More() {
				d.Skip()
			}
			if err := d.Finish(); c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v at the end; want %q", err, c.err)
			}
		})
	}
}

func TestFloats(t *testing.T) {
	d := NewDecoder(unhex(t, "84 fb3ff8000000000000 fbbff8000000000000 f93c00 fb0000000000000000"), Options{})
	d.List()
	if got := d.Floats(nil); !slices.Equal(got, []float64{1.5, -1.5}) || d.Kind() != value.KindFloat {
		t.Errorf("got %v, then %v; want what comes before the half", got, d.Kind())
	}
	// A plan reads on by itself.
	var all []float64
	if err := Decode(d.data, &all, Options{}); err != nil || !slices.Equal(all, []float64{1.5, -1.5, 1, 0}) {
		t.Errorf("got %v, %v", all, err)
	}
	list := []float64{0, math.Inf(1), math.Pi, math.MaxFloat64}
	if err := Decode(mustAppend(t, list), &all, Options{}); err != nil || !slices.Equal(all, list) {
		t.Errorf("got %v, %v; want %v", all, err, list)
	}
}

// Lists of numbers are elements like others, and no deeper afterwards.
func TestBulkCounts(t *testing.T) {
	var e Encoder
	e.Reset(nil, Options{MaxDepth: 2})
	e.List(value.KindList, 3)
	e.Ints([]int64{1})
	e.Floats([]float64{1})
	e.List(value.KindList, 0)
	e.End()
	e.End()
	if e.Err() != nil {
		t.Error(e.Err())
	}
	e.Reset(nil, Options{MaxDepth: 1})
	e.List(value.KindList, 1)
	if e.Ints(nil); e.Err() == nil {
		t.Error("a list in a list at depth 1: got no error")
	}
}
