package value

import (
	"fmt"
	"math/big"
	"time"
)

// builder is a Sink that builds a tree of dynamic values. It bounds the depth,
// since a Go value can contain itself.
type builder struct {
	Sticky
	root  any
	stack []buildFrame
}

// buildFrame is a container that has begun.
type buildFrame struct {
	kind  Kind
	items []any          // of a sequence
	m     map[string]any // of a map while all of its keys are text
	pairs Map            // of a map from its first other key on
	isMap bool
	key   any
	atKey bool // the next value is a key
}

func (b *builder) Fail(err error) { b.FailAt(err, -1) }

func (b *builder) put(v any) {
	if b.Err() != nil {
		return
	}
	n := len(b.stack)
	if n == 0 {
		b.root = v
		return
	}
	f := &b.stack[n-1]
	switch {
	case !f.isMap:
		f.items = append(f.items, v)
	case f.atKey:
		f.key, f.atKey = v, false
	default:
		f.entry(f.key, v)
		f.key, f.atKey = nil, true
	}
}

func (f *buildFrame) entry(key, v any) {
	name, text := key.(string)
	if text && f.pairs == nil {
		f.m[name] = v
		return
	}
	if f.pairs == nil {
		f.pairs = make(Map, 0, len(f.m)+1)
		for _, name := range sortedNames(f.m) {
			f.pairs = append(f.pairs, Pair{name, f.m[name]})
		}
	}
	f.pairs = append(f.pairs, Pair{key, v})
}

func (b *builder) begin(f buildFrame) {
	if b.Err() != nil {
		return
	}
	if len(b.stack) >= DefaultMaxDepth {
		b.Fail(fmt.Errorf("nested deeper than %d", DefaultMaxDepth))
		return
	}
	b.stack = append(b.stack, f)
}

func (b *builder) Nil()            { b.put(nil) }
func (b *builder) Bool(v bool)     { b.put(v) }
func (b *builder) Int(v int64)     { b.put(v) }
func (b *builder) Float(v float64) { b.put(v) }
func (b *builder) Text(v string)   { b.put(v) }
func (b *builder) Void()           { b.put(Void{}) }

func (b *builder) Bytes(v []byte)    { b.put(append(make([]byte, 0, len(v)), v...)) }
func (b *builder) BigInt(v *big.Int) { b.put(new(big.Int).Set(v)) }
func (b *builder) Time(v time.Time)  { b.put(v) }
func (b *builder) Name(v string)     { b.put(v) }
func (b *builder) Other(v any)       { b.put(v) }

func (b *builder) List(kind Kind, n int) {
	b.begin(buildFrame{kind: kind, items: make([]any, 0, n)})
}

func (b *builder) Table(_ []string, n int) { b.List(KindList, n) }

func (b *builder) Map(n int) {
	b.begin(buildFrame{kind: KindMap, isMap: true, atKey: true, m: make(map[string]any, n)})
}

func (b *builder) End() {
	if b.Err() != nil {
		return
	}
	n := len(b.stack) - 1
	f := b.stack[n]
	b.stack = b.stack[:n]
	switch f.kind {
	case KindTuple:
		b.put(Tuple(f.items))
	case KindSet, KindFrozenSet:
		b.put(Set{Items: f.items, Frozen: f.kind == KindFrozenSet})
	case KindMap:
		if f.pairs != nil {
			b.put(f.pairs)
		} else {
			b.put(f.m)
		}
	default:
		b.put(f.items)
	}
}

func (b *builder) Ints(list []int64) {
	items := make([]any, len(list))
	for i, n := range list {
		items[i] = n
	}
	b.put(items)
}

func (b *builder) Floats(list []float64) {
	items := make([]any, len(list))
	for i, f := range list {
		items[i] = f
	}
	b.put(items)
}
