package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// Other writes the types listed at value.Source.Other and those of this package.
func (e *Encoder) Other(v any) {
	hashable := e.needsHash()
	e.next()
	switch v := v.(type) {
	case value.LocalTime:
		e.class(classDatetime)
		e.datetime(v.Time)
		e.buf = append(e.buf, opTuple1, opReduce)
	case value.ByteArray:
		if hashable { // Python has no hash for a bytearray
			e.bytes(v)
		} else {
			e.byteArray(v)
		}
	case value.Decimal:
		if !isDecimal(string(v)) {
			e.Fail(fmt.Errorf("expected a decimal number, got Decimal %q", value.Clip(string(v), 32)))
			return
		}
		e.class(classDecimal)
		e.text(string(v))
		e.buf = append(e.buf, opTuple1, opReduce)
	case value.UUID:
		e.class(classUUID)
		e.text(v.String())
		e.buf = append(e.buf, opTuple1, opReduce)
	case value.Range:
		if v.Step == 0 {
			e.Fail(errors.New("expected a range with a step other than 0"))
			return
		}
		e.class(classRange)
		e.buf = appendInt(appendInt(appendInt(e.buf, v.Start), v.Stop), v.Step)
		e.buf = append(e.buf, opTuple3, opReduce)
	case complex128:
		e.class(classComplex)
		e.float(real(v))
		e.float(imag(v))
		e.buf = append(e.buf, opTuple2, opReduce)
	case *big.Rat:
		e.class(classFraction)
		e.bigInt(v.Num())
		e.bigInt(v.Denom())
		e.buf = append(e.buf, opTuple2, opReduce)
	case Date:
		e.date(v)
	case Clock:
		e.clock(v)
		e.buf = append(e.buf, opTuple1, opReduce)
	case ZoneClock:
		e.zoneClock(v)
	case Delta:
		e.delta(v)
	case *Exception:
		e.exception(v)
	case *Object:
		e.object(v)
	default:
		e.Fail(fmt.Errorf("%s has no form in pickle", value.Word(v)))
	}
}

// class writes a class by its name, or refers to where it stands already. The
// names at protocol 2 are those of Python 2.
func (e *Encoder) class(c class) {
	if at, ok := e.classes[c]; ok {
		e.get(at)
		return
	}
	module, name := c.split()
	if e.protocol == 2 && module == "builtins" {
		module = "__builtin__"
		switch {
		case c == classRange:
			name = "xrange"
		case c.isException():
			module = "exceptions"
			if old, ok := newExceptions[name]; ok {
				name = old
			}
		}
	}
	if e.protocol == 2 && module == "copyreg" {
		module = "copy_reg"
	}
	if outer, last, nested := c.outer(); e.protocol >= 4 {
		e.text(module)
		e.text(name)
		e.buf = append(e.buf, opStackGlobal)
	} else if nested { // before protocol 4 a name has no dots
		e.class(classGetattr)
		e.class(outer)
		e.text(last)
		e.buf = append(e.buf, opTuple2, opReduce)
	} else {
		e.buf = append(e.buf, opGlobal)
		e.buf = append(append(e.buf, module...), '\n')
		e.buf = append(append(e.buf, name...), '\n')
	}
	if e.classes == nil {
		e.classes = make(map[class]int)
	}
	e.classes[c] = e.memoize()
}

func (e *Encoder) byteArray(b []byte) {
	switch {
	case e.protocol >= 5:
		e.buf = binary.LittleEndian.AppendUint64(append(e.buf, opByteArray8), uint64(len(b)))
		e.buf = append(e.buf, b...)
		return
	case len(b) == 0:
		e.class(classByteArray)
		e.buf = append(e.buf, opEmptyTuple)
	case e.protocol >= 3:
		e.class(classByteArray)
		e.bytes(b)
		e.buf = append(e.buf, opTuple1)
	default:
		e.class(classByteArray)
		e.latin1(b)
		e.text("latin-1")
		e.buf = append(e.buf, opTuple2)
	}
	e.buf = append(e.buf, opReduce)
}

