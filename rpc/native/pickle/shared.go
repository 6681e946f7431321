package pickle

import (
	"errors"
	"reflect"

	"github.com/parley-rpc/parley/rpc/value"
)

// made is a value that stands at several places.
type made struct {
	v        any
	elements int // values in it
	memory   int // bytes that it was charged
	height   int // containers within each other in it, beside the outermost
}

// once makes a value the first time and gives the same again after that. The
// limits count what is in it each time: whoever walks over the result does so too.
func (d *decoder) once(key any, depth int, value func() any) any {
	if m, ok := d.made[key]; ok {
		if d.bound(false, depth+m.height, m.elements); d.err != nil {
			return nil
		}
		d.elements -= m.elements
		d.count(m.memory)
		return m.v
	}
	elements, memory, deepest := d.elements, d.memory, d.deepest
	d.deepest = depth
	m := made{v: value()}
	m.elements, m.memory, m.height = elements-d.elements, memory-d.memory, d.deepest-depth
	d.deepest = max(d.deepest, deepest)
	if d.err != nil {
		return nil
	}
	if d.made == nil {
		d.made = make(map[any]made)
	}
	if d.charge(nodeSize + mapSize) {
		d.made[key] = m
	}
	return m.v
}

// identity tells containers and pointers apart when a message is written.
type identity struct {
	typ reflect.Type
	at  uintptr
	n   int
}

// writing stands in place of a memo entry for what is not finished.
const writing = -1

var errCycle = errors.New("a value contains itself; expected one without such a circle, since it is written as a tree")

// once writes a value the first time and refers to it after that.
func (e *Encoder) once(id identity, write func()) {
	at, again := e.shared[id]
	switch {
	case e.Err() != nil:
	case again && at == writing:
		e.Fail(errCycle)
	case again:
		e.next()
		e.get(at)
	default:
		if e.shared == nil {
			e.shared = make(map[identity]int)
		}
		e.shared[id] = writing
		if write(); e.Err() == nil {
			e.shared[id] = e.memoize()
		}
	}
}

// identify tells whether v is a container that may stand elsewhere too.
func (e *Encoder) identify(v any) (identity, bool) {
	var n int
	switch v := v.(type) {
	case []any:
		n = len(v)
	case map[string]any:
		n = len(v)
	case value.Map:
		n = len(v)
	case value.Set:
		return identity{reflect.TypeOf(v), reflect.ValueOf(v.Items).Pointer(), len(v.Items)}, len(v.Items) > 0 && !v.Frozen && !e.needsHash()
	case *Object:
		return identity{reflect.TypeOf(v), reflect.ValueOf(v).Pointer(), 0}, v != nil
	}
	if n == 0 || e.needsHash() { // empty slices may all be at one place; a key would be of another type
		return identity{}, false
	}
	return identity{reflect.TypeOf(v), reflect.ValueOf(v).Pointer(), n}, true
}
