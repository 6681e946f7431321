"""Reads the pickles of a server as data: nothing in them is imported or run.

This is a machine of its own for protocol 2 and later, and not pickle.Unpickler
with a find_class: to that one a few bytes are enough to take all memory (the
index of a LONG_BINPUT), to end the process (the hash of a tuple that is nested
100 000 deep) or to keep it busy for ever (the hash of one that holds itself twice,
a hundred times over), and BUILD changes whatever find_class returned.
"""

from __future__ import annotations

import enum
import struct
from typing import Any, Callable, Dict, Iterable, List, Mapping, Sequence, Tuple, Type, Union, cast

from ._build import BUILDERS, CONTAINERS, HASHING, MODULES, Class, Malformed, Name, attributes, exception

PROTOCOL = 5  # of what is sent, and so of the answers

_MAX_DEPTH = 100  # of tuples in tuples
_FREE_HASHES = 1 << 16  # what tuples as keys may cost beside the length of the message

Classes = Mapping[str, type]


def classes_by_name(classes: Union[Iterable[Type[Any]], Mapping[str, Type[Any]]]) -> Dict[str, Type[Any]]:
    """Return classes under the names that pickle has for them.

    A mapping says other names: {"product.Product": Product}.
    """
    named: Dict[str, Type[Any]] = {}
    if isinstance(classes, Mapping):
        named.update(cast(Mapping[str, Type[Any]], classes))
    else:
        for c in classes:
            if isinstance(c, type):
                named["%s.%s" % (c.__module__, c.__qualname__)] = c
            else:
                raise TypeError("classes: expected classes, got %s" % type(c).__name__)
    for name, c in named.items():
        if not isinstance(name, str) or not isinstance(c, type):
            raise TypeError("classes: expected names and classes, got %.64r: %.64r" % (name, c))
    return named


def loads(data: bytes, classes: Classes) -> Any:
    """Read one pickle. Malformed says what is wrong with it."""
    machine = _Machine(data, classes)
    try:
        return machine.run()
    except Malformed:
        raise
    except (IndexError, struct.error, OverflowError, UnicodeDecodeError):
        raise Malformed("the message is no pickle, or cut off") from None
    except (TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError) as e:
        raise Malformed("the message holds an object that cannot be: %s: %.200s" % (type(e).__name__, e)) from e


