package cbor

import (
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	fxcbor "github.com/fxamacker/cbor/v2"

	"github.com/parley-rpc/parley/rpc/value"
)

// FuzzDecode holds the Decoder against another implementation: what both accept
// they must read alike, and what this one accepts is CBOR to the other.
func FuzzDecode(f *testing.F) {
	for _, c := range appendixA {
		f.Add(unhex(f, c.hex))
	}
	for _, data := range messages(f) {
		f.Add(data)
	}
	f.Add(appendKeys([]int{3, 1, 2}, true))
	f.Add(unhex(f, "a2 6161 01 6161 02"))
	f.Add(nested(70))

	other, err := fxcbor.DecOptions{
		IndefLength:      fxcbor.IndefLengthForbidden,
		DupMapKey:        fxcbor.DupMapKeyEnforcedAPF,
		IntDec:           fxcbor.IntDecConvertSignedOrBigInt,
		BigIntDec:        fxcbor.BigIntDecodePointer,
		MaxNestedLevels:  1000,
		MaxArrayElements: 1 << 20,
		MaxMapPairs:      1 << 20,
	}.DecMode()
	if err != nil {
		f.Fatal(err)
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		var got, theirs any
		ours := Decode(data, &got, Options{})

		// The same by way of Skip, which refuses less.
		d := NewDecoder(data, Options{})
		d.Skip()
		if skipped := d.Finish(); ours == nil && skipped != nil {
			t.Fatalf("read as %#v, but not skipped: %v", got, skipped)
		}
		if ours != nil {
			return
		}

		sameTyped(t, data, got)
		sameRefusals(t, data)

		// What was read can be written, and is then read as the same again.
		again, err := Append(nil, got)
		if err != nil {
			t.Fatalf("%#v cannot be written: %v", got, err)
		}
		var back any
		if err := Decode(again, &back, Options{}); err != nil {
			t.Fatalf("%#v written as %x: %v", got, again, err)
		}
		if !alike(got, back) {
			t.Fatalf("%s came back as %s", show(got), show(back))
		}

		if !plainKeys(got) {
			return // the other has a Go map for every map
		}
		if err := other.Unmarshal(data, &theirs); err != nil {
			t.Fatalf("read as %s, but the other says %v", show(got), err)
		}
		// Of seconds with a fraction the other cuts off what is below a nanosecond.
		if a, b := translate(got), translate(theirs); !alikeWithin(a, b, time.Nanosecond) {
			t.Fatalf("read as\n%s\nbut the other reads\n%s", show(a), show(b))
		}
	})
}

// FuzzTyped decodes whatever comes into types that have a plan for everything.
func FuzzTyped(f *testing.F) {
	for _, data := range messages(f) {
		f.Add(data)
	}
	type target struct {
		ID    int     `rpc:"pid"`
		Name  string  `rpc:"pname"`
		Price float32 `rpc:"pprice"`
		Any   any     `rpc:"a"`
		More  []target
		Map   map[int]*target
		Time  *time.Time
		Ints  []int
		Fixed [2]float64
		Big   *big.Int
		Set   value.Set
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, dst := range []any{new(target), new([]target), new(map[string]target), new([]int64), new([]float64)} {
			if Decode(data, dst, Options{}) != nil {
				continue
			}
			if _, err := Append(nil, dst); err != nil {
				t.Errorf("%T was read but cannot be written: %v", dst, err)
			}
		}
	})
}

// plainKeys reports whether all keys of all maps in v are text, integers of 64
// bits, bools or nil.
func plainKeys(v any) bool {
	all := func(list []any) bool { return !slices.ContainsFunc(list, func(v any) bool { return !plainKeys(v) }) }
	switch v := v.(type) {
	case []any:
		return all(v)
	case value.Tuple:
		return all(v)
	case value.Set:
		return all(v.Items)
	case m:
		for _, v := range v {
			if !plainKeys(v) {
				return false
			}
		}
	case value.Map:
		for _, p := range v {
			switch p.Key.(type) {
			case string, int64, bool, nil:
			default:
				return false
			}
			if !plainKeys(p.Value) {
				return false
			}
		}
	}
	return true
}

// translate turns what either implementation reads into dynamic types of ours,
// and every map into pairs in the order of their keys. Content that our Decoder
// has accepted needs no checks here.
func translate(v any) any {
	list := func(v any) []any {
		items := []any{}
		for _, item := range v.([]any) {
			items = append(items, translate(item))
		}
		return items
	}
	sorted := func(pairs value.Map) value.Map {
		slices.SortFunc(pairs, func(a, b value.Pair) int { return strings.Compare(show(a.Key), show(b.Key)) })
		return pairs
	}
	switch v := v.(type) {
	case []any:
		return list(v)
	case map[any]any:
		pairs := value.Map{}
		for k, v := range v {
			pairs = append(pairs, value.Pair{Key: translate(k), Value: translate(v)})
		}
		return sorted(pairs)
	case m:
		pairs := value.Map{}
		for k, v := range v {
			pairs = append(pairs, value.Pair{Key: k, Value: translate(v)})
		}
		return sorted(pairs)
	case value.Map:
		pairs := value.Map{}
		for _, p := range v {
			pairs = append(pairs, value.Pair{Key: p.Key, Value: translate(p.Value)})
		}
		return sorted(pairs)
	case value.Tuple:
		return value.Tuple(list([]any(v)))
	case value.Set:
		return value.Set{Items: list(v.Items), Frozen: v.Frozen}
	case big.Int:
		return translate(&v)
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		return v
	case fxcbor.Tag:
		switch v.Number {
		case tagTable:
			rows := list(v.Content)
			table := []any{}
			for _, row := range rows[1:] {
				pairs := value.Map{}
				for i, name := range rows[0].([]any) {
					pairs = append(pairs, value.Pair{Key: name, Value: row.([]any)[i]})
				}
				table = append(table, sorted(pairs))
			}
			return table
		case tagTuple:
			return value.Tuple(list(v.Content))
		case tagSet, tagFrozenSet:
			return value.Set{Items: list(v.Content), Frozen: v.Number == tagFrozenSet}
		case tagByteArray:
			return value.ByteArray(v.Content.([]byte))
		case tagDecimal:
			return value.Decimal(v.Content.(string))
		case tagUUID:
			return value.UUID(v.Content.([]byte))
		case tagComplex:
			parts := list(v.Content)
			return complex(parts[0].(float64), parts[1].(float64))
		case tagRational:
			parts := list(v.Content)
			return new(big.Rat).SetFrac(toBig(parts[0]), toBig(parts[1]))
		case tagRange:
			parts := list(v.Content)
			return value.Range{Start: parts[0].(int64), Stop: parts[1].(int64), Step: parts[2].(int64)}
		case tagLocalTime:
			parts := list(v.Content)
			return value.LocalTime{Time: time.Unix(parts[0].(int64), parts[1].(int64)).UTC()}
		case tagInstant:
			parts := list(v.Content)
			return time.Unix(parts[0].(int64), parts[1].(int64)).In(zone(int(parts[2].(int64))))
		}
	}
	return v
}

func toBig(v any) *big.Int {
	if n, ok := v.(int64); ok {
		return big.NewInt(n)
	}
	return v.(*big.Int)
}
