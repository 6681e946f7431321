package pickle

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/parley-rpc/parley/rpc/value"
)

// instance is an instance of a class, while the message is read.
type instance struct {
	class    class
	how      How
	base     class // of Rebuilt
	args     []any // lent by a tuple or a copy
	kwargs   *node // a dict
	state    any
	hasState bool
	list     *node // what APPEND has added
	dict     *node // what SETITEM has set
	shared   bool
	open     bool
}

const instanceSize = 192

// isInstance reports whether c is a class of which instances can be made that
// are not of the fixed list.
func (d *decoder) isInstance(c class) bool {
	if c == classUUID || d.names.classes[c] != nil {
		return true
	}
	return d.o.Objects && !named[c] && !c.isException()
}

// newInstance makes an instance as how says. It keeps args.
func (d *decoder) newInstance(callable any, how How, args []any, kwargs *node) any {
	c, ok := callable.(class)
	if !ok || !d.isInstance(c) {
		d.fail(&ClassError{Class: value.Clip(describe(callable), 128)})
		return nil
	}
	if c == classUUID && len(args) > 0 {
		d.fail(fmt.Errorf("class %s: expected an instance made without arguments, got %d", c, len(args)))
		return nil
	}
	if !d.charge(instanceSize + slotSize*len(args)) {
		return nil
	}
	return &instance{class: c, how: how, args: args, kwargs: kwargs}
}

// oldInstance is what INST and OBJ make: they call a class if there are
// arguments.
func (d *decoder) oldInstance(callable any, args []any) any {
	c, ok := callable.(class)
	if !ok || c == classUUID || !d.isInstance(c) {
		return d.construct(callable, args)
	}
	how := OldNew
	if len(args) > 0 {
		how = Call
		if !d.charge(slotSize * len(args)) {
			return nil
		}
		args = append([]any(nil), args...)
	}
	return d.newInstance(c, how, args, nil)
}

// newKeywords is what NEWOBJ_EX makes.
func (d *decoder) newKeywords() any {
	kwargs, ok := d.pop().(*node)
	args := d.argsTuple()
	callable := d.pop()
	if d.err != nil {
		return nil
	}
	if callable == any(classUUID) {
		d.fail(&ClassError{Class: string(classUUID)})
		return nil
	}
	if !ok || kwargs.kind != nodeDict {
		d.fail(errors.New("NEWOBJ_EX: expected a dict of arguments"))
		return nil
	}
	kwargs.shared = true
	if len(kwargs.items) == 0 {
		kwargs = nil
	}
	return d.newInstance(callable, New, args, kwargs)
}

// rebuild is what copyreg._reconstructor makes, which protocols 0 and 1 use: an
// instance of a class, the base of it that is no Python class, and what that
// base holds.
func (d *decoder) rebuild(a arguments) any {
	a.count(3)
	c := argument[class](a, 0, "a class")
	base := argument[class](a, 1, "a class")
	if d.err != nil {
		return nil
	}
	if base == classObject && a.items[2] == nil {
		return d.newInstance(c, New, nil, nil)
	}
	if c == classUUID || !bases[base] {
		d.fail(&ClassError{Class: c.String()})
		return nil
	}
	x, ok := d.newInstance(c, Rebuilt, []any{a.items[2]}, nil).(*instance)
	if !ok {
		return nil
	}
	x.base = base
	return x
}

// bases are the builtin classes that programs derive classes from.
var bases = map[class]bool{
	"builtins.int": true, "builtins.float": true, "builtins.str": true, "builtins.list": true,
	"builtins.tuple": true, "builtins.dict": true, classBytes: true, classComplex: true,
	classSet: true, classFrozenSet: true,
}

// build gives an instance its state.
func (d *decoder) build(x *instance, state any) {
	if x.hasState {
		d.fail(fmt.Errorf("BUILD: class %s: got a second state for one object", x.class))
		return
	}
	x.state, x.hasState = state, true
	if n, ok := state.(*node); ok {
		n.shared = true
	}
}

