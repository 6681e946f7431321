package pickle

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc/value"
)

type (
	textual int
	loose   struct {
		A int `rpc:"a,omitempty"`
	}
	lateArgs struct {
		Code int   `rpc:"code"`
		Args []any `rpc:"args"`
	}
	channel struct{ C chan int }
)

func (lateArgs) Error() string               { return "" }
func (textual) MarshalText() ([]byte, error) { return nil, nil }
func (*textual) UnmarshalText([]byte) error  { return nil }

func TestNamesAreChecked(t *testing.T) {
	reg := NewRegistry()
	if err := reg.Name("product.Product", product{}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		sample  any
		options []Option
		want    string
	}{
		{"Product", maker{}, nil, "a name without a module"},
		{"", maker{}, nil, "a module and a class such as product.Product"},
		{"product.", maker{}, nil, "Python identifier"},
		{"product.Prod\nuct", maker{}, nil, "Python identifier"},
		{"product.1a", maker{}, nil, "Python identifier"},
		{"product:", maker{}, nil, "Python identifier"},
		{"builtins.list", maker{}, nil, "Python's own"},
		{"builtins.eval", maker{}, nil, "Python's own"},
		{"collections.OrderedDict", maker{}, nil, "Python's own"},
		{"product.Product", maker{}, nil, "registered already, as pickle.product"},
		{"product.Other", product{}, nil, "registered already, for product.Product"},
		{"product.Other", &product{}, nil, "registered already, for product.Product"},
		{"m.C", nil, nil, "got nil"},
		{"m.C", map[string]any{}, nil, "a type that the program declares"},
		{"m.C", struct{ A int }{}, nil, "a type that the program declares"},
		{"m.C", 5, nil, "a type that the program declares"},
		{"m.C", time.Time{}, nil, "something else to every wire"},
		{"m.C", Date{}, nil, "a form of its own"},
		{"m.C", channel{}, nil, "cannot cross the wire"},
		{"m.C", textual(0), nil, "MarshalText"},
		{"m.C", new(color), nil, "not a pointer to it"},
		{"m.C", maker{}, []Option{Enum}, "the form Enum does not fit"},
		{"m.C", color(0), []Option{Slots}, "the form Slots does not fit"},
		{"m.C", maker{}, []Option{Slots, NamedTuple}, "expected one Form"},
		{"m.C", maker{}, []Option{Form(99)}, "got Form(99)"},
		{"m.C", maker{}, []Option{nil}, "nil Option"},
		{"m.C", loose{}, []Option{NamedTuple}, "take omitempty"},
		{"m.C", lateArgs{}, nil, "the field args as the first one"},
		{"m.C", maker{}, []Option{Members{{"A", nil, maker{}}}}, "Members are for enumerations"},
		{"m.C", color(0), []Option{Members{}}, "a member or more"},
		{"m.C", color(0), []Option{Members{{"A", nil, 5}}}, "expected a pickle.color as Go, got int"},
		{"m.C", color(0), []Option{Members{{"A b", nil, color(1)}}}, "the name of each member"},
		{"m.C", color(0), []Option{Members{{"A", nil, color(1)}, {"A", nil, color(2)}}}, "there twice"},
		{"m.C", color(0), []Option{Members{{"A", nil, color(1)}, {"B", nil, color(1)}}}, "there twice"},
		{"m.C", color(0), []Option{Members{{"A", make(chan int), color(1)}}}, "cannot cross the wire"},
	} {
		err := reg.Name(test.name, test.sample, test.options...)
		if err == nil || !strings.HasPrefix(err.Error(), "pickle: name ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q, %T: got error %v; want one with %q", test.name, test.sample, err, test.want)
		}
	}
}

func TestNamesOfClasses(t *testing.T) {
	for name, want := range map[string]class{
		"product.Product": "product.Product", "shop.models.Product": "shop.models.Product", "shop.Order.Line": "shop:Order.Line",
		"Queue.Item": "Queue.Item", "Crypto.Hash.SHA256:Hash": "Crypto.Hash.SHA256.Hash", "m:a.b": "m:a.b", "m.é": "m.é",
	} {
		if got, err := parseName(name); got != want || err != nil {
			t.Errorf("%s: got %s, %v; want %s", name, got, err, want)
		}
	}
}

// A Registry may be added to while messages are read and written.
func TestRegistryIsSafeForConcurrentUse(t *testing.T) {
	reg := register(t, map[string]any{"product.Maker": maker{}})
	var all sync.WaitGroup
	all.Go(func() {
		for _, s := range shapes {
			if err := reg.Name(s.class, s.sample, s.options...); err != nil {
				t.Error(err)
			}
		}
	})
	for range 4 {
		all.Go(func() {
			for range 200 {
				data, err := Append(nil, []maker{{"a"}}, EncodeOptions{Registry: reg})
				if err != nil {
					t.Error(err)
				}
				if v, _, err := Decode(data, Options{Registry: reg}); err != nil || v.([]any)[0] != any(maker{"a"}) {
					t.Errorf("got %v, %v", v, err)
				}
			}
		})
	}
	all.Wait()
}

