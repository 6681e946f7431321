package value

import (
	"math/big"
	"time"
)

// A Source is the pull side of a codec: one message, read from front to back.
//
// Every method but Kind, More, Err and Fail consumes something. The first error
// sticks: after it Kind answers KindInvalid, More answers false and the readers
// answer zero values, so that a reader of a whole structure looks at Err once,
// at its end. A value of another kind than the one asked for is such an error.
//
// Limits (depth, elements, length of text and integers) are the codec's: a
// Source never takes memory for a length that the message merely claims. A
// Source belongs to one goroutine.
type Source interface {
	// Kind tells what stands next and leaves it there. After the last element
	// of a container it answers KindInvalid.
	Kind() Kind

	Nil()
	Bool() bool
	// Int reads an integer. If it does not fit an int64, ok is false and the
	// integer still stands there for BigInt to read; it is no error.
	Int() (n int64, ok bool)
	// BigInt reads an integer of any size the limits allow. The caller owns it.
	BigInt() *big.Int
	Float() float64
	Text() string
	// Bytes reads binary. The caller owns the memory.
	Bytes() []byte
	// Time reads an instant.
	Time() time.Time
	// Other reads a value of a rarer type: LocalTime, ByteArray, Decimal, UUID,
	// Range, complex128, *big.Rat, or one that belongs to the codec alone.
	Other() any

	// List enters a sequence. n is the number of its elements, or -1 where the
	// wire does not say; it is bounded by the bytes that are left. Every element
	// is read after a More that answered true; the More that answers false
	// leaves the sequence.
	List() (n int)
	// Map enters a map; n counts its entries as List counts elements. After a
	// More that answered true an entry is its key, by Name or as a value like
	// any other, and then its value.
	Map() (n int)
	More() bool
	// Name reads the key of an entry, which must be text. The bytes are valid
	// until the next call.
	Name() []byte

	// Skip reads over one value, whatever it is.
	Skip()

	// Ints appends to dst the elements of the sequence just entered for as long
	// as they are integers that fit an int64, and stops before the first other
	// one or at the end (where More still has to be asked). A codec without a
	// faster way returns dst. Floats does the same for KindFloat.
	Ints(dst []int64) []int64
	Floats(dst []float64) []float64

	// Fail makes err the error of this Source unless it has one. The Source
	// adds where in the message it happened.
	Fail(err error)
	// Err returns the first error, nil while there is none.
	Err() *Error
}
