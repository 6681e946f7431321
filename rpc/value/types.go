package value

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Types are Go types that have a form of their own on some wire: an instance of
// a class of the peer's program, say. Codecs without such forms know nothing of
// them, and pay nothing for them: a codec with some puts its Types into its
// [Sticky], and values are then written by plans that are compiled for these
// Types. Types may be used by several goroutines at once.
type Types struct {
	names map[reflect.Type]string
	plans sync.Map // reflect.Type -> *plan
}

// NewTypes returns the types that are the keys of names, which must not change
// after that. The names are those that errors use.
func NewTypes(names map[reflect.Type]string) *Types { return &Types{names: names} }

// Has reports whether t is one of the types. A nil *Types has none.
func (ts *Types) Has(t reflect.Type) bool {
	if ts == nil {
		return false
	}
	_, ok := ts.names[t]
	return ok
}

// Holds reports whether v is a value of one of the types or points to one.
func (ts *Types) Holds(v any) bool {
	if ts == nil || v == nil {
		return false
	}
	t := reflect.TypeOf(v)
	return ts.Has(t) || t.Kind() == reflect.Pointer && ts.Has(t.Elem())
}

// name returns the name of t for errors.
func (ts *Types) name(t reflect.Type) string {
	if ts != nil {
		if name, ok := ts.names[t]; ok {
			return name
		}
		if t.Kind() == reflect.Pointer {
			if name, ok := ts.names[t.Elem()]; ok {
				return name
			}
		}
	}
	return t.String()
}

// A TypeSink is a Sink with Types. It has a Sticky embedded.
type TypeSink interface {
	Sink
	// Typed writes v, which is of one of the Types or a pointer to such a value,
	// not nil. The function plain writes the value, not a pointer, as it would be
	// written without Types: a struct by Map, Name and End.
	Typed(v reflect.Value, plain func(Sink, reflect.Value))
}

// planFor returns the plan by which s writes values of type t.
func planFor(s Sink, t reflect.Type) *plan {
	types := typesOf(s)
	if types == nil {
		return planOf(t)
	}
	if p, ok := types.plans.Load(t); ok {
		return p.(*plan)
	}
	return newPlan(t, types, &types.plans)
}

// fillTyped makes the plan of one of the Types. Lists of it are no tables.
func (c *compiler) fillTyped(p *plan, t reflect.Type) {
	base := &plan{}
	c.fill(base, t)
	if p.err = base.err; base.encode == nil {
		return
	}
	if c.uses[base] != nil {
		c.uses[p] = c.uses[base]
	}
	p.decode, p.plain = base.decode, base.encode
	p.encode = func(s Sink, v reflect.Value) { encodeTyped(s, v, p) }
}

// encodeTyped writes v, or what it points to, whose type has the plan p.
func encodeTyped(s Sink, v reflect.Value, p *plan) {
	ts, ok := s.(TypeSink)
	switch {
	case ok && v.Kind() == reflect.Pointer && v.IsNil():
		s.Nil()
	case ok:
		ts.Typed(v, p.plain)
	default:
		s.Fail(fmt.Errorf("%s is one of the Types of a Sink that has none", v.Type()))
	}
}

// Attributed is a value that stands for an instance of a class which has no Go
// type, and fits a struct by its attributes.
type Attributed interface {
	// Attributes returns the attributes by their names, which must not be changed.
	Attributes() map[string]any
}

