package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
)

// Bind fills the function fields of the struct that api points to with calls
// through c, so that a client reads like the service:
//
//	var api struct {
//		Add     func(context.Context, int, int) (int, error) `rpc:"add"`
//		Catalog struct {
//			List func(context.Context) ([]Product, error)
//		}
//	}
//	err := rpc.Bind(c, &api)
//
// A field is named by its tag, else as Register names a method; a struct field
// is a prefix. The tag `rpc:"catalog.list,idempotent"` says that the method may be
// called again when nobody knows whether a call of it has run, as WithIdempotent
// does. A function has the form (ctx, args…) -> (error), (R, error) or,
// for a stream, (iter.Seq2[T, error]) or (io.ReadCloser), see [Reader]. Mistakes
// are told here.
func Bind(c Caller, api any) error {
	v := reflect.ValueOf(api)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("rpc: bind: expected a pointer to a struct, got %T", api)
	}
	return bindStruct(c, v.Elem(), "")
}

func bindStruct(c Caller, v reflect.Value, prefix string) error {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("rpc")
		if tag == "-" || !f.IsExported() && tag == "" {
			continue
		}
		if !f.IsExported() {
			return fmt.Errorf("rpc: bind: field %s of %s has a tag but is not exported", f.Name, t)
		}
		opts, err := parseStubTag(tag, f.Name)
		if err != nil {
			return fmt.Errorf("rpc: bind: field %s: %w", f.Name, err)
		}
		name := prefix + opts.name
		switch f.Type.Kind() {
		case reflect.Struct:
			if opts.idempotent {
				return fmt.Errorf("rpc: bind: field %s: a struct cannot be idempotent; tag its functions", f.Name)
			}
			if err := bindStruct(c, v.Field(i), name+"."); err != nil {
				return err
			}
		case reflect.Func:
			stub, err := bindFunc(c, name, f.Type, opts.idempotent)
			if err != nil {
				return fmt.Errorf("rpc: bind: field %s: %w", f.Name, err)
			}
			v.Field(i).Set(stub)
		default:
			return fmt.Errorf("rpc: bind: field %s: expected a function or a struct, got %s; to leave it alone, tag it `rpc:\"-\"`", f.Name, f.Type)
		}
	}
	return nil
}

func bindFunc(c Caller, name string, t reflect.Type, idempotent bool) (reflect.Value, error) {
	if t.NumIn() == 0 || t.In(0) != contextType {
		return reflect.Value{}, fmt.Errorf("expected a context.Context as the first parameter of %s", t)
	}
	if t.NumOut() == 1 {
		if item := itemsOf(t.Out(0)); item != nil {
			if idempotent {
				return reflect.Value{}, errors.New("a stream cannot be idempotent: it is not repeated, since items of it may have been taken")
			}
			return bindStream(c, name, t, item), nil
		}
		if t.Out(0) == readCloserType {
			return bindReader(c, name, t), nil
		}
	}
	n := t.NumOut()
	if n == 0 || n > 2 || t.Out(n-1) != errorType {
		return reflect.Value{}, errors.New("expected the results (error), (R, error), (iter.Seq2[T, error]) or (io.ReadCloser)")
	}
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		ctx := in[0].Interface().(context.Context)
		req := newRequest(ctx, name, boundArgs(t, in), new(Void))
		req.Idempotent = req.Idempotent || idempotent
		var result reflect.Value
		if n == 2 {
			result = reflect.New(t.Out(0))
			req.Into = result.Interface()
		}
		out := in[:0] // the memory is this call's
		_, err := c.Call(ctx, req)
		if n == 2 {
			out = append(out, result.Elem())
		}
		if err == nil {
			return append(out, reflect.Zero(errorType))
		}
		failed := err // on the heap, where err is not without need
		return append(out, reflect.ValueOf(&failed).Elem())
	}), nil
}

// boundArgs returns the arguments of a bound call, the context not counted and
// the variadic ones spread out.
func boundArgs(t reflect.Type, in []reflect.Value) Values {
	args := make(Values, 0, len(in))
	for i, v := range in[1:] {
		if t.IsVariadic() && i == len(in)-2 {
			for j := range v.Len() {
				args = append(args, v.Index(j).Interface())
			}
			break
		}
		args = append(args, v.Interface())
	}
	return args
}

// bindReader makes a function that returns a stream of bytes.
func bindReader(c Caller, name string, t reflect.Type) reflect.Value {
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		r := Reader(in[0].Interface().(context.Context), c, name, boundArgs(t, in)...)
		return []reflect.Value{reflect.ValueOf(&r).Elem()}
	})
}

// bindStream makes a function that returns an iter.Seq2 of items.
func bindStream(c Caller, name string, t, item reflect.Type) reflect.Value {
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		ctx := in[0].Interface().(context.Context)
		args := boundArgs(t, in)
		seq := reflect.MakeFunc(t.Out(0), func(yield []reflect.Value) []reflect.Value {
			into := reflect.New(item)
			stream(ctx, c, newRequest(ctx, name, args, into.Interface()),
				func(err error) bool {
					current := reflect.New(item).Elem()
					current.Set(into.Elem())
					into.Elem().SetZero()
					failed := reflect.Zero(errorType)
					if err != nil {
						failed = reflect.ValueOf(&err).Elem()
					}
					return yield[0].Call([]reflect.Value{current, failed})[0].Bool()
				})
			return nil
		})
		return []reflect.Value{seq}
	})
}
