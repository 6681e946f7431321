package cbor

import "github.com/parley-rpc/parley/rpc/value"

// Tags say what the item after them stands for (RFC 8949 section 3.4). Those
// of the first group are registered with IANA.
//
// The second group is ours. For what it says there is no registered tag; its
// numbers are from the range that is served first come, first served, and no
// one's. In a dump they read as letters: da 50 72 6c 54 is "PrlT".
const (
	tagTimeText = 0     // text: RFC 3339 with a zone
	tagEpoch    = 1     // integer or float: seconds since 1970 in UTC; read only
	tagPosBig   = 2     // bytes: an integer n above 64 bits, big endian
	tagNegBig   = 3     // bytes: the integer -1-n
	tagRational = 30    // [numerator, denominator]
	tagUUID     = 37    // bytes(16)
	tagSet      = 258   // [element...]
	tagComplex  = 43000 // [real, imaginary]

	tagByteArray = 0x50726c42 // "PrlB", bytes: value.ByteArray
	tagDecimal   = 0x50726c44 // "PrlD", text: value.Decimal
	tagFrozenSet = 0x50726c46 // "PrlF", [element...]: value.Set with Frozen
	tagRange     = 0x50726c47 // "PrlG", [start, stop, step]: value.Range
	tagInstant   = 0x50726c49 // "PrlI", [seconds since 1970 in UTC, nanoseconds, zone in seconds east]: a time.Time that tag 0 cannot say
	tagLocalTime = 0x50726c4c // "PrlL", [seconds since 1970, nanoseconds]: value.LocalTime
	tagTable     = 0x50726c52 // "PrlR", [[name...], [value...]...]: a list of maps
	tagTuple     = 0x50726c54 // "PrlT", [element...]: value.Tuple
)

// tagKind returns the kind of what a tag stands before, KindInvalid for a tag
// that this codec does not know.
func tagKind(tag uint64) value.Kind {
	switch tag {
	case tagPosBig, tagNegBig:
		return value.KindInt
	case tagTimeText, tagEpoch, tagInstant:
		return value.KindTime
	case tagTable:
		return value.KindList
	case tagTuple:
		return value.KindTuple
	case tagSet:
		return value.KindSet
	case tagFrozenSet:
		return value.KindFrozenSet
	case tagRational, tagUUID, tagComplex, tagByteArray, tagDecimal, tagRange, tagLocalTime:
		return value.KindOther
	}
	return value.KindInvalid
}

// sequenceTag returns the tag of a kind of sequence; a list has none.
func sequenceTag(kind value.Kind) uint64 {
	switch kind {
	case value.KindTuple:
		return tagTuple
	case value.KindSet:
		return tagSet
	case value.KindFrozenSet:
		return tagFrozenSet
	}
	return 0
}
