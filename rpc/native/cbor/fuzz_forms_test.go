package cbor

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// sameTyped reads what has been read as v into types that v fits, which must give
// the same.
func sameTyped(t *testing.T, data []byte, v any) {
	t.Helper()
	sameAs[int64](t, data, v)
	sameAs[*big.Int](t, data, v)
	sameAs[float64](t, data, v)
	sameAs[string](t, data, v)
	sameAs[[]byte](t, data, v)
	sameAs[bool](t, data, v)
	sameAs[time.Time](t, data, v)
	sameAs[value.Tuple](t, data, v)
	sameAs[value.Set](t, data, v)
	sameAs[map[string]any](t, data, v)
	sameAs[[]any](t, data, v)
	sameList[int64](t, data, v)
	sameList[float64](t, data, v)
	sameList[string](t, data, v)
	sameList[bool](t, data, v)
	sameList[map[string]any](t, data, v)
	sameList[value.Tuple](t, data, v)
}

func sameAs[T any](t *testing.T, data []byte, v any) {
	t.Helper()
	if _, ok := v.(T); !ok {
		return
	}
	var got T
	if err := Decode(data, &got, Options{}); err != nil {
		t.Fatalf("%x into %T: %v; but it was read as %s", data, got, err, show(v))
	}
	if !alike(any(got), v) {
		t.Fatalf("%x into %T: got %s; want %s", data, got, show(got), show(v))
	}
}

func sameList[T any](t *testing.T, data []byte, v any) {
	t.Helper()
	list, ok := v.([]any)
	if !ok || slices.ContainsFunc(list, func(v any) bool { _, ok := v.(T); return !ok }) {
		return
	}
	var got []T
	if err := Decode(data, &got, Options{}); err != nil {
		t.Fatalf("%x into %T: %v; but it was read as %s", data, got, err, show(v))
	}
	same := []any{}
	for _, v := range got {
		same = append(same, v)
	}
	if !alike(any(same), v) {
		t.Fatalf("%x into %T: got %s; want %s", data, got, show(got), show(v))
	}
}

// heads returns where the heads of the items in a message stand.
func heads(t *testing.T, data []byte) (at []int) {
	t.Helper()
	for i := 0; i < len(data); {
		at = append(at, i)
		major, arg, next, err := readHead(data, i)
		if err != nil {
			t.Fatal(err)
		}
		if i = next; major == majorBytes || major == majorText {
			i += int(arg)
		}
		if major == majorSimple && data[at[len(at)-1]] >= itemFloat16 && data[at[len(at)-1]] <= itemFloat64 {
			_, i, _ = readFloat(data, at[len(at)-1])
		}
	}
	return at
}

// sameRefusals writes each head of a message that is read in other forms that mean
// the same in CBOR, of which this reader takes none: integers and lengths of more
// bytes than they need, lengths without a number, and bignums for small integers.
func sameRefusals(t *testing.T, data []byte) {
	t.Helper()
	at := heads(t, data)
	if len(at) > 64 {
		at = at[:64]
	}
	refused := func(what string, i int, other []byte) {
		var got any
		if err := Decode(other, &got, Options{}); err == nil {
			t.Fatalf("%x is read as %s with %s at byte %d of %x", other, show(got), what, i, data)
		}
		var e Decoder
		e.Reset(other, Options{})
		if e.Skip(); e.Finish() == nil && what != "a bignum" {
			t.Fatalf("%x is skipped with %s at byte %d of %x", other, what, i, data)
		}
	}
	for _, i := range at {
		major, arg, next, err := readHead(data, i)
		if err != nil || major == majorSimple {
			continue
		}
		wide := [][]byte{{major | 24, byte(arg)}, binary.BigEndian.AppendUint16([]byte{major | 25}, uint16(arg)), binary.BigEndian.AppendUint32([]byte{major | 26}, uint32(arg)), binary.BigEndian.AppendUint64([]byte{major | 27}, arg)}
		for n, head := range wide {
			if len(head) <= next-i || n < 3 && arg>>(8<<n) != 0 {
				continue
			}
			refused("a head that is too long", i, slices.Concat(data[:i], head, data[next:]))
		}
		switch major {
		case majorBytes, majorText:
			end := next + int(arg)
			refused("a length without a number", i, slices.Concat(data[:i], []byte{major | 31}, data[i:end], []byte{0xff}, data[end:]))
		case majorUint, majorNint:
			tag := byte(0xc2)
			if major == majorNint {
				tag = 0xc3
			}
			refused("a bignum", i, slices.Concat(data[:i], []byte{tag, 0x48}, binary.BigEndian.AppendUint64(nil, arg), data[next:]))
		case majorArray, majorMap:
			d := NewDecoder(data, Options{})
			if end, _, err := d.walk(i); err == nil {
				refused("a length without a number", i, slices.Concat(data[:i], []byte{major | 31}, data[next:end], []byte{0xff}, data[end:]))
			}
		}
	}
}

// program is a source of chances that are the bytes of an input, one for each,
// and others when they are used up.
type program struct {
	code []byte
	rest rand.PCG
}

func (p *program) Uint64() uint64 {
	if len(p.code) == 0 {
		return p.rest.Uint64()
	}
	b := uint64(p.code[0])
	p.code = p.code[1:]
	return b<<56 | b<<40 | b<<16 | b
}

// FuzzValues: values made of bytes come back as they were, by tables and without,
// and of other forms of the same message none is read.
func FuzzValues(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 40 {
		code := make([]byte, 10+r.IntN(100))
		for i := range code {
			code[i] = byte(r.Uint32())
		}
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		if len(code) > 1000 {
			return
		}
		v := randomValue(rand.New(&program{code: code, rest: *rand.NewPCG(1, 2)}), 3)
		for what, encode := range map[string]func(value.Sink, any){"maps": value.Encode, "tables": encodeWithTables} {
			var e Encoder
			e.Reset(nil, Options{})
			if encode(&e, v); e.Err() != nil {
				continue
			}
			var got any
			if err := Decode(e.Output(), &got, Options{}); err != nil || !alike(v, got) {
				t.Fatalf("%s with %s: got %s, %v", show(v), what, show(got), err)
			}
			sameTyped(t, e.Output(), got)
			sameRefusals(t, e.Output())
		}
	})
}
