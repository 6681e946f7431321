package cbor

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// m is a map as an any receives it.
type m = map[string]any

// alike compares dynamic values: exactly, but for NaN, which is like itself.
// (cmp.Diff takes exponential time for lists in lists.)
func alike(a, b any) bool { return alikeWithin(a, b, 0) }

// alikeWithin lets instants be slack apart.
func alikeWithin(a, b any, slack time.Duration) bool {
	list := func(a, b []any) bool {
		return slices.EqualFunc(a, b, func(a, b any) bool { return alikeWithin(a, b, slack) })
	}
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && (math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b))
	case complex128:
		b, ok := b.(complex128)
		return ok && alike(real(a), real(b)) && alike(imag(a), imag(b))
	case *big.Int:
		b, ok := b.(*big.Int)
		return ok && a.Cmp(b) == 0
	case *big.Rat:
		b, ok := b.(*big.Rat)
		return ok && a.Cmp(b) == 0
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case value.ByteArray:
		b, ok := b.(value.ByteArray)
		return ok && bytes.Equal(a, b)
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Sub(b).Abs() <= slack && east(a) == east(b)
	case value.LocalTime:
		b, ok := b.(value.LocalTime)
		return ok && a.Equal(b.Time)
	case []any:
		b, ok := b.([]any)
		return ok && list(a, b)
	case value.Tuple:
		b, ok := b.(value.Tuple)
		return ok && list(a, b)
	case value.Set:
		b, ok := b.(value.Set)
		return ok && a.Frozen == b.Frozen && list(a.Items, b.Items)
	case m:
		b, ok := b.(m)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			if w, ok := b[name]; !ok || !alikeWithin(v, w, slack) {
				return false
			}
		}
		return true
	case value.Map:
		b, ok := b.(value.Map)
		return ok && slices.EqualFunc(a, b, func(a, b value.Pair) bool {
			return alike(a.Key, b.Key) && alikeWithin(a.Value, b.Value, slack)
		})
	}
	return a == b
}

func east(t time.Time) int {
	_, east := t.Zone()
	return east
}

// show writes a dynamic value so that alike ones give the same text, and maps
// do whatever the order of their entries.
func show(v any) string {
	list := func(kind string, items []any) string {
		var parts []string
		for _, item := range items {
			parts = append(parts, show(item))
		}
		return kind + "[" + strings.Join(parts, " ") + "]"
	}
	entries := func(pairs value.Map) string {
		var parts []string
		for _, p := range pairs {
			parts = append(parts, show(p.Key)+":"+show(p.Value))
		}
		slices.Sort(parts)
		return "map[" + strings.Join(parts, " ") + "]"
	}
	switch v := v.(type) {
	case float64:
		return fmt.Sprintf("float(%x)", v)
	case complex128:
		return "complex(" + show(real(v)) + show(imag(v)) + ")"
	case []any:
		return list("list", v)
	case value.Tuple:
		return list("tuple", v)
	case value.Set:
		return list(fmt.Sprintf("set(%v)", v.Frozen), v.Items)
	case m:
		var pairs value.Map
		for name, v := range v {
			pairs = append(pairs, value.Pair{Key: name, Value: v})
		}
		return entries(pairs)
	case value.Map:
		return entries(v)
	case time.Time:
		return fmt.Sprintf("time(%d.%09d%+d)", v.Unix(), v.Nanosecond(), east(v))
	case value.LocalTime:
		return fmt.Sprintf("local(%d.%09d)", v.Unix(), v.Nanosecond())
	}
	return fmt.Sprintf("%T(%v)", v, v)
}
