package pickle

import (
	"fmt"

	"github.com/parley-rpc/parley/rpc/value"
)

// node is a value that holds others, while the message is read. The message may
// refer to it from many places, even from within itself.
type node struct {
	kind   nodeKind
	shared bool    // it stands at several places, or its items are another node's too
	open   bool    // the tree of its items is being made
	class  class   // of exceptions
	items  []any   // of a dict: key, value, key, value ...
	packed *packed // of a list, instead of items
}

type nodeKind uint8

const (
	nodeList nodeKind = iota
	nodeTuple
	nodeSet
	nodeFrozenSet
	nodeDict
	nodeException // items are its args
)

var nodeWords = [...]string{"list", "tuple", "set", "frozenset", "dict", "exception"}

// Sizes in bytes, for decoder.charge.
const (
	nodeSize = 64
	slotSize = 16
	mapSize  = 48
)

// take lends the items that n has now. A node that gets them is shared as well.
func (n *node) take() []any {
	n.unpack()
	n.shared = true
	return n.items[:len(n.items):len(n.items)]
}

func (n *node) len() int { return len(n.items) + n.packed.len() }

// describe names v for errors.
func describe(v any) string {
	switch v := v.(type) {
	case *node:
		return nodeWords[v.kind]
	case class:
		return v.String()
	case *instance:
		return "an instance of " + v.class.String()
	}
	return value.Word(v)
}

// newNode returns a node with a copy of items.
func (d *decoder) newNode(kind nodeKind, items []any) *node {
	if len(d.nodes) == cap(d.nodes) {
		d.nodes = make([]node, 0, min(max(4, 2*cap(d.nodes)), 64)) // nodes are made by the dozen
	}
	d.nodes = append(d.nodes, node{kind: kind})
	n := &d.nodes[len(d.nodes)-1]
	if d.charge(nodeSize+slotSize*len(items)) && len(items) > 0 {
		n.items = append([]any(nil), items...)
	}
	return n
}

func (d *decoder) pushNode(kind nodeKind, items []any) { d.push(d.newNode(kind, items)) }

// extend appends items to the node on top of the stack.
func (d *decoder) extend(opcode string, kind nodeKind, items []any) {
	n, ok := d.top().(*node)
	if d.err != nil {
		return
	}
	if x, ok := d.top().(*instance); ok {
		d.extendInstance(x, opcode, kind, items)
		return
	}
	if !ok || n.kind != kind {
		d.fail(fmt.Errorf("%s: expected a %s, got %s", opcode, nodeWords[kind], describe(d.top())))
		return
	}
	d.extendNode(n, items)
}

func (d *decoder) extendNode(n *node, items []any) {
	n.unpack()
	if size := len(n.items) + len(items); size > cap(n.items) && !d.charge(2*slotSize*size) {
		return // it would have moved to a slice of up to twice the size
	}
	if n.items == nil && n.kind == nodeDict {
		n.items = d.keep(items)
		return
	}
	n.items = append(n.items, items...)
	if d.maxlens != nil {
		d.checkMaxlen(n)
	}
}

// keep returns a copy of items for as long as the message is read: that of a
// dict, which becomes a map. Records come by the hundred, so they share memory.
func (d *decoder) keep(items []any) []any {
	if len(items) > cap(d.room)-len(d.room) {
		d.room = make([]any, 0, max(len(items), min(2*cap(d.room), 256)))
	}
	from := len(d.room)
	d.room = append(d.room, items...)
	return d.room[from:len(d.room):len(d.room)]
}

// argsTuple takes the arguments of a call off the stack.
func (d *decoder) argsTuple() []any {
	v := d.pop()
	n, ok := v.(*node)
	if !ok || n.kind != nodeTuple {
		d.fail(fmt.Errorf("expected a tuple of arguments, got %s", describe(v)))
		return nil
	}
	return n.take()
}

// tree makes the final value of v, which stands within depth containers. Copied
// says that one of them is shared, so that v is needed again.
func (d *decoder) tree(v any, depth int, copied bool) any {
	if !d.element() {
		return nil
	}
	switch v := v.(type) {
	case *node:
		return d.container(v, depth+1, copied || v.shared)
	case string:
		d.charge(len(v))
	case *instance:
		return d.instanceTree(v, depth+1)
	case class:
		return d.classValue(v)
	case zone:
		d.fail(&ClassError{Class: string(classTimezone)})
	default:
		if copied {
			return d.again(v)
		}
	}
	return v
}

