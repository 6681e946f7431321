package pickle

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/parley-rpc/parley/rpc/value"
)

// arguments are those of one call. Its methods fail the decoder when an argument
// is missing or of another type.
type arguments struct {
	d     *decoder
	class class
	items []any
}

func (a arguments) count(n int) {
	if len(a.items) != n {
		a.d.fail(fmt.Errorf("class %s: number of arguments: expected %d, got %d", a.class, n, len(a.items)))
	}
}

func (a arguments) atMost(n int) arguments {
	if len(a.items) > n {
		a.d.fail(fmt.Errorf("class %s: number of arguments: expected at most %d, got %d", a.class, n, len(a.items)))
	}
	return a
}

func (a arguments) mismatch(i int, want string) {
	got := "none"
	if i < len(a.items) {
		got = describe(a.items[i])
	}
	a.d.fail(fmt.Errorf("class %s: expected %s as argument %d, got %s", a.class, want, i+1, got))
}

func argument[T any](a arguments, i int, want string) (x T) {
	if i < len(a.items) {
		if x, ok := a.items[i].(T); ok {
			return x
		}
	}
	a.mismatch(i, want)
	return x
}

func (a arguments) int(i int) int64     { return argument[int64](a, i, "an int of 64 bits") }
func (a arguments) float(i int) float64 { return argument[float64](a, i, "a float") }

// text charges its length, since the message can name one text many times.
func (a arguments) text(i int) string {
	s := argument[string](a, i, "a str")
	if !a.d.charge(len(s)) {
		return ""
	}
	return s
}

// raw returns the n bytes of an argument that is bytes, or the str of Python 2.
func (a arguments) raw(i, n int) []byte {
	var b []byte
	if i < len(a.items) {
		switch v := a.items[i].(type) {
		case []byte:
			b = v
		case string:
			if len(v) == n {
				b = []byte(v)
			}
		}
	}
	if len(b) != n {
		a.mismatch(i, fmt.Sprintf("%d bytes", n))
		return make([]byte, n)
	}
	return b
}

// sequence returns the elements of an argument that is a list, tuple or set;
// none if there is no such argument.
func (a arguments) sequence(i int) []any {
	if i >= len(a.items) {
		return nil
	}
	n, ok := a.items[i].(*node)
	if !ok || n.kind > nodeFrozenSet {
		a.mismatch(i, "a list")
		return nil
	}
	return n.take()
}

// collect makes a container of the elements of the first argument. It shares
// them with that argument as they are now: a message may name one list many
// times, and copies would take memory.
func (d *decoder) collect(a arguments, kind nodeKind) any {
	if kind != nodeList {
		a.atMost(1)
	}
	n := d.newNode(kind, nil)
	n.items, n.shared = a.sequence(0), true
	return n
}

// list reads list([1, 2]): what Python 3's managers make of the keys, values and
// items of a dict. A set has no order that both sides would agree on.
func (d *decoder) list(a arguments) any {
	a.count(1)
	if d.err != nil {
		return nil
	}
	if n, ok := a.items[0].(*node); !ok || n.kind > nodeTuple {
		a.mismatch(0, "a list or tuple")
		return nil
	}
	return d.collect(a, nodeList)
}

// deque has its maxlen as a second argument. CPython drops items beyond it; no
// pickler writes such items, and here they are an error.
func (d *decoder) deque(a arguments) any {
	v := d.collect(a.atMost(2), nodeList)
	n, ok := v.(*node)
	if !ok || len(a.items) < 2 || a.items[1] == nil || d.err != nil {
		return v
	}
	most := a.int(1)
	if most < 0 {
		a.mismatch(1, "None or 0 and more")
	}
	if d.maxlens == nil {
		d.maxlens = map[*node]int64{}
	}
	d.maxlens[n] = most
	d.charge(mapSize)
	d.checkMaxlen(n)
	return v
}

func (d *decoder) checkMaxlen(n *node) {
	if most, ok := d.maxlens[n]; ok && int64(len(n.items)) > most {
		d.fail(fmt.Errorf("class %s: expected at most %d items, its maxlen, got %d", classDeque, most, len(n.items)))
	}
}

// defaultDict has the factory for missing keys as its argument, which is not
// needed here.
func (d *decoder) defaultDict(a arguments) any {
	if len(a.atMost(1).items) == 1 && a.items[0] != nil {
		if c, ok := a.items[0].(class); !ok || c.isFunction() {
			a.mismatch(0, "None or a class")
		}
	}
	return d.newNode(nodeDict, nil)
}

