# -*- coding: utf-8 -*-
# What the expressions of the matrix are made of, and show, which writes a value
# in one form for all versions of Python. The test puts rows behind it: numbers,
# expressions, and what else to look at.
import binascii, collections, math, pickle, re, socket, struct, sys, types
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
from multiprocessing.connection import Client, Listener
two = sys.version_info[0] == 2
if two:
    range_, text, ints = xrange, unicode, (int, long)
else:
    range_, text, ints = range, str, (int,)
    from datetime import timezone
    from pathlib import PurePosixPath
    from ipaddress import ip_address
try:
    from zoneinfo import ZoneInfo
except ImportError:
    pass
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)

SHOP = """
import collections
class Plain(object):
    def __init__(self, x):
        self.x = x
class Old:
    def __init__(self, x):
        self.x = x
class Slots(object):
    __slots__ = ('x',)
    def __init__(self, x):
        self.x = x
    def __getstate__(self):
        return (None, {'x': self.x})
Point = collections.namedtuple('Point', ('x', 'y'))
class MyError(Exception):
    pass
class Item(object):
    def __init__(self, name, price):
        self.name, self.price = name, price
    def __repr__(self):
        return '%s(%s, %s)' % (type(self).__name__, self.name, self.price)
class OldItem:
    def __init__(self, name, price):
        self.name, self.price = name, price
    def __repr__(self):
        return 'OldItem(%s, %s)' % (self.name, self.price)
class SlotItem(object):
    __slots__ = ('name', 'price')
    def __init__(self, name, price):
        self.name, self.price = name, price
    def __repr__(self):
        return 'SlotItem(%s, %s)' % (self.name, self.price)
class PairItem(collections.namedtuple('PairItem', ('name', 'price'))):
    __slots__ = ()
    def __repr__(self):
        return 'PairItem(%s, %s)' % self
class ItemError(Exception):
    pass
class Names(list):
    pass
class Ages(dict):
    pass
def function():
    pass
try:
    import enum
    class Color(enum.Enum):
        RED = 1
    class Level(enum.Enum):
        LOW = 1
        HIGH = 2
except ImportError:
    pass
"""
shop = types.ModuleType("shop")
sys.modules["shop"] = shop
exec(SHOP, shop.__dict__)
shop.Point.__module__ = "shop"
if sys.version_info >= (3, 7):
    exec("""
import dataclasses
Record = dataclasses.make_dataclass('Record', ['x'])
Record.__module__ = 'shop'
@dataclasses.dataclass
class DataItem:
    name: str
    price: int
    def __repr__(self):
        return 'DataItem(%s, %s)' % (self.name, self.price)
""", shop.__dict__)
Item, OldItem, SlotItem, PairItem, ItemError = shop.Item, shop.OldItem, shop.SlotItem, shop.PairItem, shop.ItemError
Level, DataItem = getattr(shop, "Level", None), getattr(shop, "DataItem", None)
Names, Ages = shop.Names, shop.Ages
Plain, Old, Slots, Point, MyError, function = shop.Plain, shop.Old, shop.Slots, shop.Point, shop.MyError, shop.function
Color, Record = getattr(shop, "Color", None), getattr(shop, "Record", None)


def nested(n):
    v = []
    for i in range(n - 1):
        v = [v]
    return v


def itself():
    v = []
    v.append(v)
    return v


def twice(x):
    return [x, x]


def with_attribute(e):
    e.code = 7
    return e


def quote(s):
    return re.sub("^u?", "u", repr(s)) if two else "u" + ascii(s)


def show(v):
    t = type(v)
    if v is None or t is bool:
        return repr(v)
    if isinstance(v, ints):
        return "%x" % v if abs(v) > 1 << 200 else "%d" % v
    if t is float:
        return "nan" if v != v else repr(v)
    if t is text:
        return quote(v) if len(v) < 100 else "u'%s...' of %d" % (v[:1], len(v))
    if t is bytes:
        return ("" if not two else "b") + repr(v) if len(v) < 100 else "b'...' of %d" % len(v)
    if t is list:
        return "[" + ", ".join(show(x) for x in v) + "]"
    if t is tuple:
        return "(" + ", ".join(show(x) for x in v) + ("," if len(v) == 1 else "") + ")"
    if t is set or t is frozenset:
        return t.__name__ + "(" + ", ".join(sorted(show(x) for x in v)) + ")"
    if t is dict:
        return "{" + ", ".join(sorted(show(k) + ": " + show(x) for k, x in v.items())) + "}"
    if t is OrderedDict:
        return "OrderedDict(" + ", ".join(show(k) + ": " + show(x) for k, x in v.items()) + ")"
    if t is Counter or t is defaultdict:
        return t.__name__ + "(" + ", ".join(sorted(show(k) + ": " + show(x) for k, x in v.items())) + ")"
    if t is deque:
        return "deque([" + ", ".join(show(x) for x in v) + "], %s)" % v.maxlen
    if t is complex:
        return "complex(%r, %r)" % (v.real, v.imag)
    if t is datetime:
        zone = "" if v.tzinfo is None else " " + re.sub("^UTC$", "UTC+00:00", v.tzname())
        return "datetime " + v.isoformat() + (" fold" if getattr(v, "fold", 0) else "") + zone
    if t is timedelta:
        return "timedelta(%d, %d, %d)" % (v.days, v.seconds, v.microseconds)
    if isinstance(v, BaseException):
        return t.__name__ + "(" + ", ".join(show(x) for x in (v.__reduce__()[1] if isinstance(v, EnvironmentError) else v.args)) + ")"
    if t is UUID:
        return "UUID(%s)" % v
    if isinstance(v, (Plain, Old, Slots)):
        return "%s(%s)" % (v.__class__.__name__, show(v.x))
    if isinstance(v, (Names, Ages)):
        return t.__name__ + repr(v)
    return repr(v)


def state(original, got, look):
    # What came back, or "same".
    answer = show(got)
    if look:
        v = original
        before = eval(look)
        v = got
        try:
            after = eval(look)
        except Exception as e: # it is something else altogether
            after = type(e).__name__
        if before != after:
            return answer + ", " + str(after)
    return "same" if answer == show(original) else answer


def hexed(s):
    if not isinstance(s, bytes):
        s = s.encode("utf-8")
    return binascii.hexlify(s).decode("ascii")


def line(*parts):
    sys.stdout.write("\t".join(p.encode("utf-8") if two and isinstance(p, unicode) else str(p) for p in parts) + "\n")
    sys.stdout.flush()


rows = []
object_rows = set()