func (d *decoder) container(n *node, depth int, copied bool) any {
	if d.o.Shared && n.shared && n.kind != nodeTuple && !n.open {
		return d.once(n, depth, func() any { return d.contents(n, depth, copied) })
	}
	return d.contents(n, depth, copied)
}

func (d *decoder) contents(n *node, depth int, copied bool) any {
	if !d.enter(n, depth) {
		return nil
	}
	if n.packed != nil {
		n.open = false
		return d.packedList(n.packed, depth)
	}
	items := n.items // needed once: they can be replaced in place
	if copied || items == nil {
		if !d.charge(slotSize * len(n.items)) {
			return nil
		}
		items = make([]any, len(n.items))
	}
	for i, item := range n.items {
		items[i] = d.tree(item, depth, copied)
		if d.err != nil {
			return nil
		}
	}
	n.open = false

	switch n.kind {
	case nodeTuple:
		return value.Tuple(items)
	case nodeSet, nodeFrozenSet:
		return d.set(items, n.kind == nodeFrozenSet)
	case nodeDict:
		return d.dict(items)
	case nodeException:
		e := &Exception{Class: n.class.name(), Args: items}
		if !e.argsFit() {
			d.fail(fmt.Errorf("class %s: expected the arguments that it takes in Python, got others", n.class))
		}
		return e
	}
	return items
}

// packedList makes the final value of a packed list that stands at depth.
func (d *decoder) packedList(p *packed, depth int) any {
	if !d.chargePacked(p, depth) {
		return nil
	}
	items := make([]any, 0, p.len())
	if p.rows != nil {
		return p.rows.maps(items)
	}
	return box(box(items, p.ints), p.floats)
}

// chargePacked takes off the limits what packedList takes.
func (d *decoder) chargePacked(p *packed, depth int) bool {
	if p.rows != nil {
		return d.chargeTable(p.rows, depth)
	}
	d.elements -= p.len()
	return d.charge(slotSize * p.len())
}

func (d *decoder) set(items []any, frozen bool) any {
	kept := items[:0]
	seen := make(map[string]struct{}, len(items))
	var id []byte
	for _, item := range items {
		var ok bool
		if id, ok = d.appendIdentity(id[:0], item); !ok {
			d.refuse(fmt.Errorf("expected values in a set that Python can hash, got %s", value.Word(item)))
			return nil
		}
		if d.err != nil {
			return nil
		}
		if _, again := seen[string(id)]; !again {
			seen[string(id)] = struct{}{}
			kept = append(kept, item)
		}
	}
	return value.Set{Items: kept, Frozen: frozen}
}

// dict makes a map of keys and values that take turns. Of equal keys the first
// gives the place and the last the value, as in Python.
func (d *decoder) dict(items []any) any {
	if !d.charge(mapSize + slotSize*len(items)) {
		return nil
	}
	if m, ok := textMap(items); ok {
		return m
	}
	pairs := make(value.Map, 0, len(items)/2)
	seen := make(map[string]int, len(items)/2) // identity of a key -> its index in pairs
	var id []byte
	for ; len(items) > 0; items = items[2:] {
		var ok bool
		if id, ok = d.appendIdentity(id[:0], items[0]); !ok {
			d.refuse(fmt.Errorf("expected keys of a dict that Python can hash, got %s", value.Word(items[0])))
			return nil
		}
		if d.err != nil {
			return nil
		}
		if i, again := seen[string(id)]; again {
			pairs[i].Value = items[1]
			continue
		}
		seen[string(id)] = len(pairs)
		pairs = append(pairs, value.Pair{Key: items[0], Value: items[1]})
	}
	return pairs
}

func textMap(items []any) (map[string]any, bool) {
	for i := 0; i < len(items); i += 2 {
		if _, ok := items[i].(string); !ok {
			return nil, false
		}
	}
	m := newTextMap(len(items) / 2)
	for i := 0; i < len(items); i += 2 {
		m[items[i].(string)] = items[i+1]
	}
	return m, true
}

// newTextMap returns a map for so many entries. Up to 8 they fit into what every
// map begins with, and a small one is made faster without being told.
func newTextMap(n int) map[string]any {
	if n <= 8 {
		return map[string]any{}
	}
	return make(map[string]any, n)
}
