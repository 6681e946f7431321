package carry

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// carried is a value of some Go type that is sent to and fro.
type carried struct {
	name string
	send any
	// dynamic is what a function that takes an any should see, and a caller that asks
	// for one get.
	dynamic any
	// typedOnly says that the value has no dynamic form of its own, being a struct or a
	// pointer: what counts is that the function and the caller get their type.
	typedOnly bool
	// ofGo says that Python has another type for it.
	ofGo     bool
	register func(*rpc.Registry) error
	// again calls the function that takes and returns the Go type, and returns what
	// has come back, as a dynamic value.
	again func(context.Context, rpc.Caller) (any, error)
}

// carry makes a row of a value. Its function, named after the row, has the type of
// the value for its parameter and its result, and fails if it sees something else.
func carry[T any](name string, v T) carried {
	method := "typed." + unsigned.Replace(name)
	want, err := value.Dynamic(v)
	c := carried{name: name, send: v, dynamic: want}
	c.register = func(reg *rpc.Registry) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return reg.Register(method, func(got T) (T, error) {
			seen, err := value.Dynamic(got)
			if err != nil {
				return got, err
			}
			if show(seen) != show(want) {
				return got, rpc.Errorf(codeOther, "arrived as %s", show(seen))
			}
			return got, nil
		})
	}
	c.again = func(ctx context.Context, caller rpc.Caller) (any, error) {
		back, err := rpc.Invoke[T](ctx, caller, method, v)
		if err != nil {
			return nil, err
		}
		return value.Dynamic(back)
	}
	return c
}

// typed is carry of a value that has no dynamic form of its own.
func typed[T any](name string, v T) carried {
	c := carry(name, v)
	c.typedOnly = true
	return c
}

// as is carry of a value whose dynamic form shows that it has become another.
func as[T any](name string, v T, dynamic any) carried {
	c := carry(name, v)
	c.dynamic = dynamic
	c.ofGo = true
	return c
}

// unsigned makes the name of a row one of a method.
var unsigned = strings.NewReplacer(" ", "_", "-", "minus_")

type line struct {
	Item  string   `rpc:"item" xmlrpc:"item"`
	Qty   int      `rpc:"qty" xmlrpc:"qty"`
	Price float64  `rpc:"price" xmlrpc:"price"`
	Tags  []string `rpc:"tags" xmlrpc:"tags"`
}

// values are the rows of the group types.
func values() []carried {
	zone := time.FixedZone("", 5*3600+1800)
	noon := time.Date(2024, 2, 29, 12, 30, 15, 0, time.UTC)
	list := []any{int64(1), "a", 2.5}
	return []carried{
		carry[any]("nil", nil),
		carry("a boolean", []bool{true, false}),
		carry("an integer of 32 bits", []int{0, -1, math.MaxInt32, math.MinInt32}),
		carry("an integer of 64 bits", []int64{1 << 40, math.MaxInt64, math.MinInt64}),
		carry("an integer of 101 bits", new(big.Int).Lsh(big.NewInt(-1), 100)),
		carry("a float", []float64{0.1, 1e300, 5e-324, 3}),
		carry("-0.0", math.Copysign(0, -1)),
		carry("NaN and the infinities", []float64{math.NaN(), math.Inf(1), math.Inf(-1)}),
		carry("a text", "Grüße 世界 🌍 <&> ]]> \t\"'"),
		carry("a text with CR and LF", " a\r\nb\nc\r "),
		carry("a text with control characters", "a\x00b\x1bc"),
		carry("an empty text", ""),
		carry("bytes", []byte("\x00\xff<a>")),
		carry("a bytearray", value.ByteArray("\x00\xff")),
		carry("a time with its zone", time.Date(2024, 2, 29, 12, 30, 15, 0, zone)),
		carry("a time in UTC", noon),
		carry("a time without a zone", value.LocalTime{Time: noon}),
		carry("parts of a second", noon.Add(123456*time.Microsecond)),
		as("a duration", 90*time.Second, 90*time.Second),
		carry("a list", list),
		carry("an empty list", []any{}),
		as("a list that is nil", []any(nil), nil),
		carry("lists and maps in one another", map[string]any{"a": []any{map[string]any{"b": list}, []any{}}}),
		carry("a map with text keys", map[string]int{"a": 1, "два слова": 2}),
		carry("a map with integer keys", map[int]string{1: "a", -2: "b"}),
		carry("a map with tuples as keys", value.Map{{Key: value.Tuple{int64(1), "a"}, Value: int64(2)}}),
		typed("a record", line{"tea", 2, 1.5, []string{"a"}}),
		typed("a list of records", []line{{"tea", 2, 1.5, []string{"a"}}, {"salt", 1, 0.5, []string{}}}),
		typed("a pointer", &line{"tea", 2, 1.5, []string{}}),
		typed("a pointer that is nil", (*line)(nil)),
		carry("a tuple", value.Tuple{int64(1), "a"}),
		carry("a set", value.Set{Items: []any{int64(1), "a"}}),
		carry("a frozenset", value.Set{Items: []any{int64(1), "a"}, Frozen: true}),
		carry("a decimal", value.Decimal("1.50")),
		carry("a fraction", big.NewRat(1, 3)),
		carry("a complex number", complex(1.5, -2)),
		carry("a UUID", value.UUID{0x12, 0x34, 15: 0x56}),
		carry("a range", value.Range{Start: 0, Stop: 9, Step: 2}),
	}
}

