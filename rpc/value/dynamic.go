package value

import (
	"encoding/hex"
	"fmt"
	"time"
)

// The dynamic types stand for kinds that no plain Go type names. They are what
// an any receives, so that nothing a peer sends is bent on its way through, and
// each may be sent as well.

// Tuple is a fixed sequence: a Python tuple. Wires without tuples carry a list.
type Tuple []any

// Set is a set or, with Frozen, a frozenset, in the order it had on the wire.
type Set struct {
	Items  []any
	Frozen bool
}

// Map is a map in the order of the wire, whose keys may be of any kind. Under
// any it stands for maps with at least one key that is not text.
type Map []Pair

// Pair is one entry of a Map.
type Pair struct{ Key, Value any }

// LocalTime is a date and time of day without a zone: Python's naive datetime.
// Its Time is in UTC and only its wall clock has a meaning.
type LocalTime struct{ time.Time }

// ByteArray is binary that the peer may change in place: Python's bytearray.
// Wires without it carry bytes.
type ByteArray []byte

// Decimal is an exact decimal number as text: what Python's str(Decimal) gives,
// "1.50", "-3E+7", "NaN". It is not checked.
type Decimal string

// UUID is an RFC 9562 identifier, most significant byte first.
type UUID [16]byte

// String returns the 36-character form of u.
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Range is Python's range(Start, Stop, Step).
type Range struct{ Start, Stop, Step int64 }

// String returns r as Python writes it.
func (r Range) String() string { return fmt.Sprintf("range(%d, %d, %d)", r.Start, r.Stop, r.Step) }

// Void is the result of a function that has none. It is written as nil, or as
// the wire's own sign for "done" (XML-RPC: boolean true, which every client can
// read), and accepts any value when it is decoded into.
type Void struct{}
