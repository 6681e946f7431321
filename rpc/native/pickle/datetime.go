package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// Date is a day of the calendar: Python's datetime.date. On other wires, and
// within typed Go values, it is its text.
type Date struct {
	Year  int // 1 to 9999
	Month time.Month
	Day   int
}

// String returns "2026-07-31".
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText returns the text of d.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return fmt.Errorf("expected a date such as 2026-07-31, got %q", value.Clip(string(text), 32))
	}
	d.Year, d.Month, d.Day = t.Date()
	return nil
}

// Clock is a time of day without a zone: Python's datetime.time. On other wires,
// and within typed Go values, it is its text.
type Clock struct {
	Hour, Minute, Second, Microsecond int
}

// String returns "14:08:55", with six decimals if they are not zero.
func (c Clock) String() string {
	s := fmt.Sprintf("%02d:%02d:%02d", c.Hour, c.Minute, c.Second)
	if c.Microsecond != 0 {
		s += fmt.Sprintf(".%06d", c.Microsecond)
	}
	return s
}

// MarshalText returns the text of c.
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (c *Clock) UnmarshalText(text []byte) error {
	t, err := time.Parse("15:04:05.999999", string(text))
	if err != nil {
		return fmt.Errorf("expected a time of day such as 14:08:55, got %q", value.Clip(string(text), 32))
	}
	*c = Clock{t.Hour(), t.Minute(), t.Second(), t.Nanosecond() / 1000}
	return nil
}

// Delta is a span of time: Python's datetime.timedelta. It is normalized as
// there: Days has the sign, Seconds is 0 to 86399 and Microseconds 0 to 999999.
type Delta struct {
	Days         int `rpc:"days"`
	Seconds      int `rpc:"seconds"`
	Microseconds int `rpc:"microseconds"`
}

// maxDeltaDays bounds Delta.Days in both directions, as in Python.
const maxDeltaDays = 999_999_999

// NewDelta returns d as a Delta; what is below a microsecond is cut off, towards
// the past.
func NewDelta(d time.Duration) Delta {
	const day = 24 * time.Hour
	days := d / day
	if d -= days * day; d < 0 {
		d += day
		days--
	}
	return Delta{int(days), int(d / time.Second), int(d % time.Second / time.Microsecond)}
}

// Duration returns d as a time.Duration; ok is false if it does not fit one,
// which ends at about 292 years.
func (d Delta) Duration() (_ time.Duration, ok bool) {
	const maxDays = 106_751 // whole days in a Duration
	if d.Days < -maxDays || d.Days >= maxDays {
		return 0, false
	}
	return time.Duration(d.Days)*24*time.Hour + time.Duration(d.Seconds)*time.Second +
		time.Duration(d.Microseconds)*time.Microsecond, true
}

// zone is a tzinfo, which may only stand within a datetime.
type zone struct {
	*time.Location
	name string // of a ZoneInfo
}

const (
	maxZones    = 32 // different ZoneInfo in one message: each is read from a file
	maxZoneName = 64
	daySeconds  = 24 * 60 * 60
)

// datetime reads the ten bytes of a datetime (CPython, Lib/_pydatetime.py,
// datetime._getstate): year, big-endian; month, with bit 7 for the fold; day,
// hour, minute, second; microsecond, 3 bytes. A second argument is the zone.
func (d *decoder) datetime(a arguments) any {
	b := a.atMost(2).raw(0, 10)
	if d.err != nil {
		return nil
	}
	date, ok := makeDate(int(binary.BigEndian.Uint16(b)), time.Month(b[2]&0x7f), int(b[3]))
	c, ok2 := makeClock(b[4:])
	if !ok || !ok2 {
		d.fail(fmt.Errorf("class %s: got fields out of range", a.class))
		return nil
	}
	local := time.Date(date.Year, date.Month, date.Day, c.Hour, c.Minute, c.Second, 1000*c.Microsecond, time.UTC)
	if len(a.items) == 1 {
		return value.LocalTime{Time: local}
	}
	z := argument[zone](a, 1, "a timezone")
	if d.err != nil {
		return nil
	}
	return inZone(local, z.Location, b[2]&0x80 != 0)
}

