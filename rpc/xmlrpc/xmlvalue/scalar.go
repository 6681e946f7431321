package xmlvalue

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// Nil is part of [value.Source].
func (d *Decoder) Nil() {
	if d.take(value.KindNil) {
		d.done()
	}
}

// Bool is part of [value.Source].
func (d *Decoder) Bool() bool {
	if !d.take(value.KindBool) {
		return false
	}
	text := trim(d.head.text)
	switch string(text) {
	case "1", "true", "True", "TRUE":
		d.done()
		return true
	case "0", "false", "False", "FALSE":
	default:
		d.bad("a boolean, 0 or 1", text)
	}
	d.done()
	return false
}

// Int is part of [value.Source].
func (d *Decoder) Int() (n int64, ok bool) {
	if !d.take(value.KindInt) || !d.head.fits {
		return 0, false
	}
	n = d.head.n
	d.done()
	return n, true
}

// BigInt is part of [value.Source].
func (d *Decoder) BigInt() *big.Int {
	if !d.take(value.KindInt) {
		return nil
	}
	n := new(big.Int)
	if d.head.fits {
		n.SetInt64(d.head.n)
	} else {
		n.SetString(string(d.head.text), 10) // digits, as parseInt has seen
	}
	d.done()
	return n
}

// Float is part of [value.Source].
func (d *Decoder) Float() float64 {
	if !d.take(value.KindFloat) {
		return 0
	}
	f, err := strconv.ParseFloat(string(d.head.text), 64)
	switch {
	case err != nil && isSignedNaN(d.head.text):
		f = math.NaN()
	case errors.Is(err, strconv.ErrRange):
		d.bad("a double of 64 bits", d.head.text)
		f = 0
	case err != nil:
		d.bad("a double", d.head.text)
		f = 0
	}
	d.done()
	return f
}

// Text is part of [value.Source].
func (d *Decoder) Text() string {
	if !d.take(value.KindString) {
		return ""
	}
	if d.head.typ == typeName {
		return string(d.Name())
	}
	text := string(d.head.text)
	d.done()
	return text
}

// Bytes is part of [value.Source].
func (d *Decoder) Bytes() []byte {
	if !d.take(value.KindBytes) {
		return nil
	}
	out, bad := d.decodeText(d.head.text)
	if bad >= 0 {
		d.bad("base64", d.head.text[bad:])
		out = nil
	}
	d.done()
	return out
}

// Time is part of [value.Source].
func (d *Decoder) Time() time.Time {
	if !d.take(value.KindTime) {
		return time.Time{}
	}
	text := trim(d.head.text)
	t, ok := parseDate(text, d.o.Location)
	if !ok {
		d.bad("a date such as 19980717T14:08:55", text)
	}
	d.done()
	return t
}

// Other is part of [value.Source]. XML-RPC has no rarer types.
func (d *Decoder) Other() any {
	d.take(value.KindOther)
	return nil
}

// parseInt reads an integer in decimal. ok is false if b is none; fits, if it
// has more than 64 bits.
func parseInt(b []byte) (n int64, fits, ok bool) {
	negative := false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		negative = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, false, false
	}
	var u uint64
	fits = true
	for _, c := range b {
		c -= '0'
		if c > 9 {
			return 0, false, false
		}
		if u > (math.MaxInt64+1)/10 {
			fits = false
		}
		u = u*10 + uint64(c)
		if u > math.MaxInt64+1 {
			fits = false
		}
	}
	switch {
	case !fits || u == math.MaxInt64+1 && !negative:
		return 0, false, true
	case negative:
		return -int64(u), true, true
	}
	return int64(u), true, true
}

// startsNumber tells numbers from inf and nan.
func startsNumber(b []byte) bool {
	b = bytes.TrimLeft(b, "+-")
	return len(b) > 0 && (b[0] >= '0' && b[0] <= '9' || b[0] == '.')
}

// isSignedNaN tells what C prints for some NaNs.
func isSignedNaN(b []byte) bool {
	return len(b) == 4 && (b[0] == '-' || b[0] == '+') && strings.EqualFold(string(b[1:]), "nan")
}
