package pickle

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

type product struct {
	Name  string  `rpc:"name"`
	Price float64 `rpc:"price"`
	Maker maker   `rpc:"maker"`
	Tags  []any   `rpc:"tags"`
}

type maker struct {
	City string `rpc:"city"`
}

func register(t testing.TB, names map[string]any) *Registry {
	reg := NewRegistry()
	for name, sample := range names {
		if err := reg.Name(name, sample); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

func TestRoundTripOfStructs(t *testing.T) {
	reg := register(t, map[string]any{"product.Product": product{}, "product.Maker": maker{}})
	one := product{"hammer", 7.5, maker{"Bonn"}, []any{int64(1), maker{"Rome"}}}
	for protocol := 2; protocol <= MaxProtocol; protocol++ {
		for _, test := range []struct {
			name    string
			v, want any
		}{
			{"alone", one, one},
			{"pointer", &one, one},
			{"list", []any{one, one}, []any{one, one}},
			{"typed list", []product{one, one}, []any{one, one}},
			{"typed map", map[string]*product{"a": &one, "b": nil}, map[string]any{"a": one, "b": nil}},
			{"struct", struct{ P product }{one}, map[string]any{"P": one}},
		} {
			data, err := Append(nil, test.v, EncodeOptions{Protocol: protocol, Registry: reg})
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			got, _, err := Decode(data, Options{Registry: reg})
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%s, protocol %d: got error %v (-want +got):\n%s", test.name, protocol, err, diff)
			}
		}
	}
}

func TestTypedDestinations(t *testing.T) {
	reg := register(t, map[string]any{"product.Product": product{}, "product.Maker": maker{}})
	data, err := Append(nil, value.Tuple{maker{"Bonn"}, []maker{{"a"}, {"b"}}}, EncodeOptions{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	tree, _, err := Decode(data, Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	var one maker
	var list []maker
	if err := value.DecodeArgs(reg.Source(tree), []any{&one, &list}, nil); err != nil || one.City != "Bonn" || len(list) != 2 || list[1].City != "b" {
		t.Errorf("got %v, %v, %v", one, list, err)
	}
	var other product
	err = value.DecodeArgs(reg.Source(tree), []any{&other, &list}, nil)
	if err == nil || err.Error() != "params[0]: expected product.Product, got product.Maker" {
		t.Errorf("got error %v; want one that names both classes", err)
	}
}

func TestUnknownClass(t *testing.T) {
	const data = "\x80\x02cproduct\nProduct\nq\x00)\x81q\x01}q\x02(U\x04nameq\x03U\x06hammerq\x04U\x05priceq\x05K\x07ub."
	_, _, err := Decode([]byte(data), Options{})
	var classError *ClassError
	if !errors.As(err, &classError) || classError.Class != "product.Product" {
		t.Errorf("got error %v; want a ClassError for product.Product", err)
	}
	got, _, err := Decode([]byte(data), Options{Objects: true})
	want := &Object{Module: "product", Name: "Product", State: map[string]any{"name": "hammer", "price": int64(7)}, HasState: true}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Object{})); err != nil || diff != "" {
		t.Errorf("got error %v (-want +got):\n%s", err, diff)
	}
	again, err := Append(nil, got, EncodeOptions{Objects: true})
	if err != nil {
		t.Fatal(err)
	}
	got, _, err = Decode(again, Options{Objects: true})
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Object{})); err != nil || diff != "" {
		t.Errorf("again: got error %v (-want +got):\n%s", err, diff)
	}
	var p product
	if err := value.Convert(&p, got); err != nil || p.Name != "hammer" || p.Price != 7 {
		t.Errorf("got %v, %v; want the product", p, err)
	}
}
