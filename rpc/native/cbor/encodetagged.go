package cbor

import (
	"fmt"
	"math/big"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// BigInt writes an integer of any size up to Options.MaxIntBits; nil is null.
func (e *Encoder) BigInt(n *big.Int) {
	if n == nil {
		e.Nil()
		return
	}
	if e.room() {
		e.appendBig(n)
	}
}

// appendBig writes n, or for a negative one -1-n, as a plain integer if that
// has no more than 64 bits.
func (e *Encoder) appendBig(n *big.Int) {
	major, tag := byte(majorUint), uint64(tagPosBig)
	if n.Sign() < 0 {
		major, tag = majorNint, tagNegBig
		n = new(big.Int).Not(n)
	}
	bits := n.BitLen()
	switch {
	case bits <= 64:
		e.buf = appendHead(e.buf, major, n.Uint64())
	case bits > e.o.MaxIntBits:
		e.Fail(errBits(bits, e.o.MaxIntBits))
	default:
		size := (bits + 7) / 8
		e.buf = appendHead(e.tag(tag), majorBytes, uint64(size))
		e.buf = append(e.buf, make([]byte, size)...)
		n.FillBytes(e.buf[len(e.buf)-size:])
	}
}

// Time writes an instant with its zone's distance from UTC, exact to the
// nanosecond: as the text of RFC 3339 that every reader knows or, where that
// has no form for it, in numbers.
func (e *Encoder) Time(t time.Time) {
	if !e.room() {
		return
	}
	_, east := t.Zone()
	if year := t.Year(); year >= 0 && year <= 9999 && east%60 == 0 && abs(east) <= maxZone {
		var text [len(time.RFC3339Nano)]byte
		b := t.AppendFormat(text[:0], time.RFC3339Nano)
		e.buf = append(appendHead(e.tag(tagTimeText), majorText, uint64(len(b))), b...)
		return
	}
	if abs(east) > maxZone {
		e.Fail(fmt.Errorf("a zone %d seconds from UTC: expected less than a day", east))
		return
	}
	e.unix(tagInstant, 3, t)
	e.buf = appendInt(e.buf, int64(east))
}

func abs(n int) int { return max(n, -n) }

// unix writes a tag and an array of n integers up to the first two, which are
// seconds and nanoseconds.
func (e *Encoder) unix(tag uint64, n int, t time.Time) {
	if sec := t.Unix(); sec < -maxSeconds || sec > maxSeconds {
		e.Fail(fmt.Errorf("a time %d seconds from 1970: expected at most %d", sec, int64(maxSeconds)))
		return
	}
	e.array(tag, n)
	e.buf = appendInt(e.buf, t.Unix())
	e.buf = appendInt(e.buf, int64(t.Nanosecond()))
}

// tag returns the buffer with a tag.
func (e *Encoder) tag(tag uint64) []byte { return appendHead(e.buf, majorTag, tag) }

func (e *Encoder) array(tag uint64, n int) {
	e.buf = appendHead(e.tag(tag), majorArray, uint64(n))
}

// Other writes a value of one of the types that Decoder.Other reads.
func (e *Encoder) Other(v any) {
	if !e.room() {
		return
	}
	switch v := v.(type) {
	case value.ByteArray:
		e.buf = appendHead(e.tag(tagByteArray), majorBytes, uint64(len(v)))
		e.buf = append(e.buf, v...)
	case value.Decimal:
		e.buf = e.tag(tagDecimal)
		e.appendText(string(v))
	case value.UUID:
		e.buf = appendHead(e.tag(tagUUID), majorBytes, uint64(len(v)))
		e.buf = append(e.buf, v[:]...)
	case value.Range:
		if v.Step == 0 {
			e.Fail(fmt.Errorf("%s: the step must not be 0", v))
			return
		}
		e.array(tagRange, 3)
		e.buf = appendInt(e.buf, v.Start)
		e.buf = appendInt(e.buf, v.Stop)
		e.buf = appendInt(e.buf, v.Step)
	case value.LocalTime:
		// Its wall clock is what counts, whatever the zone it was put in.
		wall := time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), v.Nanosecond(), time.UTC)
		e.unix(tagLocalTime, 2, wall)
	case complex128:
		e.array(tagComplex, 2)
		e.buf = appendFloat(e.buf, real(v))
		e.buf = appendFloat(e.buf, imag(v))
	case *big.Rat:
		if v == nil {
			e.buf = append(e.buf, itemNil)
			return
		}
		e.array(tagRational, 2)
		e.appendBig(v.Num())
		e.appendBig(v.Denom())
	default:
		e.Fail(fmt.Errorf("a native session carries no %s", value.Word(v)))
	}
}
