package rpc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"

	"github.com/parley-rpc/parley/rpc/value"
)

// An upload is a stream from the caller to the function. It is the last
// argument of the one and the last parameter of the other: an iter.Seq2[T,
// error], or an io.Reader, which is a stream of binary pieces.
//
//	caller:  argument -> TakeUpload -> transport
//	callee:  transport -> Request.Next -> parameter
//
// A transport without streams sends a list or binary in its place
// (CollectUpload), and a function takes either for the other.

// pieceSize is the most that is read from an io.Reader for one item, in bytes.
const pieceSize = 32 << 10

var (
	readerType     = reflect.TypeFor[io.Reader]()
	readCloserType = reflect.TypeFor[io.ReadCloser]()
	bytesType      = reflect.TypeFor[[]byte]()
)

// uploadOf returns the type of the items of a parameter that is a stream, nil
// for any other parameter.
func uploadOf(t reflect.Type) reflect.Type {
	if t == readerType || t == readCloserType {
		return bytesType
	}
	return itemsOf(t)
}

// isUpload reports whether an argument is a stream.
func isUpload(arg any) bool {
	switch arg.(type) {
	case nil, bool, int, int64, float64, string, []byte, []int, []any, map[string]any: // most arguments
		return false
	case io.Reader:
		return true
	}
	t := reflect.TypeOf(arg)
	return t.Kind() == reflect.Func && itemsOf(t) != nil
}

var errUploadPlace = errors.New("a stream must be the last argument, and the only one")

// TakeUpload takes the stream off the end of the arguments of a call; items is
// nil if there is none. Transports call it. An item is valid until the next one
// is asked for; an error is the last item.
func TakeUpload(args []any) (rest []any, items iter.Seq2[any, error], err error) {
	last := len(args) - 1
	for i, arg := range args {
		if !isUpload(arg) {
			continue
		}
		if i < last {
			return nil, nil, fmt.Errorf("argument %d: %w", i+1, errUploadPlace)
		}
		return args[:last], itemsIn(arg), nil
	}
	return args, nil, nil
}

// CollectUpload puts what a stream at the end of the arguments yields in its
// place, for a transport that has no streams: a list of at most maxItems items,
// or binary of at most maxBytes bytes.
func CollectUpload(args []any, maxItems, maxBytes int) ([]any, error) {
	rest, items, err := TakeUpload(args)
	if err != nil || items == nil {
		return args, err
	}
	rest = rest[:len(rest):len(rest)] // the caller's arguments stay as they are
	if r, ok := args[len(args)-1].(io.Reader); ok {
		b, err := readAll(r, maxBytes)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", len(args), err)
		}
		return append(rest, b), nil
	}
	list := []any{}
	for item, err := range items {
		if err == nil && len(list) == maxItems {
			err = fmt.Errorf("a stream of more than %d items, which is the most that is sent as a list", maxItems)
		}
		if err == nil {
			item, err = value.Dynamic(item) // the producer may use its memory again
		}
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", len(args), err)
		}
		list = append(list, item)
	}
	return append(rest, list), nil
}

// readAll reads r to its end, which has to come within limit bytes.
func readAll(r io.Reader, limit int) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(b) > limit {
		err = fmt.Errorf("a stream of more than %d bytes, which is the most that is carried in one piece", limit)
	}
	return b, err
}

// itemsIn returns the items of a stream.
func itemsIn(stream any) iter.Seq2[any, error] {
	switch stream := stream.(type) {
	case io.Reader:
		return pieces(stream)
	case iter.Seq2[any, error]:
		return stream
	}
	return func(yield func(any, error) bool) {
		seq := reflect.ValueOf(stream)
		if seq.IsNil() {
			return
		}
		for item, failed := range seq.Seq2() {
			err, _ := failed.Interface().(error)
			if !yield(item.Interface(), err) || err != nil {
				return
			}
		}
	}
}

