package cbor

import (
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// kindCases holds a value of every kind and the bytes it is written in, as
// docs/wire-cbor.md has them. It seeds the fuzz targets.
var kindCases = []struct {
	name string
	v    any
	hex  string
}{
	{"nil", nil, "f6"},
	{"false", false, "f4"},
	{"true", true, "f5"},
	{"int", int64(23), "17"},
	{"int of a byte", int64(24), "1818"},
	{"int of two bytes", int64(-257), "390100"},
	{"int of four bytes", int64(1 << 31), "1a80000000"},
	{"least int", int64(math.MinInt64), "3b7fffffffffffffff"},
	{"greatest int", int64(math.MaxInt64), "1b7fffffffffffffff"},
	{"above int64", bigInt("9223372036854775808"), "1b8000000000000000"},
	{"below int64", bigInt("-9223372036854775809"), "3b8000000000000000"},
	{"greatest of 64 bits", bigInt("18446744073709551615"), "1bffffffffffffffff"},
	{"bignum", bigInt("18446744073709551616"), "c2 49 010000000000000000"},
	{"negative bignum", bigInt("-18446744073709551617"), "c3 49 010000000000000000"},
	{"float", 1.5, "fb3ff8000000000000"},
	{"negative zero", math.Copysign(0, -1), "fb8000000000000000"},
	{"NaN", math.NaN(), "fb7ff8000000000001"},
	{"infinity", math.Inf(-1), "fbfff0000000000000"},
	{"text", "grüße", "67 6772c3bcc39f65"},
	{"bytes", []byte{0, 0xff}, "42 00ff"},
	{
		"time in UTC", time.Date(2024, 2, 29, 12, 30, 0, 5, time.UTC),
		"c0 78 1e 323032342d30322d32395431323a33303a30302e3030303030303030355a",
	},
	{
		"time in a zone", time.Date(2024, 2, 29, 12, 30, 0, 0, time.FixedZone("", -(3*60+30)*60)),
		"c0 78 19 323032342d30322d32395431323a33303a30302d30333a3330",
	},
	{
		"time in a zone of seconds", time.Date(1880, 1, 1, 0, 0, 0, 0, time.FixedZone("", 1172)),
		"da 50726c49 83 3a a9492093 00 190494",
	},
	{
		"time after 9999", time.Date(10000, 1, 1, 0, 0, 0, 1, time.UTC),
		"da 50726c49 83 1b 0000003afff44180 01 00",
	},
	{"no time", time.Time{}, "c0 74 303030312d30312d30315430303a30303a30305a"},
	{
		"local time",
		value.LocalTime{Time: time.Date(1969, 12, 31, 23, 59, 59, 1_000_000, time.UTC)},
		"da 50726c4c 82 20 1a000f4240",
	},
	{"list", []any{int64(1), "a", nil}, "83 01 6161 f6"},
	{"empty list", []any{}, "80"},
	{"tuple", value.Tuple{int64(1), value.Tuple{}}, "da 50726c54 82 01 da 50726c54 80"},
	{"set", value.Set{Items: []any{int64(1), "a"}}, "d9 0102 82 01 6161"},
	{"frozenset", value.Set{Items: []any{int64(1)}, Frozen: true}, "da 50726c46 81 01"},
	{"map", m{"b": int64(1), "a": m{}}, "a2 6161 a0 6162 01"},
	{
		"map of any keys",
		value.Map{{Key: int64(2), Value: "x"}, {Key: value.Tuple{int64(1)}, Value: nil}, {Key: "k", Value: true}},
		"a3 02 6178 da50726c54 81 01 f6 616b f5",
	},
	{"bytearray", value.ByteArray{1, 2}, "da 50726c42 42 0102"},
	{"decimal", value.Decimal("-1.50"), "da 50726c44 65 2d312e3530"},
	{"fraction", big.NewRat(-1, 3), "d8 1e 82 20 03"},
	{
		"large fraction", new(big.Rat).SetFrac(bigInt("1"), bigInt("36893488147419103232")),
		"d8 1e 82 01 c2 49 020000000000000000",
	},
	{"complex", complex(1, -2), "d9 a7f8 82 fb3ff0000000000000 fbc000000000000000"},
	{"uuid", value.UUID{0: 0x12, 15: 0x34}, "d8 25 50 12000000000000000000000000000034"},
	{"range", value.Range{Start: 0, Stop: 10, Step: -1}, "da 50726c47 83 00 0a 20"},
}

func TestKinds(t *testing.T) {
	for _, c := range kindCases {
		t.Run(c.name, func(t *testing.T) {
			data := mustAppend(t, c.v)
			if want := unhex(t, c.hex); !slices.Equal(data, want) {
				t.Errorf("got % x; want % x", data, want)
			}
			var got any
			if err := Decode(data, &got, Options{}); err != nil {
				t.Fatal(err)
			}
			if !alike(got, c.v) {
				t.Errorf("came back as %s; want %s", show(got), show(c.v))
			}
			if f, ok := c.v.(float64); ok && math.Float64bits(f) != math.Float64bits(got.(float64)) {
				t.Errorf("came back with bits %x; want %x", math.Float64bits(got.(float64)), math.Float64bits(f))
			}

			// It is skipped as a whole, alone and as a part.
			d := NewDecoder(mustAppend(t, []any{c.v, int64(7)}), Options{})
			d.List()
			d.Skip()
			if n, _ := d.Int(); n != 7 || d.More() || d.Finish() != nil {
				t.Errorf("after a skip: got %d, %v; want 7", n, d.Finish())
			}
		})
	}
}

// What a peer may write that Append does not.
func TestReadOnly(t *testing.T) {
	for _, c := range []struct {
		name, hex string
		want      any
	}{
		{"half", "f93e00", 1.5},
		{"least half", "f90001", 0x1p-24},
		{"float of four bytes", "fa3fc00000", 1.5},
		{"complex of halves", "d9a7f8 82 f93c00 f9c000", complex(1, -2)},
		{"epoch before 1970", "c120", time.Unix(-1, 0).UTC()},
		{"epoch with a fraction before 1970", "c1 fbbff8000000000000", time.Unix(-2, 500_000_000).UTC()},
		{
			"time with all nine digits and a zone", "c0 78 23 323032342d30322d32395431323a33303a30302e3132333435363738392b30353a3330",
			time.Date(2024, 2, 29, 12, 30, 0, 123456789, time.FixedZone("", 330*60)),
		},
		{"numbers for a time that text could say", "da 50726c49 83 00 00 00", time.Unix(0, 0).UTC()},
		{"table of one row", "da 50726c52 82 81 6161 81 01", []any{m{"a": int64(1)}}},
		{"table of no rows", "da 50726c52 81 81 6161", []any{}},
		{"fraction that can be reduced", "d8 1e 82 02 04", big.NewRat(1, 2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got any
			if err := Decode(unhex(t, c.hex), &got, Options{}); err != nil {
				t.Fatal(err)
			}
			if !alike(got, c.want) {
				t.Errorf("got %s; want %s", show(got), show(c.want))
			}
		})
	}
}

// A time keeps its instant and zone whatever the zone of the machine, and does
// not become one of that zone.
func TestTimeIsNotLocal(t *testing.T) {
	here := time.Local
	defer func() { time.Local = here }()
	time.Local = time.FixedZone("here", 2*60*60)
	sent := time.Date(2024, 7, 1, 12, 0, 0, 0, time.FixedZone("", 2*60*60))
	var got time.Time
	if err := Decode(mustAppend(t, sent), &got, Options{}); err != nil {
		t.Fatal(err)
	}
	if !alike(got, sent) || got.Location() == time.Local {
		t.Errorf("got %v in %v; want %v", got, got.Location(), sent)
	}
	if err := Decode(mustAppend(t, time.Now()), &got, Options{}); err != nil || got.Location() == time.Local {
		t.Errorf("got %v in %v; want no time in the zone of this machine (%v)", got, got.Location(), err)
	}
}

func TestUnwritable(t *testing.T) {
	for _, c := range []struct {
		name string
		v    any
		want string
	}{
		{"text", "a\xff", `"a�" is not valid UTF-8: send it as []byte`},
		{"decimal", value.Decimal("\xff"), "not valid UTF-8"},
		{"key", m{"\xff": 1}, "not valid UTF-8"},
		{"text in a list", []any{struct {
			A int `rpc:"a"`
		}{}, "\xc0"}, "[1]: "},
		{"range", value.Range{Start: 1, Stop: 2}, "range(1, 2, 0): the step must not be 0"},
		{"zone", time.Date(2024, 1, 1, 0, 0, 0, 0, time.FixedZone("", 86400)), "a zone 86400 seconds from UTC"},
		{"time", time.Unix(1<<60, 0).UTC(), "seconds from 1970"},
		{"bits", new(big.Int).Lsh(big.NewInt(1), 4096), "an integer of 4097 bits: over the limit of 4096"},
		{"bits of a fraction", new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), 4096)), "4097 bits"},
		{"elements", make([]int64, 262_145), "over the limit of 262144 elements"},
		{"channel", make(chan int), "chan int"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dst := []byte("before")
			got, err := Append(dst, c.v)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v; want an error with %q", err, c.want)
			}
			if string(got) != "before" {
				t.Errorf("got %q; want what was there before", got)
			}
		})
	}
}

