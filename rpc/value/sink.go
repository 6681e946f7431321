package value

import (
	"math/big"
	"time"
)

// A Sink is the push side of a codec: it appends one message, front to back.
//
// The first error sticks (a value that the wire cannot carry, depth beyond the
// limit); later calls do nothing. A Sink belongs to one goroutine.
type Sink interface {
	Nil()
	Bool(bool)
	Int(int64)
	BigInt(*big.Int)
	Float(float64)
	Text(string)
	Bytes([]byte)
	Time(time.Time)
	// Other writes a value of one of the types listed at Source.Other. One that
	// the wire has no form for is an error that names it by its Word.
	Other(any)

	// List begins a sequence of kind KindList, KindTuple, KindSet or
	// KindFrozenSet: n elements follow, then End. A wire without the kind
	// writes a list.
	List(kind Kind, n int)
	// Table begins a list of n records that all have exactly these field names
	// in this order: n times Map(len(names)) with its entries and End follow,
	// then End. names is shared and must not change. A wire may write the names
	// once.
	Table(names []string, n int)
	// Map begins a map: n entries follow, then End. An entry is its key, by Name
	// if it is text or else as a value like any other, and then its value.
	Map(n int)
	Name(string)
	End()

	// Ints writes a whole list of integers, Floats one of floats.
	Ints([]int64)
	Floats([]float64)

	// Fail makes err the error of this Sink unless it has one.
	Fail(err error)
	// Err returns the first error, nil while there is none.
	Err() *Error
}

// A VoidSink is a Sink whose wire has a sign of its own for Void.
type VoidSink interface {
	Sink
	Void()
}