// extendInstance adds what APPEND and SETITEM give to an instance of a subclass
// of list or dict.
func (d *decoder) extendInstance(x *instance, opcode string, kind nodeKind, items []any) {
	to := &x.list
	switch {
	case kind == nodeDict:
		to = &x.dict
	case kind != nodeList:
		d.fail(fmt.Errorf("%s: expected a %s, got an instance of %s", opcode, nodeWords[kind], x.class))
		return
	}
	if *to == nil {
		*to = d.newNode(kind, nil)
	}
	d.extendNode(*to, items)
}

// instanceTree makes the final value of x.
func (d *decoder) instanceTree(x *instance, depth int) any {
	if b := d.names.classes[x.class]; x.shared && !x.open && (d.o.Shared || b != nil && b.pointer) {
		return d.once(x, depth, func() any { return d.instanceContents(x, depth) })
	}
	return d.instanceContents(x, depth)
}

func (d *decoder) instanceContents(x *instance, depth int) any {
	d.bound(x.open, depth, len(x.args))
	if d.err != nil || !d.charge(instanceSize+slotSize*len(x.args)) {
		return nil
	}
	x.open = true
	o := &Object{Module: x.class.module(), Name: x.class.name(), How: x.how, HasState: x.hasState, base: x.base}
	for _, arg := range x.args {
		o.Args = append(o.Args, d.tree(arg, depth, true))
		if d.err != nil {
			return nil
		}
	}
	if x.kwargs != nil {
		kwargs, ok := d.tree(x.kwargs, depth, true).(map[string]any)
		if !ok && d.err == nil {
			d.fail(fmt.Errorf("class %s: expected text as names of arguments", x.class))
		}
		o.Kwargs = kwargs
	}
	if x.state != nil {
		at := depth
		if _, ok := x.state.(*node); ok {
			at-- // an object and its attributes are one container
		}
		o.State = d.tree(x.state, at, true)
	}
	if x.list != nil {
		o.List, _ = d.tree(x.list, depth, true).([]any)
	}
	if x.dict != nil {
		o.Dict = d.pairsTree(x.dict, depth)
	}
	x.open = false
	if d.err != nil {
		return nil
	}
	return d.finish(x, o)
}

// pairsTree makes the entries of a dict in their order.
func (d *decoder) pairsTree(n *node, depth int) value.Map {
	if len(n.items) > d.elements {
		d.tooMany()
		return nil
	}
	if !d.charge(2 * slotSize * len(n.items)) {
		return nil
	}
	pairs := make(value.Map, 0, len(n.items)/2)
	for i := 0; i < len(n.items) && d.err == nil; i += 2 {
		pairs = append(pairs, value.Pair{Key: d.tree(n.items[i], depth, true), Value: d.tree(n.items[i+1], depth, true)})
	}
	return pairs
}

// finish makes a registered type of an object, or leaves it as it is.
func (d *decoder) finish(x *instance, o *Object) any {
	if x.class == classUUID {
		return d.uuid(o)
	}
	e := d.names.classes[x.class]
	if e == nil {
		return o
	}
	v, err := e.from(o, d.names.special)
	if err != nil {
		d.refuse(fmt.Errorf("class %s: %w", e.class, err))
		return nil
	}
	return v
}

// classValue is the final value of a class that stands for itself: a member of
// an enumeration by its name, or an opaque reference.
func (d *decoder) classValue(c class) any {
	if outer, name, ok := c.outer(); ok {
		if e := d.names.classes[outer]; e != nil && e.form == Enum {
			v, err := e.memberNamed(name)
			if err != nil {
				d.refuse(fmt.Errorf("class %s: %w", e.class, err))
				return nil
			}
			return v
		}
	}
	if !d.o.Objects {
		d.fail(&ClassError{Class: c.String()})
		return nil
	}
	if !d.charge(instanceSize) {
		return nil
	}
	return &Object{Module: c.module(), Name: c.name(), How: Reference}
}

