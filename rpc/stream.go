package rpc

import (
	"context"
	"reflect"
)

// itemsOf returns the type of the items of an iter.Seq2[T, error], nil for any
// other type.
func itemsOf(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Func || t.NumIn() != 1 || t.NumOut() != 0 || t.IsVariadic() {
		return nil
	}
	yield := t.In(0)
	if yield.Kind() != reflect.Func || yield.NumIn() != 2 || yield.In(1) != errorType || yield.IsVariadic() ||
		yield.NumOut() != 1 || yield.Out(0).Kind() != reflect.Bool {
		return nil
	}
	return yield.In(0)
}

// push runs a stream to its end. An error, its own or of yield, ends it, and so
// does the end of ctx. The producer runs on this goroutine.
func (m *method) push(ctx context.Context, stream any, yield func(item any) error) error {
	seq := reflect.ValueOf(stream)
	if seq.IsNil() {
		return nil // a function that has nothing to say
	}
	for item, failed := range seq.Seq2() {
		if err, _ := failed.Interface().(error); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := yield(item.Interface()); err != nil {
			return err
		}
	}
	return nil
}

// collect runs a stream into a list of at most limit items.
func (m *method) collect(ctx context.Context, stream any, limit int) (any, error) {
	list := reflect.MakeSlice(reflect.SliceOf(m.streams), 0, 0)
	err := m.push(ctx, stream, func(item any) error {
		if list.Len() == limit {
			return Errorf(CodeOverLimit, "%s: the stream has more than %d items, which is the most that is collected into a list", m.name, limit)
		}
		v := reflect.New(m.streams).Elem()
		if item != nil {
			v.Set(reflect.ValueOf(item))
		}
		list = reflect.Append(list, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list.Interface(), nil
}
