package value

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// maxPrealloc bounds the memory that a list takes before its elements have been
// read, in bytes: a message may claim many elements in few bytes.
const maxPrealloc = 64 << 10

// bounded returns the number of elements of size bytes to make room for, when
// the wire says there will be n.
func bounded(n int, size uintptr) int {
	return max(0, min(n, maxPrealloc/int(max(size, 1))))
}

func (c *compiler) fillSlice(p *plan, t reflect.Type) {
	if t.Elem() == reflect.TypeFor[byte]() {
		p.decode = func(s Source, v reflect.Value) { v.SetBytes(decodeBytes(s)) }
		p.encode = func(s Sink, v reflect.Value) { s.Bytes(v.Bytes()) }
		return
	}
	elem := c.part(p, t.Elem(), "an element of "+t.String())
	switch t.Elem() {
	case reflect.TypeFor[int](), reflect.TypeFor[int64]():
		p.decode = func(s Source, v reflect.Value) { decodeInts(s, v, elem) }
		p.encode = encodeInts
		return
	case reflect.TypeFor[float64]():
		p.decode = func(s Source, v reflect.Value) { decodeFloats(s, v, elem) }
		p.encode = func(s Sink, v reflect.Value) {
			s.Floats(v.Convert(reflect.TypeFor[[]float64]()).Interface().([]float64))
		}
		return
	}
	p.decode = func(s Source, v reflect.Value) {
		n, ok := beginSlice(s, v)
		if !ok {
			return
		}
		decodeElements(s, v, elem, n)
	}
	p.encode = func(s Sink, v reflect.Value) {
		n := v.Len()
		if elem.record != nil && elem.record.fixed && n > 1 {
			if elem.record.encodeTable(s, v) {
				return
			}
			s.Table(elem.record.names, n)
		} else {
			s.List(KindList, n)
		}
		encodeElements(s, v, elem)
	}
}

func encodeElements(s Sink, v reflect.Value, elem *plan) {
	if s.Err() != nil {
		return // above all: too deep
	}
	for i := range v.Len() {
		elem.encode(s, v.Index(i))
		if err := s.Err(); err != nil {
			err.withinIndex(i)
			return
		}
	}
	s.End()
}

// beginSlice enters a sequence; n is what List said. False: there is none to
// read, since it is nil or in error.
func beginSlice(s Source, v reflect.Value) (n int, ok bool) {
	switch k := s.Kind(); {
	case k.IsSequence():
		n = s.List()
		return n, s.Err() == nil
	case k == KindNil:
		s.Nil()
		v.SetZero()
	case k == KindOther:
		decodeInstance(s, v, "list")
	default:
		mismatch(s, "list", k)
	}
	return 0, false
}

// decodeElements reads the elements of a sequence that has been entered into a
// slice. v keeps nothing of what it held.
func decodeElements(s Source, v reflect.Value, elem *plan, n int) {
	t := v.Type()
	if room := bounded(n, t.Elem().Size()); room > 0 {
		v.SetZero()
		v.Grow(room)
	} else {
		v.Set(reflect.MakeSlice(t, 0, 0)) // an empty list is not nil
	}
	if r := elem.record; r != nil && (r.decodeTable(s, v) || r.decodeRows(s, v, elem)) {
		return
	}
	appendElements(s, v, elem, 0)
}

// appendElements reads the elements from number i on to the end of v.
func appendElements(s Source, v reflect.Value, elem *plan, i int) {
	for ; s.More(); i++ {
		if i == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(i + 1)
		elem.decode(s, v.Index(i))
		if err := s.Err(); err != nil {
			err.withinIndex(i)
			return
		}
	}
}

// int64s are buffers between []int and the codecs' []int64.
var int64s = sync.Pool{New: func() any { return new([]int64) }}

func decodeInts(s Source, v reflect.Value, elem *plan) {
	n, ok := beginSlice(s, v)
	if !ok {
		return
	}
	if v.Type().Elem() == reflect.TypeFor[int64]() {
		list := s.Ints(make([]int64, 0, bounded(n, 8)))
		v.Set(reflect.ValueOf(list).Convert(v.Type()))
		appendElements(s, v, elem, len(list))
		return
	}
	if is, ok := s.(IntSource); ok {
		list := readGoInts(is, n)
		v.Set(reflect.ValueOf(list).Convert(v.Type()))
		appendElements(s, v, elem, len(list))
		return
	}
	buf := int64s.Get().(*[]int64)
	*buf = s.Ints((*buf)[:0])
	list := make([]int, len(*buf), max(len(*buf), bounded(n, 8)))
	for i, n := range *buf {
		list[i] = int(n)
		if int64(list[i]) != n { // where an int has 32 bits
			s.Fail(fmt.Errorf("%d does not fit int", n))
			s.Err().withinIndex(i)
			break
		}
	}
	int64s.Put(buf)
	v.Set(reflect.ValueOf(list).Convert(v.Type()))
	appendElements(s, v, elem, len(list))
}

// ints are where lists grow whose length the wire does not tell. Larger ones than
// largestInts are not kept.
var ints = sync.Pool{New: func() any { return new([]int) }}

const largestInts = 16 << 10

func readGoInts(s IntSource, n int) []int {
	if n >= 0 {
		return s.GoInts(make([]int, 0, bounded(n, 8)))
	}
	buf := ints.Get().(*[]int)
	*buf = s.GoInts((*buf)[:0])
	if cap(*buf) > largestInts {
		return *buf
	}
	list := make([]int, len(*buf))
	copy(list, *buf)
	ints.Put(buf)
	return list
}

func encodeInts(s Sink, v reflect.Value) {
	if v.Type().Elem() == reflect.TypeFor[int64]() {
		s.Ints(v.Convert(reflect.TypeFor[[]int64]()).Interface().([]int64))
		return
	}
	list := v.Convert(reflect.TypeFor[[]int]()).Interface().([]int)
	if is, ok := s.(IntSink); ok {
		is.GoInts(list)
		return
	}
	buf := int64s.Get().(*[]int64)
	*buf = slices.Grow((*buf)[:0], len(list))[:len(list)]
	for i, n := range list {
		(*buf)[i] = int64(n)
	}
	s.Ints(*buf)
	int64s.Put(buf)
}

func decodeFloats(s Source, v reflect.Value, elem *plan) {
	n, ok := beginSlice(s, v)
	if !ok {
		return
	}
	list := s.Floats(make([]float64, 0, bounded(n, 8)))
	v.Set(reflect.ValueOf(list).Convert(v.Type()))
	appendElements(s, v, elem, len(list))
}

func (c *compiler) fillArray(p *plan, t reflect.Type) {
	elem := c.part(p, t.Elem(), "an element of "+t.String())
	p.decode = func(s Source, v reflect.Value) {
		if k := s.Kind(); !k.IsSequence() {
			mismatch(s, "list", k)
			return
		}
		s.List()
		i := 0
		for ; s.More(); i++ {
			if i == t.Len() {
				s.Fail(fmt.Errorf("expected a list of %d elements, got more", t.Len()))
				return
			}
			elem.decode(s, v.Index(i))
			if err := s.Err(); err != nil {
				err.withinIndex(i)
				return
			}
		}
		if s.Err() == nil && i < t.Len() {
			s.Fail(fmt.Errorf("expected a list of %d elements, got %d", t.Len(), i))
		}
	}
	p.encode = func(s Sink, v reflect.Value) {
		s.List(KindList, v.Len())
		encodeElements(s, v, elem)
	}
}
