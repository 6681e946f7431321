package xmlvalue

import (
	"time"
)

// parseDate reads a date as ISO 8601 writes it, in the basic or the extended
// form or a mixture, with or without fraction and zone:
//
//	19980717T14:08:55  1998-07-17T14:08:55.123+01:00  19980717T140855Z
//
// Without a zone it is in loc. Digits beyond nanoseconds are cut off. A date of
// zeros alone, which is how WordPress says that there is none, is the zero Time.
func parseDate(b []byte, loc *time.Location) (time.Time, bool) {
	p := dateParser{rest: b, ok: true}
	year := p.digits(4)
	dashed := p.skip('-')
	month := p.digits(2)
	if dashed && !p.skip('-') {
		return time.Time{}, false
	}
	day := p.digits(2)
	p.need(p.skip('T') || p.skip('t') || p.skip(' '))
	hour := p.digits(2)
	colon := p.skip(':')
	minute := p.digits(2)
	p.need(p.skip(':') == colon)
	second := p.digits(2)
	nanos := p.fraction()
	zone, zoned := p.zone()
	p.need(len(p.rest) == 0)
	if p.ok && year|month|day|hour|minute|second|nanos|zone == 0 {
		return time.Time{}, true
	}
	p.need(month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59)
	p.need(second <= 60) // a leap second is the first of the next minute
	if !p.ok || day > daysIn(time.Month(month), year) {
		return time.Time{}, false
	}
	at := loc
	if zoned {
		at = time.UTC
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, at)
	if zoned && zone != 0 {
		t = t.Add(-time.Duration(zone) * time.Second)
		if _, offset := t.In(loc).Zone(); offset == zone {
			t = t.In(loc)
		} else {
			t = t.In(time.FixedZone("", zone))
		}
	}
	// What cannot be written again in any zone is not read.
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		return time.Time{}, false
	}
	return t, true
}

// daysIn returns the length of a month: its day before the first of the next.
func daysIn(m time.Month, year int) int {
	return time.Date(year, m+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

type dateParser struct {
	rest []byte
	ok   bool
}

func (p *dateParser) need(ok bool) { p.ok = p.ok && ok }

func (p *dateParser) skip(c byte) bool {
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// digit reads a digit if there is one.
func (p *dateParser) digit() (int, bool) {
	if len(p.rest) == 0 || p.rest[0] < '0' || p.rest[0] > '9' {
		return 0, false
	}
	n := int(p.rest[0] - '0')
	p.rest = p.rest[1:]
	return n, true
}

// digits reads a number of exactly n digits.
func (p *dateParser) digits(n int) (v int) {
	for range n {
		d, ok := p.digit()
		p.need(ok)
		v = v*10 + d
	}
	return v
}

// fraction reads the fraction of a second, in nanoseconds.
func (p *dateParser) fraction() (nanos int) {
	if !p.skip('.') && !p.skip(',') {
		return 0
	}
	unit := int(time.Second / 10)
	first, ok := p.digit()
	for p.need(ok); ok; unit /= 10 {
		nanos += first * unit
		first, ok = p.digit()
	}
	return nanos
}

// zone reads Z, +01, +0100 or +01:00, in seconds east of UTC.
func (p *dateParser) zone() (seconds int, ok bool) {
	if p.skip('Z') || p.skip('z') {
		return 0, true
	}
	sign := 1
	if p.skip('-') {
		sign = -1
	} else if !p.skip('+') {
		return 0, false
	}
	hours, minutes := p.digits(2), 0
	if p.skip(':') || len(p.rest) > 0 {
		minutes = p.digits(2)
	}
	p.need(hours <= 23 && minutes <= 59)
	return sign * (hours*3600 + minutes*60), true
}

// appendDate writes t in the form of the specification and in the zone of o.
func appendDate(dst []byte, t time.Time, o *Options) ([]byte, bool) {
	t = t.In(o.Location)
	_, offset := t.Zone()
	if o.ZoneSuffix && offset%60 != 0 {
		// Local mean times of the past, which no suffix can tell.
		t, offset = t.UTC(), 0
	}
	dst, ok := appendWallClock(dst, t, o)
	switch {
	case !o.ZoneSuffix:
	case offset == 0:
		dst = append(dst, 'Z')
	default:
		dst = t.AppendFormat(dst, "-0700")
	}
	return dst, ok
}

// appendWallClock writes t as its own zone shows it.
func appendWallClock(dst []byte, t time.Time, o *Options) ([]byte, bool) {
	layout := "20060102T15:04:05"
	if o.Fraction {
		layout = "20060102T15:04:05.999999999"
	}
	return t.AppendFormat(dst, layout), t.Year() >= 0 && t.Year() <= 9999
}
