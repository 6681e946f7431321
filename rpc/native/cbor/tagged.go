package cbor

import (
	"fmt"
	"math"
	"math/big"
	"time"
	"unicode/utf8"

	"github.com/parley-rpc/parley/rpc/value"
)

// part reads what is inside of a tag: a short walk over bytes that the Decoder
// has not taken yet. Its first error sticks and leaves every later result zero.
type part struct {
	d   *Decoder
	at  int
	err error
}

// tag reads the tag that stands next; false, if something else does.
func (d *Decoder) tag(want string, kind value.Kind) (tag uint64, p part, ok bool) {
	_, tag, at, ok := d.next(want, bit(majorTag))
	if ok && tagKind(tag) != kind {
		d.mismatch(want)
		ok = false
	}
	return tag, part{d: d, at: at}, ok
}

// end takes what was read, or fails with what was wrong with it.
func (d *Decoder) endTag(p *part) bool {
	if p.err != nil {
		d.fail(p.at, p.err)
		return false
	}
	d.took(p.at)
	return true
}

func (p *part) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

// head reads a head that must be of major.
func (p *part) head(major byte, want string) uint64 {
	if p.err != nil {
		return 0
	}
	got, arg, next, err := readHead(p.d.data, p.at)
	switch {
	case err != nil:
		p.err = err
	case got != major:
		p.fail("expected %s after the tag", want)
	default:
		p.at = next
	}
	return arg
}

// array reads the head of an array of n elements.
func (p *part) array(n uint64, of string) {
	if got := p.head(majorArray, "an array"); got != n {
		p.fail("expected %s, got %d", of, got)
	}
}

func (p *part) content(major byte, want string) []byte {
	n := p.head(major, want)
	if p.err == nil && n > uint64(len(p.d.data)-p.at) {
		p.err = errCut
	}
	if p.err != nil {
		return nil
	}
	content := p.d.data[p.at : p.at+int(n)]
	p.at += int(n)
	return content
}

func (p *part) bytes() []byte { return p.content(majorBytes, "bytes") }

func (p *part) text() string {
	text := p.content(majorText, "text")
	if !utf8.Valid(text) {
		p.err = errUTF8
	}
	return string(text)
}

func (p *part) major() byte {
	if p.err != nil || p.at >= len(p.d.data) {
		return majorSimple
	}
	return p.d.data[p.at] & majorMask
}

// int reads an integer between least and most.
func (p *part) int(least, most int64, what string) int64 {
	major := p.major()
	if major != majorNint {
		major = majorUint
	}
	n := p.head(major, what+" as an integer")
	if n > math.MaxInt64 {
		p.fail("%s is beyond 64 bits", what)
		return 0
	}
	i := int64(n)
	if major == majorNint {
		i = ^i
	}
	if p.err == nil && (i < least || i > most) {
		p.fail("%s is %d; expected %d to %d", what, i, least, most)
	}
	return i
}

// bigInt reads an integer of any size.
func (p *part) bigInt() *big.Int {
	major := p.major()
	if major == majorUint || major == majorNint {
		n := new(big.Int).SetUint64(p.head(major, "an integer"))
		if major == majorNint {
			n.Not(n)
		}
		return n
	}
	tag := p.head(majorTag, "an integer")
	if p.err == nil && tagKind(tag) != value.KindInt {
		p.fail("expected an integer, got tag %d", tag)
	}
	digits := p.bytes()
	if p.err != nil {
		return nil
	}
	if len(digits) <= 8 || digits[0] == 0 {
		p.err = errLong
		return nil
	}
	if len(digits) > (p.d.o.MaxIntBits+7)/8 {
		p.err = errBits(8*len(digits), p.d.o.MaxIntBits)
		return nil
	}
	n := new(big.Int).SetBytes(digits)
	if bits := n.BitLen(); bits > p.d.o.MaxIntBits {
		p.err = errBits(bits, p.d.o.MaxIntBits)
	}
	if tag == tagNegBig {
		n.Not(n)
	}
	return n
}

func errBits(got, limit int) error {
	return fmt.Errorf("an integer of %d bits: %w of %d", got, ErrLimit, limit)
}

func (p *part) float() float64 {
	if p.err != nil {
		return 0
	}
	switch {
	case p.at >= len(p.d.data):
		p.err = errEnd
		return 0
	case kinds[p.d.data[p.at]] != value.KindFloat:
		p.fail("expected a float after the tag")
		return 0
	}
	var f float64
	f, p.at, p.err = readFloat(p.d.data, p.at)
	return f
}

