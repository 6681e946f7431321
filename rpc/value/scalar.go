package value

import (
	"encoding"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"time"
)

func decodeBool(s Source) bool {
	if k := s.Kind(); k != KindBool {
		s.Fail(Mismatch("bool", k))
		return false
	}
	return s.Bool()
}

func decodeText(s Source) string { return decodeTextAs(s, "string") }

// decodeTextAs reads text for the Go type of that name.
func decodeTextAs(s Source, name string) string {
	switch k := s.Kind(); k {
	case KindString:
		return s.Text()
	case KindOther:
		return scalarInstance(s, reflect.String, "string", name).String()
	default:
		mismatch(s, "string", k)
		return ""
	}
}

func decodeBytes(s Source) []byte {
	switch k := s.Kind(); k {
	case KindBytes:
		return s.Bytes()
	case KindNil:
		s.Nil()
		return nil
	case KindOther:
		return decodeOther[ByteArray](s, "bytes")
	default:
		mismatch(s, "bytes", k)
		return nil
	}
}

// decodeInt reads an integer of at most bits bits; name is its Go type. A float
// without a fraction counts as an integer, since some languages know no other
// numbers.
func decodeInt(s Source, bits int, name string) int64 {
	var n int64
	switch k := s.Kind(); k {
	case KindInt:
		var ok bool
		if n, ok = s.Int(); !ok {
			if b := s.BigInt(); s.Err() == nil {
				s.Fail(unfit(b, name))
			}
			return 0
		}
	case KindFloat:
		f := s.Float()
		if f != math.Trunc(f) || f < -1<<63 || f >= 1<<63 {
			s.Fail(fmt.Errorf("%v does not fit %s", f, name))
			return 0
		}
		n = int64(f)
	case KindOther:
		n = scalarInstance(s, reflect.Int64, "int", name).Int()
	default:
		mismatch(s, "int", k)
		return 0
	}
	if shift := 64 - uint(bits); n<<shift>>shift != n {
		s.Fail(fmt.Errorf("%d does not fit %s", n, name))
		return 0
	}
	return n
}

func decodeUint(s Source, bits int, name string) uint64 {
	var n uint64
	switch k := s.Kind(); k {
	case KindInt:
		if i, ok := s.Int(); !ok {
			b := s.BigInt()
			if s.Err() != nil {
				return 0
			}
			if !b.IsUint64() {
				s.Fail(unfit(b, name))
				return 0
			}
			n = b.Uint64()
		} else if i < 0 {
			s.Fail(fmt.Errorf("%d does not fit %s", i, name))
			return 0
		} else {
			n = uint64(i)
		}
	case KindFloat:
		f := s.Float()
		if f != math.Trunc(f) || f < 0 || f >= 1<<64 {
			s.Fail(fmt.Errorf("%v does not fit %s", f, name))
			return 0
		}
		n = uint64(f)
	case KindOther:
		n = scalarInstance(s, reflect.Uint64, "int", name).Uint()
	default:
		mismatch(s, "int", k)
		return 0
	}
	if shift := 64 - uint(bits); n<<shift>>shift != n {
		s.Fail(fmt.Errorf("%d does not fit %s", n, name))
		return 0
	}
	return n
}

// unfit names an integer beyond 64 bits without writing out all its digits.
func unfit(n *big.Int, name string) error {
	if n == nil || n.BitLen() > 256 {
		return fmt.Errorf("an integer of %d bits does not fit %s", n.BitLen(), name)
	}
	return fmt.Errorf("%s does not fit %s", n, name)
}

func decodeBigInt(s Source) *big.Int {
	switch k := s.Kind(); k {
	case KindInt:
		return s.BigInt()
	case KindFloat:
		f := s.Float()
		if f != math.Trunc(f) || math.IsInf(f, 0) {
			s.Fail(fmt.Errorf("%v does not fit an integer", f))
			return nil
		}
		n, _ := big.NewFloat(f).Int(nil)
		return n
	default:
		mismatch(s, "int", k)
		return nil
	}
}

// decodeFloat reads a float, or an integer that a float64 holds exactly.
func decodeFloat(s Source) float64 {
	switch k := s.Kind(); k {
	case KindFloat:
		return s.Float()
	case KindInt:
		n, ok := s.Int()
		f := float64(n)
		if !ok {
			b := s.BigInt()
			if s.Err() != nil {
				return 0
			}
			var acc big.Accuracy
			if f, acc = new(big.Float).SetInt(b).Float64(); acc != big.Exact {
				s.Fail(unfit(b, "a float exactly"))
			}
			return f
		}
		if f >= 1<<63 || int64(f) != n {
			s.Fail(fmt.Errorf("%d does not fit a float exactly", n))
			return 0
		}
		return f
	default:
		mismatch(s, "float", k)
		return 0
	}
}

func decodeTime(s Source) time.Time {
	switch k := s.Kind(); k {
	case KindTime:
		return s.Time()
	case KindOther:
		return decodeOther[LocalTime](s, "time").Time
	default:
		mismatch(s, "time", k)
		return time.Time{}
	}
}

// decodeLocalTime keeps the wall clock as it is written. A wire that does not
// tell the two kinds of time apart gives instants.
func decodeLocalTime(s Source) LocalTime {
	if s.Kind() != KindTime {
		return decodeOther[LocalTime](s, "time")
	}
	t := s.Time()
	return LocalTime{time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)}
}

// decodeOther reads one of the rarer types; word is its wire word.
func decodeOther[T any](s Source, word string) (x T) {
	if k := s.Kind(); k != KindOther {
		mismatch(s, word, k)
		return x
	}
	got := s.Other()
	x, ok := got.(T)
	if !ok && s.Err() == nil {
		s.Fail(fmt.Errorf("expected %s, got %s", word, Word(got)))
	}
	return x
}

func decodeUnmarshaler(s Source, v reflect.Value) {
	if k := s.Kind(); k != KindString {
		mismatch(s, "string", k)
		return
	}
	text := s.Text()
	if s.Err() != nil {
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		s.Fail(fmt.Errorf("%q does not fit %s: %w", Clip(text, 64), v.Type(), err))
	}
}

func encodeMarshaler(s Sink, v reflect.Value) {
	v = addressable(v)
	text, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil {
		s.Fail(err)
		return
	}
	s.Text(string(text))
}

func encodeUint(s Sink, n uint64) {
	if n <= math.MaxInt64 {
		s.Int(int64(n))
		return
	}
	s.BigInt(new(big.Int).SetUint64(n))
}

func encodeBigInt(s Sink, n *big.Int) {
	if n.IsInt64() {
		s.Int(n.Int64())
		return
	}
	s.BigInt(n)
}

// addressable returns v, or a copy of it whose address can be taken.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}
