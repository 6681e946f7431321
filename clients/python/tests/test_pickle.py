"""What is read of an answer, and what is not."""

import collections
import copyreg
import datetime
import decimal
import enum
import fractions
import os
import pickle
import struct
import unittest
import uuid

from parley import _pickle


class Product:
    def __init__(self, pid, pname):
        self.pid, self.pname = pid, pname

    def __eq__(self, other):
        return type(other) is Product and vars(other) == vars(self)


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __eq__(self, other):
        return (self.a, self.b) == (other.a, other.b)


class State(Product):
    def __getstate__(self):
        return ("state", self.pid)

    def __setstate__(self, state):
        self.pid, self.pname = state[1], "set"


class Mine(dict):
    pass


class MineList(list):
    pass


Point = collections.namedtuple("Point", "x y")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Refusal(Exception):
    pass


CLASSES = [Product, Slots, State, Mine, MineList, Point, Color, Refusal]


def loads(data, classes=CLASSES):
    return _pickle.loads(data, _pickle.classes_by_name(classes))


def memoryless(data):
    """Name an object, a class of builtins, at the start of a pickle."""
    return b"\x80\x04" + data


class TestValues(unittest.TestCase):
    VALUES = [
        None, True, False, 0, 1, -1, 255, 256, 65535, 65536, -65536, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**63, -2**63 - 1, 2**70,
        -2**70, 2**5000, 0.0, 1.5, -1e300, float("inf"), "", "a", "ä€\U0001f600", "x" * 255, "x" * 256, "x" * 70000, "\ud800",
        b"", b"a", bytes(range(256)), b"x" * 70000, bytearray(), bytearray(b"ab"), bytearray(1 << 17), [], [1], [1, [2, [3]]],
        list(range(3000)), (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), ((1, (2,)), 3), {}, {1: 2}, {"a": [1], (1, 2): "x", None: ()},
        {i: str(i) for i in range(3000)}, set(), {1, 2}, {(1, 2), "a"}, set(range(3000)), frozenset(), frozenset([1, (2, 3)]),
        1 + 2j, range(3), range(10, 0, -2), collections.OrderedDict([("b", 1), ("a", 2)]), collections.defaultdict(list, {1: [2]}),
        collections.defaultdict(None, {1: 2}), collections.defaultdict(frozenset), collections.Counter("abca"),
        collections.deque([1, 2, 3]), collections.deque([1, 2, 3], 2), decimal.Decimal("1.50"), decimal.Decimal("-1E+30"),
        decimal.Decimal("Infinity"), fractions.Fraction(-22, 7), datetime.date(2026, 11, 21),
        datetime.datetime(2026, 11, 21, 23, 59, 58, 999999), datetime.datetime(2026, 1, 1, fold=1),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=-5, minutes=-30), "X")),
        datetime.time(1, 2, 3, 4), datetime.time(1, 2, fold=1), datetime.timedelta(-1, 2, 3), datetime.timedelta.max,
        Product(1, "Teapot"), [Product(1, "a"), Product(2, "b")], Slots(1, "b"), Point(1, 2), {"p": Point(x=[1], y=None)}, Color.RED,
        [Color.RED, Color.BLUE], Mine(a=1), MineList([1, 2]),
    ]

    def same(self, got, want):
        self.assertIs(type(got), type(want))
        self.assertEqual(got, want)
        if isinstance(want, (datetime.datetime, datetime.time)):
            self.assertEqual((got.fold, got.tzinfo), (want.fold, want.tzinfo))
        if isinstance(want, datetime.datetime) and want.tzinfo:
            self.assertEqual(got.tzname(), want.tzname())
        if isinstance(want, collections.defaultdict):
            self.assertIs(got.default_factory, want.default_factory)
        if isinstance(want, collections.deque):
            self.assertEqual(got.maxlen, want.maxlen)
        if isinstance(want, collections.OrderedDict):
            self.assertEqual(list(got), list(want))

    def test_what_python_writes(self):
        """As pickle reads it, from protocol 3: what 2 writes by _reconstructor, servers do not send."""
        for protocol in (3, 4, 5):
            for want in self.VALUES:
                if protocol == 3 and getattr(want, "fold", 0):
                    continue  # which Python leaves out there
                for writer in (pickle.dumps, pickle._dumps):
                    with self.subTest(protocol=protocol, value=repr(want)[:60], writer=writer.__name__):
                        self.same(loads(writer(want, protocol)), want)

    def test_plain_data_of_protocol_2(self):
        for want in [None, True, 2**70, 1.5, "aä", [1, (2,), {3: 4}], b"ab", {1, 2}, datetime.date(2026, 1, 2), range(3), 2j]:
            self.same(loads(pickle.dumps(want, 2)), want)
        self.assertEqual(str(loads(b"\x80\x02cexceptions\nRuntimeError\nX\x01\x00\x00\x00x\x85R.")), "x")

    def test_as_parley_writes(self):
        text = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
        self.assertEqual(loads(b"\x80\x05\x8c\x04uuid\x94\x8c\x04UUID\x93\x8c\x24" + text.encode() + b"\x85R."), uuid.UUID(text))

        self.assertEqual(loads(b"\x80\x05\x8c\x03pid\x940(0](}(h\x00K\x01u}(h\x00K\x02ue."), [{"pid": 1}, {"pid": 2}])

    def test_zone(self):
        try:
            import zoneinfo
            zone = zoneinfo.ZoneInfo("Europe/Paris")
        except Exception:  # Python 3.8, or a machine without the data
            data = b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93\x8c\x08zoneinfo\x8c\x08ZoneInfo\x93\x8c\x09_unpickle\x86R\x8c\x0cEurope/Paris\x85R."
            self.assertRaises(_pickle.Malformed, loads, data)
            return
        want = datetime.datetime(2026, 7, 1, tzinfo=zone)
        self.same(loads(pickle.dumps(want)), want)
        self.assertIs(loads(pickle.dumps(want)).tzinfo, zone)

    def test_sharing(self):
        x = [1]
        for protocol in (3, 4, 5):
            got = loads(pickle.dumps([x, x, (x, {"k": x})], protocol))
            got[0].append(2)
            self.assertEqual(got, [[1, 2], [1, 2], ([1, 2], {"k": [1, 2]})])

    def test_exceptions(self):
        for want in [ValueError("x", 1), KeyError("k"), OSError(2, "no"), UnicodeDecodeError("utf-8", b"x", 0, 1, "r"), SystemExit(1), Refusal("a")]:
            got = loads(pickle.dumps(want))
            self.assertEqual((type(got), got.args), (type(want), want.args))
        noted = ValueError("x")
        noted.extra = [1]
        self.assertEqual(loads(pickle.dumps(noted)).extra, [1])

    def test_states_of_classes(self):
        got = loads(pickle.dumps(State(3, "x")))
        self.assertEqual((type(got), got.pid, got.pname), (State, 3, "set"))

    def test_classes_by_other_names(self):
        data = pickle.dumps(Product(1, "a")).replace(__name__.encode(), b"x" * len(__name__))
        self.assertEqual(loads(data, {"x" * len(__name__) + ".Product": Product}), Product(1, "a"))
        for wrong in ([1], {"a": 1}, {1: Product}, ["x"]):
            self.assertRaises(TypeError, _pickle.classes_by_name, wrong)


