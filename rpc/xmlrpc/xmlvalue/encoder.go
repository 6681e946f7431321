package xmlvalue

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// An Encoder appends values to a document. It is a [value.Sink] and a
// [value.VoidSink]: Void is <boolean>1</boolean>, which every client can read.
// All sequences are arrays. The names of members are text; integers become
// decimal text. An Encoder belongs to one goroutine.
type Encoder struct {
	value.Sticky
	buf    []byte
	o      Options
	stack  []place
	first  [16]place // where stack begins
	tables []table   // of the lists of rows within each other
}

// place is where an Encoder stands in a container.
type place uint8

const (
	inList   place = iota
	atName         // in a struct, before a name
	atMember       // in a struct, before the value to a name
	inRows         // in a list of rows
	inRow
)

// NewEncoder returns an Encoder that appends to dst.
func NewEncoder(dst []byte, o Options) *Encoder {
	e := &Encoder{buf: dst, o: o.filled()}
	e.stack = e.first[:0]
	return e
}

// Result returns the bytes so far and the first error. The bytes belong to the
// caller and are of no use after an error.
func (e *Encoder) Result() ([]byte, error) {
	if err := e.Err(); err != nil {
		return e.buf, err
	}
	return e.buf, nil
}

// Fail is part of [value.Sink].
func (e *Encoder) Fail(err error) { e.FailAt(err, -1) }

// refuse makes what cannot be written the error.
func (e *Encoder) refuse(advice, reason string, args ...any) {
	e.Fail(&WriteError{Reason: fmt.Sprintf(reason, args...), Advice: advice})
}

// begin reports whether a value may be written here; what says which one.
func (e *Encoder) begin(what string) bool {
	if e.Err() != nil {
		return false
	}
	n := len(e.stack)
	if n == 0 || e.stack[n-1] == inList || e.stack[n-1] == atMember {
		return true
	}
	switch e.stack[n-1] {
	case atName:
		e.refuse("", "the key of a map must be text or an integer for XML-RPC, not %s", what)
		return false
	case inRow:
		return e.column()
	}
	return true
}

// key reports whether a name is due here.
func (e *Encoder) key() bool {
	n := len(e.stack)
	return n > 0 && e.stack[n-1] == atName
}

// done closes the member whose value has been written.
func (e *Encoder) done() {
	if n := len(e.stack); n > 0 && e.stack[n-1] == atMember {
		e.buf = append(e.buf, "</member>"...)
		e.stack[n-1] = atName
	}
}

// raw writes a whole value.
func (e *Encoder) raw(v string) {
	e.buf = append(e.buf, v...)
	e.done()
}

// Nil is part of [value.Sink].
func (e *Encoder) Nil() {
	switch {
	case !e.begin("nil"):
	case e.o.NoNil:
		e.refuse("send another value or leave it out (Options.NoNil)", "nil is not sent")
	default:
		e.raw("<value><nil/></value>")
	}
}

// Void is part of [value.VoidSink].
func (e *Encoder) Void() { e.Bool(true) }

// Bool is part of [value.Sink].
func (e *Encoder) Bool(b bool) {
	switch {
	case !e.begin("bool"):
	case b:
		e.raw("<value><boolean>1</boolean></value>")
	default:
		e.raw("<value><boolean>0</boolean></value>")
	}
}

// Int is part of [value.Sink].
func (e *Encoder) Int(n int64) {
	if e.key() {
		e.Name(strconv.FormatInt(n, 10))
		return
	}
	if e.begin("int") && e.appendInt(n) {
		e.done()
	}
}

func (e *Encoder) appendInt(n int64) bool {
	if int64(int32(n)) == n || e.o.LongInt {
		e.buf = append(e.buf, "<value><int>"...)
		e.buf = appendInteger(e.buf, n)
		e.buf = append(e.buf, "</int></value>"...)
		return true
	}
	if e.o.Int32Only {
		e.refuse("send it as text (Options.Int32Only)", "%d does not fit the 32 bits of <int>, and <i8> is not sent", n)
		return false
	}
	e.buf = append(e.buf, "<value><i8>"...)
	e.buf = appendInteger(e.buf, n)
	e.buf = append(e.buf, "</i8></value>"...)
	return true
}

// BigInt is part of [value.Sink].
func (e *Encoder) BigInt(n *big.Int) {
	switch {
	case n == nil:
		e.Nil()
	case n.IsInt64():
		e.Int(n.Int64())
	case n.BitLen() > value.DefaultMaxIntBits:
		e.refuse("", "an integer of %d bits is too large; at most %d are sent", n.BitLen(), value.DefaultMaxIntBits)
	case e.key():
		e.Name(n.String())
	case !e.begin("int"):
	case !e.o.BigInteger:
		e.refuse("send it as text, or set Options.BigInteger", "an integer of %d bits does not fit <i8>, 63 bits and a sign", n.BitLen())
	default:
		e.buf = append(e.buf, `<value><ex:biginteger xmlns:ex="http://ws.apache.org/xmlrpc/namespaces/extensions">`...)
		e.buf = n.Append(e.buf, 10)
		e.raw("</ex:biginteger></value>")
	}
}

// Float is part of [value.Sink].
func (e *Encoder) Float(f float64) {
	if e.begin("float") && e.appendFloat(f) {
		e.done()
	}
}

func (e *Encoder) appendFloat(f float64) bool {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return e.appendNonFinite(f)
	}
	// The specification knows no exponents, and wants a point.
	e.buf = appendDecimal(append(e.buf, "<value><double>"...), f)
	e.buf = append(e.buf, "</double></value>"...)
	return true
}

