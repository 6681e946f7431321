package pickle

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc/value"
)

// shapesModule defines one class of each kind, and makes an instance of each.
const shapesModule = `
import sys
from collections import namedtuple

def with_state(x, **state):
    for k in sorted(state):
        object.__setattr__(x, k, state[k])
    return x

class Plain(object):
    def __init__(self, *never): raise RuntimeError("called")
def plain(cls, **state): return with_state(cls.__new__(cls), **state)

class Old: pass
class Slots(object): __slots__ = ("a", "b")
class Mixed(Slots): pass
class MyList(list): pass
class MyDict(dict): pass
class MyInt(int): pass
class MyStr(str): pass
Point = namedtuple("Point", "x y")
class Failed(Exception):
    def __init__(self, code, text):
        Exception.__init__(self, code, text)
        self.code, self.text = code, text
class Lost(Exception): pass
class Outer(object):
    class Inner(object): pass

objects = {
    "plain": plain(Plain, a=1, b=u"x"), "empty": plain(Plain), "within": [plain(Plain, a=plain(Plain, a=5, b=None), b=None)],
    "slots": plain(Slots, a=1, b=u"x"), "some slots": plain(Slots, a=1), "mixed": plain(Mixed, a=1, b=u"x", c=3),
    "list": MyList([1, 2]), "dict": MyDict({u"k": 1}), "int": MyInt(5), "str": MyStr("z"),
    "namedtuple": Point(1, u"y"), "failed": Failed(404, u"gone"),
    "lost": with_state(Lost(u"where", 7), place=u"here"), "key": {Point(1, u"k"): 1},
}
old = Old(); old.a = 1; old.b = u"x"
objects["old"] = old
if sys.version_info >= (3, 4):
    objects["inner"] = plain(Outer.Inner, a=1, b="x")

if sys.version_info >= (3,):
    import os
    with open(os.path.join(os.path.dirname(__file__), "new.py")) as f:
        exec(f.read())

def view(x):
    """What two equal objects have in common."""
    if isinstance(x, dict) and type(x) is dict:
        return ("dict", sorted((repr(view(k)), view(v)) for k, v in x.items()))
    if type(x) is list:
        return [view(v) for v in x]
    attributes = dict((k, getattr(x, k)) for k in ("a", "b", "c", "code", "text", "place", "args") if hasattr(x, k))
    base = next((b(x) for b in (list, dict, tuple, int) if isinstance(x, b)), None)
    if isinstance(x, str) or type(x) is type(u""):
        return (str(type(x)).replace("unicode", "str"), x + "")
    return (str(x.__class__), base if attributes == {} else None, sorted((k, view(v) if k != "args" else list(map(view, v))) for k, v in attributes.items()))
`

// newShapesModule is the part of it for Python 3.
const newShapesModule = `
import enum
class Color(enum.Enum): RED = 1; GREEN = 2
class Level(enum.IntEnum): LOW = 1; HIGH = 9
class Word(str, enum.Enum): YES = "yes"
class Perm(enum.Flag): R = 4; W = 2
class Odd(enum.Enum): A = ("a", 1); B = None
class Kw:
    def __new__(cls, *, a, b): return with_state(object.__new__(cls), a=a, b=b)
    def __getnewargs_ex__(self): return (), {"a": self.a, "b": self.b}
objects.update({"color": Color.GREEN, "level": Level.HIGH, "word": Word.YES, "perm": Perm.R | Perm.W, "odd": Odd.A, "kw": Kw(a=1, b="x")})
if sys.version_info >= (3, 7):
    import typing
    from dataclasses import dataclass
    class Typed(typing.NamedTuple):
        x: int
        y: str = "d"
    @dataclass
    class Data:
        a: int
        b: str
    @dataclass(frozen=True)
    class Frozen:
        a: int
        b: str
    objects.update({"typed": Typed(1), "data": Data(1, "x"), "frozen": Frozen(1, "x"), "frozen key": {Frozen(1, "x"): 1}})
if sys.version_info >= (3, 10):
    @dataclass(slots=True)
    class DataSlots:
        a: int
        b: str
    @dataclass(slots=True, frozen=True)
    class FrozenSlots:
        a: int
        b: str
    objects.update({"data slots": DataSlots(1, "x"), "frozen slots": FrozenSlots(1, "x")})
if sys.version_info >= (3, 11):
    class Text(enum.StrEnum): HI = "hi"
    objects.update({"text": Text.HI})
`