// decodeInstance reads what a Source yields as Other into a value that has no
// such form itself: an instance of exactly its type. Otherwise want is the wire
// word of what was expected.
func decodeInstance(s Source, v reflect.Value, want string) {
	x := s.Other()
	if s.Err() != nil {
		return
	}
	r := reflect.ValueOf(x)
	t := v.Type()
	switch {
	case !r.IsValid():
	case r.Type() == t:
		v.Set(r)
		return
	case r.Type() == reflect.PointerTo(t) && !r.IsNil():
		v.Set(r.Elem())
		return
	}
	if a, ok := x.(Attributed); ok {
		from := NewTypedSource(a.Attributes(), typesOf(s))
		planOf(t).decode(from, v)
		if err := from.Err(); err != nil {
			s.Fail(err)
		}
		return
	}
	types := typesOf(s)
	if types.Has(t) {
		want = types.name(t)
	}
	s.Fail(fmt.Errorf("expected %s, got %s", want, types.word(x)))
}

// decodePointer is decodeInstance for a pointer, which may be the one that other
// places have too.
func decodePointer(s Source, v reflect.Value, elem *plan) {
	x := s.Other()
	if r := reflect.ValueOf(x); r.IsValid() && r.Type() == v.Type() {
		v.Set(r)
		return
	}
	n := reflect.New(v.Type().Elem())
	from := NewTypedSource(x, typesOf(s))
	if s.Err() == nil {
		elem.decode(from, n.Elem())
	}
	if err := from.Err(); err != nil {
		s.Fail(err)
		return
	}
	v.Set(n)
}

func typesOf(s any) *Types {
	if e, ok := s.(embedsSticky); ok {
		return e.sticky().Types
	}
	return nil
}

// scalarInstance reads what a Source yields as Other for a destination that is
// an integer or text: a value of one of the Types whose Go kind is the like. It
// fits a destination of exactly its type, and those of the language's own types.
func scalarInstance(s Source, kind reflect.Kind, word, goType string) reflect.Value {
	x := s.Other()
	v, target := reflect.ValueOf(x), reflect.New(scalarTypes[kind]).Elem()
	if s.Err() != nil {
		return target
	}
	types := typesOf(s)
	if named := strings.Contains(goType, "."); types.Holds(x) && v.CanConvert(target.Type()) && (!named || v.Type().String() == goType) {
		if c := v.Convert(target.Type()); v.Kind() != reflect.Pointer && (v.Kind() == reflect.String) == (kind == reflect.String) && c.Convert(v.Type()).Equal(v) && isNegative(c) == isNegative(v) {
			return c
		}
	}
	for t := range types.all() {
		if t.String() == goType {
			word = types.name(t)
		}
	}
	s.Fail(fmt.Errorf("expected %s, got %s", word, types.word(x)))
	return target
}

func isNegative(v reflect.Value) bool { return v.CanInt() && v.Int() < 0 }

var scalarTypes = map[reflect.Kind]reflect.Type{
	reflect.Int64: reflect.TypeFor[int64](), reflect.Uint64: reflect.TypeFor[uint64](), reflect.String: reflect.TypeFor[string](),
}

// word names x for errors.
func (ts *Types) word(x any) string {
	if ts.Holds(x) {
		return ts.name(reflect.TypeOf(x))
	}
	return Word(x)
}

func (ts *Types) all() map[reflect.Type]string {
	if ts == nil {
		return nil
	}
	return ts.names
}

// Fields returns the names that a struct of type t has on the wire, in their
// order; optional says that some may be left out.
func Fields(t reflect.Type) (names []string, optional bool, err error) {
	p := planOf(t)
	if p.err != nil {
		return nil, false, p.err
	}
	if p.record == nil {
		return nil, false, fmt.Errorf("%s is no struct with fields", t)
	}
	return p.record.names, !p.record.fixed, nil
}

// Field is a field of a struct, as it crosses.
type Field struct {
	Name string // on the wire
	Type reflect.Type
}

// FieldTypes returns the fields that a struct of type t has on the wire, in their
// order.
func FieldTypes(t reflect.Type) ([]Field, error) {
	if _, _, err := Fields(t); err != nil {
		return nil, err
	}
	var list []Field
	for _, f := range planOf(t).record.fields {
		list = append(list, Field{f.name, t.FieldByIndex(f.index).Type})
	}
	return list, nil
}