func (e *Encoder) exception(x *Exception) {
	c := class("builtins." + x.Class)
	if !c.isException() {
		e.Fail(fmt.Errorf("expected one of Python's builtin exceptions, got %q", value.Clip(x.Class, 64)))
		return
	}
	if !x.argsFit() {
		e.Fail(fmt.Errorf("expected the arguments that %s takes in Python, got others", x.Class))
		return
	}
	if x.Class == "StandardError" && e.protocol > 2 { // Python 3 does not have it
		c = "builtins.Exception"
	}
	e.class(c)
	top := e.top
	e.top = frame{} // its args need no hash
	e.items(value.KindTuple, x.Args)
	e.top = top
	e.buf = append(e.buf, opReduce)
}

// maxZoneOffset is below what Python's timezone takes, in seconds.
const maxZoneOffset = daySeconds - 60

func (e *Encoder) time(t time.Time) {
	if e.protocol == 2 {
		e.class(classDatetime)
		e.datetime(t.UTC())
		e.buf = append(e.buf, opTuple1, opReduce)
		return
	}
	name, offset := t.Zone()
	if e.zoneInfo && e.timeInZoneInfo(t) {
		return
	}
	if name != t.Location().String() || name == "UTC" {
		name = "" // it is not that of a fixed zone
	}
	offset -= offset % 60 // Python 3.6 knows whole minutes only; the instant stays the same
	offset = min(max(offset, -maxZoneOffset), maxZoneOffset)
	e.class(classDatetime)
	e.datetime(t.UTC().Add(time.Duration(offset) * time.Second))
	e.zone(offset, name)
	e.buf = append(e.buf, opTuple2, opReduce)
}

// datetime writes the ten bytes of a datetime that shows what t shows.
func (e *Encoder) datetime(t time.Time) { e.datetimeFold(t, 0) }

// datetimeFold writes them with a fold, which is 0x80 at the second time that
// clocks show t.
func (e *Encoder) datetimeFold(t time.Time, fold byte) {
	year, month, day := t.Date()
	if !(Date{year, month, day}).valid() {
		e.Fail(fmt.Errorf("expected a year from 1 to 9999, which is all that Python's datetime has, got %d", year))
		return
	}
	us := t.Nanosecond() / 1000
	e.bytes([]byte{
		byte(year >> 8), byte(year), byte(month) | fold, byte(day),
		byte(t.Hour()), byte(t.Minute()), byte(t.Second()), byte(us >> 16), byte(us >> 8), byte(us),
	})
}

// zone writes a timezone; one without a name has that of its offset.
func (e *Encoder) zone(offset int, name string) {
	if e.zoneAt >= 0 && e.offset == offset && e.zoneName == name {
		e.get(e.zoneAt)
		return
	}
	e.class(classTimezone)
	e.delta(NewDelta(time.Duration(offset) * time.Second))
	if name == "" {
		e.buf = append(e.buf, opTuple1, opReduce)
	} else {
		e.text(name)
		e.buf = append(e.buf, opTuple2, opReduce)
	}
	e.offset, e.zoneName, e.zoneAt = offset, name, e.memoize()
}

func (e *Encoder) date(d Date) {
	if !d.valid() {
		e.Fail(fmt.Errorf("expected a day of the years 1 to 9999, got %v", d))
		return
	}
	e.class(classDate)
	e.bytes([]byte{byte(d.Year >> 8), byte(d.Year), byte(d.Month), byte(d.Day)})
	e.buf = append(e.buf, opTuple1, opReduce)
}

// clock writes the class and bytes of a time.
func (e *Encoder) clock(c Clock) {
	if !c.valid() {
		e.Fail(fmt.Errorf("expected a time of day, got %v", c))
		return
	}
	us := c.Microsecond
	e.class(classTime)
	e.bytes([]byte{byte(c.Hour), byte(c.Minute), byte(c.Second), byte(us >> 16), byte(us >> 8), byte(us)})
}

func (e *Encoder) delta(d Delta) {
	if !d.valid() {
		e.Fail(fmt.Errorf("expected a Delta with Seconds and Microseconds in range, got %+v", d))
		return
	}
	e.class(classDelta)
	e.buf = appendInt(appendInt(appendInt(e.buf, int64(d.Days)), int64(d.Seconds)), int64(d.Microseconds))
	e.buf = append(e.buf, opTuple3, opReduce)
}
