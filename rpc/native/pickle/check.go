package pickle

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/parley-rpc/parley/rpc/value"
)

// checkAll fails where tree would fail for v, and leaves the limits as they are
// for the tree that is made later.
func (d *decoder) checkAll(v any) {
	elements, memory, hold := d.elements, d.memory, d.o.Hold
	d.o.Hold = nil // nothing is kept
	d.check(v, 0, false)
	d.elements, d.memory, d.o.Hold = elements, memory, hold
}

// check takes off the limits what tree takes for the same v.
func (d *decoder) check(v any, depth int, copied bool) {
	switch v := v.(type) {
	case *node:
		if !v.isPlain() {
			d.tree(v, depth, true) // as a copy: v stays what it is
			return
		}
		if d.element() {
			d.checkItems(v, depth+1, copied || v.shared)
		}
		return
	case class, zone, *instance:
		d.tree(v, depth, true)
		return
	case string:
		d.charge(len(v))
	default:
		if copied {
			d.chargeAgain(v)
		}
	}
	d.element()
}

func (d *decoder) checkItems(n *node, depth int, copied bool) {
	if !d.enter(n, depth) {
		return
	}
	if n.packed != nil {
		d.chargePacked(n.packed, depth)
	} else if copied || n.items == nil {
		d.charge(slotSize * len(n.items))
	}
	for _, item := range n.items {
		if d.check(item, depth, copied); d.err != nil {
			return
		}
	}
	n.open = false
	if n.kind == nodeDict {
		d.charge(mapSize + slotSize*len(n.items))
	}
}

// isPlain reports whether n is a list, a tuple or a dict whose keys are text,
// which take nothing but their items to be valid.
func (n *node) isPlain() bool {
	switch n.kind {
	case nodeList, nodeTuple:
		return true
	case nodeDict:
		for i := 0; i < len(n.items); i += 2 {
			if _, ok := n.items[i].(string); !ok {
				return false
			}
		}
		return true
	}
	return false
}

// element takes one off the values that the tree may still get.
func (d *decoder) element() bool {
	if d.elements--; d.elements < 0 {
		d.tooMany()
	}
	return d.err == nil
}

// enter opens a container that stands at depth.
func (d *decoder) enter(n *node, depth int) bool {
	d.bound(n.open, depth, len(n.items)+n.packed.len())
	n.open = d.err == nil
	return n.open
}

func (d *decoder) tooDeep() {
	d.fail(fmt.Errorf("more than %d containers within each other: %w", d.o.MaxDepth, ErrLimit))
}

// bound fails unless there may be a container at depth, of n items.
func (d *decoder) bound(open bool, depth, n int) {
	switch {
	case open:
		d.refuse(errors.New("a value contains itself; expected a tree"))
	case depth > d.o.MaxDepth:
		d.tooDeep()
	case n > d.elements:
		d.tooMany()
	}
	d.deepest = max(d.deepest, depth)
}

// tooMany fails for more values than there may be. Each that is not there twice
// has a byte of the message.
func (d *decoder) tooMany() {
	d.exceed(fmt.Errorf("more than %d values: %w", d.o.MaxElements, ErrLimit), d.o.MaxElements)
}

// exceed fails for a message beyond a limit that is not reached with fewer than min
// bytes unless values are there twice.
func (d *decoder) exceed(err error, min int) {
	if len(d.data) < min {
		err = marked{err, ErrInflated}
	}
	d.fail(err)
}

// refuse fails for a value of a pickle that is in order.
func (d *decoder) refuse(err error) { d.fail(marked{err, ErrRefused}) }

// marked is an error with another one in its chain, of which its text says nothing.
type marked struct {
	error
	as error
}

func (m marked) Unwrap() []error { return []error{m.error, m.as} }

// chargeAgain charges a copy of v.
func (d *decoder) chargeAgain(v any) bool {
	switch v := v.(type) {
	case []byte:
		return d.charge(len(v))
	case value.ByteArray:
		return d.charge(len(v))
	case *big.Int:
		return d.charge(nodeSize + v.BitLen()/8)
	case *big.Rat:
		return d.charge(2*nodeSize + v.Num().BitLen()/8 + v.Denom().BitLen()/8)
	}
	return true
}
