package pickle

import (
	"fmt"
	"math"
)

// ref is a memo entry. A message has one for each text and container, and few
// of them are ever used: so they hold no pointers and are cheap to write.
type ref struct {
	kind refKind
	a, b uint32
}

type refKind uint8

const (
	refEmpty refKind = iota // nothing was put into it
	refValue                // decoder.filed[a]
	refText                 // b bytes of the message from a on
	refRow                  // row b of the table of decoder.lists[a]
)

// put files the top of the stack under number i. Pickles number their entries
// one by one; only some tools leave gaps.
func (d *decoder) put(i uint64) {
	v := d.top()
	if len(d.memo)+len(d.far) >= d.o.MaxMemo || uint64(len(d.filed)) >= math.MaxUint32 {
		d.fail(fmt.Errorf("more than %d memo entries: %w", d.o.MaxMemo, ErrLimit))
	}
	if d.err != nil {
		return
	}
	n := uint64(len(d.memo))
	if i > n+1 { // Python 2 begins with 1
		if d.far == nil {
			d.far = map[uint64]any{}
		}
		d.far[i] = v
		return
	}
	delete(d.far, i)
	if i < n && d.memo[i].kind == refValue { // else a message could file without end
		d.filed[d.memo[i].a] = v
		return
	}
	e := ref{kind: refValue, a: uint32(len(d.filed))}
	d.filed = append(d.filed, v)
	switch {
	case i < n:
		if d.memo[i].kind == refEmpty {
			d.gaps--
		}
		d.memo[i] = e
		return
	case i > n:
		d.memo = append(d.memo, ref{})
		d.gaps++
	}
	d.memo = append(d.memo, e)
}

func (d *decoder) get(i uint64) {
	if i < uint64(len(d.memo)) && d.memo[i].kind != refEmpty {
		d.push(d.again(d.recall(i)))
		return
	}
	if v, ok := d.far[i]; ok {
		d.push(d.again(v))
		return
	}
	d.fail(fmt.Errorf("memo entry %d is used before it is set", i))
}

// recall returns the value of an entry that is not empty.
func (d *decoder) recall(i uint64) any {
	e := d.memo[i]
	if e.kind == refValue {
		return d.filed[e.a]
	}
	var v any
	if e.kind == refText {
		v = string(d.data[e.a : e.a+e.b])
	} else {
		list := d.lists[e.a]
		list.unpack()
		v = list.items[e.b]
	}
	d.memo[i] = ref{kind: refValue, a: uint32(len(d.filed))}
	d.filed = append(d.filed, v)
	return v
}

// filedText returns the text of entry i, false if it is none.
func (d *decoder) filedText(i uint32) (string, bool) {
	if i >= uint32(len(d.memo)) {
		return "", false
	}
	if k := d.memo[i].kind; k != refValue && k != refText {
		return "", false
	}
	text, ok := d.recall(uint64(i)).(string)
	return text, ok
}
