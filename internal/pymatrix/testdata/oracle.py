# Reads pickles with CPython's own reader, which may find nothing but the names
# that are data, and says whether two of them hold the same value.
#
# A line of input is two pickles in hexadecimal and a number: what a peer sent,
# what the other reader made of it, written again, and how many values it saw.
# The answer is one line: "same", "refused WHY" if this reader does not take the
# first, "skip WHY" if the two cannot be compared, or "differs A B".
import io, math, pickle, resource, struct, sys
import collections, copyreg, datetime, decimal, fractions, uuid
from _codecs import encode
try:
    import zoneinfo
except ImportError:
    zoneinfo = None

resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
if hasattr(sys, "set_int_max_str_digits"):
    sys.set_int_max_str_digits(0)
sys.setrecursionlimit(3000)


class Refused(Exception):
    pass


class Skipped(Exception):
    pass


def inert(name):
    # A type that stands as an argument and is never called by what is data.
    class Inert(object):
        def __new__(cls, *args, **kwargs):
            raise Refused("call of " + name)
    Inert.__name__ = name
    return Inert


class List(list):
    # list([1, 2]) is data, and nothing else that can be called so.
    def __new__(cls, *args):
        if len(args) != 1 or type(args[0]) not in (list, tuple):
            raise Refused("call of list")
        return list(args[0])


def guarded_getattr(owner, name):
    if zoneinfo is not None and owner is zoneinfo.ZoneInfo and name == "_unpickle":
        return zoneinfo.ZoneInfo._unpickle
    raise Refused("getattr")


NAMES = {
    "builtins.set": set, "builtins.frozenset": frozenset, "builtins.bytes": bytes,
    "builtins.bytearray": bytearray, "builtins.complex": complex, "builtins.range": range,
    "builtins.object": object, "builtins.getattr": guarded_getattr, "_codecs.encode": encode,
    "copyreg._reconstructor": copyreg._reconstructor,
    "collections.OrderedDict": collections.OrderedDict, "collections.defaultdict": collections.defaultdict,
    "collections.Counter": collections.Counter, "collections.deque": collections.deque,
    "decimal.Decimal": decimal.Decimal, "fractions.Fraction": fractions.Fraction, "uuid.UUID": uuid.UUID,
    "datetime.datetime": datetime.datetime, "datetime.date": datetime.date, "datetime.time": datetime.time,
    "datetime.timedelta": datetime.timedelta, "datetime.timezone": datetime.timezone,
}
for name in ("int", "float", "str", "bool", "list", "tuple", "dict"):
    NAMES["builtins." + name] = inert(name)
NAMES["builtins.list"] = List
if zoneinfo is not None:
    NAMES["zoneinfo.ZoneInfo"] = zoneinfo.ZoneInfo
    NAMES["zoneinfo.ZoneInfo._unpickle"] = zoneinfo.ZoneInfo._unpickle
RENAMED = {"builtins.xrange": "builtins.range", "builtins.long": "builtins.int", "builtins.unicode": "builtins.str",
           "builtins.StandardError": "builtins.Exception"}
for name in dir(__builtins__):
    thing = getattr(__builtins__, name)
    if isinstance(thing, type) and issubclass(thing, BaseException):
        NAMES["builtins." + name] = thing


class Restricted(pickle.Unpickler):
    def find_class(self, module, name):
        if module in ("__builtin__", "exceptions"):
            module = "builtins"
        elif module == "copy_reg":
            module = "copyreg"
        full = module + "." + name
        full = RENAMED.get(full, full)
        if full not in NAMES:
            raise Refused("name " + full)
        return NAMES[full]


def load(data):
    # With a peek of all, the reader works on one buffer, as pickle.loads does.
    stream = io.BufferedReader(io.BytesIO(data), max(len(data), 1 << 17))
    # The str of Python 2 is text if it is UTF-8, else bytes: see text.
    return Restricted(stream, encoding="utf-8", errors="surrogateescape").load()


