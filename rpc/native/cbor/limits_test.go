package cbor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

func nested(depth int) []byte { return append(bytes.Repeat([]byte{0x81}, depth), 0x01) }

func TestLimits(t *testing.T) {
	bits := func(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n-1) }
	table := mustAppend(t, products(10))
	for _, c := range []struct {
		name string
		data []byte
		o    Options
		ok   bool
	}{
		{"depth 64", nested(64), Options{}, true},
		{"depth 65", nested(65), Options{}, false},
		{"depth 3 of 3", nested(3), Options{MaxDepth: 3}, true},
		{"depth 4 of 3", nested(4), Options{MaxDepth: 3}, false},
		{"depth of a table", table, Options{MaxDepth: 2}, true},
		{"depth of a row", table, Options{MaxDepth: 1}, false},
		{"elements", mustAppend(t, ints(9)), Options{MaxElements: 9}, true},
		{"elements beyond", mustAppend(t, ints(10)), Options{MaxElements: 9}, false},
		{"elements of a default", append([]byte{0x9a, 0, 4, 0, 0}, make([]byte, 262_144)...), Options{}, true},
		{"elements beyond the default", append([]byte{0x9a, 0, 4, 0, 1}, make([]byte, 262_145)...), Options{}, false},
		{"elements in all", unhex(t, "82 82 01 02 82 03 04"), Options{MaxElements: 6}, true},
		{"elements in all beyond", unhex(t, "82 82 01 02 82 03 04"), Options{MaxElements: 5}, false},
		{"entries", unhex(t, "a2 01 02 03 04"), Options{MaxElements: 4}, true},
		{"entries beyond", unhex(t, "a2 01 02 03 04"), Options{MaxElements: 3}, false},
		{"cells", table, Options{MaxElements: 10 + 60}, true},
		{"cells beyond", table, Options{MaxElements: 10 + 59}, false},
		{"names", unhex(t, "da50726c52 81 82 6161 6162"), Options{MaxElements: 2}, true},
		{"names beyond", unhex(t, "da50726c52 81 83 6161 6162 6163"), Options{MaxElements: 2}, false},
		{"elements of a key", unhex(t, "a1 82 01 02 03"), Options{MaxElements: 4}, true},
		{"elements of a key beyond", unhex(t, "a1 82 01 02 03"), Options{MaxElements: 3}, false},
		{"bits", mustAppend(t, bits(4096)), Options{}, true},
		{"bits of 100", mustAppend(t, bits(100)), Options{MaxIntBits: 100}, true},
		{"bits beyond 100", mustAppend(t, bits(101)), Options{MaxIntBits: 100}, false},
		{"bytes beyond 100 bits", mustAppend(t, bits(105)), Options{MaxIntBits: 100}, false},
		{"bits of a fraction beyond", mustAppend(t, new(big.Rat).SetFrac(big.NewInt(1), bits(101))), Options{MaxIntBits: 100}, false},
		{"64 bits are no big integer", unhex(t, "1bffffffffffffffff"), Options{MaxIntBits: 1}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got any
			err := Decode(c.data, &got, c.o)
			if c.ok && err != nil || !c.ok && !errors.Is(err, ErrLimit) {
				t.Errorf("got %v; want it accepted: %v", err, c.ok)
			}
			if strings.Contains(c.name, "bit") || strings.Contains(c.name, "bytes") {
				return // nobody takes the integer that is skipped
			}
			d := NewDecoder(c.data, c.o)
			d.Skip()
			// In what is skipped a table is the lists that it is made of.
			if err := d.Finish(); !strings.Contains(c.name, "cells") && !strings.Contains(c.name, "names") && (c.ok && err != nil || !c.ok && !errors.Is(err, ErrLimit)) {
				t.Errorf("skipped: got %v; want it accepted: %v", err, c.ok)
			}
		})
	}
}

