package pickle

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

// class is the name of a type or function as Python 3 has it: "module.name", or
// "module:outer.name" if it is defined within a class. There is nothing behind
// it: construct knows what to build for which name.
type class string

const (
	classSet         class = "builtins.set"
	classFrozenSet   class = "builtins.frozenset"
	classBytes       class = "builtins.bytes"
	classByteArray   class = "builtins.bytearray"
	classComplex     class = "builtins.complex"
	classRange       class = "builtins.range"
	classList        class = "builtins.list"
	classObject      class = "builtins.object"
	classGetattr     class = "builtins.getattr"
	classEncode      class = "_codecs.encode"
	classReconstruct class = "copyreg._reconstructor"
	classOrderedDict class = "collections.OrderedDict"
	classDefaultDict class = "collections.defaultdict"
	classCounter     class = "collections.Counter"
	classDeque       class = "collections.deque"
	classDecimal     class = "decimal.Decimal"
	classFraction    class = "fractions.Fraction"
	classUUID        class = "uuid.UUID"
	classDatetime    class = "datetime.datetime"
	classDate        class = "datetime.date"
	classTime        class = "datetime.time"
	classDelta       class = "datetime.timedelta"
	classTimezone    class = "datetime.timezone"
	classZoneInfo    class = "zoneinfo.ZoneInfo"
	classOr          class = "_operator.or_"
	classZoneByName  class = "zoneinfo:ZoneInfo._unpickle"
)

// named are the names that may stand in a message: those that construct builds
// and those that only occur as arguments, such as the factory of a defaultdict.
var named = map[class]bool{
	classSet: true, classFrozenSet: true, classBytes: true, classByteArray: true,
	classComplex: true, classRange: true, classObject: true, classGetattr: true,
	classEncode: true, classReconstruct: true, classOrderedDict: true,
	classDefaultDict: true, classCounter: true, classDeque: true, classDecimal: true,
	classFraction: true, classUUID: true, classDatetime: true, classDate: true,
	classTime: true, classDelta: true, classTimezone: true, classZoneInfo: true,
	classZoneByName: true,

	"builtins.int": true, "builtins.float": true, "builtins.str": true,
	"builtins.bool": true, classList: true, "builtins.tuple": true,
	"builtins.dict": true,
}

// python2Names are the names of Python 2, and of Python 3 at protocol 2 and
// below, where another rule than that of module names applies.
var python2Names = map[class]class{
	"builtins.xrange":  classRange,
	"builtins.long":    "builtins.int",
	"builtins.unicode": "builtins.str",
}

func newClass(module, name string) class {
	if strings.Contains(name, ".") {
		return class(module + ":" + name)
	}
	return class(module + "." + name)
}

// isFunction reports whether a name is that of a function, not of a class.
func (c class) isFunction() bool {
	return c == classGetattr || c == classEncode || c == classReconstruct || c == classZoneByName
}

func (c class) split() (module, name string) {
	at := strings.IndexByte(string(c), ':')
	if at < 0 {
		at = strings.LastIndexByte(string(c), '.')
	}
	if at < 0 {
		return "", string(c)
	}
	return string(c[:at]), string(c[at+1:])
}

// String returns c as errors show it.
func (c class) String() string { return value.Clip(c.dotted(), 128) }

// dotted is c as Python shows it.
func (c class) dotted() string { return strings.Replace(string(c), ":", ".", 1) }

func (c class) module() string {
	module, _ := c.split()
	return module
}

func (c class) name() string {
	_, name := c.split()
	return name
}

// outer returns the class that c is defined in, and the name that it has there.
func (c class) outer() (outer class, name string, ok bool) {
	module, qualified := c.split()
	at := strings.LastIndexByte(qualified, '.')
	if at < 0 {
		return "", "", false
	}
	return newClass(module, qualified[:at]), qualified[at+1:], true
}

// inner returns the class or attribute of that name of c.
func (c class) inner(name string) class {
	module, qualified := c.split()
	return newClass(module, qualified+"."+name)
}

// class returns the class for a name in the message if the name is known.
func (d *decoder) class(module, name string) any {
	if d.err != nil {
		return class("")
	}
	c := newClass(module, name)
	switch module {
	case "__builtin__", "exceptions":
		c = newClass("builtins", name)
		if new, ok := python2Names[c]; ok {
			c = new
		}
	case "copy_reg":
		c = newClass("copyreg", name)
	}
	d.allow(c)
	return c
}

// allow fails for a class that may not stand in the message.
func (d *decoder) allow(c class) {
	switch {
	case named[c] || c.isException() || d.names.classes[c] != nil || d.names.outer[c]:
	case !d.o.Objects && !d.names.knows(c):
		d.fail(&ClassError{Class: c.String()})
	case len(c) > maxClassName:
		d.fail(fmt.Errorf("the name of a class has %d bytes, more than %d: %w", len(c), maxClassName, ErrLimit))
	default: // such as any member of an enumeration: it may be kept for each mention
		d.charge(3 * len(c))
	}
}

// maxClassName bounds the name of a class or member of which nothing is known, in
// bytes.
const maxClassName = 1024

func (d *decoder) stackGlobal() {
	names := d.popN(2)
	if d.err != nil {
		return
	}
	module, ok1 := names[0].(string)
	name, ok2 := names[1].(string)
	if !ok1 || !ok2 {
		d.fail(fmt.Errorf("STACK_GLOBAL: expected two str, got %s and %s", describe(names[0]), describe(names[1])))
		return
	}
	d.push(d.class(module, name))
}

