package pyclient

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/native/python"
)

type product struct {
	ID    int     `rpc:"pid"`
	Price float64 `rpc:"pprice"`
}

type (
	slots product
	line  product
	point struct {
		X int `rpc:"x"`
		Y int `rpc:"y"`
	}
	color   int
	refusal struct {
		Why  string `rpc:"why"`
		Code int    `rpc:"code"`
	}
	names []string
	count map[string]int
)

func (r refusal) Error() string { return r.Why }

// classes are the other end of the classes in Go's registry.
const classes = `
import sys, types, enum, collections
sys.path.insert(0, sys.argv[1])
import parley
shop = types.ModuleType("shop")
sys.modules["shop"] = shop
exec('''
import enum, collections, dataclasses
@dataclasses.dataclass(frozen=True)
class Product:
    pid: int
    pprice: float
class Slots:
    __slots__ = ("pid", "pprice")
    def __eq__(self, other): return (self.pid, self.pprice) == (other.pid, other.pprice)
Point = collections.namedtuple("Point", "x y", module="shop")
class Color(enum.Enum):
    RED = 1
class Order:
    class Line:
        def __init__(self, pid, pprice): self.pid, self.pprice = pid, pprice
        def __eq__(self, other): return type(other) is Order.Line and vars(self) == vars(other)
class Refusal(Exception): pass
class Names(list): pass
class Count(dict): pass
''', shop.__dict__)
slots = shop.Slots()
slots.pid, slots.pprice = 1, 2.5
values = [shop.Product(1, 2.5), slots, shop.Point(3, 4), shop.Color.RED, shop.Order.Line(1, 2.5), shop.Names(["a"]), shop.Count(a=1)]
wanted = [shop.Product, shop.Slots, shop.Point, shop.Color, shop.Order.Line, shop.Refusal, shop.Names, shop.Count]
with parley.connect(sys.argv[2], authkey_file=sys.argv[3], classes=wanted) as server:
    for v in values:
        got = server.same(v)
        assert (type(got), got) == (type(v), v), (got, v)
    got = server.same(values)
    assert got == values and [type(v) for v in got] == [type(v) for v in values], got
    refusal = server.same([shop.Refusal("tea", 7)])[0]
    assert type(refusal) is shop.Refusal and refusal.args == ("tea", 7), repr(refusal)
    try:
        server.same(shop.Refusal("tea", 7))
    except parley.Fault as e:
        assert e.code == -32500 and type(e.exception) is shop.Refusal, repr(e)
    else:
        assert False, "no fault"
with parley.connect(sys.argv[2], authkey_file=sys.argv[3]) as server:
    try:
        server.same(values[0])
    except parley.AnswerError as e:
        assert "shop.Product is not known here" in str(e), e
    else:
        assert False, "no error"
with parley.connect(sys.argv[2], authkey_file=sys.argv[3], classes={"shop.Product": shop.Order.Line}) as server:
    assert server.same(values[0]) == shop.Order.Line(1, 2.5)
print("ok")
`

// What is registered under the same names on both sides arrives as what it is.
func TestLiveClasses(t *testing.T) {
	pythons := peertest.Pythons(t)
	known := pickle.NewRegistry()
	err := errors.Join(
		known.Name("shop.Product", product{}),
		known.Name("shop.Slots", slots{}, pickle.Slots),
		known.Name("shop.Point", point{}, pickle.NamedTuple),
		known.Name("shop.Color", color(0), pickle.Members{{Name: "RED", Go: color(1)}}),
		known.Name("shop.Order.Line", line{}),
		known.Name("shop.Refusal", refusal{}),
		known.Name("shop.Names", names{}),
		known.Name("shop.Count", count{}),
	)
	if err != nil {
		t.Fatal(err)
	}
	reg := rpc.NewRegistry()
	if err := reg.Register("same", func(v any) any { return v }); err != nil {
		t.Fatal(err)
	}
	objects, err := python.NewHandler(reg, python.Config{Pickle: pickle.Options{Registry: known}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	key := auth.GenerateKey()
	keyFile := filepath.Join(t.TempDir(), "authkey")
	if err := key.WriteFile(keyFile); err != nil {
		t.Fatal(err)
	}
	s := &native.Server{Objects: objects, Auth: key, Logger: slog.New(slog.DiscardHandler)}
	l, err := s.Listen("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; !errors.Is(err, native.ErrServerClosed) {
			t.Errorf("Serve: got %v; want %v", err, native.ErrServerClosed)
		}
	})
	root, err := filepath.Abs("../../clients/python")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range pythons {
		if !v.AtLeast(3, oldestMinor) {
			continue
		}
		t.Run(v.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if got := peertest.RunPython(t, ctx, v.Path, classes, root, "tcp://"+l.Addr().String(), keyFile); got != "ok\n" {
				t.Errorf("got %q; want ok", got)
			}
		})
	}
}