// from makes a value of the registered type.
func (e *binding) from(o *Object, types *value.Types) (any, error) {
	p := reflect.New(e.typ)
	var err error
	switch e.form {
	case Enum:
		return e.member(o)
	case List, Dict:
		err = e.collect(p.Interface(), o, types)
	default:
		err = e.fill(p.Interface(), o, types)
	}
	switch {
	case err != nil:
		return nil, err
	case e.pointer:
		return p.Interface(), nil
	}
	return p.Elem().Interface(), nil
}

// fill sets the fields of a struct by the attributes of o, or by its arguments.
func (e *binding) fill(dst any, o *Object, types *value.Types) error {
	attributes, positional, err := o.attributes()
	if err != nil {
		return err
	}
	if attributes == nil {
		attributes = map[string]any{}
	}
	switch {
	case e.args:
		attributes["args"] = []any(o.Args)
	case positional == nil && (len(attributes) == 0 || e.form == Raised):
		positional = o.values()
	}
	if len(positional) > len(e.fields) {
		return fmt.Errorf("expected %d values at most, as many as %s has fields, got %d", len(e.fields), e.typ, len(positional))
	}
	for i, v := range positional {
		if _, ok := attributes[e.fields[i]]; !ok {
			attributes[e.fields[i]] = v
		}
	}
	s := value.NewTypedSource(attributes, types)
	value.Decode(s, dst)
	if err := s.Err(); err != nil {
		return err
	}
	return nil
}

// collect sets a slice or map to the items of o.
func (e *binding) collect(dst any, o *Object, types *value.Types) error {
	var items any
	switch {
	case len(o.Args) == 1 && o.How == Rebuilt:
		items = o.Args[0]
	case e.form == List:
		items = append([]any{}, o.List...)
	default:
		items = append(value.Map{}, o.Dict...)
	}
	s := value.NewTypedSource(items, types)
	value.Decode(s, dst)
	if err := s.Err(); err != nil {
		return err
	}
	return nil
}

// member returns the member of an enumeration that o is made of.
func (e *binding) member(o *Object) (any, error) {
	if len(o.Args) != 1 {
		return nil, fmt.Errorf("expected one value, of a member of the enumeration, got %d", len(o.Args))
	}
	v := o.Args[0]
	for _, m := range e.members {
		if reflect.DeepEqual(m.value, v) {
			return m.goes.Interface(), nil
		}
	}
	if e.mapped {
		return nil, fmt.Errorf("expected the value of one of its Members, got another %s", value.Word(v))
	}
	p := reflect.New(e.typ)
	if err := value.Convert(p.Interface(), v); err != nil {
		return nil, err
	}
	return p.Elem().Interface(), nil
}

// combine reads a member of an enum.Flag that is several ones, as CPython 3.11
// has it before its fourth release: or_(or_(Perm.R, Perm.W), Perm.X).
func (d *decoder) combine(a arguments) any {
	var of class
	var bits int64
	for _, arg := range a.items {
		var c class
		var v any
		switch arg := arg.(type) {
		case class:
			outer, name, _ := arg.outer()
			if e := d.names.classes[outer]; e != nil {
				c = outer
				v, _ = e.memberNamed(name)
			}
		case *instance:
			if len(arg.args) == 1 && arg.how == Call && d.names.classes[arg.class] != nil {
				c = arg.class
				v, _ = arg.args[0].(int64)
			}
		}
		var n int64
		if c == "" || of != "" && c != of || value.Convert(&n, v) != nil || len(a.items) != 2 {
			return d.newInstance(classOr, Call, a.items, nil)
		}
		of, bits = c, bits|n
	}
	return d.newInstance(of, Call, []any{bits}, nil)
}

func (e *binding) memberNamed(name string) (any, error) {
	for _, m := range e.members {
		if m.name == name {
			return m.goes.Interface(), nil
		}
	}
	if e.members == nil {
		return nil, fmt.Errorf("a member comes by its name, %q; register the class with Members that say which is which", value.Clip(name, 64))
	}
	return nil, fmt.Errorf("expected the name of one of its Members, got %q", value.Clip(name, 64))
}
