package native

import (
	"encoding/binary"

	"github.com/parley-rpc/parley/rpc/native/cbor"
	"github.com/parley-rpc/parley/rpc/value"
)

// decoder reads a message. Binary that makes up most of a large one is not
// copied: it keeps the memory of the message, which then is not used again.
type decoder struct {
	cbor.Decoder
	share int // binary of so many bytes or more is not copied
	gave  bool
}

// shareFrom is the size of a message from which on it is worth it, in bytes.
const shareFrom = 32 << 10

func (d *decoder) begin(message []byte) {
	d.Reset(message, cbor.Options{})
	d.share, d.gave = max(shareFrom, len(message)/2), false
}

// release forgets the message, and takes *memory away if it was given to what
// was decoded.
func (d *decoder) release(memory *[]byte) {
	d.Reset(nil, cbor.Options{})
	if d.gave {
		*memory = nil
	}
	d.gave = false
}

// Bytes reads binary, in place of the Decoder's own method.
func (d *decoder) Bytes() []byte {
	if rest := d.Rest(); len(rest) >= d.share && rest[0]&0xe0 == cborBytes && d.Kind() == value.KindBytes {
		if head, n := cborBytesHead(rest); n >= d.share && n <= len(rest)-head {
			if d.Skip(); d.Err() != nil {
				return nil
			}
			d.gave = true
			return rest[head : head+n : head+n]
		}
	}
	return d.Decoder.Bytes()
}

// cborBytes is the major type of binary (RFC 8949, section 3.1).
const cborBytes = 0x40

// cborBytesHead returns the lengths of the head and of the content of binary of
// more than 64 KiB or less than 4 GiB; n is 0 for any other.
func cborBytesHead(b []byte) (head, n int) {
	switch {
	case b[0] == cborBytes|25 && len(b) > 3:
		return 3, int(binary.BigEndian.Uint16(b[1:]))
	case b[0] == cborBytes|26 && len(b) > 5:
		return 5, int(binary.BigEndian.Uint32(b[1:]))
	}
	return 0, 0
}
