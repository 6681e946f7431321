package pickle

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/value"
)

// A peerValue is one value as Python writes it and as it is here.
type peerValue struct {
	python  string
	want    any
	inward  bool // Python's type has no counterpart: only Python to Go
	outward bool // only Go to Python
	since   int  // Python 3 minor version; 0 is Python 2 as well, 1 any Python 3
	aware   bool // an aware datetime: needs protocol 3 on the way to Python
}

func bigFrom(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 0)
	if !ok {
		panic(s)
	}
	return n
}

var peerValues = []peerValue{
	{python: "None", want: nil},
	{python: "True", want: true},
	{python: "False", want: false},
	{python: "0", want: int64(0)},
	{python: "-1", want: int64(-1)},
	{python: "255", want: int64(255)},
	{python: "256", want: int64(256)},
	{python: "65535", want: int64(65535)},
	{python: "65536", want: int64(65536)},
	{python: "-32769", want: int64(-32769)},
	{python: "2**31 - 1", want: int64(math.MaxInt32)},
	{python: "2**31", want: int64(1 << 31)},
	{python: "-2**31", want: int64(math.MinInt32)},
	{python: "-2**31 - 1", want: int64(math.MinInt32) - 1},
	{python: "2**39", want: int64(1 << 39)},
	{python: "-2**39", want: int64(-1 << 39)},
	{python: "2**55 + 7", want: int64(1<<55 + 7)},
	{python: "2**63 - 1", want: int64(math.MaxInt64)},
	{python: "-2**63", want: int64(math.MinInt64)},
	{python: "2**63", want: bigFrom("0x8000000000000000")},
	{python: "2**64 - 1", want: bigFrom("0xffffffffffffffff")},
	{python: "-2**63 - 1", want: bigFrom("-0x8000000000000001")},
	{python: "-2**71", want: bigFrom("-0x800000000000000000")},
	{python: "10**1000", want: new(big.Int).Exp(big.NewInt(10), big.NewInt(1000), nil)},
	{python: "-2**2047", want: new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 2047))},
	{python: "2**2048", want: new(big.Int).Lsh(big.NewInt(1), 2048)},
	{python: "0.0", want: 0.0},
	{python: "-0.0", want: math.Copysign(0, -1)},
	{python: "1.5", want: 1.5},
	{python: "0.1", want: 0.1},
	{python: "1e300", want: 1e300},
	{python: "5e-324", want: 5e-324},
	{python: "float('inf')", want: math.Inf(1)},
	{python: "-float('inf')", want: math.Inf(-1)},
	{python: "float('nan')", want: math.NaN()},
	{python: "u''", want: ""},
	{python: "u'hello'", want: "hello"},
	{python: `u'\0\x01\t\n\r\x1a\x7f\\ \' "'`, want: "\x00\x01\t\n\r\x1a\x7f\\ ' \""},
	{python: `u'\\u0041 \\\\u0041'`, want: `\u0041 \\u0041`},
	{python: `u'caf\xe9 \u20ac \U0001F600'`, want: "café € 😀"},
	{python: "u'x' * 255", want: strings.Repeat("x", 255)},
	{python: "u'x' * 256", want: strings.Repeat("x", 256)},
	{python: "u'\\xe9' * 70000", want: strings.Repeat("é", 70000)},
	{python: `'plain "str"\n\t\\x41'`, want: "plain \"str\"\n\t\\x41", inward: true},
	{python: "b'caf\\xc3\\xa9'.decode('utf-8')", want: "café"},
	{python: "b''", want: []byte{}, since: 1},
	{python: "b'abc'", want: []byte("abc"), since: 1},
	{python: "b'\\x00\\xff\\n\\'\\\\'", want: []byte("\x00\xff\n'\\")},
	{python: "b'\\xfe' * 300", want: []byte(strings.Repeat("\xfe", 300))},
	{python: "bytearray()", want: value.ByteArray{}},
	{python: "bytearray(b'\\x00\\x80ab')", want: value.ByteArray("\x00\x80ab")},
	{python: "bytearray(b'\\xfe' * 300)", want: value.ByteArray(strings.Repeat("\xfe", 300))},
	{python: "[]", want: []any{}},
	{python: "[1, u'two', 3.0, None]", want: []any{int64(1), "two", 3.0, nil}},
	{python: "[[[[]]]]", want: []any{[]any{[]any{[]any{}}}}},
	{python: "list(range(2500))", want: upTo(2500)},
	{python: "()", want: value.Tuple{}},
	{python: "(1,)", want: value.Tuple{int64(1)}},
	{python: "(1, 2)", want: value.Tuple{int64(1), int64(2)}},
	{python: "(1, 2, 3)", want: value.Tuple{int64(1), int64(2), int64(3)}},
	{python: "(1, 2, 3, (4, ()))", want: value.Tuple{int64(1), int64(2), int64(3), value.Tuple{int64(4), value.Tuple{}}}},
	{python: "{}", want: map[string]any{}},
	{python: "{u'a': 1}", want: map[string]any{"a": int64(1)}},
	{python: "{u'b': [1], u'a': {u'c': None}}", want: map[string]any{"b": []any{int64(1)}, "a": map[string]any{"c": nil}}},
	{python: "dict((u'k%d' % i, i) for i in range(1500))", want: numbered(1500)},
	{python: "{1: 2}", want: value.Map{{Key: int64(1), Value: int64(2)}}},
	{python: "{(1, u'x'): u'y'}", want: value.Map{{Key: value.Tuple{int64(1), "x"}, Value: "y"}}},
	{python: "{None: 1}", want: value.Map{{Key: nil, Value: int64(1)}}},
	{python: "{frozenset([1]): 1}", want: value.Map{{Key: value.Set{Items: []any{int64(1)}, Frozen: true}, Value: int64(1)}}},
	{python: "set()", want: value.Set{Items: []any{}}},
	{python: "set([1])", want: value.Set{Items: []any{int64(1)}}},
	{python: "set([(1, u'a')])", want: value.Set{Items: []any{value.Tuple{int64(1), "a"}}}},
	{python: "frozenset()", want: value.Set{Items: []any{}, Frozen: true}},
	{python: "frozenset([u'a'])", want: value.Set{Items: []any{"a"}, Frozen: true}},
	{python: "set([frozenset([1])])", want: value.Set{Items: []any{value.Set{Items: []any{int64(1)}, Frozen: true}}}},
	{python: "complex(1.5, -2)", want: complex(1.5, -2)},
	{python: "Decimal('1.50')", want: value.Decimal("1.50")},
	{python: "Decimal('-3E+7')", want: value.Decimal("-3E+7")},
	{python: "Decimal('Infinity')", want: value.Decimal("Infinity")},
	{python: "Decimal('-sNaN12')", want: value.Decimal("-sNaN12")},
	{python: "Fraction(1, 3)", want: big.NewRat(1, 3)},
	{python: "Fraction(-7, 2)", want: big.NewRat(-7, 2)},
	{python: "Fraction(5)", want: big.NewRat(5, 1)},
	{python: "UUID('12345678-1234-5678-9234-567812345678')", want: value.UUID{0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x56, 0x78, 0x92, 0x34, 0x56, 0x78, 0x12, 0x34, 0x56, 0x78}},
	{python: "UUID(int=0)", want: value.UUID{}},
	{python: "UUID(int=2**128-1)", want: value.UUID{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
	{python: "range_(3)", want: value.Range{Start: 0, Stop: 3, Step: 1}},
	{python: "range_(10, -5, -5)", want: value.Range{Start: 10, Stop: -5, Step: -5}},
	{python: "datetime(2024, 2, 29, 23, 59, 58, 123456)", want: value.LocalTime{Time: time.Date(2024, 2, 29, 23, 59, 58, 123456000, time.UTC)}},
	{python: "datetime(1, 1, 1)", want: value.LocalTime{Time: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)}},
	{python: "datetime(9999, 12, 31, 23, 59, 59, 999999)", want: value.LocalTime{Time: time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)}},
	{python: "datetime(2024, 1, 2, fold=1)", want: value.LocalTime{Time: time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC)}, since: 6, inward: true},
	{python: "datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone.utc)", want: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC), since: 1, aware: true},
	{python: "datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))", want: time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 19800)), since: 1, aware: true},
	{python: "datetime(2024, 1, 2, 3, 4, 5, 7, tzinfo=timezone(timedelta(hours=-8)))", want: time.Date(2024, 1, 2, 3, 4, 5, 7000, time.FixedZone("", -28800)), since: 1, aware: true},
	{python: "datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=1), 'CET'))", want: time.Date(2024, 1, 2, 0, 0, 0, 0, time.FixedZone("CET", 3600)), since: 1, aware: true},
	{python: "datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))", want: time.Date(2024, 1, 2, 3, 4, 5, 999, time.FixedZone("", 3601)).Add(time.Second), since: 1, aware: true, outward: true},
	{python: "date(2024, 2, 29)", want: Date{2024, time.February, 29}},
	{python: "time(23, 59, 58, 999999)", want: Clock{23, 59, 58, 999999}},
	{python: "time(0, 0)", want: Clock{}},
	{python: "timedelta(1, 2, 3)", want: Delta{1, 2, 3}},
	{python: "timedelta(microseconds=-1)", want: NewDelta(-time.Microsecond)},
	{python: "timedelta.max", want: Delta{maxDeltaDays, 86399, 999999}},
	{python: "timedelta.min", want: Delta{-maxDeltaDays, 0, 0}},
	{python: "OrderedDict([(u'b', 1), (u'a', 2)])", want: map[string]any{"a": int64(2), "b": int64(1)}, inward: true},
	{python: "OrderedDict([(2, u'x'), (1, u'y')])", want: value.Map{{Key: int64(2), Value: "x"}, {Key: int64(1), Value: "y"}}, inward: true},
	{python: "defaultdict(list, {u'a': [1]})", want: map[string]any{"a": []any{int64(1)}}, inward: true},
	{python: "defaultdict(int)", want: map[string]any{}, inward: true},
	{python: "Counter(u'aab')", want: map[string]any{"a": int64(2), "b": int64(1)}, inward: true},
	{python: "Counter()", want: map[string]any{}, inward: true},
	{python: "deque([0, 1, 2])", want: upTo(3), inward: true},
	{python: "Viewed([0, 1, 2])", want: upTo(3), inward: true},
	{python: "deque([1, 2], 5)", want: []any{int64(1), int64(2)}, inward: true},
	{python: "deque([], 5)", want: []any{}, inward: true},
	{python: "ValueError(u'no', 1)", want: &Exception{Class: "ValueError", Args: []any{"no", int64(1)}}},
	{python: "KeyError(u'k')", want: NewException("KeyError", "k")},
	{python: "StopIteration()", want: &Exception{Class: "StopIteration", Args: []any{}}},
	{python: "OSError(2, u'no such file')", want: &Exception{Class: "OSError", Args: []any{int64(2), "no such file"}}, outward: true},
	{python: "FileNotFoundError(2, 'no such file')", want: &Exception{Class: "FileNotFoundError", Args: []any{int64(2), "no such file"}}, since: 1, aware: true},
	{python: "TypeError([u'x'], {u'a': set([1])})", want: &Exception{Class: "TypeError", Args: []any{[]any{"x"}, map[string]any{"a": value.Set{Items: []any{int64(1)}}}}}},
	{python: "noted(ValueError('x'))", want: NewException("ValueError", "x"), since: 11, inward: true},
	{python: "AttributeError('x')", want: NewException("AttributeError", "x"), since: 1},
	{python: "ImportError('x')", want: NewException("ImportError", "x"), since: 1},
	{python: "UnicodeDecodeError('utf-8', b'\\xff', 0, 1, 'bad')", want: &Exception{Class: "UnicodeDecodeError", Args: []any{"utf-8", []byte{0xff}, int64(0), int64(1), "bad"}}, since: 1},
	{python: "ExceptionGroup('g', [ValueError(1)])", want: &Exception{Class: "ExceptionGroup", Args: []any{"g", []any{&Exception{Class: "ValueError", Args: []any{int64(1)}}}}}, since: 11, aware: true},
	{python: "(lambda x: [x, x])([1])", want: []any{[]any{int64(1)}, []any{int64(1)}}},
	{python: "(lambda x: (x, [x], {u'k': x}))((1, u'a'))", want: value.Tuple{value.Tuple{int64(1), "a"}, []any{value.Tuple{int64(1), "a"}}, map[string]any{"k": value.Tuple{int64(1), "a"}}}},
	{python: "(lambda b: [b, b])(b'\\xff\\x00')", want: []any{[]byte{0xff, 0}, []byte{0xff, 0}}},
	{python: "(u'add', (3, 5), {})", want: value.Tuple{"add", value.Tuple{int64(3), int64(5)}, map[string]any{}}},
}

