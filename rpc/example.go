package rpc

import (
	"reflect"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// Bounds of an example, which is for people. Types may hold themselves many times
// over, and arrays of any length.
const (
	exampleDepth  = 6       // containers in each other
	exampleValues = 100     // values in all
	exampleSize   = 2 << 10 // of a Go value without what it points to, in bytes
)

// example is one that is being made.
type example struct {
	values  int  // so far
	numbers *int // integers so far, of all parameters: two of them should differ
}

// makeExamples returns for each parameter a value that a caller might pass, as a
// dynamic value; nil where none can be made.
func (m *method) makeExamples() []any {
	if m.raw {
		return nil
	}
	list := make([]any, len(m.types))
	numbers := 0
	for i, t := range m.types {
		if m.params.Variadic && i == len(m.types)-1 {
			t = t.Elem()
		}
		if m.upload != nil && i == len(m.types)-1 {
			t = m.uploadList
		}
		list[i] = exampleOf(t, &numbers)
	}
	return list
}

// exampleOf makes an example of a type. A type that writes itself may not be
// ready for what it is filled with: it has no example then.
func exampleOf(t reflect.Type, numbers *int) (tree any) {
	defer func() {
		if recover() != nil {
			tree = nil
		}
	}()
	if t.Size() > exampleSize {
		return nil
	}
	v := reflect.New(t).Elem()
	e := example{numbers: numbers}
	e.fill(v, exampleDepth)
	tree, err := value.Dynamic(v.Interface())
	if err != nil {
		return nil
	}
	return tree
}

// room reports whether something of type t may be put behind a pointer or into a
// container.
func (e *example) room(t reflect.Type) bool {
	return e.values < exampleValues && t.Size() <= exampleSize
}

// fill puts something into a value that shows what belongs there. A pointer is no
// container: what it points to holds itself by one.
func (e *example) fill(v reflect.Value, depth int) {
	if e.values++; depth == 0 || e.values > exampleValues {
		return
	}
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, time.January, 31, 12, 30, 0, 0, time.UTC)))
		return
	}
	if v.Type() == reflect.TypeFor[value.LocalTime]() {
		v.Set(reflect.ValueOf(value.LocalTime{Time: time.Date(2026, time.January, 31, 12, 30, 0, 0, time.UTC)}))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(e.nextNumber())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(e.nextNumber()))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1.5)
	case reflect.String:
		v.SetString("text")
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf(e.nextNumber()))
		}
	case reflect.Pointer:
		if e.room(v.Type().Elem()) {
			v.Set(reflect.New(v.Type().Elem()))
			e.fill(v.Elem(), depth)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.Set(reflect.ValueOf([]byte("hello")).Convert(v.Type()))
			return
		}
		if e.room(v.Type().Elem()) {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			e.fill(v.Index(0), depth-1)
		}
	case reflect.Array:
		for i := range min(v.Len(), exampleDepth) {
			e.fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		if !e.room(v.Type().Elem()) {
			return
		}
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		e.fill(key, depth-1)
		e.fill(elem, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, elem)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				e.fill(f, depth-1)
			}
		}
	}
}

// nextNumber is 3, 5, 3, 5 and so on.
func (e *example) nextNumber() int64 {
	*e.numbers++
	return int64(5 - 2*(*e.numbers%2))
}
