package xmlvalue

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

const (
	largestDepth  = 10_000 // the readers of values recurse
	defaultDigits = 1235   // value.DefaultMaxIntBits in decimal, and a sign
)

// Options bounds what is read and shapes what is written. Its zero value is the
// safe default. It is plain data and safe to share.
type Options struct {
	// MaxDepth is how deep arrays and structs may stand within each other, read
	// and written. Zero means 64; the largest is 10 000.
	MaxDepth int
	// MaxElements is the number of values a document may hold, those within
	// arrays and structs and these themselves included. Zero means 262 144.
	MaxElements int
	// MaxString is the longest text, name or base64 content accepted, in bytes
	// of UTF-8. Zero means that the size of the document, which its transport
	// has to bound, is limit enough.
	MaxString int
	// MaxDigits is the longest integer or double accepted, in characters. Zero
	// means 1235, which is an integer of 4096 bits with its sign.
	MaxDigits int

	// Location is the zone of a date that does not name one, and the zone dates
	// are written in. Nil means UTC. In a zone with summer time one hour a year
	// is written ambiguously, unless ZoneSuffix is set.
	Location *time.Location
	// UniqueNames refuses a struct that has two members of one name. By default
	// the last one counts.
	UniqueNames bool
	// FalseIsZero reads a boolean false as the zero value where the Go destination
	// is neither bool nor any: as "", 0, nil, an empty struct. Odoo and other
	// servers send false for a field that is empty. A true there stays an error,
	// and so is false while this is not set. Since false then cannot be told from
	// "" or 0, take a destination of any where the difference matters.
	FalseIsZero bool

	// Int32Only makes an integer beyond 32 bits an error where it would be
	// written as <i8>, which the specification does not have.
	Int32Only bool
	// LongInt writes an integer beyond 32 bits as <int>, where it would be written
	// as <i8>. The specification has 32 bits for that, but most libraries that do
	// not know <i8> read it, and many write it so; the extension of PHP takes the
	// lower 32 bits for the number. It excludes Int32Only.
	LongInt bool
	// BigInteger writes an integer beyond 64 bits as <ex:biginteger>, an
	// extension by Apache that few peers read, where it would be an error.
	BigInteger bool
	// NoNil makes nil an error where it would be written as <nil/>.
	NoNil bool
	// NonFinite writes nan, inf and -inf, where they would be an error.
	NonFinite bool
	// TextAsBase64 writes text that XML cannot carry (control characters,
	// invalid UTF-8) as <base64>, where it would be an error. The peer cannot
	// tell it from binary.
	TextAsBase64 bool
	// ZoneSuffix ends a date with its zone: Z or +0100. Most peers cannot read
	// it.
	ZoneSuffix bool
	// Fraction writes the fraction of a second of a date that has one, where it
	// would be cut off. Most peers cannot read it.
	Fraction bool
}

// Validate reports a limit that is negative or too large, and options that exclude
// each other. Every function of the
// package that takes Options and returns an error calls it.
func (o Options) Validate() error {
	for _, l := range [...]struct {
		name       string
		n, largest int
	}{
		{"MaxDepth", o.MaxDepth, largestDepth},
		{"MaxElements", o.MaxElements, 0},
		{"MaxString", o.MaxString, 0},
		{"MaxDigits", o.MaxDigits, 0},
	} {
		if l.n < 0 {
			return fmt.Errorf("xmlvalue: Options.%s is %d: want zero for the default or more", l.name, l.n)
		}
		if l.largest > 0 && l.n > l.largest {
			return fmt.Errorf("xmlvalue: Options.%s is %d: the largest is %d", l.name, l.n, l.largest)
		}
	}
	if o.Int32Only && o.LongInt {
		return errors.New("xmlvalue: Options.Int32Only and Options.LongInt are both set: want an error for an integer beyond 32 bits, or an <int>")
	}
	return nil
}

// filled returns o with every zero limit replaced by its default.
func (o Options) filled() Options {
	def := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	def(&o.MaxDepth, value.DefaultMaxDepth)
	def(&o.MaxElements, value.DefaultMaxElements)
	def(&o.MaxString, math.MaxInt)
	def(&o.MaxDigits, defaultDigits)
	if o.Location == nil {
		o.Location = time.UTC
	}
	return o
}
