package native

import (
	"sync"

	"github.com/parley-rpc/parley/rpc/native/cbor"
)

// maxKept is the largest memory that is kept from one message to the next, in
// bytes.
const maxKept = 2 << 20

// messages is a cache: nothing depends on what it holds.
var messages = sync.Pool{New: func() any { return new([]byte) }}

func getMessage() *[]byte { return messages.Get().(*[]byte) }

func putMessage(b *[]byte) {
	if *b = kept(*b); cap(*b) > 0 {
		messages.Put(b)
	}
}

func kept(b []byte) []byte {
	if cap(b) > maxKept {
		return nil
	}
	return b[:0]
}

// reuse returns the memory of a message for the next one. What was decoded from
// it may have taken it over.
func reuse(dec *cbor.Decoder, message []byte) []byte {
	if !dec.Shared() && cap(message) <= maxKept {
		return message[:0]
	}
	dec.Reset(nil, cbor.Options{})
	return nil
}

// shareFrom is the size of binary, in bytes, from which on it is not copied out
// of a message that it makes up the most of.
const shareFrom = 32 << 10

func decode(dec *cbor.Decoder, message []byte) {
	dec.Reset(message, cbor.Options{ShareBytes: max(shareFrom, len(message)/2)})
}