func upTo(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = int64(i)
	}
	return list
}

func numbered(n int) map[string]any {
	m := map[string]any{}
	for i := range n {
		m[fmt.Sprintf("k%d", i)] = int64(i)
	}
	return m
}

// difference compares two trees. What is sent in the same way is the same, which
// is quick to see; only NaN has several forms.
func difference(want, got any) string {
	a, errA := Append(nil, want, EncodeOptions{Protocol: MaxProtocol})
	b, errB := Append(nil, got, EncodeOptions{Protocol: MaxProtocol})
	if errA == nil && errB == nil && bytes.Equal(a, b) {
		return ""
	}
	return cmp.Diff(want, got, sameValue)
}

// sameValue makes cmp compare what the tree consists of.
var sameValue = cmp.Options{
	cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }),
	cmp.Comparer(func(a, b *big.Rat) bool { return a.Cmp(b) == 0 }),
	cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b }),
	cmp.Comparer(func(a, b time.Time) bool {
		_, x := a.Zone()
		_, y := b.Zone()
		return a.Equal(b) && x == y
	}),
	cmp.Comparer(func(a, b value.LocalTime) bool { return a.Time.Equal(b.Time) }),
}

// peerScript reads no input: its table is put in. For each entry it prints what
// it found wrong with the pickles it was given, and its own pickles of the value.
const peerScript = `# -*- coding: utf-8 -*-
import binascii, pickle, pickletools, sys
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
two = sys.version_info[0] == 2
if two:
    import cPickle
    range_ = xrange
    picklers = [pickle.dumps, cPickle.dumps]
    texts, ints = (str, unicode), (int, long)
else:
    from datetime import timezone
    range_ = range
    picklers = [pickle.dumps, pickle._dumps]
    texts, ints = (str,), (int,)

def noted(e):
    e.add_note("note")
    return e

class Viewed(object): # as managers of Python 3 send the keys of a dict
    def __init__(self, items):
        self.items = items
    def __reduce__(self):
        return list, (self.items,)

def same(a, b):
    for group in (texts, ints):
        if isinstance(a, group) and isinstance(b, group) and type(a) != bool and type(b) != bool:
            return a == b
    if type(a) != type(b):
        return False
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(k in b and same(a[k], b[k]) for k in a)
    if isinstance(a, datetime):
        return a == b and a.utcoffset() == b.utcoffset()
    if isinstance(a, Decimal):
        return str(a) == str(b)
    if isinstance(a, BaseException):
        return same(a.args, b.args) and str(a) == str(b)
    if isinstance(a, range_) and two:
        return list(a) == list(b)
    return a == b

table = [
%s]
for i, (value, given) in enumerate(table):
    for h in given:
        try:
            got = pickle.loads(binascii.unhexlify(h))
            if not same(got, value):
                print("%%d WRONG %%s: got %%.200r; want %%.200r" %% (i, h[:200], got, value))
        except Exception as e:
            print("%%d WRONG %%s: %%r" %% (i, h[:200], e))
    seen = set()
    for dumps in picklers:
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            p = dumps(value, protocol)
            for p in (p, pickletools.optimize(p)):
                if p not in seen:
                    seen.add(p)
                    print("%%d %%d %%s" %% (i, protocol, binascii.hexlify(p).decode()))
`

