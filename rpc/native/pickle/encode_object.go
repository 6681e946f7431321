package pickle

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/parley-rpc/parley/rpc/value"
)

// Typed implements value.TypeSink: it writes an instance of a registered class.
func (e *Encoder) Typed(v reflect.Value, plain func(value.Sink, reflect.Value)) {
	if t := v.Type(); e.registry.types[t] == nil && (t.Kind() != reflect.Pointer || e.registry.types[t.Elem()] == nil) {
		e.own(v)
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.Type().Elem().Size() > 0 { // else different pointers may be equal
			e.once(identity{v.Type(), v.Pointer(), 0}, func() { e.Typed(v.Elem(), plain) })
			return
		}
		v = v.Elem()
	}
	b := e.registry.types[v.Type()]
	if e.Err() != nil {
		return
	}
	if b.form == Enum {
		e.member(b, v)
		return
	}
	if (b.form == List || b.form == Dict) && e.needsHash() {
		e.Fail(fmt.Errorf("an instance of %s cannot be a key or stand in a set: Python has no hash for it", b.class.dotted()))
		return
	}
	e.pending = b
	plain(e, v)
}

// own writes a value of one of the types of this package, from within a struct or
// list of a Go type.
func (e *Encoder) own(v reflect.Value) {
	t := v.Type()
	switch asPointer := t == own[0] || t == own[1]; { // Object, Exception
	case asPointer:
		p := reflect.New(t)
		p.Elem().Set(v)
		e.dynamic(p.Interface()) // shared with nothing: the next one may be at its address
	case t.Kind() == reflect.Pointer && t.Elem() != own[0] && t.Elem() != own[1]:
		e.Value(v.Elem().Interface())
	default:
		e.Value(v.Interface())
	}
}

var (
	closeAttributes = []byte{opSetItems, opBuild}
	closeSlots      = []byte{opSetItems, opTuple2, opBuild}
	closeValues     = []byte{opAppends, opBuild}
	closeNamedTuple = [...][]byte{{opEmptyTuple, opNewObj}, {opTuple1, opNewObj}, {opTuple2, opNewObj}, {opTuple3, opNewObj}, {opTuple, opNewObj}}
	closeRaised     = [...][]byte{{opEmptyTuple, opReduce}, {opTuple1, opReduce}, {opTuple2, opReduce}, {opTuple3, opReduce}, {opTuple, opReduce}}
)

// openInstance begins an instance of the pending class, of n fields or items.
func (e *Encoder) openInstance(n int) {
	b := e.pending
	e.pending = nil
	hashable := e.needsHash()
	e.next()
	f := frame{isMap: b.form != List, hashable: hashable}
	old := b.form == OldStyle && e.protocol == 2 // Python 3 has no such classes
	if old {
		e.buf = append(e.buf, opMark)
	}
	e.class(b.class)
	switch b.form {
	case NamedTuple:
		f.noNames = true
		f.closer = closeNamedTuple[min(n, 4)]
		if n > 3 {
			e.buf = append(e.buf, opMark)
		}
		e.open(f)
		return
	case Raised:
		f.hashable = false
		if b.args {
			f.raised = beforeArgs
			e.open(f)
			return
		}
		f.noNames = true
		f.closer = closeRaised[min(n, 4)]
		if n > 3 {
			e.buf = append(e.buf, opMark)
		}
		e.open(f)
		return
	}
	if old {
		e.buf = append(e.buf, opObj)
	} else {
		e.buf = append(e.buf, opEmptyTuple, opNewObj)
	}
	switch b.form {
	case Slots:
		e.buf = append(e.buf, opNone, opEmptyDict, opMark)
		f.closer = closeSlots
	case FrozenSlots:
		e.buf = append(e.buf, opEmptyList, opMark)
		f.noNames, f.closer = true, closeValues
	case List:
		e.buf = append(e.buf, opMark)
		f.closer = closeAppends
	case Dict:
		e.buf = append(e.buf, opMark)
		f.closer = closeSetItems
	default:
		e.buf = append(e.buf, opEmptyDict, opMark)
		f.closer = closeAttributes
	}
	e.open(f)
}

// Where an exception is whose first field is args.
const (
	beforeArgs = 1 + iota
	inArgs
	inAttributes
)