class _Machine:
    """The stack machine of pickle. Its state is that of one message."""

    def __init__(self, data: bytes, classes: Classes) -> None:
        self.data = data
        self.classes = classes
        self.types = set(classes.values())
        self.names: Dict[str, Name] = {}
        self.stack: List[Any] = []
        self.marks: List[int] = []
        self.memo: Dict[int, Any] = {}
        self.pos = 0
        # Depth and number of items of tuples that hold tuples, by id; kept alive
        # by being here.
        self.nested: Dict[int, Tuple[Any, int, int]] = {}
        self.hashes = _FREE_HASHES + 16 * len(data)

    def run(self) -> Any:
        data, stack, memo = self.data, self.stack, self.memo
        push, pop = stack.append, stack.pop
        other = self.other
        pos = self.pos
        while True:
            op = data[pos]
            pos += 1
            # The most frequent first.
            if op == 0x4B:  # BININT1
                push(data[pos])
                pos += 1
            elif op == 0x94:  # MEMOIZE
                memo[len(memo)] = stack[-1]
            elif op == 0x8C:  # SHORT_BINUNICODE
                end = pos + 1 + data[pos]
                if end > len(data):
                    raise Malformed("the message is cut off")
                push(data[pos + 1:end].decode("utf-8", "surrogatepass"))
                pos = end
            elif op == 0x68:  # BINGET
                push(memo[data[pos]])
                pos += 1
            elif op == 0x47:  # BINFLOAT
                push(_FLOAT(data, pos)[0])
                pos += 8
            elif op == 0x4D:  # BININT2
                push(data[pos] | data[pos + 1] << 8)
                pos += 2
            elif op == 0x4A:  # BININT
                push(_INT(data, pos)[0])
                pos += 4
            elif op == 0x28:  # MARK
                self.marks.append(len(stack))
            elif op == 0x75:  # SETITEMS
                items = self.popmark()
                ks = items[::2]
                if tuple in map(type, ks):
                    self.keys(ks)
                target: Any = stack[-1]
                if len(items) % 2:
                    raise Malformed("a key without a value")
                if target.__class__ is dict:
                    target.update(zip(ks, items[1::2]))
                else:
                    target = self.target(target, dict)
                    for k, v in zip(ks, items[1::2]):
                        target[k] = v
            elif op == 0x65:  # APPENDS
                items = self.popmark()
                self.target(stack[-1], list).extend(items)
            elif op == 0x86:  # TUPLE2
                y = pop()
                x = stack[-1]
                if x.__class__ is tuple or y.__class__ is tuple:
                    stack[-1] = self.tuple_of((x, y))
                else:
                    stack[-1] = (x, y)
            elif op == 0x7D:  # EMPTY_DICT
                push({})
            elif op == 0x5D:  # EMPTY_LIST
                push([])
            elif op == 0x4E:  # NONE
                push(None)
            elif op == 0x88:  # NEWTRUE
                push(True)
            elif op == 0x89:  # NEWFALSE
                push(False)
            elif op == 0x2E:  # STOP
                result = pop()
                if stack or self.marks or pos != len(data):
                    raise Malformed("something is left over at the end of the message")
                if isinstance(result, Name):
                    raise Malformed("%s is no value" % result.name)
                return result
            else:
                self.pos = pos
                other(op)
                pos = self.pos

    def other(self, op: int) -> None:
        handler = _HANDLERS.get(op)
        if handler is None:
            raise Malformed("the opcode %#04x at %d is not read here" % (op, self.pos - 1))
        handler(self)

    # What several opcodes need.

    def take(self, n: int) -> bytes:
        """Return the next n bytes."""
        end = self.pos + n
        if n < 0 or end > len(self.data):
            raise Malformed("the message is cut off")
        part = self.data[self.pos:end]
        self.pos = end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def line(self) -> str:
        end = self.data.index(b"\n", self.pos)
        line = self.data[self.pos:end].decode("utf-8")
        self.pos = end + 1
        return line

    def popmark(self) -> List[Any]:
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def target(self, x: Any, kind: type) -> Any:
        """Return x if items can be put into it."""
        if type(x) is kind or CONTAINERS.get(type(x)) is kind or self.mine(x):
            return x
        raise Malformed("expected a %s to put items into, got %s" % (kind.__name__, type(x).__name__))

    def mine(self, x: Any) -> bool:
        """Report whether x is an instance of a class that the caller gave."""
        return type(x) in self.types

    def keys(self, keys: Sequence[Any]) -> None:
        """Look at what will be hashed."""
        for k in keys:
            if k.__class__ is tuple:
                at = self.nested.get(id(k))
                self.hashes -= at[2] if at else len(k)
                if self.hashes < 0:
                    raise Malformed("the tuples that are keys hold too much")

    def tuple_of(self, items: Iterable[Any]) -> Tuple[Any, ...]:
        t = tuple(items)
        depth, size = 0, len(t)
        for x in t:
            if x.__class__ is tuple:
                at = self.nested.get(id(x))
                d, n = (at[1], at[2]) if at else (1, len(x))
                depth = max(depth, d)
                size += n
        if depth:
            if depth >= _MAX_DEPTH:
                raise Malformed("tuples are nested more than %d deep" % _MAX_DEPTH)
            self.nested[id(t)] = (t, depth + 1, size)
        return t

    def find(self, module: Any, name: Any) -> Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise Malformed("the name of a class is no str")
        full = "%s.%s" % (MODULES.get(module, module), name)
        known = self.names.get(full)
        if known is None:
            if full in self.classes:
                known = Class(full, self.classes[full])
            elif full in BUILDERS:
                known = Name(full, BUILDERS[full])
            else:
                known = Name(full, exception(full))
                if known.build is None:
                    raise Malformed("the class %.128s is not known here; give connect classes=[...] to have it read" % full)
            self.names[full] = known
        return known

    # The other opcodes.

    def proto(self) -> None:
        protocol = self.take(1)[0]
        if not 2 <= protocol <= 5:
            raise Malformed("pickle protocol %d; expected 2 to 5" % protocol)

    def frame(self) -> None:
        self.take(8)  # how much could be read at once; all is here

    def reduce(self) -> None:
        args, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, Name) or name.build is None or type(args) is not tuple:
            raise Malformed("expected a class to call, and its arguments")
        if name.name in HASHING:
            for a in args:
                if type(a) in (list, tuple):
                    self.keys(a)
        self.stack.append(name.build(*args))

    def newobj(self) -> None:
        self.new(self.stack.pop(), {})

    def newobj_ex(self) -> None:
        kwargs = self.stack.pop()
        self.new(self.stack.pop(), kwargs)

    def new(self, args: Any, kwargs: Any) -> None:
        name = self.stack.pop()
        if not isinstance(name, Class) or type(args) is not tuple or type(kwargs) is not dict:
            raise Malformed("expected a class of the caller's, and arguments, got %.128r" % (name,))
        self.stack.append(name.type.__new__(name.type, *args, **kwargs))

    def build(self) -> None:
        state = self.stack.pop()
        x = self.stack[-1]
        if isinstance(x, BaseException) and not self.mine(x):
            if type(state) is not dict:
                raise Malformed("expected the attributes of an exception as a dict")
            x.__dict__.update(attributes(state))
            return
        if not self.mine(x) or isinstance(x, enum.Enum):
            raise Malformed("expected an object to give a state to, got %s" % type(x).__name__)
        setstate = getattr(x, "__setstate__", None)
        if setstate is not None:
            setstate(state)
            return
        slots: Any = None
        if type(state) is tuple and len(state) == 2:
            state, slots = state
        if state:
            x.__dict__.update(attributes(state))
        if slots:
            for name, value in attributes(slots).items():
                object.__setattr__(x, name, value)

    def additems(self) -> None:
        items = self.popmark()
        target = self.stack[-1]
        if type(target) is not set:
            raise Malformed("expected a set to put items into")
        self.keys(items)
        target.update(items)

    def frozen(self) -> None:
        items = self.popmark()
        self.keys(items)
        self.stack.append(frozenset(items))

    def setitem(self) -> None:
        v, k = self.stack.pop(), self.stack.pop()
        self.keys((k,))
        self.target(self.stack[-1], dict)[k] = v

    def append(self) -> None:
        v = self.stack.pop()
        self.target(self.stack[-1], list).append(v)

    def pop(self) -> None:
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def tuple1(self) -> None:
        self.stack[-1] = self.tuple_of(self.stack[-1:])

    def tuple3(self) -> None:
        self.stack[-3:] = [self.tuple_of((self.stack[-3], self.stack[-2], self.stack[-1]))]

    def global_(self) -> None:
        module = self.line()
        self.stack.append(self.find(module, self.line()))

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(self.find(module, name))

    def text(self, size: int) -> None:
        self.stack.append(self.take(self.number(size)).decode("utf-8", "surrogatepass"))

    def raw(self, size: int) -> None:
        self.stack.append(self.take(self.number(size)))

    def bytearray8(self) -> None:
        self.stack.append(bytearray(self.take(self.number(8))))

    def long(self, size: int) -> None:
        self.stack.append(int.from_bytes(self.take(self.number(size)), "little", signed=True))

    def put(self, size: int) -> None:
        self.memo[self.number(size)] = self.stack[-1]

    def long_binget(self) -> None:
        self.stack.append(self.memo[self.number(4)])


