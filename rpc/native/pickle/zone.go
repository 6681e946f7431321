package pickle

import (
	"fmt"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

// ZoneClock is a time of day in a time zone: Python's datetime.time with a
// tzinfo. On other wires, and within typed Go values, it is its text.
type ZoneClock struct {
	Clock  Clock
	Zone   string // "Europe/Berlin", of a ZoneInfo; empty for a fixed offset
	Offset int    // without a Zone: seconds east of UTC, less than a day
}

// String returns "14:08:55+01:00", or "14:08:55[Europe/Berlin]".
func (c ZoneClock) String() string {
	if c.Zone != "" {
		return c.Clock.String() + "[" + c.Zone + "]"
	}
	layout := "-07:00"
	if c.Offset%60 != 0 {
		layout = "-07:00:00"
	}
	return c.Clock.String() + time.Time{}.In(time.FixedZone("", c.Offset)).Format(layout)
}

// MarshalText returns the text of c.
func (c ZoneClock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (c *ZoneClock) UnmarshalText(text []byte) error {
	s := string(text)
	fail := fmt.Errorf("expected a time of day such as 14:08:55+01:00, got %q", value.Clip(s, 64))
	at := strings.IndexAny(s, "+-[")
	if at < 0 {
		return fail
	}
	var got ZoneClock
	if err := got.Clock.UnmarshalText(text[:at]); err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(s[at:], "["); ok {
		if got.Zone, ok = strings.CutSuffix(name, "]"); !ok || got.Zone == "" {
			return fail
		}
	} else {
		t, err := time.Parse("-07:00", s[at:])
		if err != nil {
			t, err = time.Parse("-07:00:00", s[at:])
		}
		if err != nil {
			return fail
		}
		_, got.Offset = t.Zone()
	}
	*c = got
	return nil
}

// clockInZone reads a time, which has its zone as a second argument.
func (d *decoder) clockInZone(a arguments) any {
	c := d.clock(a.atMost(2).raw(0, 6))
	if len(a.items) < 2 || d.err != nil {
		return c
	}
	z := argument[zone](a, 1, "a timezone")
	clock, ok := c.(Clock)
	if d.err != nil || !ok {
		return nil
	}
	if z.name != "" {
		return ZoneClock{Clock: clock, Zone: z.name}
	}
	_, offset := time.Time{}.In(z.Location).Zone()
	return ZoneClock{Clock: clock, Offset: offset}
}

func (e *Encoder) zoneClock(c ZoneClock) {
	switch {
	case e.protocol == 2 && c.Zone != "":
		e.Fail(fmt.Errorf("a time of day in %s needs protocol 3, since Python 2 has no ZoneInfo", c.Zone))
		return
	case !c.Clock.valid():
		e.clock(c.Clock) // says so
		return
	case c.Zone == "" && (c.Offset <= -daySeconds || c.Offset >= daySeconds):
		e.Fail(fmt.Errorf("expected an Offset of less than a day, got %d seconds", c.Offset))
		return
	}
	if e.protocol == 2 { // in UTC, as a time.Time is
		c.Clock = c.Clock.add(-c.Offset)
		e.clock(c.Clock)
		e.buf = append(e.buf, opTuple1, opReduce)
		return
	}
	e.clock(c.Clock)
	if c.Zone != "" {
		e.zoneByName(c.Zone)
	} else {
		e.zone(c.Offset, "")
	}
	e.buf = append(e.buf, opTuple2, opReduce)
}

func (e *Encoder) zoneByName(name string) {
	e.class(classZoneByName)
	e.text(name)
	e.buf = append(appendInt(e.buf, 1), opTuple2, opReduce) // 1: from the cache of ZoneInfo
}

// timeInZoneInfo writes t with a ZoneInfo, if its zone is one by its name.
func (e *Encoder) timeInZoneInfo(t time.Time) bool {
	name := t.Location().String()
	if !strings.Contains(name, "/") || len(name) > maxZoneName {
		return false
	}
	loc, known := e.zones[name]
	if !known {
		if e.zones == nil {
			e.zones = make(map[string]*time.Location)
		}
		loc, _ = time.LoadLocation(name)
		e.zones[name] = loc
	}
	if loc == nil {
		return false
	}
	wall := func(t time.Time) time.Time {
		_, offset := t.Zone()
		return t.UTC().Add(time.Duration(offset) * time.Second)
	}
	local := wall(t)
	if !wall(t.In(loc)).Equal(local) { // a fixed zone by a name of another
		return false
	}
	fold := byte(0)
	if !inZone(local, loc, false).Equal(t) {
		fold = 0x80
	}
	e.class(classDatetime)
	e.datetimeFold(local, fold)
	e.zoneByName(name)
	e.buf = append(e.buf, opTuple2, opReduce)
	return true
}

// add returns what the clock shows some seconds later.
func (c Clock) add(seconds int) Clock {
	of := ((c.Hour*60+c.Minute)*60 + c.Second + seconds) % daySeconds
	if of < 0 {
		of += daySeconds
	}
	return Clock{of / 3600, of / 60 % 60, of % 60, c.Microsecond}
}