// orderedDict reads the form of Python 2, a list of pairs; Python 3 gives no
// argument and sets items later.
func (d *decoder) orderedDict(a arguments) any {
	pairs := a.atMost(1).sequence(0)
	if !d.charge(2 * slotSize * len(pairs)) {
		return nil
	}
	items := make([]any, 0, 2*len(pairs))
	for _, p := range pairs {
		pair, ok := p.(*node)
		if !ok || pair.kind > nodeTuple || pair.len() != 2 {
			d.fail(fmt.Errorf("class %s: expected pairs, got %s", a.class, describe(p)))
			return nil
		}
		items = append(items, pair.take()...)
	}
	n := d.newNode(nodeDict, nil)
	n.items, n.shared = items, true
	return n
}

func (d *decoder) counter(a arguments) any {
	n := d.newNode(nodeDict, nil)
	if len(a.atMost(1).items) == 1 {
		counts, ok := a.items[0].(*node)
		if !ok || counts.kind != nodeDict {
			a.mismatch(0, "a dict")
			return nil
		}
		n.items, n.shared = counts.take(), true
	}
	return n
}

// byteArray is called with bytes, or by Python 2 with text and "latin-1".
func (d *decoder) byteArray(a arguments) any {
	switch len(a.items) {
	case 0:
		return value.ByteArray{}
	case 2:
		return value.ByteArray(d.latin1(a.text(0), a.text(1)))
	}
	a.count(1)
	b := argument[[]byte](a, 0, "bytes")
	if !d.charge(len(b)) {
		return nil
	}
	return value.ByteArray(bytes.Clone(b))
}

// latin1 gives each character of s as a byte.
func (d *decoder) latin1(s, encoding string) []byte {
	if d.err == nil && encoding != "latin1" && encoding != "latin-1" {
		d.fail(fmt.Errorf("expected bytes as text in latin1, got encoding %q", value.Clip(encoding, 32)))
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			d.fail(fmt.Errorf("expected bytes as text in latin1, got U+%04X", r))
			return nil
		}
		b = append(b, byte(r))
	}
	return b
}

// decimal takes the text that str(Decimal) writes, and no other.
func (d *decoder) decimal(s string) any {
	if d.err == nil && !isDecimal(s) {
		d.fail(fmt.Errorf("class %s: expected a decimal number, got %q", classDecimal, value.Clip(s, 32)))
	}
	return value.Decimal(s)
}

// isDecimal reports whether s is a number by the General Decimal Arithmetic
// specification, "Numeric syntax".
func isDecimal(s string) bool {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	for _, special := range []string{"sNaN", "NaN"} {
		if payload, ok := strings.CutPrefix(s, special); ok {
			return strings.Trim(payload, digits) == ""
		}
	}
	if s == "Infinity" || s == "Inf" {
		return true
	}
	coefficient, exponent, hasExponent := cutExponent(s)
	whole, fraction, _ := strings.Cut(coefficient, ".")
	if whole+fraction == "" || strings.Trim(whole, digits)+strings.Trim(fraction, digits) != "" {
		return false
	}
	if hasExponent && (exponent == "" || strings.Trim(exponent, digits) != "") {
		return false
	}
	return true
}

const digits = "0123456789"

func cutExponent(s string) (coefficient, exponent string, found bool) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, "", false
	}
	exponent = s[i+1:]
	if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
		exponent = exponent[1:]
	}
	return s[:i], exponent, true
}

// fraction is called with two integers, or by Python 3.10 and older with "1/3".
func (d *decoder) fraction(a arguments) any {
	parts := a.atMost(2).items
	if len(parts) < 2 {
		numerator, denominator, ok := strings.Cut(a.text(0), "/")
		parts = []any{d.decimalInt([]byte(numerator), false), int64(1)}
		if ok {
			parts[1] = d.decimalInt([]byte(denominator), false)
		}
	}
	numerator, ok1 := bigInt(parts[0])
	denominator, ok2 := bigInt(parts[1])
	switch {
	case d.err != nil:
		return nil
	case !ok1 || !ok2:
		d.fail(fmt.Errorf("class %s: expected integers, got %s and %s", a.class, describe(parts[0]), describe(parts[1])))
		return nil
	case denominator.Sign() == 0:
		d.fail(fmt.Errorf("class %s: expected a denominator other than 0", a.class))
		return nil
	case !d.charge(numerator.BitLen() + denominator.BitLen()): // reducing it takes its time
		return nil
	}
	return new(big.Rat).SetFrac(numerator, denominator)
}

func bigInt(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

var errUUID = errors.New("class uuid.UUID: expected 32 hexadecimal digits")

func (d *decoder) uuidText(s string) any {
	var u value.UUID
	if s = strings.ReplaceAll(s[:min(len(s), 64)], "-", ""); len(s) != 2*len(u) {
		d.fail(errUUID)
		return u
	}
	if _, err := hex.Decode(u[:], []byte(s)); err != nil {
		d.fail(errUUID)
	}
	return u
}
