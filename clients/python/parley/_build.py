"""What is built in place of the classes and functions that a pickle names.

Each builder makes its object from arguments that it has looked at: none may run
what a server sends, and none takes more memory or time than its arguments have.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import decimal
import enum
import fractions
import re
import uuid
from typing import Any, Callable, Dict, Optional

_MAX_TEXT = 10000  # digits of a Decimal


class Malformed(ValueError):
    """The message is no pickle that is read here."""


class Name:
    """A class or function that a message names, and what builds in its place."""

    __slots__ = ("name", "build")

    def __init__(self, name: str, build: Optional[Callable[..., Any]]) -> None:
        self.name = name
        self.build = build

    def __repr__(self) -> str:
        return "<the name %s>" % self.name


class Class(Name):
    """A class that the caller gave."""

    __slots__ = ("type",)

    def __init__(self, name: str, type: type) -> None:
        super().__init__(name, type)
        self.type = type


MODULES = {"__builtin__": "builtins", "exceptions": "builtins"}
CONTAINERS = {
    collections.OrderedDict: dict, collections.defaultdict: dict, collections.Counter: dict,
    collections.deque: list,
}
HASHING = {"builtins.set", "builtins.frozenset"}


def attributes(state: Any) -> Dict[str, Any]:
    """Return the attributes of an object; not those that are Python's own."""
    if type(state) is not dict:
        raise Malformed("expected attributes as a dict, got %s" % type(state).__name__)
    for name in state:
        if type(name) is not str or name.startswith("__"):
            raise Malformed("%.64r is no attribute that is set here" % (name,))
    return state


def exception(full: str) -> Optional[Callable[..., Any]]:
    """Return the exception of Python's own with this name, None if there is none."""
    module, _, name = full.partition(".")
    x = getattr(builtins, {"StandardError": "Exception"}.get(name, name), None) if module == "builtins" else None
    return x if isinstance(x, type) and issubclass(x, BaseException) else None


def _set(items: Any = ()) -> Any:
    _only(items, list, tuple)
    return set(items)


def _frozenset(items: Any = ()) -> Any:
    _only(items, list, tuple)
    return frozenset(items)


def _bytes() -> bytes:
    return b""


def _bytearray(data: Any = b"", encoding: Any = None) -> bytearray:
    if encoding is not None:
        data = _latin1(data, encoding)
    _only(data, bytes)
    return bytearray(data)


def _latin1(text: Any, encoding: Any) -> bytes:
    _only(text, str)
    if encoding not in ("latin1", "latin-1"):
        raise Malformed("expected the encoding latin1")
    return bytes(text.encode("latin-1"))


def _complex(real: Any, imag: Any) -> complex:
    _only(real, float)
    _only(imag, float)
    return complex(real, imag)


def _range(*args: Any) -> range:
    for a in args:
        _only(a, int)
    return range(*args)


def _ordered_dict() -> Any:
    return collections.OrderedDict()


_FACTORIES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "tuple": tuple,
              "dict": dict, "set": set, "frozenset": frozenset, "bytes": bytes}


def _factory(name: str) -> Callable[..., Any]:
    def refuse(*_: Any) -> Any:
        raise Malformed("%s is not called here" % name)
    return refuse


def _default_dict(factory: Any = None) -> Any:
    if factory is None:
        return collections.defaultdict()
    if isinstance(factory, Name):
        module, _, name = factory.name.partition(".")
        if module == "builtins" and name in _FACTORIES:
            return collections.defaultdict(_FACTORIES[name])
    raise Malformed("expected a defaultdict of a builtin type")


def _counter(counts: Any = None) -> Any:
    counter: Any = collections.Counter()
    if counts is not None:
        _only(counts, dict)
        dict.update(counter, counts)
    return counter


def _deque(items: Any = (), maxlen: Any = None) -> Any:
    _only(items, list, tuple)
    _only(maxlen, int, type(None))
    return collections.deque(items, maxlen)


_DECIMAL = re.compile(r"-?(?:[0-9]*\.?[0-9]*(?:E[+-]?[0-9]{1,18})?|Infinity|s?NaN[0-9]*)", re.ASCII | re.IGNORECASE)


def _decimal(text: Any) -> decimal.Decimal:
    _only(text, str)
    if len(text) > _MAX_TEXT or not _DECIMAL.fullmatch(text):
        raise Malformed("expected a decimal number of at most %d characters" % _MAX_TEXT)
    return decimal.Decimal(text)