// A value that contains itself ends in an error.
func TestAppendOfACycle(t *testing.T) {
	type node struct{ Next *node }
	var n node
	n.Next = &n
	if _, err := Append(nil, &n); err == nil || !strings.Contains(err.Error(), "over the limit of 64 containers") {
		t.Errorf("got %v; want an error about depth", err)
	}
	list := make([]any, 1)
	list[0] = list
	if _, err := Append(nil, list); err == nil || !strings.Contains(err.Error(), "over the limit of 64 containers") {
		t.Errorf("got %v; want an error about depth", err)
	}
}

func TestAppendArgs(t *testing.T) {
	type item struct{ Qty any }
	data, err := AppendArgs([]byte{0xaa}, []any{3, "five", nil})
	if want := unhex(t, "aa 83 03 64 66697665 f6"); err != nil || !slices.Equal(data, want) {
		t.Errorf("got % x, %v; want % x", data, err, want)
	}
	if data, err = AppendArgs(nil, nil); err != nil || !slices.Equal(data, []byte{0x80}) {
		t.Errorf("no arguments: got % x, %v; want 80", data, err)
	}
	data, err = AppendArgs([]byte{0xaa}, []any{1, []item{{1}, {"\xff"}}})
	if err == nil || !strings.HasPrefix(err.Error(), "cbor: params[1][1].Qty: ") || !slices.Equal(data, []byte{0xaa}) {
		t.Errorf("got % x, %v; want an error at params[1][1].Qty", data, err)
	}
}

