package cbor

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

func TestTable(t *testing.T) {
	list := []product{{1, "a", 2}, {300, "b", 0.5}, {-1, "", 0}}
	data := mustAppend(t, list)
	want := unhex(t, "da 50726c52 84"+
		" 83 63706964 65706e616d65 66707072696365"+
		" 83 01 6161 fb4000000000000000"+
		" 83 19012c 6162 fb3fe0000000000000"+
		" 83 20 60 fb0000000000000000")
	if !slices.Equal(data, want) {
		t.Errorf("got % x; want % x", data, want)
	}

	var got []product
	if err := Decode(data, &got, Options{}); err != nil || !slices.Equal(got, list) {
		t.Errorf("got %v, %v; want %v", got, err, list)
	}
	var dynamic any
	wantAny := []any{
		m{"pid": int64(1), "pname": "a", "pprice": 2.0},
		m{"pid": int64(300), "pname": "b", "pprice": 0.5},
		m{"pid": int64(-1), "pname": "", "pprice": 0.0},
	}
	if err := Decode(data, &dynamic, Options{}); err != nil {
		t.Error(err)
	} else if diff := cmp.Diff(wantAny, dynamic); diff != "" {
		t.Error(diff)
	}
	// A row is a map like any other, for maps with text keys and for pairs too.
	var maps []map[string]any
	if err := Decode(data, &maps, Options{}); err != nil || maps[1]["pname"] != "b" {
		t.Errorf("got %v, %v", maps, err)
	}
	var pairs []value.Map
	if err := Decode(data, &pairs, Options{}); err != nil {
		t.Error(err)
	} else if diff := cmp.Diff(value.Map{{Key: "pid", Value: int64(300)}, {Key: "pname", Value: "b"}, {Key: "pprice", Value: 0.5}}, pairs[1]); diff != "" {
		t.Error(diff)
	}
	// Columns without a field are skipped, fields without a column stay zero.
	var other []struct {
		Price float64 `rpc:"pprice"`
		Stock int     `rpc:"stock"`
	}
	if err := Decode(data, &other, Options{}); err != nil || len(other) != 3 || other[1].Price != 0.5 {
		t.Errorf("got %v, %v", other, err)
	}
}

// Tables in the rows of tables, and what else can stand in one.
func TestTableInTable(t *testing.T) {
	type line struct {
		Item string
		Qty  int
	}
	type order struct {
		ID    int
		Lines []line
		Notes map[string]any
		Tags  []string
		One   line
	}
	orders := []order{
		{1, []line{{"a", 1}, {"b", 2}}, m{"x": []any{int64(1)}}, []string{"p", "q"}, line{"z", 9}},
		{2, []line{{"c", 3}, {"d", 4}, {"e", 5}}, m{}, []string{}, line{}},
		{3, []line{{"f", 6}}, m{"y": m{"z": nil}}, []string{"r"}, line{"y", 8}},
	}
	var got []order
	data := mustAppend(t, orders)
	if err := Decode(data, &got, Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(orders, got); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(string(data), "Lines"); n != 1 {
		t.Errorf("a name of the outer table stands %d times in the message; want once", n)
	}
	// A table is left before its end only by skipping it.
	d := NewDecoder(mustAppend(t, []any{orders, "after"}), Options{})
	d.List()
	d.More()
	d.Skip()
	if s := d.Text(); s != "after" {
		t.Errorf("got %q, %v; want after", s, d.Err())
	}
}

// The methods of a Source, one by one, before a table.
func TestTableAsSource(t *testing.T) {
	d := NewDecoder(mustAppend(t, []product{{1, "a", 2}, {2, "b", 3}}), Options{})
	check := func(what string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %v; want %v", what, got, want)
		}
	}
	check("kind of a table", d.Kind(), value.KindList)
	check("rows", d.List(), 2)
	check("more", d.More(), true)
	check("kind of a row", d.Kind(), value.KindMap)
	check("ints of a table", len(d.Ints(nil)), 0)
	check("cells", d.Map(), 3)
	check("more", d.More(), true)
	check("more, asked twice", d.More(), true)
	check("kind of a name", d.Kind(), value.KindString)
	check("name", string(d.Name()), "pid")
	check("kind of a cell", d.Kind(), value.KindInt)
	d.Skip()
	check("more", d.More(), true)
	check("name read as text", d.Text(), "pname")
	check("cell", d.Text(), "a")
	check("more", d.More(), true)
	d.Skip() // the name
	check("cell", d.Float(), 2.0)
	check("kind after the last cell", d.Kind(), value.KindInvalid)
	check("more", d.More(), false)
	check("more", d.More(), true)
	d.Skip() // the row
	check("kind after the last row", d.Kind(), value.KindInvalid)
	check("more", d.More(), false)
	check("error", d.Finish(), nil)
	check("keys kept", len(d.keys.spans), 0)

	d.Reset(d.data, Options{})
	d.List()
	d.More()
	d.List()
	check("a row read as a list", d.Err().Error(), "expected list, got map")
}

