package cbor

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, hex, want string }{
		{"nothing", "", "the message ends where a value was expected"},
		{"two values", "01 02", "expected the end of the message, got 1 more bytes"},
		{"int in two bytes too many", "1817", "not in its shortest form"},
		{"int in a byte too many", "1900ff", "not in its shortest form"},
		{"int in four bytes too many", "1a0000ffff", "not in its shortest form"},
		{"int in eight bytes too many", "1b00000000ffffffff", "not in its shortest form"},
		{"negative", "3800", "not in its shortest form"},
		{"length", "7801 61", "not in its shortest form"},
		{"count", "9801 01", "not in its shortest form"},
		{"tag", "d801 01", "not in its shortest form"},
		{"bignum of 64 bits", "c2 48 ffffffffffffffff", "not in its shortest form"},
		{"bignum of no bits", "c2 40", "not in its shortest form"},
		{"bignum with a leading zero", "c3 4a 00010000000000000000", "not in its shortest form"},
		{"bignum of text", "c2 69 616161616161616161", "expected bytes after the tag"},
		{"reserved", "1c", "reserved byte 0x1c"},
		{"reserved", "fe", "simple value 0xfe is not accepted"},
		{"break", "ff", "indefinite lengths are not accepted"},
		{"indefinite tag", "df", "indefinite lengths are not accepted"},
		{"undefined", "f7", "simple value 0xf7"},
		{"undefined in a list", "81 f7", "[0]: simple value 0xf7"},
		{"text of Latin-1", "61 ff", "text is not valid UTF-8"},
		{"surrogate", "63 eda080", "text is not valid UTF-8"},
		{"overlong", "62 c080", "text is not valid UTF-8"},
		{"cut rune", "61 c3", "text is not valid UTF-8"},
		{"key of Latin-1", "a1 61ff 01", "text is not valid UTF-8"},
		{"decimal of Latin-1", "da50726c44 61ff", "text is not valid UTF-8"},
		{"the same text key", "a2 6161 01 6161 02", `the same key twice: "a"`},
		{"the same key later", "a3 6161 01 6162 02 6161 03", `the same key twice: "a"`},
		{"the same int key", "a2 01 01 01 02", "the same key twice: 01"},
		{"the same tuple", "a2 da50726c548101 01 da50726c548101 02", "the same key twice: da50726c548101"},
		{"the same key in a map in a key", "a1 a2 01 01 01 02 01", "the same key twice: 01"},
		{"unknown tag", "d9ffff 01", "unknown tag 65535"},
		{"tag without content", "da50726c54", "the message ends"},
		{"set of no array", "d90102 01", "a tag without its content: expected an array after it"},
		{"tuple of a tuple's tag", "da50726c54 da50726c54 80", "expected an array after it"},
		{"time of bytes", "c0 41 61", "expected text after the tag"},
		{"time of no form", "c0 64 32303234", `expected a time by RFC 3339, got "2024"`},
		{"time without zone", "c0 73 323031332d30332d32315432303a30343a3030", "expected a time by RFC 3339"},
		{"time of lower case", "c0 74 323031332d30332d32317432303a30343a30305a", "expected a time by RFC 3339"},
		{"30 February", "c0 74 323031332d30322d33305432303a30343a30305a", "expected a time by RFC 3339"},
		{
			"time finer than a nanosecond", "c0 78 24 323032342d30322d32395431323a33303a30302e313233343536373839302b30353a3330",
			"expected a time in at most 35 bytes, got 36",
		},
		{"epoch of text", "c1 6131", "the seconds as an integer"},
		{"epoch of NaN", "c1 f97e00", "NaN is no time"},
		{"epoch of infinity", "c1 f97c00", "+Inf is no time"},
		{"epoch of more", "c1 fb7e37e43c8800759c", "1e+300 is no time"},
		{"epoch beyond", "c1 1b7fffffffffffffff", "the seconds is 9223372036854775807; expected"},
		{"epoch beyond int64", "c1 1bffffffffffffffff", "the seconds is beyond 64 bits"},
		{"instant of two", "da50726c49 82 00 00", "expected seconds, nanoseconds and the zone, got 2"},
		{"nanoseconds beyond", "da50726c49 83 00 1a3b9aca00 00", "the nanoseconds is 1000000000; expected 0 to 999999999"},
		{"nanoseconds below", "da50726c49 83 00 20 00", "the nanoseconds is -1"},
		{"zone of a day", "da50726c49 83 00 00 1a00015180", "the zone is 86400; expected -86399 to 86399"},
		{"local time of one", "da50726c4c 81 00", "expected seconds and nanoseconds, got 1"},
		{"uuid too short", "d825 4f 000102030405060708090a0b0c0d0e", "expected the 16 bytes of a uuid, got 15"},
		{"uuid too long", "d825 51 000102030405060708090a0b0c0d0e0f10", "expected the 16 bytes of a uuid, got 17"},
		{"range of two", "da50726c47 82 00 01", "expected start, stop and step, got 2"},
		{"range of step 0", "da50726c47 83 00 01 00", "a range with a step of 0"},
		{"range of bignums", "da50726c47 83 00 1b8000000000000000 01", "the stop is beyond 64 bits"},
		{"complex of ints", "d9a7f8 82 01 01", "expected a float after the tag"},
		{"complex of one", "d9a7f8 81 f93c00", "expected a real and an imaginary part, got 1"},
		{"fraction of 0", "d81e 82 01 00", "denominator is not above 0"},
		{"fraction below 0", "d81e 82 01 20", "denominator is not above 0"},
		{"fraction of floats", "d81e 82 f93c00 01", "expected an integer after the tag"},
		{"fraction of a time", "d81e 82 c101 01", "expected an integer, got tag 1"},
		{"bytearray of text", "da50726c42 6161", "expected bytes after the tag"},
		{"a claim of bytes", "5b7fffffffffffffff 00", "a length of 9223372036854775807 bytes where 1 are left"},
		{"a claim of bytes beyond int64", "5bffffffffffffffff 00", "a length of 18446744073709551615 bytes where 1 are left"},
		{"a claim of text", "7affffffff 61", "a length of 4294967295 bytes where 1 are left"},
		{"a claim of elements", "9affffffff 01", "a container of 4294967295 elements in the 1 bytes that are left"},
		{"a claim of entries", "bbffffffffffffffff 01", "a container of 18446744073709551615 elements in the 1 bytes that are left"},
		{"entries in half their bytes", "a2 01 02 03", "a container of 2 elements in the 3 bytes that are left"},
		{"a claim in a key", "a1 5affffffff 01", "the message ends inside a value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := unhex(t, c.hex)
			var got any
			err := Decode(data, &got, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, %v; want an error with %q", got, err, c.want)
			}
			var e *value.Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data) {
				t.Errorf("got %#v; want a *value.Error with an offset within the message", err)
			}
		})
	}
}