// BigInt reads an integer of any size up to Options.MaxIntBits.
func (d *Decoder) BigInt() *big.Int {
	major, tag, _, ok := d.next("int", bit(majorUint)|bit(majorNint)|bit(majorTag))
	if !ok {
		return nil
	}
	if major == majorTag && tagKind(tag) != value.KindInt {
		d.mismatch("int")
		return nil
	}
	p := part{d: d, at: d.pos}
	n := p.bigInt()
	if !d.endTag(&p) {
		return nil
	}
	return n
}

// maxSeconds bounds the instants that have a form in numbers, in seconds before
// and after 1970. Those within are ones that package time computes with.
const maxSeconds = 1 << 55

// maxZone bounds the distance of a zone from UTC, in seconds.
const maxZone = 24*60*60 - 1

// Time reads an instant. Its zone is UTC or has a distance from UTC but no
// name.
func (d *Decoder) Time() time.Time {
	tag, p, ok := d.tag("time", value.KindTime)
	if !ok {
		return time.Time{}
	}
	var t time.Time
	switch {
	case tag == tagTimeText:
		t = p.timeText()
	case tag == tagInstant:
		p.array(3, "seconds, nanoseconds and the zone")
		t = p.unix()
		t = t.In(zone(int(p.int(-maxZone, maxZone, "the zone"))))
	case p.major() == majorSimple:
		f := p.float()
		if !(math.Abs(f) < maxSeconds) {
			p.fail("%v is no time in seconds", f)
			f = 0
		}
		sec, frac := math.Modf(f)
		t = time.Unix(int64(sec), int64(math.Round(frac*1e9))).UTC()
	default:
		t = time.Unix(p.int(-maxSeconds, maxSeconds, "the seconds"), 0).UTC()
	}
	if !d.endTag(&p) {
		return time.Time{}
	}
	return t
}

func zone(east int) *time.Location {
	if east == 0 {
		return time.UTC
	}
	return time.FixedZone("", east)
}

// timeText reads the text of RFC 3339.
func (p *part) timeText() (t time.Time) {
	text := p.content(majorText, "text")
	if p.err != nil {
		return t
	}
	if len(text) > len(time.RFC3339Nano) { // anything longer is finer than a nanosecond
		p.fail("expected a time in at most %d bytes, got %d", len(time.RFC3339Nano), len(text))
		return t
	}
	if t.UnmarshalText(text) != nil {
		p.fail("expected a time by RFC 3339, got %q", value.Clip(string(text), 64))
		return time.Time{}
	}
	// What time takes to be the zone of this machine is here like any other.
	_, east := t.Zone()
	return t.In(zone(east))
}

// unix reads seconds and nanoseconds.
func (p *part) unix() time.Time {
	sec := p.int(-maxSeconds, maxSeconds, "the seconds")
	return time.Unix(sec, p.int(0, 999_999_999, "the nanoseconds")).UTC()
}

// Other reads a LocalTime, ByteArray, Decimal, UUID, Range, complex128 or
// *big.Rat.
func (d *Decoder) Other() any {
	tag, p, ok := d.tag("other", value.KindOther)
	if !ok {
		return nil
	}
	var v any
	switch tag {
	case tagByteArray:
		v = value.ByteArray(append([]byte{}, p.bytes()...))
	case tagDecimal:
		v = value.Decimal(p.text())
	case tagUUID:
		var u value.UUID
		if n := copy(u[:], p.uuid()); n < len(u) {
			p.fail("expected the 16 bytes of a uuid")
		}
		v = u
	case tagRange:
		v = p.rangeOf()
	case tagLocalTime:
		p.array(2, "seconds and nanoseconds")
		v = value.LocalTime{Time: p.unix()}
	case tagComplex:
		p.array(2, "a real and an imaginary part")
		re := p.float()
		v = complex(re, p.float())
	case tagRational:
		v = p.rational()
	}
	if !d.endTag(&p) {
		return nil
	}
	return v
}

func (p *part) uuid() []byte {
	b := p.bytes()
	if p.err == nil && len(b) != len(value.UUID{}) {
		p.fail("expected the 16 bytes of a uuid, got %d", len(b))
	}
	return b
}

func (p *part) rangeOf() (r value.Range) {
	p.array(3, "start, stop and step")
	r.Start = p.int(math.MinInt64, math.MaxInt64, "the start")
	r.Stop = p.int(math.MinInt64, math.MaxInt64, "the stop")
	r.Step = p.int(math.MinInt64, math.MaxInt64, "the step")
	if r.Step == 0 {
		p.fail("a range with a step of 0")
	}
	return r
}

func (p *part) rational() *big.Rat {
	p.array(2, "a numerator and a denominator")
	num, denom := p.bigInt(), p.bigInt()
	if p.err == nil && denom.Sign() <= 0 {
		p.fail("a fraction whose denominator is not above 0")
	}
	if p.err != nil {
		return nil
	}
	return new(big.Rat).SetFrac(num, denom)
}
