package cbor

import (
	"encoding/hex"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// unhex reads bytes in hexadecimal; blanks may stand between them.
func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func bigInt(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

// RFC 8949 appendix A, all of it in its order. Those with an error are the
// ones this codec does not speak.
var appendixA = []struct {
	hex  string
	want any
	err  string
}{
	{hex: "00", want: int64(0)},
	{hex: "01", want: int64(1)},
	{hex: "0a", want: int64(10)},
	{hex: "17", want: int64(23)},
	{hex: "1818", want: int64(24)},
	{hex: "1819", want: int64(25)},
	{hex: "1864", want: int64(100)},
	{hex: "1903e8", want: int64(1000)},
	{hex: "1a000f4240", want: int64(1000000)},
	{hex: "1b000000e8d4a51000", want: int64(1000000000000)},
	{hex: "1bffffffffffffffff", want: bigInt("18446744073709551615")},
	{hex: "c249010000000000000000", want: bigInt("18446744073709551616")},
	{hex: "3bffffffffffffffff", want: bigInt("-18446744073709551616")},
	{hex: "c349010000000000000000", want: bigInt("-18446744073709551617")},
	{hex: "20", want: int64(-1)},
	{hex: "29", want: int64(-10)},
	{hex: "3863", want: int64(-100)},
	{hex: "3903e7", want: int64(-1000)},
	{hex: "f90000", want: 0.0},
	{hex: "f98000", want: math.Copysign(0, -1)},
	{hex: "f93c00", want: 1.0},
	{hex: "fb3ff199999999999a", want: 1.1},
	{hex: "f93e00", want: 1.5},
	{hex: "f97bff", want: 65504.0},
	{hex: "fa47c35000", want: 100000.0},
	{hex: "fa7f7fffff", want: 3.4028234663852886e+38},
	{hex: "fb7e37e43c8800759c", want: 1.0e+300},
	{hex: "f90001", want: 5.960464477539063e-8},
	{hex: "f90400", want: 0.00006103515625},
	{hex: "f9c400", want: -4.0},
	{hex: "fbc010666666666666", want: -4.1},
	{hex: "f97c00", want: math.Inf(1)},
	{hex: "f97e00", want: math.NaN()},
	{hex: "f9fc00", want: math.Inf(-1)},
	{hex: "fa7f800000", want: math.Inf(1)},
	{hex: "fa7fc00000", want: math.NaN()},
	{hex: "faff800000", want: math.Inf(-1)},
	{hex: "fb7ff0000000000000", want: math.Inf(1)},
	{hex: "fb7ff8000000000000", want: math.NaN()},
	{hex: "fbfff0000000000000", want: math.Inf(-1)},
	{hex: "f4", want: false},
	{hex: "f5", want: true},
	{hex: "f6", want: nil},
	{hex: "f7", err: "simple value 0xf7 is not accepted"},
	{hex: "f0", err: "simple value 0xf0 is not accepted"},
	{hex: "f8ff", err: "simple value 0xf8 is not accepted"},
	{hex: "c074323031332d30332d32315432303a30343a30305a", want: time.Date(2013, 3, 21, 20, 4, 0, 0, time.UTC)},
	{hex: "c11a514b67b0", want: time.Unix(1363896240, 0).UTC()},
	{hex: "c1fb41d452d9ec200000", want: time.Unix(1363896240, 500_000_000).UTC()},
	{hex: "d74401020304", err: "unknown tag 23"},
	{hex: "d818456449455446", err: "unknown tag 24"},
	{hex: "d82076687474703a2f2f7777772e6578616d706c652e636f6d", err: "unknown tag 32"},
	{hex: "40", want: []byte{}},
	{hex: "4401020304", want: []byte{1, 2, 3, 4}},
	{hex: "60", want: ""},
	{hex: "6161", want: "a"},
	{hex: "6449455446", want: "IETF"},
	{hex: "62225c", want: `"\`},
	{hex: "62c3bc", want: "\u00fc"},
	{hex: "63e6b0b4", want: "\u6c34"},
	{hex: "64f0908591", want: "\U00010151"},
	{hex: "80", want: []any{}},
	{hex: "83010203", want: []any{int64(1), int64(2), int64(3)}},
	{hex: "8301820203820405", want: []any{int64(1), []any{int64(2), int64(3)}, []any{int64(4), int64(5)}}},
	{hex: "98190102030405060708090a0b0c0d0e0f101112131415161718181819", want: []any{
		int64(1), int64(2), int64(3), int64(4), int64(5), int64(6), int64(7), int64(8), int64(9), int64(10),
		int64(11), int64(12), int64(13), int64(14), int64(15), int64(16), int64(17), int64(18), int64(19), int64(20),
		int64(21), int64(22), int64(23), int64(24), int64(25),
	}},
	{hex: "a0", want: m{}},
	{hex: "a201020304", want: value.Map{{Key: int64(1), Value: int64(2)}, {Key: int64(3), Value: int64(4)}}},
	{hex: "a26161016162820203", want: m{"a": int64(1), "b": []any{int64(2), int64(3)}}},
	{hex: "826161a161626163", want: []any{"a", m{"b": "c"}}},
	{hex: "a56161614161626142616361436164614461656145", want: m{"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}},
	{hex: "5f42010243030405ff", err: "indefinite lengths are not accepted"},
	{hex: "7f657374726561646d696e67ff", err: "indefinite lengths are not accepted"},
	{hex: "9fff", err: "indefinite lengths are not accepted"},
	{hex: "9f018202039f0405ffff", err: "indefinite lengths are not accepted"},
	{hex: "9f01820203820405ff", err: "indefinite lengths are not accepted"},
	{hex: "83018202039f0405ff", err: "indefinite lengths are not accepted"},
	{hex: "83019f0203ff820405", err: "indefinite lengths are not accepted"},
	{hex: "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", err: "indefinite lengths are not accepted"},
	{hex: "bf61610161629f0203ffff", err: "indefinite lengths are not accepted"},
	{hex: "826161bf61626163ff", err: "indefinite lengths are not accepted"},
	{hex: "bf6346756ef563416d7421ff", err: "indefinite lengths are not accepted"},
}

func TestAppendixA(t *testing.T) {
	for _, c := range appendixA {
		t.Run(c.hex, func(t *testing.T) {
			data := unhex(t, c.hex)
			var got any
			err := Decode(data, &got, Options{})
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %v, %v; want an error with %q", got, err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !alike(got, c.want) {
				t.Errorf("got %s; want %s", show(got), show(c.want))
			}
			// What is written for it is what stands in the RFC, but for floats,
			// which are always written in full, and for tag 1.
			if data[0]>>5 == majorSimple>>5 && data[0] != itemFloat64 && data[0] > itemNil || data[0] == 0xc1 {
				return
			}
			if _, isFloat := got.(float64); isFloat && math.IsNaN(got.(float64)) {
				return
			}
			if back := mustAppend(t, got); hex.EncodeToString(back) != c.hex {
				t.Errorf("written again: got %x; want %s", back, c.hex)
			}
		})
	}
}