// A reader that asks for something else than what stands there is told what
// does, and after that there is nothing.
func TestMismatch(t *testing.T) {
	reads := map[string]func(*Decoder){
		"nil":    (*Decoder).Nil,
		"bool":   func(d *Decoder) { d.Bool() },
		"int":    func(d *Decoder) { d.Int() },
		"float":  func(d *Decoder) { d.Float() },
		"string": func(d *Decoder) { d.Text() },
		"bytes":  func(d *Decoder) { d.Bytes() },
		"time":   func(d *Decoder) { d.Time() },
		"other":  func(d *Decoder) { d.Other() },
		"list":   func(d *Decoder) { d.List() },
		"map":    func(d *Decoder) { d.Map() },
	}
	for _, c := range kindCases {
		data := unhex(t, c.hex)
		kind := NewDecoder(data, Options{}).Kind()
		for want, read := range reads {
			d := NewDecoder(data, Options{})
			read(d)
			fits := want == kind.String() || want == "list" && kind.IsSequence()
			if fits != (d.Err() == nil) {
				t.Errorf("%s read as %s: got %v", c.name, want, d.Err())
			}
			if fits {
				continue
			}
			if text := "expected " + want + ", got " + kind.String(); d.Err().Error() != text {
				t.Errorf("%s read as %s: got %v; want %s", c.name, want, d.Err(), text)
			}
			first := d.Err()
			for _, again := range reads {
				again(d)
			}
			d.BigInt()
			d.Skip()
			d.Name()
			if d.Kind() != value.KindInvalid || d.More() || d.Ints(nil) != nil || d.Floats(nil) != nil || d.Err() != first {
				t.Errorf("%s read as %s: after the error there is %v, %v", c.name, want, d.Kind(), d.Err())
			}
		}
		// Reading what is there, twice.
		d := NewDecoder(data, Options{})
		d.Skip()
		d.Skip()
		if err := d.Finish(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s skipped twice: got %v; want that the message ends", c.name, err)
		}
	}
}

