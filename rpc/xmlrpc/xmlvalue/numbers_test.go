package xmlvalue

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// What is written is what strconv writes.
func TestWrittenNumbersAreStrconvs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	floats := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 0.25, 1e14, 1e15, 1e16, 99999999999.9999, 999999999999.9999, -0.0001, 0.00001, 0.30000000000000004, 5e-324, math.MaxFloat64, 1 << 53}
	for range 20_000 {
		floats = append(floats,
			math.Ldexp(r.NormFloat64(), r.IntN(120)-60),
			float64(r.Int64()>>r.UintN(63))/[]float64{1, 2, 4, 5, 10, 16, 100, 1000, 1e4, 1e5}[r.IntN(10)])
	}
	for _, f := range floats {
		want := strconv.FormatFloat(f, 'f', -1, 64)
		if !strings.Contains(want, ".") {
			want += ".0"
		}
		if got := string(appendDecimal([]byte("x"), f)); got != "x"+want {
			t.Fatalf("got %s; want x%s", got, want)
		}
	}
	integers := []int64{math.MinInt64, math.MaxInt64}
	for i := range 20_000 {
		integers = append(integers, int64(r.Uint64())>>r.UintN(64), int64(i-1000))
	}
	for n := int64(1); n < math.MaxInt64/10; n *= 10 {
		integers = append(integers, n-1, n, n+1, -n, 10*n-1, 10*n)
	}
	for i := range 63 {
		integers = append(integers, 1<<i-1, 1<<i)
	}
	for _, n := range integers {
		if got := string(appendInteger([]byte("x"), n)); got != "x"+strconv.FormatInt(n, 10) {
			t.Fatalf("got %s; want x%d", got, n)
		}
	}
}

func TestWrittenListsOfIntegers(t *testing.T) {
	list := []int64{0, 1, -1, 9, 10, 99, 100, math.MaxInt32, math.MinInt32, math.MaxInt32 + 1, math.MinInt64, math.MaxInt64}
	want, ints := listOpen, []int{}
	for _, n := range list {
		tag := "int"
		if int64(int32(n)) != n {
			tag = "i8"
		}
		want += "<value><" + tag + ">" + strconv.FormatInt(n, 10) + "</" + tag + "></value>"
		if int64(int(n)) == n {
			ints = append(ints, int(n))
		}
	}
	want += listClose
	for _, room := range []int{0, 1, 20, 36, 37, 38, 10_000} { // of the buffer
		if got, err := AppendValue(make([]byte, 0, room), list, Options{}); err != nil || string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
		if got, err := AppendValue(make([]byte, 0, room), ints, Options{}); err != nil || len(ints) == len(list) && string(got) != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
	if got, err := AppendValue(nil, list, Options{LongInt: true}); err != nil || string(got) != strings.NewReplacer("<i8>", "<int>", "</i8>", "</int>").Replace(want) {
		t.Errorf("LongInt: got %s, %v", got, err)
	}
	if _, err := AppendValue(nil, []int{1, 2, 3, math.MaxInt32, math.MaxInt32 + 1}, Options{Int32Only: true}); err == nil || !strings.HasPrefix(err.Error(), "[4]: ") {
		t.Errorf("got %v; want an error at [4]", err)
	}
}