// pieces yields what r has to read, as it comes.
func pieces(r io.Reader) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		buf := make([]byte, pieceSize)
		for {
			n, err := r.Read(buf)
			if n > 0 && !yield(buf[:n:n], nil) || err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// callUploading is Call for a caller within the process whose last argument is a
// stream. A stream that breaks off is not the method's error, but the caller's.
func (r *Registry) callUploading(ctx context.Context, req *Request, args []any, items iter.Seq2[any, error]) (any, error) {
	next, stop := iter.Pull2(items)
	defer stop()
	var broken error
	own := *req
	own.Args = Values(args)
	own.Next = func(dst any) error {
		if broken != nil {
			return broken
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		item, err, ok := next()
		switch {
		case !ok:
			return io.EOF
		case err != nil:
			broken = err
			return err
		}
		return value.Convert(dst, item)
	}
	result, err := r.Call(ctx, &own)
	if broken != nil {
		return nil, fmt.Errorf("rpc: call %s: upload: %w", req.Method, broken)
	}
	return result, err
}

// decodeUpload reads the arguments of a function whose last parameter is a
// stream.
func (m *method) decodeUpload(req *Request, args Args, dst []any) error {
	last := len(dst) - 1
	stream := reflect.ValueOf(dst[last]).Elem()
	if req.Next != nil {
		p := m.params
		p.Required = last
		if len(p.Names) > 0 {
			p.Names = p.Names[:last]
		}
		if err := args.Decode(dst[:last], &p); err != nil {
			return err
		}
		m.setUpload(stream, req.Next)
		return nil
	}
	list := reflect.New(m.uploadList)
	all := append(append(make([]any, 0, len(dst)), dst[:last]...), list.Interface())
	if err := args.Decode(all, &m.params); err != nil {
		return err
	}
	i := 0
	m.setUpload(stream, func(dst any) error {
		if i == list.Elem().Len() {
			return io.EOF
		}
		reflect.ValueOf(dst).Elem().Set(list.Elem().Index(i))
		i++
		return nil
	})
	if b, ok := list.Interface().(*[]byte); ok {
		stream.Set(reflect.ValueOf(io.NopCloser(bytes.NewReader(*b))))
	}
	return nil
}

// setUpload makes a stream of what next gives, in a parameter.
func (m *method) setUpload(stream reflect.Value, next func(dst any) error) {
	if t := stream.Type(); t == readerType || t == readCloserType {
		stream.Set(reflect.ValueOf(&upload{next: next}))
		return
	}
	stream.Set(reflect.MakeFunc(stream.Type(), func(in []reflect.Value) []reflect.Value {
		yield := in[0]
		for {
			item := reflect.New(m.upload)
			failed := reflect.Zero(errorType)
			err := next(item.Interface())
			if err == io.EOF { //nolint:errorlint // one that wraps it is no end
				return nil
			}
			if err != nil {
				item.Elem().SetZero()
				failed = reflect.ValueOf(&err).Elem()
			}
			if !yield.Call([]reflect.Value{item.Elem(), failed})[0].Bool() || err != nil {
				return nil
			}
		}
	}))
}

// upload is a stream of binary as an io.ReadCloser.
type upload struct {
	next  func(dst any) error
	piece []byte // what is left of it
	err   error
}

func (u *upload) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(u.piece) == 0 && u.err == nil {
		u.piece = nil
		u.err = u.next(&u.piece)
	}
	if len(u.piece) == 0 {
		return 0, u.err
	}
	n := copy(p, u.piece)
	u.piece = u.piece[n:]
	return n, nil
}

// Close makes further reads fail. The transport drops what comes after the
// function has returned.
func (u *upload) Close() error {
	u.piece = nil
	if u.err == nil {
		u.err = io.ErrClosedPipe
	}
	return nil
}

// Reader calls method and returns what it answers as one stream of bytes: the
// result of a function that returns an io.Reader, as it comes, or a []byte. The
// call begins with the first Read that has room for a byte, and lasts until the end
// of the stream, an error, or Close, which must be called. The error of a call is
// that of a Read. Without one, io.EOF, all of the stream has come. Deadlines and
// default times are those of [Stream].
//
// It must be used by one goroutine at a time.
func Reader(ctx context.Context, c Caller, method string, args ...any) io.ReadCloser {
	return &download{ctx: ctx, c: c, method: method, args: args}
}

type download struct {
	ctx    context.Context // of the one call that this is
	c      Caller
	method string
	args   Values

	next  func() ([]byte, error, bool) // nil: the call has not begun
	stop  func()
	piece []byte // what is left of it
	err   error
}

// pieces makes the call.
func (d *download) pieces(yield func([]byte, error) bool) {
	var piece []byte
	req := newRequest(d.ctx, d.method, d.args, &piece)
	stream(d.ctx, d.c, req, func(err error) bool { return yield(piece, err) })
}

func (d *download) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if d.next == nil && d.err == nil {
		d.next, d.stop = iter.Pull2(d.pieces)
	}
	for len(d.piece) == 0 && d.err == nil {
		var ok bool
		if d.piece, d.err, ok = d.next(); !ok {
			d.err = io.EOF
		} else if d.err != nil {
			d.piece = nil
		}
	}
	if len(d.piece) == 0 {
		return 0, d.err
	}
	n := copy(p, d.piece)
	d.piece = d.piece[n:]
	return n, nil
}

// WriteTo writes all that is left to w. It is what io.Copy uses.
func (d *download) WriteTo(w io.Writer) (written int64, err error) {
	if d.next == nil && d.err == nil {
		d.err = io.ErrClosedPipe // unless it comes to its end here
		for piece, err := range d.pieces {
			if err != nil {
				d.err = err
				return written, err
			}
			n, err := w.Write(piece)
			written += int64(n)
			if err == nil && n < len(piece) {
				err = io.ErrShortWrite
			}
			if err != nil {
				return written, err
			}
		}
		d.err = io.EOF
		return written, nil
	}
	return io.Copy(w, struct{ io.Reader }{d})
}

func (d *download) Close() error {
	if d.stop != nil {
		d.stop()
	}
	d.piece = nil
	if d.err == nil {
		d.err = io.ErrClosedPipe
	}
	return nil
}
