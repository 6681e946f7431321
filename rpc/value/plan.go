package value

import (
	"encoding"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"sync"
	"time"
)

// plan is how values of one Go type are read and written. It does not change
// once it is in the cache.
type plan struct {
	decode func(s Source, v reflect.Value) // v is settable and zero
	encode func(s Sink, v reflect.Value)
	err    error                         // why the type cannot cross; then both functions fail with it
	plain  func(s Sink, v reflect.Value) // of one of a compiler's Types: what encode would be if it were none
	record *record                       // the fields, if the type is a struct
	scalar scalar                        // what rows of tables do instead of calling the functions
	bits   int                           // of a scalarInt
	name   string                        // of its type
}

var plans sync.Map // reflect.Type -> *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	return newPlan(t, nil, &plans)
}

// newPlan compiles the plan of t, with the forms of types if there are any, and
// files it and the plans of its parts in cache.
func newPlan(t reflect.Type, types *Types, cache *sync.Map) *plan {
	c := compiler{types: types, cache: cache, built: map[reflect.Type]*plan{}}
	p := c.compile(t)
	c.spread()
	for t, p := range c.built { // published together: a plan never refers to a half-built one
		cache.LoadOrStore(t, p)
	}
	return p
}

// compiler builds the plans of a type and of all that it is made of. A type
// that contains itself finds its own plan in built.
type compiler struct {
	types *Types
	cache *sync.Map
	built map[reflect.Type]*plan
	uses  map[*plan][]use
}

// use is a part of a type, for errors: "field Done of Order".
type use struct {
	plan *plan
	as   string
}

func (c *compiler) part(of *plan, t reflect.Type, as string) *plan {
	p := c.compile(t)
	if c.uses == nil {
		c.uses = map[*plan][]use{}
	}
	c.uses[of] = append(c.uses[of], use{p, as})
	return p
}

// spread carries the errors of parts to the types that are made of them. The
// functions of those types stay: their other parts may be all that is used.
func (c *compiler) spread() {
	for changed := true; changed; {
		changed = false
		for p, uses := range c.uses {
			for _, u := range uses {
				if p.err == nil && u.plan.err != nil {
					p.err = fmt.Errorf("%s: %w", u.as, u.plan.err)
					changed = true
				}
			}
		}
	}
}

func (c *compiler) compile(t reflect.Type) *plan {
	if p, ok := c.cache.Load(t); ok {
		return p.(*plan)
	}
	if p, ok := c.built[t]; ok {
		return p
	}
	p := &plan{}
	c.built[t] = p
	if c.types.Has(t) {
		c.fillTyped(p, t)
	} else {
		c.fill(p, t)
	}
	if p.err != nil && p.decode == nil {
		err := p.err
		p.decode = func(s Source, _ reflect.Value) { s.Fail(err) }
		p.encode = func(s Sink, _ reflect.Value) { s.Fail(err) }
	}
	return p
}