func (e *Encoder) appendNonFinite(f float64) bool {
	word := "nan"
	if f > 0 {
		word = "inf"
	} else if f < 0 {
		word = "-inf"
	}
	if !e.o.NonFinite {
		e.refuse("send nil or text, or set Options.NonFinite", "XML-RPC has no %s", word)
		return false
	}
	e.buf = append(append(append(e.buf, "<value><double>"...), word...), "</double></value>"...)
	return true
}

// Text is part of [value.Sink].
func (e *Encoder) Text(s string) {
	if e.key() {
		e.Name(s)
		return
	}
	if !e.begin("string") {
		return
	}
	start, bad := len(e.buf), 0
	e.buf = append(e.buf, "<value><string>"...)
	if e.buf, bad = appendEscaped(e.buf, s); bad < 0 {
		e.raw("</string></value>")
		return
	}
	e.buf = e.buf[:start]
	if !e.o.TextAsBase64 {
		e.Fail(uncarried("text", s, bad))
		return
	}
	e.appendBytes([]byte(s))
}

// Bytes is part of [value.Sink].
func (e *Encoder) Bytes(b []byte) {
	if e.begin("bytes") {
		e.appendBytes(b)
	}
}

func (e *Encoder) appendBytes(b []byte) {
	const open, closing = "<value><base64>", "</base64></value>"
	n := base64Len(len(b))
	e.buf = append(slices.Grow(e.buf, len(open)+n+len(closing)), open...)
	at := len(e.buf)
	e.buf = e.buf[:at+n]
	encodeBase64(e.buf[at:], b)
	e.raw(closing)
}

// Time is part of [value.Sink].
func (e *Encoder) Time(t time.Time) {
	if e.begin("time") {
		e.date(t, appendDate)
	}
}

func (e *Encoder) date(t time.Time, appendTo func([]byte, time.Time, *Options) ([]byte, bool)) {
	e.buf = append(e.buf, "<value><dateTime.iso8601>"...)
	ok := false
	if e.buf, ok = appendTo(e.buf, t, &e.o); !ok {
		e.refuse("", "the year %d is not one of the four digits that a date has", t.Year())
		return
	}
	e.raw("</dateTime.iso8601></value>")
}

// Other is part of [value.Sink].
func (e *Encoder) Other(v any) {
	switch v := v.(type) {
	case value.LocalTime:
		if e.begin("time") {
			e.date(v.Time, appendWallClock)
		}
	case value.ByteArray:
		e.Bytes(v)
	default:
		e.refuse("send it as text, or in parts", "XML-RPC has no form for a %s", value.Word(v))
	}
}

// List is part of [value.Sink].
func (e *Encoder) List(kind value.Kind, _ int) {
	if e.begin(kind.String()) && e.enter(inList) {
		e.buf = append(e.buf, "<value><array><data>"...)
	}
}

// Table is part of [value.Sink].
func (e *Encoder) Table(_ []string, n int) { e.List(value.KindList, n) }

// Map is part of [value.Sink].
func (e *Encoder) Map(int) {
	if e.begin("map") && e.enter(atName) {
		e.buf = append(e.buf, "<value><struct>"...)
	}
}

func (e *Encoder) enter(p place) bool {
	if len(e.stack) >= e.o.MaxDepth {
		e.refuse("", "lists and maps more than %d deep", e.o.MaxDepth)
		return false
	}
	e.stack = append(e.stack, p)
	return true
}

// Name is part of [value.Sink].
func (e *Encoder) Name(name string) {
	if e.Err() != nil {
		return
	}
	if !e.key() {
		e.Fail(errors.New("xmlvalue: Name was called where no name is due"))
		return
	}
	bad := 0
	e.buf = append(e.buf, "<member><name>"...)
	if e.buf, bad = appendEscaped(e.buf, name); bad >= 0 {
		e.Fail(uncarried("the key "+value.Clip(name, 32), name, bad))
		return
	}
	e.buf = append(e.buf, "</name>"...)
	e.stack[len(e.stack)-1] = atMember
}

// End is part of [value.Sink].
func (e *Encoder) End() {
	n := len(e.stack)
	switch {
	case e.Err() != nil:
		return
	case n == 0 || e.stack[n-1] == atMember:
		e.Fail(errors.New("xmlvalue: End was called where no container can end"))
		return
	case e.stack[n-1] == inRow:
		e.endRow()
	case e.stack[n-1] == inRows:
		e.tables = e.tables[:len(e.tables)-1]
		e.buf = append(e.buf, "</data></array></value>"...)
	case e.stack[n-1] == inList:
		e.buf = append(e.buf, "</data></array></value>"...)
	default:
		e.buf = append(e.buf, "</struct></value>"...)
	}
	e.stack = e.stack[:n-1]
	e.done()
}

// Ints is part of [value.Sink].
func (e *Encoder) Ints(list []int64) { writeInts(e, list) }

// GoInts is part of [value.IntSink].
func (e *Encoder) GoInts(list []int) { writeInts(e, list) }

func writeInts[T int | int64](e *Encoder, list []T) {
	e.List(value.KindList, len(list))
	if e.Err() != nil {
		return
	}
	if bad := appendInts(e, list); bad >= 0 {
		e.Err().Path = "[" + strconv.Itoa(bad) + "]"
	}
	e.End()
}

// Floats is part of [value.Sink].
func (e *Encoder) Floats(list []float64) {
	e.List(value.KindList, len(list))
	for i, f := range list {
		if e.Err() == nil && !e.appendFloat(f) {
			e.Err().Path = "[" + strconv.Itoa(i) + "]"
		}
	}
	e.End()
}