// TestLivePythonValues passes every value to every CPython found and back, in every
// protocol that both know.
func TestLivePythonValues(t *testing.T) {
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			t.Parallel()
			testPeer(t, python)
		})
	}
}

func testPeer(t *testing.T, python peertest.PythonVersion) {
	highest := 5
	if python.Major == 2 {
		highest = 2
	} else if !python.AtLeast(3, 8) {
		highest = 4
	}
	var table strings.Builder
	var sent []peerValue
	for _, v := range peerValues {
		if v.since > 0 && !python.AtLeast(3, v.since) {
			continue
		}
		sent = append(sent, v)
		fmt.Fprintf(&table, "    (%s, [", v.python)
		for protocol := 2; protocol <= highest && !v.inward; protocol++ {
			if v.aware && protocol == 2 {
				continue
			}
			b, err := Append(nil, v.want, EncodeOptions{Protocol: protocol})
			if err != nil {
				t.Errorf("%s: protocol %d: Append: %v", v.python, protocol, err)
				continue
			}
			fmt.Fprintf(&table, "%q, ", hex.EncodeToString(b))
		}
		table.WriteString("]),\n")
	}

	out := peertest.RunPython(t, t.Context(), python.Path, fmt.Sprintf(peerScript, table.String()))
	answers := make([]int, len(sent))
	for line := range strings.Lines(out) {
		var i, protocol int
		var text string
		if _, err := fmt.Sscanf(line, "%d WRONG", &i); err == nil {
			t.Errorf("%s: %s", sent[i].python, line)
			continue
		}
		if _, err := fmt.Sscanf(line, "%d %d %s", &i, &protocol, &text); err != nil {
			t.Fatalf("got line %q of the script: %v", line, err)
		}
		answers[i]++
		if sent[i].outward {
			continue
		}
		data, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		got, info, err := Decode(data, Options{})
		if err != nil {
			t.Errorf("%s: protocol %d: Decode: %v\n%.300q", sent[i].python, protocol, err, data)
			continue
		}
		want := sent[i].want
		if e, ok := want.(*Exception); ok && protocol < 3 && newExceptions[e.Class] == "OSError" { // as CPython has it
			want = &Exception{Class: "OSError", Args: e.Args}
		}
		if diff := difference(want, got); diff != "" {
			t.Errorf("%s: protocol %d: Decode (-want +got):\n%s\n%.300q", sent[i].python, protocol, diff, data)
		}
		if protocol >= 2 && info.Protocol != protocol || protocol < 2 && info.Protocol != 0 {
			t.Errorf("%s: got protocol %d; want %d", sent[i].python, info.Protocol, protocol)
		}
	}
	for i, n := range answers {
		if n == 0 {
			t.Errorf("%s: got no pickle from the script", sent[i].python)
		}
	}
}