// isArgs begins a field of such an exception. It answers whether it is args, the
// name of which is not written.
func (e *Encoder) isArgs(name string) bool {
	switch {
	case e.top.raised == beforeArgs && name == "args":
		e.top.raised = inArgs
		return true
	case e.top.raised != inAttributes:
		e.buf = append(e.buf, opReduce, opEmptyDict, opMark)
		e.top.raised = inAttributes
	}
	return false
}

func (e *Encoder) endRaised() {
	if e.top.raised == inAttributes {
		e.buf = append(e.buf, opSetItems, opBuild)
	} else {
		e.buf = append(e.buf, opReduce)
	}
}

// member writes a member of an enumeration: a call of the class with its value.
func (e *Encoder) member(b *binding, v reflect.Value) {
	e.next()
	e.class(b.class)
	top := e.top
	e.top = frame{hashable: true}
	if !b.mapped {
		switch {
		case v.CanInt():
			e.Int(v.Int())
		case v.CanUint():
			value.Encode(e, v.Uint())
		default:
			e.Text(v.String())
		}
	} else if m := b.memberOf(v); m != nil {
		e.Value(m.value)
	} else {
		e.Fail(fmt.Errorf("class %s: expected one of its Members, got %v", b.class, v))
	}
	e.top = top
	e.buf = append(e.buf, opTuple1, opReduce)
}

func (e *binding) memberOf(v reflect.Value) *member {
	for i := range e.members {
		if e.members[i].goes.Equal(v) {
			return &e.members[i]
		}
	}
	return nil
}

var errOpaque = errors.New("an Object can make the peer call what it likes; expected EncodeOptions.Objects to permit that")

// object writes an Object as what it was read as.
func (e *Encoder) object(o *Object) {
	if o == nil {
		e.buf = append(e.buf, opNone)
		return
	}
	if err := e.checkObject(o); err != nil {
		e.Fail(err)
		return
	}
	top := e.top
	e.top = frame{} // what it holds needs no hash
	defer func() { e.top = top }()
	e.open(frame{})
	if e.Err() != nil {
		return
	}
	c := newClass(o.Module, o.Name)
	switch o.How {
	case Reference:
		e.class(c)
	case Call:
		e.class(c)
		e.items(value.KindTuple, o.Args)
		e.buf = append(e.buf, opReduce)
	case OldNew:
		e.buf = append(e.buf, opMark)
		e.class(c)
		e.buf = append(e.buf, opObj)
	case Rebuilt:
		e.class(classReconstruct)
		e.class(c)
		e.class(o.base)
		e.Value(o.Args[0])
		e.buf = append(e.buf, opTuple3, opReduce)
	default:
		e.class(c)
		e.items(value.KindTuple, o.Args)
		if o.Kwargs == nil {
			e.buf = append(e.buf, opNewObj)
		} else {
			e.record(o.Kwargs)
			e.buf = append(e.buf, opNewObjEx)
		}
	}
	if len(o.List) > 0 {
		e.buf = append(e.buf, opMark)
		for _, item := range o.List {
			e.Value(item)
		}
		e.buf = append(e.buf, opAppends)
	}
	if len(o.Dict) > 0 {
		e.buf = append(e.buf, opMark)
		for _, p := range o.Dict {
			e.Value(p.Key)
			e.Value(p.Value)
		}
		e.buf = append(e.buf, opSetItems)
	}
	if o.HasState || o.State != nil {
		e.Value(o.State)
		e.buf = append(e.buf, opBuild)
	}
	e.End()
}

func (e *Encoder) checkObject(o *Object) error {
	c := newClass(o.Module, o.Name)
	switch {
	case !e.objects:
		return errOpaque
	case !validName(o.Module) || !validName(o.Name) || len(c) > maxClassName:
		return fmt.Errorf("expected the name of a class in an Object, got %q", value.Clip(o.Class(), 128))
	case o.How > Rebuilt:
		return fmt.Errorf("class %s: expected New to Rebuilt as How, got %v", c, o.How)
	case o.How == Rebuilt && (len(o.Args) != 1 || !bases[o.base]):
		return fmt.Errorf("class %s: only an Object that was read can be Rebuilt", c)
	case o.Kwargs != nil && (o.How != New || e.protocol < 4):
		return fmt.Errorf("class %s: Kwargs need protocol 4 and the How New, got protocol %d and %v", c, e.protocol, o.How)
	}
	return nil
}
