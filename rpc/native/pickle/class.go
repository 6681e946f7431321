package pickle

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

// class is the name of a type or function as Python 3 has it, "module.name".
// There is nothing behind it: construct knows what to build for which name.
type class string

const (
	classSet         class = "builtins.set"
	classFrozenSet   class = "builtins.frozenset"
	classBytes       class = "builtins.bytes"
	classByteArray   class = "builtins.bytearray"
	classComplex     class = "builtins.complex"
	classRange       class = "builtins.range"
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
	classZoneByName  class = "zoneinfo.ZoneInfo._unpickle"
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
	"builtins.bool": true, "builtins.list": true, "builtins.tuple": true,
	"builtins.dict": true,
}

// python2Names are the names of Python 2, and of Python 3 at protocol 2 and
// below, where another rule than that of module names applies.
var python2Names = map[class]class{
	"builtins.xrange":  classRange,
	"builtins.long":    "builtins.int",
	"builtins.unicode": "builtins.str",
}

func (c class) split() (module, name string) {
	module, name, _ = strings.Cut(string(c), ".")
	return module, name
}

// isFunction reports whether a name is that of a function, not of a class.
func (c class) isFunction() bool {
	return c == classGetattr || c == classEncode || c == classReconstruct || c == classZoneByName
}

func (c class) lastName() string {
	_, name := c.split()
	return name
}

// class returns the class for a name in the message if the name is known.
func (d *decoder) class(module, name string) any {
	if d.err != nil {
		return class("")
	}
	c := class(module + "." + name)
	switch module {
	case "__builtin__", "exceptions":
		c = class("builtins." + name)
		if new, ok := python2Names[c]; ok {
			c = new
		}
	case "copy_reg":
		c = class("copyreg." + name)
	}
	if !named[c] && !c.isException() && !slices.Contains(d.o.Classes, string(c)) {
		d.fail(&ClassError{Class: value.Clip(module+"."+name, 128)})
	}
	return c
}

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
		a.count(1)
		return d.clock(a.raw(0, 6))
	case classDelta:
		a.count(3)
		return d.delta(a.int(0), a.int(1), a.int(2))
	case classTimezone:
		return d.fixedZone(a)
	case classZoneByName:
		return d.namedZone(a.text(0))
	case classGetattr:
		if a.count(2); d.err == nil && (args[0] != any(classZoneInfo) || args[1] != any("_unpickle")) {
			d.fail(&ClassError{Class: "builtins.getattr"})
		}
		return classZoneByName
	case classReconstruct:
		a.count(3)
		if d.err == nil && (args[1] != any(classObject) || args[2] != nil) {
			d.fail(&ClassError{Class: describe(args[0])})
		}
		if d.err != nil {
			return nil
		}
		return d.newObject(args[0], nil)
	}
	if c.isException() {
		n := d.newNode(nodeException, args)
		n.class, n.shared = c, true
		return n
	}
	d.fail(&ClassError{Class: string(c)})
	return nil
}

// newObject makes an instance that setState fills: of a class whose instances
// are read by their attributes.
func (d *decoder) newObject(callable any, args []any) any {
	c, ok := callable.(class)
	if !ok || c != classUUID && !slices.Contains(d.o.Classes, string(c)) {
		d.fail(&ClassError{Class: value.Clip(describe(callable), 128)})
		return nil
	}
	if len(args) > 0 {
		d.fail(fmt.Errorf("class %s: expected an instance made without arguments, got %d", c, len(args)))
	}
	n := d.newNode(nodeObject, nil)
	n.class, n.shared = c, true
	return n
}

// setState gives an object its attributes. Those of an exception, which are
// beside its args, are dropped.
func (d *decoder) setState(object, state any) {
	n, ok := object.(*node)
	if d.err != nil {
		return
	}
	if !ok || n.kind != nodeObject && n.kind != nodeException {
		d.fail(fmt.Errorf("BUILD: expected an object to fill, got %s", describe(object)))
		return
	}
	parts := []any{state}
	if t, ok := state.(*node); ok && n.kind == nodeObject && t.kind == nodeTuple && len(t.items) == 2 { // __dict__ and slots
		parts = t.items
	}
	for _, part := range parts {
		attributes, ok := part.(*node)
		switch {
		case part == nil:
		case !ok || attributes.kind != nodeDict:
			d.fail(fmt.Errorf("BUILD: expected a dict of attributes, got %s", describe(part)))
			return
		case n.kind == nodeException:
			d.exceptionState(n, attributes)
		case n.kind == nodeObject:
			if !d.charge(2 * slotSize * (len(n.items) + len(attributes.items))) {
				return
			}
			n.items = append(n.items, attributes.take()...)
		}
	}
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

// object makes the final value of an instance from its attributes.
func (d *decoder) object(c class, items []any) any {
	m, ok := textMap(items)
	if !ok {
		d.fail(fmt.Errorf("class %s: expected text as names of attributes", c))
		return nil
	}
	if c != classUUID {
		return m
	}
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