// What one end sends under its limits the other takes under the same.
func TestLimitsAgree(t *testing.T) {
	type pair struct{ A, B any }
	v := []any{
		[]pair{{1, []pair{{2, 3}, {4, 5}}}, {[]int64{1, 2}, m{"x": value.Tuple{1, 2}}}},
		value.Map{{Key: value.Tuple{1}, Value: 2}},
		[]float64{1, 2, 3},
	}
	for limit := 1; limit < 60; limit++ {
		for _, o := range []Options{{MaxElements: limit}, {MaxDepth: limit}} {
			var e Encoder
			e.Reset(nil, o)
			value.Encode(&e, v)
			whole := mustAppend(t, v)
			err := Decode(whole, new(any), o)
			if (e.Err() == nil) != (err == nil) {
				t.Errorf("%+v: written: %v, read: %v", o, e.Err(), err)
			}
		}
	}
}

// allocated returns how many bytes f takes from the heap.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// claim returns a head that claims n, and nothing after it.
func claim(major byte, n uint64) []byte { return appendHead(nil, major, n) }

// Messages that are small and claim to be large, or are large and hold little,
// take memory for what is there only.
func TestBombs(t *testing.T) {
	names := func(n int) []byte {
		list := appendHead(nil, majorArray, uint64(n))
		for i := range n {
			list = append(appendHead(list, majorText, 3), byte('a'+i>>12&15), byte('a'+i>>6&63), byte('a'+i&63))
		}
		return list
	}
	// 65 536 names and then nothing but rows that are empty.
	rows := append(claim(majorTag, tagTable), claim(majorArray, 200_001)...)
	rows = append(append(rows, names(4096)...), bytes.Repeat([]byte{0x80}, 200_000)...)
	wide := append(claim(majorTag, tagTable), claim(majorArray, 2)...)
	wide = append(append(wide, names(65_536)...), claim(majorArray, 65_536)...)

	// One name of 255 bytes in rows of one byte each: what is read is larger
	// than the message, but not without bound.
	stretched := append(claim(majorTag, tagTable), claim(majorArray, 80_001)...)
	stretched = append(stretched, 0x81, 0x78, 255)
	stretched = append(stretched, bytes.Repeat([]byte{'n'}, 255)...)
	stretched = append(stretched, bytes.Repeat([]byte{0x81, 0xf6}, 80_000)...)

	// Every list claims all that is left of the message.
	claims := make([]byte, 0, 1<<20)
	for len(claims) < 1<<20-9 {
		claims = binary.BigEndian.AppendUint32(append(claims, majorArray|26), uint32(1<<20-len(claims)-8))
	}
	keyed := append(bytes.Repeat([]byte{0xa1}, 60), make([]byte, 200_000)...)

	const small = 64 << 10
	for _, c := range []struct {
		name string
		data []byte
		most uint64
	}{
		{"list of 2^32", claim(majorArray, 1<<32), small},
		{"list of 2^64", claim(majorArray, 1<<64-1), small},
		{"map of 2^32", claim(majorMap, 1<<32), small},
		{"text of 2^32", claim(majorText, 1<<32), small},
		{"bytes of 2^63", claim(majorBytes, 1<<63), small},
		{"bignum of 2^32", append(claim(majorTag, tagPosBig), claim(majorBytes, 1<<32)...), small},
		{"bignum of 16 MiB", append(append(claim(majorTag, tagPosBig), claim(majorBytes, 16<<20)...), bytes.Repeat([]byte{0xff}, 16<<20)...), small},
		{"fraction of 16 MiB", append(append([]byte{0xd8, tagRational, 0x82, 0xc2}, claim(majorBytes, 16<<20)...), bytes.Repeat([]byte{0xff}, 16<<20)...), small},
		{"decimal of 2^32", append(claim(majorTag, tagDecimal), claim(majorText, 1<<32)...), small},
		{"table of 2^32 rows", append(claim(majorTag, tagTable), claim(majorArray, 1<<32)...), small},
		{"table of 2^32 names", append(append(claim(majorTag, tagTable), 0x82), claim(majorArray, 1<<32)...), small},
		{"10 000 deep", nested(10_000), small},
		{"10 000 maps deep", append(bytes.Repeat([]byte{0xa1, 0x01}, 10_000), 1), small},
		{"10 000 keys deep", append(bytes.Repeat([]byte{0xa1}, 10_000), make([]byte, 10_001)...), small},
		{"10 000 000 tags deep", append(bytes.Repeat([]byte{0xc1}, 10_000_000), 1), small},
		{"10 000 000 tags deep in a key", append(append([]byte{0xa1}, bytes.Repeat([]byte{0xc1}, 10_000_000)...), 1, 1), small},
		{"claims in claims", claims, 8 << 20},
		{"keys in keys", keyed, 1 << 20},
		{"names with empty rows", rows, 2 << 20},
		{"names without their row", wide, 16 << 20},
		{"long name in short rows", stretched, 100 << 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			for what, decode := range map[string]func() error{
				"any":   func() error { return Decode(c.data, new(any), Options{}) },
				"maps":  func() error { return Decode(c.data, new([]map[string]int), Options{}) },
				"bytes": func() error { return Decode(c.data, new([]byte), Options{}) },
				"ints":  func() error { return Decode(c.data, new([]int64), Options{}) },
				"skip":  func() error { d := NewDecoder(c.data, Options{}); d.Skip(); return d.Finish() },
			} {
				var err error
				got := allocated(func() { err = decode() })
				if got > c.most {
					t.Errorf("into %s: %d bytes taken for a message of %d (%v); want at most %d", what, got, len(c.data), err, c.most)
				}
				if err == nil && what == "any" && c.name != "long name in short rows" {
					t.Errorf("into %s: got no error", what)
				}
			}
		})
	}
}

