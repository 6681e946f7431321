package pymatrix

import (
	"fmt"
	"testing"

	"github.com/parley-rpc/parley/rpc/native/pickle"
)

// The types of Go for the classes of shop in values.py.

type (
	Item struct {
		Name  string `rpc:"name"`
		Price int    `rpc:"price"`
	}
	OldItem  Item
	SlotItem Item
	PairItem Item
	DataItem Item
	Level    int
)

// ItemError is an exception.
type ItemError struct {
	Args []any `rpc:"args"`
}

func (e *ItemError) Error() string { return fmt.Sprint(e.Args...) }

// shopClasses registers them.
func shopClasses(t testing.TB) *pickle.Registry {
	t.Helper()
	reg := pickle.NewRegistry()
	for _, c := range []struct {
		name    string
		sample  any
		options []pickle.Option
	}{
		{"shop.Item", Item{}, nil},
		{"shop.OldItem", OldItem{}, []pickle.Option{pickle.OldStyle}},
		{"shop.SlotItem", SlotItem{}, []pickle.Option{pickle.Slots}},
		{"shop.PairItem", PairItem{}, []pickle.Option{pickle.NamedTuple}},
		{"shop.DataItem", DataItem{}, nil},
		{"shop.Level", Level(0), []pickle.Option{pickle.Members{{Name: "LOW", Go: Level(1)}, {Name: "HIGH", Go: Level(2)}}}},
		{"shop.ItemError", &ItemError{}, nil},
	} {
		if err := reg.Name(c.name, c.sample, c.options...); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}