_FLOAT = struct.Struct(">d").unpack_from
_INT = struct.Struct("<i").unpack_from

_HANDLERS: Dict[int, Callable[[_Machine], None]] = {
    0x80: _Machine.proto,
    0x95: _Machine.frame,
    0x52: _Machine.reduce,
    0x81: _Machine.newobj,
    0x92: _Machine.newobj_ex,
    0x62: _Machine.build,
    0x90: _Machine.additems,
    0x91: _Machine.frozen,
    0x73: _Machine.setitem,
    0x61: _Machine.append,
    0x85: _Machine.tuple1,
    0x87: _Machine.tuple3,
    0x63: _Machine.global_,
    0x93: _Machine.stack_global,
    0x96: _Machine.bytearray8,
    0x6A: _Machine.long_binget,
    0x30: _Machine.pop,
    0x29: lambda m: m.stack.append(()),
    0x8F: lambda m: m.stack.append(set()),
    0x74: lambda m: m.stack.append(m.tuple_of(m.popmark())),
    0x6C: lambda m: m.stack.append(m.popmark()),
    0x58: lambda m: m.text(4),  # BINUNICODE
    0x8D: lambda m: m.text(8),
    0x43: lambda m: m.raw(1),  # SHORT_BINBYTES
    0x42: lambda m: m.raw(4),
    0x8E: lambda m: m.raw(8),
    0x8A: lambda m: m.long(1),
    0x8B: lambda m: m.long(4),
    0x71: lambda m: m.put(1),  # BINPUT
    0x72: lambda m: m.put(4),
}