const shapesScript = `
import sys, pickle, binascii
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import shapes
given = [
%s]
for name, protocol, data in given:
    want = shapes.objects.get(name)
    if want is None:
        continue
    try:
        got = pickle.loads(binascii.unhexlify(data))
        if shapes.view(got) != shapes.view(want) or type(got) is not type(want):
            print("WRONG %%s, protocol %%d: %%r / %%r" %% (name, protocol, shapes.view(got), shapes.view(want)))
    except Exception as e:
        print("WRONG %%s, protocol %%d: %%r" %% (name, protocol, e))
for name in shapes.objects:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            data = pickle.dumps(shapes.objects[name], protocol)
        except (TypeError, pickle.PicklingError):
            if protocol >= 2: raise
            continue # Python cannot either
        print("%%s|%%d|%%s" %% (name, protocol, binascii.hexlify(data).decode()))
`

type (
	plain struct {
		A any `rpc:"a"`
		B any `rpc:"b"`
	}
	oldStyle plain
	slots    struct {
		A int    `rpc:"a"`
		B string `rpc:"b,omitempty"`
	}
	mixed struct {
		A int    `rpc:"a"`
		B string `rpc:"b"`
		C int    `rpc:"c"`
	}
	myList []int
	myDict map[string]int
	myInt  int
	myStr  string
	point  struct {
		X int    `rpc:"x"`
		Y string `rpc:"y"`
	}
	failed struct {
		Code int    `rpc:"code"`
		Text string `rpc:"text"`
	}
	lost struct {
		Args  []any  `rpc:"args"`
		Place string `rpc:"place"`
	}
	inner struct {
		A int    `rpc:"a"`
		B string `rpc:"b"`
	}
	typed       point
	data        inner
	frozenData  inner
	dataSlots   inner
	frozenSlots inner
	color       int
	grade       int64
	word        string
	perm        uint8
	odd         int
	text        string
)

func (f failed) Error() string { return f.Text }
func (l *lost) Error() string  { return l.Place }

// shapes are the registrations for the classes of shapesModule.
var shapes = []struct {
	class   string
	sample  any
	options []Option
}{
	{"shapes.Plain", plain{}, nil},
	{"shapes.Old", oldStyle{}, []Option{OldStyle}},
	{"shapes.Slots", slots{}, []Option{Slots}},
	{"shapes.Mixed", mixed{}, []Option{Slots}},
	{"shapes.MyList", myList(nil), nil},
	{"shapes.MyDict", myDict(nil), nil},
	{"shapes.MyInt", myInt(0), nil},
	{"shapes.MyStr", myStr(""), nil},
	{"shapes.Point", point{}, []Option{NamedTuple}},
	{"shapes.Failed", failed{}, nil},
	{"shapes.Lost", &lost{}, nil},
	{"shapes.Outer.Inner", inner{}, nil},
	{"shapes.Typed", typed{}, []Option{NamedTuple}},
	{"shapes.Data", data{}, nil},
	{"shapes.Frozen", frozenData{}, nil},
	{"shapes.DataSlots", dataSlots{}, []Option{Slots}},
	{"shapes.FrozenSlots", frozenSlots{}, []Option{FrozenSlots}},
	{"shapes.Color", color(0), []Option{Members{{"RED", nil, color(1)}, {"GREEN", nil, color(2)}}}},
	{"shapes.Level", grade(0), []Option{Enum, Members{{"LOW", nil, grade(1)}, {"HIGH", nil, grade(9)}}}},
	{"shapes.Word", word(""), []Option{Members{{"YES", nil, word("yes")}}}},
	{"shapes.Perm", perm(0), []Option{Members{{"R", nil, perm(4)}, {"W", nil, perm(2)}}}},
	{"shapes.Odd", odd(0), []Option{Members{{"A", value.Tuple{"a", 1}, odd(1)}, {"B", nil, odd(2)}}}},
	{"shapes.Text", text(""), []Option{Members{{"HI", nil, text("hi")}}}},
}

// shapeValues are the objects of shapesModule as they are here.
var shapeValues = map[string]any{
	"plain": plain{int64(1), "x"}, "empty": plain{}, "within": []any{plain{plain{int64(5), nil}, nil}},
	"old": oldStyle{int64(1), "x"}, "slots": slots{1, "x"}, "some slots": slots{1, ""}, "mixed": mixed{1, "x", 3},
	"list": myList{1, 2}, "dict": myDict{"k": 1}, "int": myInt(5), "str": myStr("z"),
	"namedtuple": point{1, "y"}, "failed": failed{404, "gone"}, "lost": &lost{[]any{"where", int64(7)}, "here"},
	"key": value.Map{{Key: point{1, "k"}, Value: int64(1)}}, "inner": inner{1, "x"},
	"color": color(2), "level": grade(9), "word": word("yes"), "perm": perm(6), "odd": odd(1),
	"typed": typed{1, "d"}, "data": data{1, "x"}, "frozen": frozenData{1, "x"},
	"frozen key": value.Map{{Key: frozenData{1, "x"}, Value: int64(1)}},
	"data slots": dataSlots{1, "x"}, "frozen slots": frozenSlots{1, "x"}, "text": text("hi"),
}