func typeTrials() []trial {
	var all []trial
	for _, v := range values() {
		all = append(all, trial{"types", v.name, v.try})
	}
	return append(all,
		trial{"types", "an instance of a class that is not registered", func(context.Context, *world, *lane) (compare.Outcome, error) {
			return compare.Outcome{}, nil // Go and kolo have records in their place
		}},
		trial{"types", "a record with a field less", func(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
			return tryRecord(ctx, l, map[string]any{"item": "tea"}, line{Item: "tea"})
		}},
		trial{"types", "a record with a field more", func(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
			return tryRecord(ctx, l, map[string]any{"item": "tea", "qty": 2, "colour": "green"}, line{Item: "tea", Qty: 2})
		}},
	)
}

// try sends the value to a function that takes an any and to one that takes its type.
func (c carried) try(ctx context.Context, _ *world, l *lane) (compare.Outcome, error) {
	if c.typedOnly {
		return c.tryTyped(ctx, l)
	}
	seen, err := rpc.Invoke[[]string](ctx, l.call, "seen", c.send)
	if err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	back, err := rpc.Invoke[any](ctx, l.call, "echo", c.send)
	if err != nil {
		why, err := refused(ctx, l, err)
		return no("arrives, and does not come back: " + why), err
	}
	switch kind, text := seen[0], seen[1]; {
	case text != show(c.dynamic):
		return c.changed(ctx, l, became(c.dynamic, kind, text))
	case show(back) != show(c.dynamic):
		return changed("comes back as " + became(c.dynamic, kindOf(back), show(back))), nil
	}
	if l.name == koloLane {
		return yes(""), nil
	}
	return c.tryTyped(ctx, l)
}

// changed looks whether a function that takes the type still gets it.
func (c carried) changed(ctx context.Context, l *lane, note string) (compare.Outcome, error) {
	if l.name == koloLane {
		return changed(note), nil
	}
	if again, err := c.tryTyped(ctx, l); err != nil {
		return compare.Outcome{}, err
	} else if again.Verdict == Yes && note != emptyList {
		note += fmt.Sprintf("; %T for a function that takes one", c.send)
	}
	return changed(note), nil
}

func (c carried) tryTyped(ctx context.Context, l *lane) (compare.Outcome, error) {
	want, err := value.Dynamic(c.send)
	if err != nil {
		return compare.Outcome{}, err
	}
	back, err := c.again(ctx, l.call)
	if err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	if show(back) != show(want) {
		return changed("comes back as " + became(want, kindOf(back), show(back))), nil
	}
	return yes(""), nil
}

// tryRecord sends a map where a struct is expected.
func tryRecord(ctx context.Context, l *lane, send map[string]any, want line) (compare.Outcome, error) {
	got, err := rpc.Invoke[string](ctx, l.call, "line", send)
	if err != nil {
		why, err := refused(ctx, l, err)
		return no(why), err
	}
	if got != fmt.Sprint(want) {
		return changed(oneLine(got)), nil
	}
	return yes(""), nil
}