// construct builds what the call of a class with args would build in Python.
func (d *decoder) construct(callable any, args []any) any {
	c, ok := callable.(class)
	if !ok {
		d.fail(fmt.Errorf("expected a class to call, got %s", describe(callable)))
	}
	if d.err != nil {
		return nil
	}
	a := arguments{d: d, class: c, items: args}
	switch c {
	case classSet:
		return d.collect(a, nodeSet)
	case classFrozenSet:
		return d.collect(a, nodeFrozenSet)
	case classList:
		return d.list(a)
	case classDeque:
		return d.deque(a)
	case classOrderedDict:
		return d.orderedDict(a)
	case classDefaultDict:
		return d.defaultDict(a)
	case classCounter:
		return d.counter(a)
	case classBytes:
		a.count(0) // not empty: encode makes it
		return []byte{}
	case classByteArray:
		return d.byteArray(a)
	case classEncode:
		a.count(2)
		return d.latin1(a.text(0), a.text(1))
	case classComplex:
		a.count(2)
		return complex(a.float(0), a.float(1))
	case classRange:
		a.count(3)
		r := value.Range{Start: a.int(0), Stop: a.int(1), Step: a.int(2)}
		if r.Step == 0 {
			d.fail(fmt.Errorf("class %s: expected a step other than 0", c))
		}
		return r
	case classDecimal:
		a.count(1)
		return d.decimal(a.text(0))
	case classFraction:
		return d.fraction(a)
	case classUUID:
		a.count(1)
		return d.uuidText(a.text(0))
	case classDatetime:
		return d.datetime(a)
	case classDate:
		a.count(1)
		return d.date(a.raw(0, 4))
	case classTime:
		return d.clockInZone(a)
	case classDelta:
		a.count(3)
		return d.delta(a.int(0), a.int(1), a.int(2))
	case classTimezone:
		return d.fixedZone(a)
	case classZoneByName:
		return d.namedZone(a.text(0))
	case classGetattr:
		return d.getattr(a)
	case classReconstruct:
		return d.rebuild(a)
	case classOr:
		return d.combine(a)
	}
	if c.isException() {
		n := d.newNode(nodeException, args)
		n.class, n.shared = c, true
		return n
	}
	if named[c] {
		d.fail(&ClassError{Class: c.String()})
		return nil
	}
	return d.newInstance(c, Call, args, nil)
}

// getattr names a class within another one, or a member of an enumeration.
func (d *decoder) getattr(a arguments) any {
	a.count(2)
	if d.err != nil {
		return nil
	}
	outer, ok := a.items[0].(class)
	if !ok || outer != classZoneInfo && !d.isInstance(outer) && !d.names.outer[outer] {
		d.fail(&ClassError{Class: string(classGetattr)})
		return nil
	}
	name := a.text(1)
	if d.err == nil && !isIdentifier(name) {
		d.fail(fmt.Errorf("class %s: expected the name of an attribute, got %q", outer, value.Clip(name, 64)))
	}
	if d.err != nil {
		return nil
	}
	c := outer.inner(name)
	d.allow(c)
	return c
}

// setState gives an object its attributes. Those of a builtin exception, which
// are beside its args, are dropped.
func (d *decoder) setState(object, state any) {
	if d.err != nil {
		return
	}
	switch n := object.(type) {
	case *instance:
		d.build(n, state)
		return
	case *node:
		if n.kind == nodeException {
			attributes, ok := state.(*node)
			switch {
			case state == nil:
			case !ok || attributes.kind != nodeDict:
				d.fail(fmt.Errorf("BUILD: expected a dict of attributes, got %s", describe(state)))
			default:
				d.exceptionState(n, attributes)
			}
			return
		}
	}
	d.fail(fmt.Errorf("BUILD: expected an object to fill, got %s", describe(object)))
}

// exceptionState takes what BaseException.__setstate__ takes in CPython. Since
// 3.12 an AttributeError has its args there once more.
func (d *decoder) exceptionState(n, attributes *node) {
	for i := 0; i < len(attributes.items); i += 2 {
		name, ok := attributes.items[i].(string)
		if !ok {
			d.fail(fmt.Errorf("class %s: expected text as names of attributes, got %s", n.class, describe(attributes.items[i])))
			return
		}
		if name != "args" {
			continue
		}
		args, ok := attributes.items[i+1].(*node)
		if !ok || args.kind > nodeTuple {
			d.fail(fmt.Errorf("class %s: expected a tuple as args, got %s", n.class, describe(attributes.items[i+1])))
			return
		}
		n.items = args.take()
	}
}

// uuid makes the final value of one that is told by its attributes.
func (d *decoder) uuid(o *Object) any {
	m, _, _ := o.attributes()
	n := new(big.Int)
	switch i := m["int"].(type) {
	case int64:
		n.SetInt64(i)
	case *big.Int:
		n = i
	default:
		d.fail(errors.New("class uuid.UUID: expected an attribute int, got none"))
		return nil
	}
	var u value.UUID
	if n.Sign() < 0 || n.BitLen() > 8*len(u) {
		d.fail(errors.New("class uuid.UUID: expected 128 bits, got an integer out of range"))
		return nil
	}
	n.FillBytes(u[:])
	return u
}
