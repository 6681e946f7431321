package rpc

import (
	"reflect"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// exampleDepth is how deep an example goes into types that hold themselves.
const exampleDepth = 6

// makeExamples returns for each parameter a value that a caller might pass, as a
// dynamic value; nil where none can be made.
func (m *method) makeExamples() []any {
	if m.raw {
		return nil
	}
	list := make([]any, len(m.types))
	numbers := 0 // integers so far: two of them should differ
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
func exampleOf(t reflect.Type, numbers *int) (example any) {
	defer func() {
		if recover() != nil {
			example = nil
		}
	}()
	v := reflect.New(t).Elem()
	fill(v, exampleDepth, numbers)
	example, err := value.Dynamic(v.Interface())
	if err != nil {
		return nil
	}
	return example
}

// fill puts something into a value that shows what belongs there.
func fill(v reflect.Value, depth int, numbers *int) {
	if depth == 0 {
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
		v.SetInt(nextNumber(numbers))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(nextNumber(numbers)))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1.5)
	case reflect.String:
		v.SetString("text")
	case reflect.Interface:
		if v.NumMethod() == 0 {
			v.Set(reflect.ValueOf(nextNumber(numbers)))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1, numbers)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.Set(reflect.ValueOf([]byte("hello")).Convert(v.Type()))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth-1, numbers)
	case reflect.Array:
		for i := range min(v.Len(), exampleDepth) {
			fill(v.Index(i), depth-1, numbers)
		}
	case reflect.Map:
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth-1, numbers)
		fill(elem, depth-1, numbers)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, elem)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				fill(f, depth-1, numbers)
			}
		}
	}
}

// nextNumber is 3, 5, 3, 5 and so on.
func nextNumber(numbers *int) int64 {
	*numbers++
	return int64(5 - 2*(*numbers%2))
}