func shapesRegistry(t testing.TB) *Registry {
	reg := NewRegistry()
	for _, s := range shapes {
		if err := reg.Name(s.class, s.sample, s.options...); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

func shapesDir(t testing.TB) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"shapes.py": shapesModule, "new.py": newShapesModule} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLiveObjects reads instances of classes that are not known here, and sends
// them back to the Python that they are from.
func TestLiveObjects(t *testing.T) {
	dir := shapesDir(t)
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			var given strings.Builder
			for line := range strings.Lines(peertest.RunPython(t, t.Context(), python.Path, fmt.Sprintf(shapesScript, ""), dir)) {
				parts := strings.Split(strings.TrimSpace(line), "|")
				if len(parts) != 3 || parts[0] == "kw" && parts[1] < "4" {
					continue
				}
				data, err := hex.DecodeString(parts[2])
				if err != nil {
					t.Fatal(err)
				}
				o := Options{Objects: true}
				v, info, err := Decode(data, o)
				if err != nil {
					t.Errorf("%s, protocol %s: %v", parts[0], parts[1], err)
					continue
				}
				again, err := Append(nil, v, o.EncodeOptions(AnswerProtocol(info.Protocol)))
				if err != nil {
					t.Errorf("%s, protocol %s: %v", parts[0], parts[1], err)
					continue
				}
				fmt.Fprintf(&given, "    (%q, %s, %q),\n", parts[0], parts[1], hex.EncodeToString(again))
			}
			for line := range strings.Lines(peertest.RunPython(t, t.Context(), python.Path, fmt.Sprintf(shapesScript, given.String()), dir)) {
				if strings.HasPrefix(line, "WRONG") {
					t.Error(line)
				}
			}
		})
	}
}

// TestLiveClasses sends an instance of each kind of class from each Python to Go
// and from Go to each Python, in all protocols.
func TestLiveClasses(t *testing.T) {
	reg, dir := shapesRegistry(t), shapesDir(t)
	for _, python := range peertest.Pythons(t) {
		t.Run(python.String(), func(t *testing.T) {
			var given strings.Builder
			for name, v := range shapeValues {
				if name == "empty" || name == "within" && python.Major == 2 { // the struct has its fields in any case
					continue
				}
				for protocol := 2; protocol <= highestProtocol(python); protocol++ {
					b, err := Append(nil, v, EncodeOptions{Protocol: protocol, Registry: reg})
					if err != nil {
						t.Errorf("%s: protocol %d: %v", name, protocol, err)
						continue
					}
					fmt.Fprintf(&given, "    (%q, %d, %q),\n", name, protocol, hex.EncodeToString(b))
				}
			}
			out := peertest.RunPython(t, t.Context(), python.Path, fmt.Sprintf(shapesScript, given.String()), dir)
			n := 0
			for line := range strings.Lines(out) {
				parts := strings.Split(strings.TrimSpace(line), "|")
				if len(parts) != 3 {
					t.Errorf("script: %s", line)
					continue
				}
				n++
				checkShape(t, reg, parts[0], parts[1], parts[2])
			}
			if n < 35 {
				t.Errorf("got %d messages; want more", n)
			}
		})
	}
}

func highestProtocol(python peertest.PythonVersion) int {
	switch {
	case python.Major == 2:
		return 2
	case python.AtLeast(3, 8):
		return 5
	}
	return 4
}

func checkShape(t *testing.T, reg *Registry, name, protocol, text string) {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	want, known := shapeValues[name]
	got, _, err := Decode(data, Options{Registry: reg, Objects: !known})
	if !known {
		if name == "kw" && protocol < "4" { // a call of functools.partial(Kw.__new__, ...)
			return
		}
		if _, isObject := got.(*Object); !isObject || err != nil {
			t.Errorf("%s, protocol %s: got %T, %v; want an Object", name, protocol, got, err)
		}
		return
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s, protocol %s: got error %v (-want +got):\n%s\n%q", name, protocol, err, diff, data)
	}
	m, err := Read(data, Options{Registry: reg})
	if err != nil {
		t.Errorf("%s, protocol %s: Read: %v", name, protocol, err)
		return
	}
	var dst any
	value.Decode(m.Source(), &dst)
	if diff := cmp.Diff(want, dst); diff != "" {
		t.Errorf("%s, protocol %s: by Source (-want +got):\n%s", name, protocol, diff)
	}
}