// What a typed destination gets, and what is an error that names both sides.
func TestTypedArguments(t *testing.T) {
	reg := shapesRegistry(t)
	for _, test := range []struct {
		v    any
		dst  any
		want any
		err  string
	}{
		{point{1, "y"}, new(point), point{1, "y"}, ""},
		{point{1, "y"}, new(*point), &point{1, "y"}, ""},
		{&lost{Args: []any{"a"}}, new(lost), lost{Args: []any{"a"}}, ""},
		{map[string]any{"x": 1, "y": "y"}, new(point), point{1, "y"}, ""},
		{[]point{{1, "y"}}, new([]point), []point{{1, "y"}}, ""},
		{map[string]point{"k": {1, "y"}}, new(map[string]point), map[string]point{"k": {1, "y"}}, ""},
		{map[color]point{1: {1, "y"}}, new(map[color]point), map[color]point{1: {1, "y"}}, ""},
		{map[text]int{"hi": 1}, new(map[text]int), map[text]int{"hi": 1}, ""},
		{struct{ C color }{2}, new(struct{ C color }), struct{ C color }{2}, ""},
		{color(2), new(color), color(2), ""},
		{color(2), new(int), 2, ""},
		{color(2), new(uint8), uint8(2), ""},
		{text("hi"), new(text), text("hi"), ""},
		{text("hi"), new(string), "hi", ""},
		{color(2), new(any), color(2), ""},
		{myList{1, 2}, new(myList), myList{1, 2}, ""},
		{myDict{"a": 1}, new(myDict), myDict{"a": 1}, ""},
		{[]any{color(1), point{}}, new([]any), []any{color(1), point{}}, ""},

		{point{}, new(inner), nil, "expected shapes.Outer.Inner, got shapes.Point"},
		{point{}, new(*inner), nil, "expected shapes.Outer.Inner, got shapes.Point"},
		{point{}, new(maker), nil, "expected map, got shapes.Point"},
		{point{}, new(int), nil, "expected int, got shapes.Point"},
		{point{}, new(string), nil, "expected string, got shapes.Point"},
		{point{}, new([]point), nil, "expected list, got"},
		{[]any{point{}, inner{}}, new([]point), nil, "[1]: expected shapes.Point, got shapes.Outer.Inner"},
		{color(2), new(grade), nil, "expected shapes.Level, got shapes.Color"},
		{color(2), new(text), nil, "expected shapes.Text, got shapes.Color"},
		{text("x"), new(color), nil, "expected shapes.Color, got shapes.Text"},
		{color(2), new(point), nil, "expected shapes.Point, got shapes.Color"},
		{grade(-1), new(uint8), nil, "got shapes.Level"},
		{grade(300), new(uint8), nil, "300 does not fit uint8"},
		{value.Decimal("1.5"), new(string), nil, "expected string, got decimal"},
	} {
		data, err := Append(nil, test.v, EncodeOptions{Registry: reg})
		if err != nil {
			t.Errorf("%T: %v", test.v, err)
			continue
		}
		m, err := Read(data, Options{Registry: reg})
		if err != nil {
			t.Errorf("%T: %v", test.v, err)
			continue
		}
		tree, _, err := Decode(data, Options{Registry: reg})
		if err != nil {
			t.Fatal(err)
		}
		for how, s := range map[string]value.Source{"message": m.Source(), "tree": reg.Source(tree)} {
			value.Decode(s, test.dst)
			var got string
			if err := s.Err(); err != nil {
				got = err.Error()
			}
			if (got == "") != (test.err == "") || !strings.Contains(got, test.err) {
				t.Errorf("%s: %#v into %T: got error %q; want %q", how, test.v, test.dst, got, test.err)
				continue
			}
			if test.err == "" {
				if diff := cmp.Diff(test.want, deref(test.dst)); diff != "" {
					t.Errorf("%s: %#v into %T (-want +got):\n%s", how, test.v, test.dst, diff)
				}
			}
		}
	}
}

// Limits hold while instances are built.
func TestLimitsOfInstances(t *testing.T) {
	reg := shapesRegistry(t)
	data, err := Append(nil, []plain{{1, []any{1, 2}}}, EncodeOptions{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ at, over Options }{
		{Options{MaxDepth: 3}, Options{MaxDepth: 2}},
		{Options{MaxElements: 10}, Options{MaxElements: 7}},
		{Options{MaxExpanded: 4096}, Options{MaxExpanded: 256}},
	} {
		test.at.Registry, test.over.Registry = reg, reg
		if _, _, err := Decode(data, test.at); err != nil {
			t.Errorf("%+v: %v", test.at, err)
		}
		if _, _, err := Decode(data, test.over); !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: got error %v; want ErrLimit", test.over, err)
		}
	}
}

// A Date or an Object within a Go type is written as what it is.
func TestOwnTypesWithinGoTypes(t *testing.T) {
	type box struct {
		Day    Date
		Any    any
		Object *Object
		List   []Delta
	}
	o := &Object{Module: "m", Name: "C", Args: value.Tuple{}}
	data, err := Append(nil, box{Date{2024, 1, 2}, o, o, []Delta{{Days: 1}}}, EncodeOptions{Objects: true})
	if err != nil {
		t.Fatal(err)
	}
	o.Args = nil // as it is read
	got, _, err := Decode(data, Options{Objects: true})
	want := map[string]any{"Day": Date{2024, 1, 2}, "Any": o, "Object": o, "List": []any{Delta{Days: 1}}}
	if diff := cmp.Diff(any(want), got, cmp.AllowUnexported(Object{})); err != nil || diff != "" {
		t.Errorf("got error %v (-want +got):\n%s", err, diff)
	}
}

func deref(p any) any { return reflect.ValueOf(p).Elem().Interface() }