// What is skipped need not be known, but must be well-formed.
func TestSkip(t *testing.T) {
	for _, c := range []struct{ name, hex, want string }{
		{"unknown tag", "d9ffff 01", ""},
		{"tags on tags", "d9ffff d9fffe d9fffd 81 c1 01", ""},
		{"malformed time", "c0 01", ""},
		{"malformed table", "da50726c52 82 81 6161 80", ""},
		{"undefined", "f7", "simple value 0xf7"},
		{"undefined inside", "82 01 f7", "simple value 0xf7"},
		{"indefinite", "9f ff", "indefinite lengths"},
		{"indefinite inside", "81 7f ff", "indefinite lengths"},
		{"not shortest", "a1 01 1801", "shortest form"},
		{"no UTF-8", "81 61ff", "not valid UTF-8"},
		{"cut list", "82 01", "the message ends"},
		{"cut text", "81 62 61", "the message ends"},
		{"cut float", "fb 00", "the message ends"},
		{"cut tag", "d9ffff", "the message ends"},
		{"too deep", strings.Repeat("81", 65) + "80", "over the limit of 64 containers"},
		{"too many tags", strings.Repeat("c1", 262_145) + "01", "over the limit of 262144 elements"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(unhex(t, c.hex), Options{})
			d.Skip()
			switch err := d.Finish(); {
			case c.want == "" && err != nil:
				t.Errorf("got %v; want no error", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v; want an error with %q", err, c.want)
			}
		})
	}
	// What is skipped counts.
	d := NewDecoder(unhex(t, "82 82 01 02 82 03 04"), Options{MaxElements: 5})
	d.List()
	d.Skip()
	if d.Err() != nil {
		t.Error(d.Err())
	}
	if d.Skip(); !errors.Is(d.Finish(), ErrLimit) {
		t.Errorf("after 6 elements of 5: got %v; want an error", d.Finish())
	}
	// Offsets of errors point at what is wrong.
	d = NewDecoder(unhex(t, "83 01 82 02 f7 03"), Options{})
	d.Skip()
	if d.Err() == nil || d.Err().Offset != 4 {
		t.Errorf("got %#v; want an error at 4", d.Err())
	}
}

// Maps of every size that is looked at in another way, with their keys in
// several orders, are read; with a key once more at the end they are not.
func TestKeys(t *testing.T) {
	const prime = 7919 // takes i to another place in each map
	for _, n := range []int{1, 2, fewKeys - 1, fewKeys, fewKeys + 1, fewKeys + 2, 4 * fewKeys, 1000} {
		for name, order := range map[string]func(i int) int{
			"ascending":  func(i int) int { return i },
			"descending": func(i int) int { return n - 1 - i },
			"mixed":      func(i int) int { return i * prime % n },
		} {
			for _, text := range []bool{true, false} {
				var list []int
				for i := range n {
					list = append(list, order(i))
				}
				if err := Decode(appendKeys(list, text), new(any), Options{}); err != nil {
					t.Errorf("%d keys, %s, text %v: %v", n, name, text, err)
				}
				for i := range min(n, 40) {
					twice := appendKeys(append(list, list[i]), text)
					if err := Decode(twice, new(any), Options{}); !errors.Is(err, errTwice) {
						t.Errorf("%d keys, %s, text %v, key %d again: got %v; want an error", n, name, text, i, err)
					}
				}
			}
		}
	}
}

// appendKeys returns a map with one key for each number.
func appendKeys(list []int, text bool) []byte {
	var e Encoder
	e.Map(len(list))
	for _, n := range list {
		if text {
			e.Name(string(rune('a'+n%26)) + strings.Repeat("k", n/26))
		} else {
			e.Int(int64(n - len(list)/2))
		}
		e.Nil()
	}
	e.End()
	return e.Output()
}

// Each map has its own keys, also those in the keys and values of another.
func TestKeysOfNestedMaps(t *testing.T) {
	big := func(depth int) any {
		var v any = "leaf"
		for range depth {
			outer := value.Map{}
			for i := range 40 {
				outer = append(outer, value.Pair{Key: int64((i * 7) % 40), Value: nil})
			}
			outer[20].Value = v
			outer = append(outer, value.Pair{Key: value.Tuple{v, int64(1)}, Value: v})
			v = outer
		}
		return v
	}
	want := big(4)
	var got any
	if err := Decode(mustAppend(t, want), &got, Options{}); err != nil {
		t.Fatal(err)
	}
	if back := mustAppend(t, got); string(back) != string(mustAppend(t, want)) {
		t.Error("came back as something else")
	}
}
