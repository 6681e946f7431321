package cbor

import (
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc/value"
)

func TestWeigh(t *testing.T) {
	tests := []struct {
		name string
		data string
		want int
	}{
		{"nothing", "", 0},
		{"a small int", "\x07", 16},
		{"ints of all sizes", "\x18\x40\x19\x01\x00\x1a\x00\x01\x00\x00\x1b\x00\x00\x00\x01\x00\x00\x00\x00\x20", 4*24 + 16},
		{"true, nil, a float", "\xf5\xf6\xfb\x00\x00\x00\x00\x00\x00\x00\x00", 16 + 16 + 24},
		{"short text, long text", "\x62ab\x78\x1e" + strings.Repeat("x", 30), 40 + 2 + 40 + 30},
		{"an empty list in a list", "\x81\x80", 40 + 40},
		{"empty map", "\xa0", 16 + 48},
		{"map of one", "\xa1\x61a\x01", 16 + 48 + 288 + 41 + 16},
		{"head cut off", "\x01\x19", 16 + 24},
		{"text cut off", "\x01\x79\x01\x00x", 16},
		{"a list longer than the message", "\x01\x9a\x00\x10\x00\x00", 16},
		{"a list of indefinite length", "\x01\x9f", 16},
	}
	for _, tt := range tests {
		if got := Weigh([]byte(tt.data)); got != tt.want {
			t.Errorf("%s: got %d; want %d", tt.name, got, tt.want)
		}
	}
	deep := strings.Repeat("\x81", 1000)
	if got, most := Weigh([]byte(deep)), 100*40; got > most {
		t.Errorf("lists in one another: got %d; want at most %d, since they are not read any deeper", got, most)
	}
}

// TestWeighTables: a row is a map, though it is written as an array.
func TestWeighTables(t *testing.T) {
	rows := make([]struct{ A, B int }, 1000)
	data, err := Append(nil, rows)
	if err != nil {
		t.Fatal(err)
	}
	if got, least := Weigh(data), len(rows)*(mapMemory+groupMemory); len(data) > 5*len(rows) || got < least {
		t.Errorf("a table of %d bytes: got %d; want %d at least", len(data), got, least)
	}
}

// FuzzWeigh: whatever the bytes, Weigh returns, and what it returns has bounds,
// also where maps claim more entries than they have.
func FuzzWeigh(f *testing.F) {
	for _, s := range []string{"", "\x80", "\xa1\x01\x80", "\x82\x82\x01\x02\x83", "\xd9\x01\x04\x82\x81\x61a\x81\x01", "\x9a\xff\xff\xff\xff", "\xc6\xc6\xc6", strings.Repeat("\xb4", 7) + strings.Repeat("0", 20), strings.Repeat("\x81", 100)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := Weigh(data)
		if most := len(data)*400 + value.DefaultMaxElements*entryMemory; got < 0 || got > most {
			t.Errorf("%d bytes: got %d; want up to %d", len(data), got, most)
		}
	})
}
