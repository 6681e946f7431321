// Package value is the one mapping between Go types and what stands on a wire.
//
// Programs meet it in the types of their functions, and in those that Go has no
// word for: [Tuple], [Set], [Map], [Decimal], [UUID] and others. [Convert] is the
// mapping without a wire.
//
// A codec is a [Source] that is pulled from and a [Sink] that is pushed into.
// [Decode] and [Encode] drive them with plans that are compiled once per Go
// type and live only here, so that a struct, a map or an integer means the same
// on every transport:
//
//   - []byte is binary; every other slice or array is a list.
//   - A struct is a map with text keys. A field is named by its tag rpc, else
//     xmlrpc, else json, else by its Go name; "-", omitempty and omitzero mean
//     what they mean to encoding/json, and so does embedding. Case counts.
//     Entries that the struct has no field for are ignored.
//   - A pointer is an optional value: nil is nil. A nil slice is an empty list.
//   - A type with MarshalText and UnmarshalText is text.
//   - An integer that does not fit its target is an error, and so is a fraction
//     into an integer; 3.0 is the integer 3.
//   - An any receives the dynamic type of its [Kind].
//
// Nothing is ever lost silently: what does not fit is an [Error] with the path
// to it.
package value

import "reflect"

// Limits that codecs take for their zero options.
const (
	DefaultMaxDepth    = 64      // containers in containers
	DefaultMaxElements = 262_144 // values in one message
	DefaultMaxIntBits  = 4096    // bits in one integer
)

// Decode reads the next value of s into *dst, where dst is a non-nil pointer.
// Errors stick to s. Memory of the old *dst is not reused.
func Decode(s Source, dst any) {
	switch p := dst.(type) {
	case *int:
		*p = int(decodeInt(s, 64, "int"))
	case *int64:
		*p = decodeInt(s, 64, "int64")
	case *string:
		*p = decodeText(s)
	case *float64:
		*p = decodeFloat(s)
	case *bool:
		*p = decodeBool(s)
	case *[]byte:
		*p = decodeBytes(s)
	case *any:
		*p = DecodeAny(s)
	case *Void:
		s.Skip()
	default:
		v := reflect.ValueOf(dst)
		if v.Kind() != reflect.Pointer || v.IsNil() {
			s.Fail(errNotPointer(dst))
			return
		}
		v = v.Elem()
		v.SetZero() // what has no entry in the message keeps nothing of the past
		planOf(v.Type()).decode(s, v)
	}
}

// Encode writes v to s. Errors stick to s.
func Encode(s Sink, v any) {
	switch v := v.(type) {
	case nil:
		s.Nil()
	case int:
		s.Int(int64(v))
	case int64:
		s.Int(v)
	case string:
		s.Text(v)
	case float64:
		s.Float(v)
	case bool:
		s.Bool(v)
	case []byte:
		s.Bytes(v)
	case []any:
		encodeItems(s, KindList, v)
	case map[string]any:
		encodeRecord(s, v)
	case []int64:
		s.Ints(v)
	case []float64:
		s.Floats(v)
	default:
		r := reflect.ValueOf(v)
		planFor(s, r.Type()).encode(s, r)
	}
}

// Check reports why values of type t cannot cross a wire, nil if they can. It
// looks into everything that t is made of, but cannot see what an any will hold.
func Check(t reflect.Type) error { return planOf(t).err }

// Convert sets *dst to src by the mapping, as if src had crossed a wire that
// carries everything. The two share no memory.
func Convert(dst, src any) error {
	s := NewSource(src)
	Decode(s, dst)
	if err := s.Err(); err != nil {
		return err
	}
	return nil
}

// Dynamic returns v as a tree of dynamic types, which shares no memory with v
// that can change. It fails for what no wire could carry.
func Dynamic(v any) (any, error) {
	var b builder
	Encode(&b, v)
	if err := b.Err(); err != nil {
		return nil, err
	}
	return b.root, nil
}
