package rpc

import (
	"reflect"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// Types that hold themselves have examples that end all the same: at this depth,
// and after so many values. Of a type that is itself large, an array, there is none.
const (
	exampleDepth  = 12
	exampleValues = 100
	exampleSize   = 2 << 10 // in bytes
)

// filler makes the examples of one method.
type filler struct {
	numbers int // integers so far: two of them should differ
	left    int // values that the example at hand may still have
}

// makeExamples returns for each parameter a value that a caller might pass, as a
// dynamic value; nil where none can be made.
func (m *method) makeExamples() []any {
	if m.raw {
		return nil
	}
	list := make([]any, len(m.types))
	var f filler
	for i, t := range m.types {
		if m.params.Variadic && i == len(m.types)-1 {
			t = t.Elem()
		}
		if m.upload != nil && i == len(m.types)-1 {
			t = m.uploadList
		}
		list[i] = f.example(t)
	}
	return list
}

// example makes an example of a type. A type that writes itself may not be
// ready for what it is filled with: it has no example then.
func (f *filler) example(t reflect.Type) (example any) {
	defer func() {
		if recover() != nil {
			example = nil
		}
	}()
	if t.Size() > exampleSize {
		return nil
	}
	v := reflect.New(t).Elem()
	f.left = exampleValues
	f.fill(v, exampleDepth)
	example, err := value.Dynamic(v.Interface())
	if err != nil {
		return nil
	}
	return example
}

// room reports whether a t may be put behind a pointer or into a container.
func (f *filler) room(t reflect.Type) bool { return f.left > 0 && t.Size() <= exampleSize }

// fill puts something into a value that shows what belongs there.
func (f *filler) fill(v reflect.Value, depth int) {
	if f.left--; depth == 0 || f.left < 0 {
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
		v.SetInt(f.number())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.number()))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1.5)
	case reflect.String:
		v.SetString("text")
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf(f.number()))
		}
	case reflect.Pointer:
		if f.room(v.Type().Elem()) {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.Set(reflect.ValueOf([]byte("hello")).Convert(v.Type()))
			return
		}
		if f.room(v.Type().Elem()) {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			f.fill(v.Index(0), depth-1)
		}
	case reflect.Array:
		for i := range v.Len() {
			f.fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		if !f.room(v.Type().Elem()) {
			return
		}
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key, depth-1)
		f.fill(elem, depth-1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, elem)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Field(i); field.CanSet() {
				f.fill(field, depth-1)
			}
		}
	}
}

// number is 3, 5, 3, 5 and so on.
func (f *filler) number() int64 {
	f.numbers++
	return int64(5 - 2*(f.numbers%2))
}