// A name is no place for a value, whatever is asked for.
func TestNameIsText(t *testing.T) {
	data := mustAppend(t, []product{{1, "a", 2}, {2, "b", 3}})
	for name, read := range map[string]func(*Decoder){
		"Int":    func(d *Decoder) { d.Int() },
		"BigInt": func(d *Decoder) { d.BigInt() },
		"Float":  func(d *Decoder) { d.Float() },
		"Bool":   func(d *Decoder) { d.Bool() },
		"Nil":    func(d *Decoder) { d.Nil() },
		"Bytes":  func(d *Decoder) { d.Bytes() },
		"Time":   func(d *Decoder) { d.Time() },
		"Other":  func(d *Decoder) { d.Other() },
		"List":   func(d *Decoder) { d.List() },
		"Map":    func(d *Decoder) { d.Map() },
	} {
		d := NewDecoder(data, Options{})
		d.List()
		d.More()
		d.Map()
		d.More()
		read(d)
		if err := d.Finish(); err == nil || !strings.Contains(err.Error(), "got string") {
			t.Errorf("%s: got %v; want an error that a string stands there", name, err)
		}
	}
}

// Lists that gain nothing as tables are lists.
func TestListInsteadOfTable(t *testing.T) {
	for _, c := range []struct {
		names []string
		rows  int
		first byte
	}{
		{[]string{"a"}, 0, 0x80},
		{[]string{"a"}, 1, 0x81},
		{[]string{"a"}, 2, 0xda},
		{nil, 2, 0x82},
		{[]string{strings.Repeat("n", 255)}, 2, 0xda},
		{[]string{strings.Repeat("n", 256)}, 2, 0x82},
	} {
		var e Encoder
		e.Reset(nil, Options{})
		e.Table(c.names, c.rows)
		for i := range c.rows {
			e.Map(len(c.names))
			for _, name := range c.names {
				e.Name(name)
				e.Int(int64(i))
			}
			e.End()
		}
		e.End()
		if e.Err() != nil || e.Output()[0] != c.first {
			t.Errorf("%d rows of %d names: got %x..., %v; want %x...", c.rows, len(c.names), e.Output()[0], e.Err(), c.first)
		}
		var got []map[string]int
		if err := Decode(e.Output(), &got, Options{}); err != nil || len(got) != c.rows {
			t.Errorf("%d rows of %d names: got %v, %v", c.rows, len(c.names), got, err)
		}
	}
}

func TestBrokenTable(t *testing.T) {
	long := fmt.Sprintf("79 0100 %x", strings.Repeat("n", 256))
	for _, c := range []struct{ name, hex, want string }{
		{"row too short", "da50726c52 83 82 6161 6162 82 01 02 81 01", "[1]: expected a row of 2 values, got 1"},
		{"row too long", "da50726c52 82 81 6161 82 01 02", "[0]: expected a row of 1 values, got 2"},
		{"row is a map", "da50726c52 82 81 6161 a1 6161 01", "expected a row of 1 values"},
		{"row is no container", "da50726c52 82 81 6161 01", "expected a row of 1 values"},
		{"row is cut", "da50726c52 82 81 6161", "[0]: the message ends where a value was expected"},
		{"no array", "da50726c52 a0", "expected an array"},
		{"nothing", "da50726c52 80", "a table without names"},
		{"no names", "da50726c52 82 80 80", "a table without names"},
		{"names are no array", "da50726c52 82 6161 81 01", "expected the array of names"},
		{"name is no text", "da50726c52 82 81 01 81 01", "names of a table: expected a name"},
		{"name is no UTF-8", "da50726c52 82 81 61ff 81 01", "names of a table: text is not valid UTF-8"},
		{"name is cut", "da50726c52 82 81 62", "names of a table: the message ends"},
		{"name is too long", "da50726c52 82 81 " + long + " 81 01", "names of a table: expected a name of at most 255 bytes"},
		{"the same name twice", "da50726c52 82 83 6161 6162 6161 83 01 01 01", `names of a table: the same key twice: "a"`},
		{"claims rows", "da50726c52 9a ffffffff 81 6161", "4294967295 elements"},
		{"claims names", "da50726c52 82 9bffffffffffffffff 6161", "18446744073709551615 elements"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got any
			err := Decode(unhex(t, c.hex), &got, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", got, err, c.want)
			}
		})
	}
}
