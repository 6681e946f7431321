package value

import (
	"fmt"
	"math/big"
	"time"
)

// Kind says what a value is on the wire, independent of codec and Go type.
type Kind uint8

// The kinds. The four sequences are entered alike, and a Go slice accepts each
// of them. In brackets: the Go type that a value of the kind has under any.
const (
	KindInvalid   Kind = iota // nothing stands here: the end of a container, or an error
	KindNil                   // no value on purpose [nil]
	KindBool                  // [bool]
	KindInt                   // an integer of any size [int64, else *big.Int]
	KindFloat                 // [float64]
	KindString                // text, valid UTF-8 [string]
	KindBytes                 // binary [[]byte]
	KindTime                  // an instant with a zone [time.Time]
	KindList                  // [[]any]
	KindTuple                 // [Tuple]
	KindSet                   // [Set]
	KindFrozenSet             // [Set with Frozen]
	KindMap                   // [map[string]any if every key is text, else Map]
	KindOther                 // one of the rarer types listed at Source.Other
)

var kindWords = [...]string{
	"invalid", "nil", "bool", "int", "float", "string", "bytes", "time",
	"list", "tuple", "set", "frozenset", "map", "other",
}

// String returns the word for k that faults use: "int", "string", "list".
func (k Kind) String() string {
	if int(k) < len(kindWords) {
		return kindWords[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// IsSequence reports whether k is a list, tuple, set or frozenset.
func (k Kind) IsSequence() bool { return k >= KindList && k <= KindFrozenSet }

// Word returns the wire word for a dynamic value, which faults use in place of
// a Go type: "int" for an int64 and a *big.Int, "list" for a []any, "decimal"
// for a Decimal. A type that no Source yields keeps its Go name.
func Word(v any) string {
	switch v := v.(type) {
	case nil, Void:
		return KindNil.String()
	case bool:
		return KindBool.String()
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, *big.Int:
		return KindInt.String()
	case float64, float32:
		return KindFloat.String()
	case string:
		return KindString.String()
	case []byte, ByteArray:
		return KindBytes.String()
	case time.Time, LocalTime:
		return KindTime.String()
	case []any:
		return KindList.String()
	case Tuple:
		return KindTuple.String()
	case Set:
		if v.Frozen {
			return KindFrozenSet.String()
		}
		return KindSet.String()
	case map[string]any, Map:
		return KindMap.String()
	case Decimal:
		return "decimal"
	case *big.Rat:
		return "fraction"
	case complex128:
		return "complex"
	case UUID:
		return "uuid"
	case Range:
		return "range"
	}
	return fmt.Sprintf("%T", v)
}