_FRACTION = re.compile(r"-?[0-9]{1,4000}(?:/[0-9]{1,4000})?", re.ASCII)


def _fraction(numerator: Any, denominator: Any = 1) -> fractions.Fraction:
    if isinstance(numerator, str):
        if len(numerator) > _MAX_TEXT or not _FRACTION.fullmatch(numerator):
            raise Malformed("expected a fraction as text")
        above, _, below = numerator.partition("/")
        return fractions.Fraction(int(above), int(below or "1"))
    _only(numerator, int)
    _only(denominator, int)
    if numerator.bit_length() > 1 << 16 or denominator.bit_length() > 1 << 16:
        raise Malformed("a fraction of more than 65536 bits")
    return fractions.Fraction(numerator, denominator)


def _uuid(text: Any) -> uuid.UUID:
    _only(text, str)
    return uuid.UUID(text)


def _raw(data: Any, size: int) -> bytes:
    if type(data) is not bytes or len(data) != size:
        raise Malformed("expected a date or time as %d bytes" % size)
    return data


def _date(data: Any) -> datetime.date:
    d = _raw(data, 4)
    return datetime.date(d[0] << 8 | d[1], d[2], d[3])


def _datetime(data: Any, zone: Any = None) -> datetime.datetime:
    d = _raw(data, 10)
    return datetime.datetime(d[0] << 8 | d[1], d[2] & 0x7F, d[3], d[4], d[5], d[6], int.from_bytes(d[7:], "big"),
                             _zone(zone), fold=d[2] >> 7)


def _time(data: Any, zone: Any = None) -> datetime.time:
    d = _raw(data, 6)
    return datetime.time(d[0] & 0x7F, d[1], d[2], int.from_bytes(d[3:], "big"), _zone(zone), fold=d[0] >> 7)


def _zone(zone: Any) -> Optional[datetime.tzinfo]:
    if zone is not None and not isinstance(zone, datetime.tzinfo):
        raise Malformed("expected a time zone")
    return zone


def _timedelta(days: Any, seconds: Any, microseconds: Any) -> datetime.timedelta:
    for n in (days, seconds, microseconds):
        _only(n, int)
    return datetime.timedelta(days, seconds, microseconds)


def _timezone(offset: Any, name: Any = None) -> datetime.timezone:
    _only(offset, datetime.timedelta)
    if name is None:
        return datetime.timezone(offset)
    _only(name, str)
    return datetime.timezone(offset, name)


def _zone_info(key: Any, _: Any = None) -> datetime.tzinfo:
    _only(key, str)
    try:
        from zoneinfo import ZoneInfo
    except ImportError:
        raise Malformed("the zone %.64r needs Python 3.9" % key) from None
    zone: datetime.tzinfo = ZoneInfo(key)
    return zone


def _getattr(x: Any, name: Any) -> Any:
    if isinstance(x, Class) and issubclass(x.type, enum.Enum) and name in x.type.__members__:
        return x.type.__members__[name]  # how Python 3.11 pickles a member
    if isinstance(x, Name) and x.name == "zoneinfo.ZoneInfo" and name == "_unpickle":
        return Name("zoneinfo.ZoneInfo._unpickle", _zone_info)
    raise Malformed("getattr is not called here")


def _only(x: Any, *types: type) -> None:
    if type(x) not in types:
        raise Malformed("expected %s, got %s" % (" or ".join(t.__name__ for t in types), type(x).__name__))


BUILDERS: Dict[str, Callable[..., Any]] = {
    "builtins.%s" % name: _factory(name) for name in ("int", "float", "str", "bool", "list", "tuple", "dict")
}
BUILDERS.update({
    "builtins.set": _set,
    "builtins.frozenset": _frozenset,
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytearray,
    "builtins.complex": _complex,
    "builtins.range": _range,
    "builtins.xrange": _range,
    "builtins.getattr": _getattr,
    "_codecs.encode": _latin1,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": _default_dict,
    "collections.Counter": _counter,
    "collections.deque": _deque,
    "decimal.Decimal": _decimal,
    "fractions.Fraction": _fraction,
    "uuid.UUID": _uuid,
    "datetime.date": _date,
    "datetime.datetime": _datetime,
    "datetime.time": _time,
    "datetime.timedelta": _timedelta,
    "datetime.timezone": _timezone,
    "zoneinfo.ZoneInfo": _zone_info,
    "zoneinfo.ZoneInfo._unpickle": _zone_info,
})