// The zero Encoder and the zero Decoder can be used as they are.
func TestZero(t *testing.T) {
	for _, c := range kindCases {
		var e Encoder
		if value.Encode(&e, c.v); e.Err() != nil || !slices.Equal(e.Output(), unhex(t, c.hex)) {
			t.Errorf("%s: got % x, %v; want % x", c.name, e.Output(), e.Err(), unhex(t, c.hex))
		}
	}
	var d Decoder
	if k := d.Kind(); k != value.KindInvalid || d.More() || d.Finish() != nil {
		t.Errorf("got %v, %v; want nothing", k, d.Err())
	}
	if d.Int(); d.Err() == nil {
		t.Error("got an integer; want an error")
	}
}

// Values may follow one another without a container.
func TestSequence(t *testing.T) {
	var e Encoder
	e.Int(1)
	e.Text("two")
	e.Floats([]float64{3})
	d := NewDecoder(e.Output(), Options{})
	if n, _ := d.Int(); n != 1 {
		t.Errorf("got %d; want 1", n)
	}
	if d.Offset() != 1 || len(d.Rest()) != len(e.Output())-1 {
		t.Errorf("got offset %d and %d bytes left; want 1 and %d", d.Offset(), len(d.Rest()), len(e.Output())-1)
	}
	if err := NewDecoder(d.Rest(), Options{}).Finish(); err == nil || !strings.Contains(err.Error(), "expected the end of the message, got 14 more bytes") {
		t.Errorf("got %v; want an error about the bytes that are left", err)
	}
	if s := d.Text(); s != "two" || !d.More() {
		t.Errorf("got %q; want two, and more", s)
	}
	d.Skip()
	if d.More() || d.Finish() != nil {
		t.Errorf("got %v; want the end", d.Finish())
	}
}

// What was decoded from a message is not part of it, unless that was asked for.
func TestBytesAreOwned(t *testing.T) {
	for _, c := range []struct {
		share int
		want  string
	}{{0, "abc"}, {4, "abc"}, {3, "Xbc"}, {1, "Xbc"}} {
		data := mustAppend(t, []byte("abc"))
		d := NewDecoder(data, Options{ShareBytes: c.share})
		got := d.Bytes()
		data[1] = 'X'
		if string(got) != c.want || cap(got) != 3 || d.Shared() != (c.want == "Xbc") || d.Finish() != nil {
			t.Errorf("shared from %d bytes on: got %q of capacity %d, shared %v; want %q", c.share, got, cap(got), d.Shared(), c.want)
		}
		if d.Reset(nil, Options{}); d.Shared() {
			t.Error("after Reset: Shared is still true")
		}
	}
}
