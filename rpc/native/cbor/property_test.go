package cbor

import (
	"errors"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// randomValue returns a dynamic value of any kind, with containers up to
// depth, at most 3, in one another.
func randomValue(r *rand.Rand, depth int) any {
	kinds := 17
	if depth == 0 {
		kinds = 11
	}
	entries := []int{0, 40, 6, 4}[depth]
	items := func() []any {
		list := make([]any, r.IntN(5))
		for i := range list {
			list[i] = randomValue(r, depth-1)
		}
		return list
	}
	alphabet := []rune("abcxyz 09\x00\"ß水𐅑\ufffd")
	text := func() string {
		runes := make([]rune, r.IntN(40))
		for i := range runes {
			runes[i] = alphabet[r.IntN(len(alphabet))]
		}
		return string(runes)
	}
	bits := func(most int) *big.Int {
		n := new(big.Int).SetUint64(r.Uint64())
		n.Lsh(n, uint(r.IntN(most-63))).Add(n, big.NewInt(r.Int64N(100)))
		if r.IntN(2) == 0 {
			n.Neg(n)
		}
		return n
	}
	wall := func() time.Time { return time.Unix(r.Int64N(1<<37)-1<<36, r.Int64N(1e9)).UTC() }
	switch r.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return r.Int64() >> r.IntN(64) * (1 - 2*r.Int64N(2))
	case 3:
		if n := bits(4000); !n.IsInt64() {
			return n
		}
		return int64(0)
	case 4:
		return math.Float64frombits(r.Uint64())
	case 5:
		return text()
	case 6:
		return []byte(text())
	case 7:
		return wall().In(time.FixedZone("", r.IntN(2*maxZone)-maxZone))
	case 8:
		return value.LocalTime{Time: wall()}
	case 9:
		return []any{value.ByteArray(text()), value.Decimal(text()), value.UUID{byte(r.Int()), 15: byte(r.Int())}}[r.IntN(3)]
	case 10:
		return []any{
			value.Range{Start: r.Int64(), Stop: -r.Int64(), Step: r.Int64() | 1},
			complex(r.NormFloat64(), r.NormFloat64()),
			new(big.Rat).SetFrac(bits(2000), new(big.Int).Abs(bits(2000)).Add(big.NewInt(1), big.NewInt(r.Int64()))),
		}[r.IntN(3)]
	case 11:
		return items()
	case 12:
		return value.Tuple(items())
	case 13:
		return value.Set{Items: items(), Frozen: r.IntN(2) == 0}
	case 14:
		record := m{}
		for range r.IntN(entries) {
			record[text()] = randomValue(r, depth-1)
		}
		return record
	case 15:
		pairs := value.Map{}
		for i := range 1 + r.IntN(entries) {
			pairs = append(pairs, value.Pair{Key: value.Tuple{int64(i), randomValue(r, depth-1)}, Value: randomValue(r, depth-1)})
		}
		return pairs
	default: // what a peer sends as a table
		names := []string{"a", strings.Repeat("b", 30), ""}
		var rows []any
		for range 2 + r.IntN(4) {
			row := m{}
			for _, name := range names {
				row[name] = randomValue(r, depth-1)
			}
			rows = append(rows, row)
		}
		return rows
	}
}

// encodeWithTables writes v as Append does, but lists of maps with the same
// names as tables.
func encodeWithTables(s value.Sink, v any) {
	list, ok := v.([]any)
	if !ok || len(list) < 2 {
		value.Encode(s, v)
		return
	}
	first, ok := list[0].(m)
	if !ok {
		value.Encode(s, v)
		return
	}
	var names []string
	for name := range first {
		names = append(names, name)
	}
	slices.Sort(names)
	s.Table(names, len(list))
	for _, item := range list {
		row, ok := item.(m)
		if !ok || len(row) != len(names) {
			s.Fail(errors.New("not a table after all"))
			return
		}
		s.Map(len(names))
		for _, name := range names {
			s.Name(name)
			encodeWithTables(s, row[name])
		}
		s.End()
	}
	s.End()
}

// Decoding is the reverse of appending, whatever the value.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tables := 0
	for range 5000 {
		v := randomValue(r, 3)
		data := mustAppend(t, v)
		var got any
		if err := Decode(data, &got, Options{}); err != nil {
			t.Fatalf("%#v: %v", v, err)
		}
		if !alike(v, got) {
			t.Fatalf("%s came back as %s", show(v), show(got))
		}

		var e Encoder
		e.Reset(nil, Options{})
		if encodeWithTables(&e, v); e.Err() != nil {
			continue
		}
		if slices.Equal(e.Output(), data) {
			continue
		}
		tables++
		if err := Decode(e.Output(), &got, Options{}); err != nil {
			t.Fatalf("%#v as a table: %v", v, err)
		}
		if !alike(v, got) {
			t.Fatalf("%s as a table came back as %s", show(v), show(got))
		}
	}
	if tables < 50 {
		t.Errorf("%d of the values were tables; want more", tables)
	}
}

// messages returns one message of each kind and some larger ones.
func messages(tb testing.TB) [][]byte {
	var list [][]byte
	for _, c := range kindCases {
		list = append(list, unhex(tb, c.hex))
	}
	list = append(list, mustAppend(tb, ints(40)), mustAppend(tb, []float64{1, 2, 3}), mustAppend(tb, products(3)), mustAppend(tb, []any{products(2), m{"x": ints(40)}}))
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		list = append(list, mustAppend(tb, randomValue(r, 3)))
	}
	return list
}

// A message that is cut anywhere is an error and says so.
func TestTruncation(t *testing.T) {
	for _, data := range messages(t) {
		for n := range data {
			for what, decode := range decodes {
				if err := decode(data[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("%x cut to %d bytes, %s: got %v; want that it is cut", data, n, what, err)
				}
			}
		}
	}
}

// A message with one bit flipped gives a value or an error, and nothing worse.
func TestFlippedBits(t *testing.T) {
	for _, data := range messages(t) {
		if len(data) > 2000 {
			continue
		}
		for i := range 8 * len(data) {
			flipped := slices.Clone(data)
			flipped[i/8] ^= 1 << (i % 8)
			for _, decode := range decodes {
				_ = decode(flipped)
			}
		}
	}
}

var decodes = map[string]func([]byte) error{
	"any": func(data []byte) error { return Decode(data, new(any), Options{}) },
	"skip": func(data []byte) error {
		d := NewDecoder(data, Options{})
		d.Skip()
		return d.Finish()
	},
}

// Typed targets meet messages that were made for others, whole and cut.
func TestTypedTargets(t *testing.T) {
	type target struct {
		A []product
		B map[int]*big.Int
		C [2]any
		D *target
		E time.Time
		F []float64
		G value.Set
		H map[any]string
	}
	for _, data := range messages(t) {
		for _, dst := range []any{
			new(target), new([]target), new([]product), new(map[string]target), new(map[int64]int), new([]int64), new([]float64),
			new(value.Map), new(value.Tuple), new(value.Set), new(value.Decimal), new(*big.Rat), new(string), new(float32), new(uint8), new(value.Void),
		} {
			for n := range len(data) + 1 {
				if err := Decode(data[:n], dst, Options{}); err == nil && n < len(data) {
					t.Fatalf("%x cut to %d bytes is a %T", data, n, dst)
				}
			}
		}
	}
}