var (
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (c *compiler) fill(p *plan, t reflect.Type) {
	if c.fillSpecial(p, t) {
		return
	}
	name := t.String()
	switch t.Kind() {
	case reflect.Bool:
		p.scalar = scalarBool
		p.decode = func(s Source, v reflect.Value) { v.SetBool(decodeBool(s)) }
		p.encode = func(s Sink, v reflect.Value) { s.Bool(v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := t.Bits()
		p.scalar, p.bits, p.name = scalarInt, bits, name
		p.decode = func(s Source, v reflect.Value) { v.SetInt(decodeInt(s, bits, name)) }
		p.encode = func(s Sink, v reflect.Value) { s.Int(v.Int()) }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		bits := t.Bits()
		p.decode = func(s Source, v reflect.Value) { v.SetUint(decodeUint(s, bits, name)) }
		p.encode = func(s Sink, v reflect.Value) { encodeUint(s, v.Uint()) }
	case reflect.Float64, reflect.Float32:
		if t.Kind() == reflect.Float64 {
			p.scalar = scalarFloat
		}
		p.decode = func(s Source, v reflect.Value) {
			f := decodeFloat(s)
			if v.OverflowFloat(f) {
				s.Fail(fmt.Errorf("%v does not fit %s", f, name))
				return
			}
			v.SetFloat(f)
		}
		p.encode = func(s Sink, v reflect.Value) { s.Float(v.Float()) }
	case reflect.String:
		p.scalar = scalarText
		p.decode = func(s Source, v reflect.Value) { v.SetString(decodeTextAs(s, name)) }
		p.encode = func(s Sink, v reflect.Value) { s.Text(v.String()) }
	case reflect.Slice:
		c.fillSlice(p, t)
	case reflect.Array:
		c.fillArray(p, t)
	case reflect.Map:
		c.fillMap(p, t)
	case reflect.Pointer:
		c.fillPointer(p, t)
	case reflect.Struct:
		c.fillStruct(p, t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			p.err = fmt.Errorf("%s cannot cross the wire: of interfaces only any can be decoded into", name)
			return
		}
		p.decode = func(s Source, v reflect.Value) {
			if x := DecodeAny(s); x != nil {
				v.Set(reflect.ValueOf(x))
			} else {
				v.SetZero()
			}
		}
		p.encode = func(s Sink, v reflect.Value) { Encode(s, v.Interface()) }
	default:
		p.err = fmt.Errorf("%s cannot cross the wire", name)
	}
}

// fillSpecial knows the types whose meaning is not that of their Go kind.
func (c *compiler) fillSpecial(p *plan, t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time]():
		p.decode = func(s Source, v reflect.Value) { v.Set(reflect.ValueOf(decodeTime(s))) }
		p.encode = func(s Sink, v reflect.Value) { s.Time(v.Interface().(time.Time)) }
	case reflect.TypeFor[big.Int]():
		p.decode = func(s Source, v reflect.Value) {
			if n := decodeBigInt(s); n != nil {
				v.Addr().Interface().(*big.Int).Set(n)
			}
		}
		p.encode = func(s Sink, v reflect.Value) {
			n := v.Interface().(big.Int)
			encodeBigInt(s, &n)
		}
	case reflect.TypeFor[big.Rat]():
		p.decode = func(s Source, v reflect.Value) {
			if r := decodeOther[*big.Rat](s, "fraction"); r != nil {
				v.Addr().Interface().(*big.Rat).Set(r)
			}
		}
		p.encode = func(s Sink, v reflect.Value) {
			r := v.Interface().(big.Rat)
			s.Other(&r)
		}
	case reflect.TypeFor[Void]():
		p.decode = func(s Source, _ reflect.Value) { s.Skip() }
		p.encode = func(s Sink, _ reflect.Value) {
			if vs, ok := s.(VoidSink); ok {
				vs.Void()
			} else {
				s.Nil()
			}
		}
	case reflect.TypeFor[Deferred]():
		p.decode = func(s Source, v reflect.Value) { v.Set(reflect.ValueOf(deferred(s))) }
		p.encode = func(s Sink, v reflect.Value) { Encode(s, v.Interface().(Deferred).v) }
	case reflect.TypeFor[Tuple]():
		p.decode = func(s Source, v reflect.Value) { v.Set(reflect.ValueOf(Tuple(decodeItems(s)))) }
		p.encode = func(s Sink, v reflect.Value) { encodeItems(s, KindTuple, v.Interface().(Tuple)) }
	case reflect.TypeFor[Set]():
		p.decode = func(s Source, v reflect.Value) {
			frozen := s.Kind() == KindFrozenSet
			v.Set(reflect.ValueOf(Set{Items: decodeItems(s), Frozen: frozen}))
		}
		p.encode = func(s Sink, v reflect.Value) { encodeSet(s, v.Interface().(Set)) }
	case reflect.TypeFor[Map]():
		p.decode = func(s Source, v reflect.Value) { v.Set(reflect.ValueOf(decodePairs(s))) }
		p.encode = func(s Sink, v reflect.Value) { encodePairs(s, v.Interface().(Map)) }
	case reflect.TypeFor[ByteArray]():
		p.decode = func(s Source, v reflect.Value) { v.SetBytes(decodeBytes(s)) }
		p.encode = func(s Sink, v reflect.Value) { s.Other(v.Interface()) }
	case reflect.TypeFor[LocalTime]():
		p.decode = func(s Source, v reflect.Value) { v.Set(reflect.ValueOf(decodeLocalTime(s))) }
		p.encode = func(s Sink, v reflect.Value) { s.Other(v.Interface()) }
	case reflect.TypeFor[Decimal]():
		fillOther[Decimal](p, "decimal")
	case reflect.TypeFor[UUID]():
		fillOther[UUID](p, "uuid")
	case reflect.TypeFor[Range]():
		fillOther[Range](p, "range")
	case reflect.TypeFor[complex128]():
		fillOther[complex128](p, "complex")
	default:
		if !IsText(t) {
			return false
		}
		p.decode = decodeUnmarshaler
		p.encode = encodeMarshaler
	}
	return true
}

// IsText reports whether values of t are text through methods of their own. A
// struct that merely has the methods of a type embedded in it keeps its fields.
func IsText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface ||
		!p.Implements(textMarshaler) || !p.Implements(textUnmarshaler) {
		return false
	}
	if t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			if f := t.Field(i); f.Anonymous && f.IsExported() && (f.Type.Implements(textMarshaler) || reflect.PointerTo(f.Type).Implements(textMarshaler)) {
				return false
			}
		}
	}
	return true
}

func fillOther[T any](p *plan, word string) {
	p.decode = func(s Source, v reflect.Value) { v.Set(reflect.ValueOf(decodeOther[T](s, word))) }
	p.encode = func(s Sink, v reflect.Value) { s.Other(v.Interface()) }
}

func (c *compiler) fillPointer(p *plan, t reflect.Type) {
	depth := 0
	for e := t; e.Kind() == reflect.Pointer; e = e.Elem() {
		if depth++; depth > 4 {
			p.err = fmt.Errorf("%s cannot cross the wire: too many pointers to pointers", t)
			return
		}
	}
	elem := c.part(p, t.Elem(), t.String())
	toBool := takesBool(t.Elem())
	p.decode = func(s Source, v reflect.Value) {
		k := s.Kind()
		if k == KindNil {
			s.Nil()
			v.SetZero()
			return
		}
		if k == KindOther && typesOf(s).Has(t.Elem()) {
			decodePointer(s, v, elem)
			return
		}
		n := reflect.New(t.Elem())
		elem.decode(s, n.Elem())
		if k == KindBool && !toBool {
			return // it was an error, or a false for which nil stands
		}
		v.Set(n)
	}
	p.encode = func(s Sink, v reflect.Value) {
		if v.IsNil() {
			s.Nil()
			return
		}
		elem.encode(s, v.Elem())
	}
	if c.types.Has(t.Elem()) {
		p.encode = func(s Sink, v reflect.Value) { encodeTyped(s, v, elem) }
	}
}

// takesBool reports whether a bool can be decoded into a t.
func takesBool(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[Void](), reflect.TypeFor[Deferred]():
		return true
	}
	return t.Kind() == reflect.Interface || t.Kind() == reflect.Bool && !IsText(t)
}

func errNotPointer(dst any) error {
	if dst == nil {
		return errors.New("cannot decode into nil: expected a non-nil pointer")
	}
	return fmt.Errorf("cannot decode into %T: expected a non-nil pointer", dst)
}