const zoneScript = `
import binascii, pickle
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
try:
    ZoneInfo("Europe/Berlin")
except ZoneInfoNotFoundError:
    raise SystemExit(print("MISSING"))
for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "UTC"):
    for day in ("2024-03-10", "2024-03-31", "2024-04-07", "2024-10-27", "2024-11-03", "2024-10-06", "2011-12-30", "1900-01-01"):
        for minutes in range(0, 300, 30):
            for fold in (0, 1):
                t = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(name), fold=fold) + timedelta(minutes=minutes)
                t = t.replace(fold=fold)
                print(name, t.isoformat(), fold, binascii.hexlify(pickle.dumps(t, 4)).decode(), int(t.timestamp()))
`

// TestLiveZoneInfo holds hours that a zone has twice or never against what
// Python makes of them.
func TestLiveZoneInfo(t *testing.T) {
	for _, python := range peertest.Pythons(t) {
		if !python.AtLeast(3, 9) {
			continue
		}
		n := 0
		for line := range strings.Lines(peertest.RunPython(t, t.Context(), python.Path, zoneScript)) {
			if line == "MISSING\n" {
				peertest.Missing(t, "a time zone database", "apt-get install tzdata")
			}
			var name, text, encoded string
			var fold int
			var want int64
			if _, err := fmt.Sscan(line, &name, &text, &fold, &encoded, &want); err != nil {
				t.Fatalf("got line %q: %v", line, err)
			}
			data, err := hex.DecodeString(encoded)
			if err != nil {
				t.Fatal(err)
			}
			v, _, err := Decode(data, Options{})
			if got, ok := v.(time.Time); !ok || got.Unix() != want {
				t.Errorf("%s fold %d in %s: got %v, %v; want %v", text, fold, name, v, err, time.Unix(want, 0).UTC())
			}
			n++
		}
		if n != 6*8*10*2 {
			t.Errorf("%s: got %d times; want %d", python, n, 6*8*10*2)
		}
		return // the rule is the same in all versions
	}
}