// inZone returns the instant at which clocks in loc show what local shows in
// UTC. Where they show it twice or never, fold chooses as in Python (PEP 495).
func inZone(local time.Time, loc *time.Location, fold bool) time.Time {
	at := func(reference time.Time) time.Time {
		_, offset := reference.In(loc).Zone()
		return local.Add(-time.Duration(offset) * time.Second).In(loc)
	}
	shows := func(t time.Time) bool {
		_, offset := t.Zone()
		return t.Add(time.Duration(offset) * time.Second).Equal(local)
	}
	before, after := at(local.Add(-24*time.Hour)), at(local.Add(24*time.Hour))
	if shows(before) == shows(after) {
		if fold {
			return after
		}
		return before
	}
	if shows(after) {
		return after
	}
	return before
}

func (d *decoder) date(b []byte) any {
	date, ok := makeDate(int(binary.BigEndian.Uint16(b)), time.Month(b[2]), int(b[3]))
	if !ok {
		d.fail(fmt.Errorf("class %s: got fields out of range", classDate))
	}
	return date
}

func makeDate(year int, month time.Month, day int) (Date, bool) {
	date := Date{year, month, day}
	return date, date.valid()
}

func (d Date) valid() bool {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
	year, month, day := t.Date()
	return d == Date{year, month, day} && d.Year >= 1 && d.Year <= 9999
}

// clock reads hour, minute, second, and microsecond in 3 bytes.
func (d *decoder) clock(b []byte) any {
	c, ok := makeClock([]byte{b[0] & 0x7f, b[1], b[2], b[3], b[4], b[5]}) // without the fold
	if !ok {
		d.fail(fmt.Errorf("class %s: got fields out of range", classTime))
	}
	return c
}

func makeClock(b []byte) (Clock, bool) {
	c := Clock{int(b[0]), int(b[1]), int(b[2]), int(b[3])<<16 | int(b[4])<<8 | int(b[5])}
	return c, c.valid()
}

func (c Clock) valid() bool {
	return c.Hour >= 0 && c.Hour < 24 && c.Minute >= 0 && c.Minute < 60 && c.Second >= 0 && c.Second < 60 &&
		c.Microsecond >= 0 && c.Microsecond < 1_000_000
}

func (d *decoder) delta(days, seconds, microseconds int64) any {
	delta := Delta{int(days), int(seconds), int(microseconds)}
	if days != int64(delta.Days) || !delta.valid() {
		d.fail(fmt.Errorf("class %s: got fields out of range", classDelta))
	}
	return delta
}

func (d Delta) valid() bool {
	return d.Days >= -maxDeltaDays && d.Days <= maxDeltaDays && d.Seconds >= 0 && d.Seconds < daySeconds &&
		d.Microseconds >= 0 && d.Microseconds < 1_000_000
}

// fixedZone is called with the offset from UTC and, if it has one, a name.
func (d *decoder) fixedZone(a arguments) any {
	delta := argument[Delta](a.atMost(2), 0, "a timedelta")
	name := ""
	if len(a.items) == 2 {
		name = a.text(1)
		if len(name) > maxZoneName || name != value.Clip(name, maxZoneName) {
			name = "" // nothing to show to a person
		}
	}
	offset := delta.Seconds
	if delta.Days == -1 {
		offset -= daySeconds
	}
	switch {
	case d.err != nil:
	case delta.Microseconds != 0:
		d.refuse(fmt.Errorf("class %s: got an offset of a fraction of a second; expected whole ones", a.class))
	case delta.Days < -1 || delta.Days > 0 || offset == -daySeconds:
		d.fail(fmt.Errorf("class %s: expected an offset of less than a day, got days=%d", a.class, delta.Days))
	case offset == 0 && name == "":
		return zone{time.UTC, ""}
	}
	return zone{time.FixedZone(name, offset), ""}
}

// namedZone finds a ZoneInfo in the time zone database of this machine.
func (d *decoder) namedZone(name string) any {
	if d.err != nil {
		return nil
	}
	loc, ok := d.zones[name]
	switch {
	case ok:
		return zone{loc, name}
	case len(name) > maxZoneName || name == "" || name == "Local":
		d.fail(errors.New("class zoneinfo.ZoneInfo: expected the name of a time zone"))
		return nil
	case len(d.zones) >= maxZones:
		d.fail(fmt.Errorf("more than %d time zones: %w", maxZones, ErrLimit))
		return nil
	}
	loc, err := time.LoadLocation(name) // it refuses names that lead elsewhere
	if err != nil {
		d.refuse(fmt.Errorf("class zoneinfo.ZoneInfo: time zone %q is not known on this machine", value.Clip(name, maxZoneName)))
		return nil
	}
	if d.zones == nil {
		d.zones = map[string]*time.Location{}
	}
	d.zones[name] = loc
	return zone{loc, name}
}