MAX_VALUES = 300000
UTC = datetime.timezone.utc


class Canon(object):
    # One text for each value. Types that become one type on the other side are
    # one here: the rows of the table in the documentation.
    def __init__(self):
        self.count = 0

    def text(self, s):
        try:
            s = s.encode("utf-16", "surrogatepass").decode("utf-16") # pairs are one character
            return "s" + s.encode("utf-8").hex()
        except UnicodeError:
            return "b" + s.encode("utf-8", "surrogateescape").hex()

    def of(self, v, depth=0):
        self.count += 1
        if self.count > MAX_VALUES or depth > 500:
            raise Skipped("too large, or without an end")
        t = type(v)
        if v is None or t is bool:
            return repr(v)
        if t is int:
            return "i%x" % v
        if t is float:
            return "fnan" if v != v else "f" + struct.pack(">d", v).hex()
        if t is str:
            return self.text(v)
        if t is bytes:
            return "b" + v.hex()
        if t is bytearray:
            return "B" + v.hex()
        if t is list or t is collections.deque:
            return "[" + ",".join([self.of(x, depth + 1) for x in v]) + "]"
        if t is tuple:
            return "(" + ",".join([self.of(x, depth + 1) for x in v]) + ")"
        if t is set or t is frozenset:
            return t.__name__ + "{" + ",".join(sorted(self.of(x, depth + 1) for x in v)) + "}"
        if isinstance(v, dict):
            if len(v) == 0:
                return "d{}"
            return "d{" + ",".join(sorted(self.of(k, depth + 1) + ":" + self.of(x, depth + 1) for k, x in v.items())) + "}"
        if t is complex:
            return "c" + Canon().of(v.real) + Canon().of(v.imag)
        if t is decimal.Decimal:
            return "D" + str(v)
        if t is fractions.Fraction:
            return "F%x/%x" % (v.numerator, v.denominator)
        if t is uuid.UUID:
            if type(v.int) is not int or not 0 <= v.int < 1 << 128:
                raise Refused("UUID that is none")
            return "U%x" % v.int
        if t is range:
            return "r%x,%x,%x" % (v.start, v.stop, v.step)
        if t is datetime.datetime:
            if v.tzinfo is None:
                return "T" + v.replace(fold=0).isoformat()
            return "Z" + v.astimezone(UTC).replace(tzinfo=None).isoformat()
        if t is datetime.date:
            return "t" + v.isoformat()
        if t is datetime.time:
            return "k" + v.replace(fold=0).isoformat()
        if t is datetime.timedelta:
            return "w%d,%d,%d" % (v.days, v.seconds, v.microseconds)
        if isinstance(v, BaseException):
            args, name = v.args, t.__name__
            if isinstance(v, OSError): # a number chooses the subclass, a file name is beside the args
                name, args = "OSError", v.__reduce__()[1]
            return "e" + name + "(" + ",".join([self.of(x, depth + 1) for x in args]) + ")"
        raise Refused("type " + t.__name__)


def compare(sent, again, count):
    try:
        a = load(sent)
        first = Canon()
        one = first.of(a)
    except Skipped as e:
        return "skip %s" % e
    except MemoryError: # CPython makes room for as many memo entries as a number claims
        return "skip out of memory"
    except BaseException as e:
        return "refused %s: %s" % (type(e).__name__, e)
    second = Canon()
    try:
        two = second.of(load(again))
    except BaseException as e:
        return "differs %.300s unreadable: %s: %s" % (one, type(e).__name__, e)
    if one != two:
        return "differs %.500s %.500s" % (one, two)
    if first.count != count:
        return "differs %.300s in number: %d here, %d there" % (one, first.count, count)
    return "same"


for line in sys.stdin:
    sent, again, count = line.split()
    answer = compare(bytes.fromhex(sent[1:]), bytes.fromhex(again[1:]), int(count))
    sys.stdout.write(answer.replace("\n", " ").encode("ascii", "backslashreplace").decode() + "\n")
    sys.stdout.flush()
