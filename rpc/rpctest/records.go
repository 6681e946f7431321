package rpctest

import (
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

type point struct {
	X int `rpc:"x"`
	Y int `rpc:"y"`
}

// order has a field for each way that a field can be written.
type order struct {
	base
	Number  int               `rpc:"number"`
	Kolo    string            `xmlrpc:"kolo_name"`
	JSON    string            `json:"json_name,omitempty"`
	Plain   string            // named by its Go name
	Both    bool              `json:"not_this" rpc:"this"`
	Hidden  string            `rpc:"-"`
	Items   []item            `rpc:"items"`
	Where   point             `rpc:"where"`
	Maybe   *point            `rpc:"maybe"`
	Note    *string           `rpc:"note,omitempty"`
	Tags    map[string]string `rpc:"tags"`
	Blob    []byte            `rpc:"blob"`
	When    time.Time         `rpc:"when"`
	Any     any               `rpc:"any"`
	Matrix  [2][2]int         `rpc:"matrix"`
	private int
}

type base struct {
	Version int `rpc:"version"`
}

type item struct {
	Name  string  `rpc:"name"`
	Qty   int8    `rpc:"qty"`
	Price float64 `rpc:"price"`
}

// tree is a type that contains itself.
type tree struct {
	Name     string `rpc:"name"`
	Children []tree `rpc:"children"`
}

func anOrder() order {
	note := "by hand"
	return order{
		base: base{Version: 2}, Number: 12, Kolo: "k", JSON: "j", Plain: "p", Both: true,
		Items: []item{{"Teapot", 1, 24.5}, {"", -128, 0}}, Where: point{1, -1}, Maybe: &point{3, 4}, Note: &note,
		Tags: map[string]string{"a": "b"}, Blob: []byte{0, 1}, When: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Any: []any{int64(1), map[string]any{"x": "y"}}, Matrix: [2][2]int{{1, 2}, {3, 4}},
	}
}

func manyItems(n int) []item {
	list := make([]item, n)
	for i := range list {
		list[i] = item{Name: "item", Qty: int8(i), Price: float64(i) / 4}
	}
	return list
}

// testRecords sends structs, alone and in lists.
func testRecords(t *testing.T, tr Transport) {
	bare := order{When: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}
	exact(t, tr, anOrder(), bare)
	exact(t, tr, []order{anOrder(), anOrder()}, []order{})
	exact(t, tr, manyItems(0), manyItems(1), manyItems(2), manyItems(500))
	exact(t, tr, map[string]item{"a": {"x", 1, 2}})
	exact(t, tr, []*point{{1, 2}, nil, {3, 4}})
	exact(t, tr, tree{"root", []tree{{"left", nil}, {"right", []tree{{"leaf", nil}}}}})

	received := make(chan map[string]any, 1)
	c := tr.connect(t, functions{
		"order": func(m map[string]any) { received <- m },
		"point": func(p point) point { return p },
	})
	t.Run("Names", func(t *testing.T) {
		o := anOrder()
		o.JSON, o.Note, o.Hidden, o.private = "", nil, "secret", 1
		if _, err := rpc.Invoke[value.Void](tr.bounded(t), c, "order", o); err != nil {
			t.Fatal(err)
		}
		got := <-received
		for _, name := range []string{"version", "number", "kolo_name", "Plain", "this", "items", "where", "maybe", "tags", "blob", "when", "any", "matrix"} {
			if _, ok := got[name]; !ok {
				t.Errorf("the record has no %q", name)
			}
			delete(got, name)
		}
		if len(got) > 0 {
			t.Errorf("the record also holds %v", got)
		}
	})
	t.Run("UnknownFieldsAreIgnored", func(t *testing.T) {
		p, err := rpc.Invoke[point](tr.bounded(t), c, "point", map[string]any{"z": []any{nil, 1}, "y": 2, "X": 9})
		if want := (point{0, 2}); err != nil || p != want {
			t.Errorf("got %v, %v; want %v", p, err, want)
		}
	})
}
