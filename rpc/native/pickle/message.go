package pickle

import (
	"errors"
	"fmt"

	"github.com/parley-rpc/parley/rpc/value"
)

// Message is a message that has been read and whose values are not made yet: for
// whoever wants them in Go types of his own, or has to look at the message before
// he knows what it is. All limits of [Options] hold for it.
//
// It is read once: each of its values either by Value or by Source, its own or
// that of a part. It refers to the data that it was read from, which must not
// change in the meantime. A Message and its parts belong to one goroutine.
type Message struct {
	// Info is there even if Read failed.
	Info Info

	d      *decoder
	v      any
	depth  int  // containers around v
	copied bool // one of them stands at several places
}

// Read reads the one value that data holds, as [Decode] does, but leaves open
// what is made of it. What Decode refuses, Read refuses. With an error the
// Message has nothing but Info.
func Read(data []byte, o Options) (*Message, error) {
	m := &Message{}
	o, err := o.withDefaults()
	if err != nil {
		return m, fmt.Errorf("pickle: %w", err)
	}
	d := newDecoder(data, o)
	defer d.free()
	v := d.whole()
	d.checkAll(v)
	m.Info.Protocol = d.protocol
	if d.err != nil {
		return m, d.failure()
	}
	m.v, m.d = v, d.builder()
	return m, nil
}

// Value returns the value as Decode does.
func (m *Message) Value() (any, error) {
	d := m.d
	if d == nil {
		return nil, errNothing
	}
	v := d.tree(m.v, m.depth, m.copied)
	if d.err != nil {
		return nil, d.failure()
	}
	return v, nil
}

var errNothing = errors.New("pickle: expected a message that could be read, got the one of a failed Read")

// Source returns a Source that stands before the value, from which Go types are
// decoded without the maps and lists of Value in between. It gives what a
// [value.NewSource] of Value would give, but the entries of a dict in their
// order.
func (m *Message) Source() value.Source {
	s := &source{d: m.d, depth: m.depth}
	if m.d == nil {
		s.Fail(errNothing)
		return s
	}
	s.Types = m.d.names.special
	s.stand(m.v, m.copied)
	return s
}

// Parts returns the items of a tuple or list, each as a Message; false if the
// value is neither. The parts have the limits of m in common.
func (m *Message) Parts() ([]*Message, bool) {
	n, ok := m.v.(*node)
	if !ok || n.kind > nodeTuple {
		return nil, false
	}
	n.unpack()
	parts := make([]Message, len(n.items))
	list := make([]*Message, len(parts))
	for i, v := range n.items {
		parts[i] = Message{Info: m.Info, d: m.d, v: v, depth: m.depth + 1, copied: m.copied || n.shared}
		list[i] = &parts[i]
	}
	return list, true
}

// builder returns a decoder that makes the values, with the limits of d. The
// nodes are its own from now on.
func (d *decoder) builder() *decoder {
	b := &decoder{data: d.data, at: d.at, o: d.o, names: d.names, protocol: d.protocol, elements: d.elements, memory: d.memory, granted: d.granted}
	d.nodes, d.room, d.cells, d.lent = nil, nil, nil, nil
	return b
}

// Kind returns the kind of the value.
func (m *Message) Kind() value.Kind {
	n, ok := m.v.(*node)
	switch {
	case m.d == nil:
		return value.KindInvalid
	case !ok:
		return m.Source().Kind()
	}
	switch n.kind {
	case nodeList:
		return value.KindList
	case nodeTuple:
		return value.KindTuple
	case nodeSet:
		return value.KindSet
	case nodeFrozenSet:
		return value.KindFrozenSet
	case nodeDict:
		return value.KindMap
	}
	return value.KindOther
}