// The memory of a decoder that read a large message is not kept for the small
// ones after it.
func TestResetLetsGo(t *testing.T) {
	list := make([]int, 100_000)
	for i := range list {
		list[i] = i * 7919 % len(list)
	}
	d := NewDecoder(appendKeys(list, false), Options{})
	value.DecodeAny(d)
	if err := d.Finish(); err != nil || cap(d.keys.spans) < len(list) || cap(d.keys.slots) < len(list) {
		t.Fatalf("got %v, room for %d keys; want them in the decoder", err, cap(d.keys.spans))
	}
	d.Reset([]byte{1}, Options{})
	if cap(d.keys.spans) > keepStack || cap(d.keys.slots) > keepStack {
		t.Errorf("after Reset: room for %d keys and %d slots; want none", cap(d.keys.spans), cap(d.keys.slots))
	}
	if n, _ := d.Int(); n != 1 || d.Finish() != nil {
		t.Errorf("after Reset: got %d, %v", n, d.Finish())
	}
}

// The calls of the hot path take no memory but for what they return.
func TestAllocations(t *testing.T) {
	var d Decoder
	var e Encoder
	buf := make([]byte, 0, 1<<16)
	args := mustAppend(t, []any{3, 500, -7, true, nil})
	text := mustAppend(t, []any{"a text", []byte("bytes")})
	table := mustAppend(t, products(10))
	list := products(10)
	numbers := ints(1000)
	dst := make([]int64, 0, 1000)
	arguments := []any{3, 5.5, "text", numbers}
	for _, c := range []struct {
		name string
		want float64
		f    func()
	}{
		{"decode numbers", 0, func() {
			d.Reset(args, Options{})
			d.List()
			d.Int()
			d.Int()
			d.Int()
			d.Bool()
			d.Nil()
		}},
		{"decode a text and bytes", 2, func() { d.Reset(text, Options{}); d.List(); d.Text(); d.Bytes() }},
		{"names of a table", 0, func() {
			d.Reset(table, Options{})
			for d.List(); d.More(); {
				for d.Map(); d.More(); d.Skip() {
					d.Name()
				}
			}
		}},
		{"skip", 0, func() { d.Reset(table, Options{}); d.Skip() }},
		{"ints", 0, func() { d.Reset(mustAppendTo(buf, numbers), Options{}); d.List(); dst = d.Ints(dst[:0]) }},
		{"encode arguments", 0, func() { buf, _ = AppendArgs(buf[:0], arguments) }},
		{"encode records", 1, func() { e.Reset(buf, Options{}); writeProducts(&e, list) }}, // the slice of names in writeProducts
	} {
		c.f()
		if err := d.Err(); err != nil {
			t.Fatal(c.name, err)
		}
		if got := testing.AllocsPerRun(100, c.f); got > c.want {
			t.Errorf("%s: got %v allocations; want %v", c.name, got, c.want)
		}
	}
}

func mustAppendTo(buf []byte, list []int64) []byte {
	var e Encoder
	e.Reset(buf, Options{})
	e.Ints(list)
	return e.Output()
}
