package rpc

import (
	"context"
	"fmt"
	"io"
	"iter"
	"reflect"
	"sync"

	"github.com/parley-rpc/parley/rpc/value"
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
	if r, ok := stream.(io.Reader); ok || stream == nil {
		return pushPieces(ctx, r, yield)
	}
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

// pushPieces does that with an io.Reader, which it closes if that can be closed.
func pushPieces(ctx context.Context, r io.Reader, yield func(item any) error) error {
	if isNil(r) {
		return nil
	}
	shut := closing(r)
	defer shut()
	defer context.AfterFunc(ctx, shut)()
	for piece, err := range pieces(r) {
		if over := ctx.Err(); over != nil {
			err = over
		}
		if err == nil {
			err = yield(piece)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// closing returns a function that closes r once, if it can be closed. At the end of
// a context that lets a Read return that waits for what does not come, as one of a
// pipe, a socket or most files does.
func closing(r io.Reader) func() {
	c, ok := r.(io.Closer)
	if !ok {
		return func() {}
	}
	return sync.OnceFunc(func() { _ = c.Close() })
}

func isNil(r io.Reader) bool {
	v := reflect.ValueOf(r)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// collectPieces reads an io.Reader to its end, which has to come within limit
// bytes.
func (m *method) collectPieces(ctx context.Context, stream any, limit int) (any, error) {
	all := []byte{}
	err := m.push(ctx, stream, func(piece any) error {
		b := piece.([]byte)
		if len(all)+len(b) > limit {
			return Errorf(CodeOverLimit, "%s: the stream has more than %d bytes, which is the most that is collected into one value", m.name, limit)
		}
		all = append(all, b...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// readers are those that a call has opened for its transport.
type readers struct{ list []*opened }

// closeBut closes those that are not the result, since an interceptor had another
// one or an error. One that it has wrapped is for the transport to close.
func (rs *readers) closeBut(result any) {
	kept, isOpened := result.(*opened)
	if _, isReader := result.(io.Reader); isReader && !isOpened {
		return
	}
	for _, o := range rs.list {
		if o != kept {
			o.Close()
		}
	}
}

// noStream returns the result of a function that does not say that it returns an
// io.Reader. What looks like one is a value like any other, and must not be taken
// for one by the transport.
func (r *Registry) noStream(ctx context.Context, m *method, req *Request, result any) (any, error) {
	if _, isReader := result.(io.Reader); !isReader || !req.Reader || m.raw {
		return result, nil
	}
	tree, err := value.Dynamic(result)
	if err != nil {
		return nil, r.internal(ctx, m.name, fmt.Errorf("result: %w", err))
	}
	return tree, nil
}

// open returns an io.Reader for a transport that reads it, once its first piece is
// there: one that fails until then is a fault like any other, and one that ends is
// binary. For how long the others are read is the transport's to say: the contexts
// of interceptors have ended by then.
func open(ctx context.Context, req *Request, stream any) (any, error) {
	r, _ := stream.(io.Reader)
	if isNil(r) {
		return []byte{}, nil
	}
	o := &opened{r: r, head: make([]byte, 0, pieceSize), shut: closing(r)}
	defer context.AfterFunc(ctx, o.shut)()
	for len(o.head) < pieceSize {
		n, err := r.Read(o.head[len(o.head):pieceSize])
		o.head = o.head[:len(o.head)+n]
		if over := ctx.Err(); over != nil {
			err = over
		}
		if err != nil {
			o.shut()
			if err == io.EOF { //nolint:errorlint // one that wraps it is no end
				return o.head, nil
			}
			return nil, err
		}
	}
	if rs := req.readers; rs != nil {
		rs.list = append(rs.list, o)
	}
	return o, nil
}

// opened is an io.Reader of which the beginning has been read.
type opened struct {
	r    io.Reader
	head []byte
	shut func()
}

func (o *opened) Read(p []byte) (int, error) {
	if len(o.head) == 0 {
		return o.r.Read(p)
	}
	n := copy(p, o.head)
	o.head = o.head[n:]
	return n, nil
}

func (o *opened) Close() error {
	o.shut()
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

// partLength is how many elements of a list are made dynamic values at once.
const partLength = 256

// partsOf returns a result in parts, each a list of some elements, if it is a long
// list that is wanted item by item: dynamic values take many times the memory, and
// of a part are needed for a moment only. Any other result is its own one part.
func partsOf(result any, req *Request) iter.Seq[any] {
	return func(yield func(any) bool) {
		v := reflect.ValueOf(result)
		if req.Yield == nil || v.Kind() != reflect.Slice || v.Len() <= partLength || v.Type().Elem().Kind() == reflect.Uint8 || reflect.PointerTo(v.Type()).NumMethod() > 0 {
			yield(result)
			return
		}
		for i := 0; i < v.Len(); i += partLength {
			if !yield(v.Slice(i, min(i+partLength, v.Len())).Interface()) {
				return
			}
		}
	}
}
