package pickle

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// What an identity costs in memory, for decoder.charge: bytes for each value, and
// how often its text is held in the buffers in which it is put together.
const (
	identityCost     = 64
	identityInSet    = 192 // in addition, for the sorting
	copiesOfIdentity = 4
)

// appendIdentity appends text that is the same for values which Python takes for
// the same key: 1, 1.0 and True, two times at the same instant. It answers
// false for a value that cannot be a key. A value within sets within each other
// is walked once for each of them, so all steps are charged.
func (d *decoder) appendIdentity(dst []byte, v any) ([]byte, bool) {
	if !d.charge(identityCost) {
		return dst, true
	}
	switch v := v.(type) {
	case nil:
		return append(dst, 'N'), true
	case bool:
		if v {
			return append(dst, "i1;"...), true
		}
		return append(dst, "i0;"...), true
	case int64:
		return append(strconv.AppendInt(append(dst, 'i'), v, 10), ';'), true
	case *big.Int:
		return append(v.Append(append(dst, 'i'), 10), ';'), true
	case float64:
		return appendFloatIdentity(dst, v), true
	case complex128:
		if imag(v) == 0 {
			return appendFloatIdentity(dst, real(v)), true
		}
	case *big.Rat:
		if v.IsInt() {
			return append(v.Num().Append(append(dst, 'i'), 10), ';'), true
		}
		if f, exact := v.Float64(); exact {
			return appendFloatIdentity(dst, f), true
		}
	case string:
		if !d.charge(copiesOfIdentity * len(v)) {
			return dst, true
		}
		return append(appendLength(dst, 's', len(v)), v...), true
	case []byte:
		if !d.charge(copiesOfIdentity * len(v)) {
			return dst, true
		}
		return append(appendLength(dst, 'b', len(v)), v...), true
	case value.Tuple:
		dst = appendLength(dst, 't', len(v))
		for _, item := range v {
			var ok bool
			if dst, ok = d.appendIdentity(dst, item); !ok {
				return dst, false
			}
		}
		return dst, true
	case value.Set:
		return d.appendSetIdentity(dst, v)
	case []any, map[string]any, value.Map, value.ByteArray:
		return dst, false
	case time.Time:
		return v.UTC().AppendFormat(append(dst, 'w'), time.RFC3339Nano), true
	case *Exception: // Python tells exceptions apart by their address
		return fmt.Appendf(dst, "e%p;", v), true
	}
	return d.appendTyped(dst, v), true
}

// appendTyped appends the identity of a value that has a type of its own. One of
// the program may show as something else than it holds.
func (d *decoder) appendTyped(dst []byte, v any) []byte {
	from := len(dst)
	switch x := reflect.ValueOf(v); {
	case x.CanInt():
		dst = fmt.Appendf(dst, "%T %d;", v, x.Int())
	case x.CanUint():
		dst = fmt.Appendf(dst, "%T %d;", v, x.Uint())
	case x.Kind() == reflect.String:
		dst = fmt.Appendf(dst, "%T %q;", v, x.String())
	case d.names.special.Holds(v):
		dst = fmt.Appendf(dst, "%T %#v;", v, v)
	default:
		dst = fmt.Appendf(dst, "%T %v;", v, v)
	}
	d.charge(copiesOfIdentity * (len(dst) - from))
	return dst
}

// appendFloatIdentity gives a whole number the identity of the integer.
func appendFloatIdentity(dst []byte, f float64) []byte {
	if f != math.Trunc(f) || math.IsInf(f, 0) {
		return append(strconv.AppendFloat(append(dst, 'f'), f, 'g', -1, 64), ';')
	}
	if math.Abs(f) < 1<<63 {
		return append(strconv.AppendInt(append(dst, 'i'), int64(f), 10), ';')
	}
	n, _ := big.NewFloat(f).Int(nil)
	return append(n.Append(append(dst, 'i'), 10), ';')
}

func (d *decoder) appendSetIdentity(dst []byte, s value.Set) ([]byte, bool) {
	if !s.Frozen {
		return dst, false
	}
	if !d.charge(identityInSet * len(s.Items)) {
		return dst, true
	}
	ids := make([][sha256.Size]byte, len(s.Items)) // of one size, so that a text is not copied for each set around it
	for i, item := range s.Items {
		id, ok := d.appendIdentity(nil, item)
		if !ok {
			return dst, false
		}
		ids[i] = sha256.Sum256(id)
	}
	slices.SortFunc(ids, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) }) // a set has no order
	dst = appendLength(dst, 'z', len(ids))
	for _, id := range ids {
		dst = append(dst, id[:]...)
	}
	return dst, true
}

func appendLength(dst []byte, tag byte, n int) []byte {
	return append(strconv.AppendInt(append(dst, tag), int64(n), 10), ':')
}