class Call:
    """Pickles as the call of a function."""

    def __init__(self, f, *args):
        self.f, self.args = f, args

    def __reduce__(self):
        return self.f, self.args


class TestAttacks(unittest.TestCase):
    def refused(self, data, text=""):
        with self.assertRaises(_pickle.Malformed) as e:
            loads(data)
        self.assertIn(text, str(e.exception))

    def test_calls(self):
        marker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nobody-makes-this")
        line = "touch '%s'" % marker
        command = line.encode()
        short = b"\x8c" + bytes([len(command)]) + command
        module = os.system.__module__.encode()
        name = os.system.__module__ + ".system is not known"
        for data, text in [
            (pickle.dumps(Call(os.system, line), 4), name),  # STACK_GLOBAL
            (pickle.dumps(Call(os.system, line), 2), name),  # GLOBAL
            (pickle.dumps(Call(os.system, line), 0), name),
            (b"\x80\x04c" + module + b"\nsystem\n" + short + b"\x85R.", name),
            (b"\x80\x04(S'" + command + b"'\ni" + module + b"\nsystem\n.", "opcode 0x53"),  # INST
            (b"\x80\x04(" + short + b"i" + module + b"\nsystem\n.", "opcode 0x69"),
            (b"\x80\x04(c" + module + b"\nsystem\n" + short + b"o.", name),  # OBJ
            (b"\x80\x04(cbuiltins\nlist\n" + short + b"o.", "opcode 0x6f"),
            (b"\x80\x04c" + module + b"\nsystem\n" + short + b"\x85}\x92.", name),  # NEWOBJ_EX
            (b"\x80\x04cbuiltins\neval\n\x8c\x011\x85R.", "builtins.eval is not known"),
            (b"\x80\x04cbuiltins\n__import__\n\x8c\x02os\x85R.", "__import__ is not known"),
            (b"\x80\x04cbuiltins\ngetattr\n\x8c\x02os\x8c\x06system\x86R.", "getattr is not called"),
            (b"\x80\x04cbuiltins\ngetattr\nc" + __name__.encode() + b"\nColor\n\x8c\x08__init__\x86R.", "getattr is not called"),
            (b"\x80\x04coperator\nattrgetter\n\x8c\x01x\x85R.", "operator.attrgetter is not known"),
            (b"\x80\x04cbuiltins\nlist.append\n.", "is not known"),
            (b"\x80\x04cbuiltins\nException.with_traceback\n.", "is not known"),
            (b"\x80\x04cbuiltins\n__dict__\n.", "is not known"),
            (b"\x80\x04ctests.test_pickle\nos.system\n.", "is not known"),
            (b"\x80\x04c_codecs\nencode\n\x8c\x01a\x8c\x03zip\x86R.", "latin1"),
            (b"\x80\x04cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.", "expected bytes"),
            (b"\x80\x04cbuiltins\nint\n\x8c\x0212\x85R.", "is not called"),
            (b"\x80\x04cfractions\nFraction\n\x8c\x0b1e999999999\x85R.", "expected a fraction"),
            (b"\x80\x04cdecimal\nDecimal\nX\x00\x00\x01\x00" + b"9" * 65536 + b"\x85R.", "at most"),
            (b"\x80\x04ccollections\ndeque\ncbuiltins\nlist\n\x85R.", "expected list"),
            (b"\x80\x04ccollections\ndefaultdict\ncuuid\nUUID\n\x85R.", "expected a defaultdict"),
            (b"\x80\x04cuuid\nUUID\n)\x81.", "expected a class of the caller's"),
            (b"\x80\x04cbuiltins\nValueError\n)\x81.", "expected a class of the caller's"),
        ]:
            with self.subTest(data):
                self.refused(data, text)
        self.assertFalse(os.path.exists(marker))

    def test_extension_codes(self):
        copyreg.add_extension("os", "getpid", 0x7a7a)
        try:
            pickle.loads(b"\x80\x04\x83\x7a\x7a.")  # now it is in the cache of pickle
            for data in (b"\x80\x04\x83\x7a\x7a)R.", b"\x80\x04\x84\x7a\x7a\x00\x00)R.", b"\x80\x04\x82\x01."):
                self.refused(data, "opcode")
        finally:
            copyreg.remove_extension("os", "getpid", 0x7a7a)

    def test_classes_are_not_changed(self):
        """BUILD sets the state of objects, never of classes, functions and members of an enum."""
        here = __name__.encode()
        before = dict(vars(Product))
        state = b"N}\x8c\x08__init__cbuiltins\nlist\ns\x86b."
        for data in [
            b"\x80\x04c" + here + b"\nProduct\n" + state,
            b"\x80\x04c" + here + b"\nProduct\n}\x8c\x01xK\x01sb.",
            b"\x80\x04cfractions\nFraction\n" + state,
            b"\x80\x04c_codecs\nencode\n" + state,
            b"\x80\x04c" + here + b"\nColor\nK\x01\x85R}\x8c\x07_value_K\x02sb.",
            b"\x80\x04c" + here + b"\nProduct\n)\x81}\x8c\x09__class__Nsb.",
            b"\x80\x04c" + here + b"\nProduct\n)\x81}K\x01K\x02sb.",
            b"\x80\x04c" + here + b"\nSlots\n)\x81N}\x8c\x09__class__c" + here + b"\nProduct\ns\x86b.",
            b"\x80\x04]}b.", b"\x80\x04\x8c\x01a}b.",
        ]:
            with self.subTest(data):
                self.refused(data)
        self.assertEqual(dict(vars(Product)), before)
        self.assertIs(Color(1), Color.RED)

    def test_persistent_ids_and_buffers(self):
        for data in (b"\x80\x04\x8c\x01aQ.", b"\x80\x04Pa\n.", b"\x80\x05\x97.", b"\x80\x05\x98."):
            self.refused(data, "opcode")

    def test_lengths(self):
        """No memory is taken for what is not there."""
        for op in (b"\x58\xff\xff\xff\xff", b"\x42\xff\xff\xff\xff", b"\x8b\xff\xff\xff\x7f", b"\x8b\xff\xff\xff\xff",
                   b"\x8d" + b"\xff" * 8, b"\x8e" + struct.pack("<Q", 1 << 62), b"\x96" + struct.pack("<Q", 1 << 40), b"\x8c\x05ab",
                   b"\x43\x05ab", b"\x8a\x05ab", b"\x95\x00", b"G123", b"J12", b"M1", b"K"):
            with self.subTest(op):
                self.refused(memoryless(op))

    def test_index_of_the_memo(self):
        """LONG_BINPUT with a large index takes 34 GB of pickle.loads."""
        self.assertEqual(loads(b"\x80\x04K\x01r\xff\xff\xff\x7fj\xff\xff\xff\x7f\x86."), (1, 1))
        self.refused(b"\x80\x04h\x05.")

    def test_nested_frozensets(self):
        """Two that are alike take 2**n comparisons to be found alike."""
        one = b"".join(b"(h%ch%c\x85\x91\x940" % (n, n) for n in range(60))
        two = b"".join(b"(h%ch%c\x85\x91\x940" % (n, n) for n in range(61, 121))
        for way in (b"}(h\x3cNh\x79Nu.", b"\x8f(h\x3ch\x79\x90.", b"}h\x3cNsh\x79Ns."):
            self.refused(b"\x80\x04(\x91\x940" + one + b"(\x91\x940" + two + way, "hold too much")
        small = frozenset([frozenset([1, (2, frozenset([3]))])])
        self.assertEqual(_pickle.loads(pickle.dumps({small: 1}, 4), {}), {small: 1})

    def test_nested_tuples(self):
        """The hash of a deep tuple ends the process, when pickle.loads makes it a key."""
        deep = b"\x80\x04})" + b"\x85" * 200000 + b"K\x01s."
        self.refused(deep, "nested more than")
        self.refused(b"\x80\x04)" + b"\x85" * 200000 + b".", "nested more than")
        self.assertEqual(len(loads(b"\x80\x04})" + b"\x85" * 99 + b"K\x01s.")), 1)

    def test_tuples_that_hold_themselves_twice(self):
        """2^90 items in 400 bytes: their hash would take for ever."""
        bomb = b")\x94" + b"".join(b"h" + bytes([i]) + b"\x86\x94" for i in range(90))
        for data in (b"\x80\x04}" + bomb + b"K\x01s.", b"\x80\x04\x8f(" + bomb + b"\x90.", b"\x80\x04(" + bomb + b"\x91.",
                     b"\x80\x04}(" + bomb + b"K\x01u.", b"\x80\x04cbuiltins\nset\n]" + bomb + b"a\x85R.",
                     b"\x80\x04ccollections\nCounter\n}" + bomb + b"K\x01s\x85R."):
            with self.subTest(data[:10]):
                self.refused(data, "hold too much")
        self.assertEqual(len(loads(b"\x80\x04" + bomb + b".")), 2)  # as a value it costs nothing

    def test_a_large_key_many_times(self):
        key = b"(" + b"K\x01" * 20000 + b"t\x94"
        self.refused(b"\x80\x04}" + key + b"K\x01s" + b"(" + b"h\x00K\x01" * 20000 + b"u.", "hold too much")

    def test_deep_lists(self):
        got = loads(b"\x80\x04" + b"]" * 100000 + b"a" * 99999 + b".")
        depth = 0
        while got:
            got, depth = got[0], depth + 1
        self.assertEqual(depth, 99999)

    def test_nonsense(self):
        for data in (b"", b"\x80", b"\x80\x04", b"\x80\x04.", b"\x80\x04N", b"\x80\x04NN.", b"\x80\x04(N.", b"\x80\x04N.N", b"\x80\x01N.", b"\x80\x06N.",
                     b"I1\n.", b"\x80\x04a.", b"\x80\x04]\x94s.", b"\x80\x04u.", b"\x80\x04K\x01(u.", b"\x80\x04}(Nu.", b"\x80\x04}]Ns.",
                     b"\x80\x04\x8c\x01\xffN.", b"\x80\x04cbuiltins", b"\x80\x04K\x01K\x01\x93.", b"\x80\x04cbuiltins\nset\n.",
                     b"\x80\x04NNR.", b"\x80\x04cbuiltins\nset\nNR.", b"\x80\x04cbuiltins\nrange\n)R.", b"\x80\x04\xff.",
                     b"\x80\x04cdatetime\ndate\nC\x04\x07\xe5\x0d\x01\x85R.", b"\x80\x04cdatetime\ndatetime\nC\x0a\x07\xe5\x01\x01\x63\x00\x00\x00\x00\x00\x85R.",
                     b"\x80\x04cdatetime\ntimedelta\nJ\xff\xff\xff\x7fK\x00K\x00\x87R.", b"\x80\x04cbuiltins\nUnicodeDecodeError\n)R.",
                     b"\x80\x04\x8f(]\x90."):
            with self.subTest(data):
                self.refused(data)

    def test_every_cut_and_every_flip(self):
        """Nothing but Malformed comes out of a damaged message, and nothing is run."""
        data = pickle.dumps([v for v in TestValues.VALUES if len(pickle.dumps(v)) < 200], 4)
        for i in range(0, len(data), 3):
            with self.assertRaises(_pickle.Malformed):
                loads(data[:i])
            for flip in (0x01, 0x80, 0xFF):
                bad = bytearray(data)
                bad[i] ^= flip
                try:
                    loads(bytes(bad))
                except _pickle.Malformed:
                    pass


class TestAgainstPickle(unittest.TestCase):
    def test_agrees_with_pickle_on_random_plain_data(self):
        import random
        rng = random.Random(1)

        def value(depth):
            kind = rng.randrange(12 if depth else 7)
            if kind < 7:
                return [None, rng.random() < .5, rng.randrange(-2**40, 2**40), rng.random(), "s" * rng.randrange(300), bytes(rng.randrange(300)),
                        rng.randrange(-300, 300)][kind]
            items = [value(depth - 1) for _ in range(rng.randrange(6))]
            if kind == 7:
                return tuple(items)
            if kind == 8:
                return {str(i): x for i, x in enumerate(items)}
            return items
        for i in range(300):
            want = value(5)
            for protocol in (2, 4, 5):
                self.assertEqual(loads(pickle.dumps(want, protocol)), want)
