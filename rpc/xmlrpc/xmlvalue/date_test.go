package xmlvalue

import (
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc/value"
)

func TestParseDate(t *testing.T) {
	utc := func(y int, m time.Month, d, h, min, s, ns int) time.Time {
		return time.Date(y, m, d, h, min, s, ns, time.UTC)
	}
	tests := []struct {
		in   string
		want time.Time
	}{
		{"19980717T14:08:55", utc(1998, 7, 17, 14, 8, 55, 0)},
		{"19980717T14:08:55Z", utc(1998, 7, 17, 14, 8, 55, 0)},
		{"19980717T14:08:55+0100", utc(1998, 7, 17, 13, 8, 55, 0)},
		{"19980717T14:08:55-01:30", utc(1998, 7, 17, 15, 38, 55, 0)},
		{"19980717T14:08:55+01", utc(1998, 7, 17, 13, 8, 55, 0)},
		{"1998-07-17T14:08:55", utc(1998, 7, 17, 14, 8, 55, 0)},
		{"1998-07-17T14:08:55.123", utc(1998, 7, 17, 14, 8, 55, 123e6)},
		{"1998-07-17T14:08:55,5+00:00", utc(1998, 7, 17, 14, 8, 55, 5e8)},
		{"1998-07-17 14:08:55", utc(1998, 7, 17, 14, 8, 55, 0)},
		{"19980717T140855", utc(1998, 7, 17, 14, 8, 55, 0)},
		{"19980717T140855Z", utc(1998, 7, 17, 14, 8, 55, 0)},
		{"19980717T140855.000001-0700", utc(1998, 7, 17, 21, 8, 55, 1000)},
		{"19980717t14:08:55z", utc(1998, 7, 17, 14, 8, 55, 0)},
		{"19980717T14:08:55.1234567899999", utc(1998, 7, 17, 14, 8, 55, 123456789)},
		{"20000229T00:00:00", utc(2000, 2, 29, 0, 0, 0, 0)},
		{"20161231T23:59:60", utc(2017, 1, 1, 0, 0, 0, 0)},
		{"00010101T00:00:00", utc(1, 1, 1, 0, 0, 0, 0)},
		{"00000101T00:00:00", utc(0, 1, 1, 0, 0, 0, 0)},
		{"00000000T00:00:00", time.Time{}},
		{"00000000T00:00:00Z", time.Time{}},
		{"0000-00-00 00:00:00", time.Time{}},
		{"99991231T23:59:59", utc(9999, 12, 31, 23, 59, 59, 0)},
	}
	for _, tt := range tests {
		if got, ok := parseDate([]byte(tt.in), time.UTC); !ok || !got.Equal(tt.want) {
			t.Errorf("%s: got %v, %v; want %v", tt.in, got, ok, tt.want)
		}
	}
	for _, in := range []string{
		"", "x", "19980717", "1998-07-17", "14:08:55", "1998-W29-5T14:08:55", "1998-198T14:08:55", "19980717T", "19980717T14:08", "19980717T1408", "1998-0717T14:08:55", "199807-17T14:08:55",
		"19980717T14:0855", "19980717T1408:55", "19980717T14:08:55.", "19980717T14:08:55+", "19980717T14:08:55+1", "19980717T14:08:55+01:",
		"19980717T14:08:55+2500", "19980717T14:08:55+0160", "19980717T14:08:55ZZ", "19980717T14:08:55 CET", "1240717T14:08:55", " 1240717T14:08:55",
		"19981317T14:08:55", "19980017T14:08:55", "19980700T14:08:55", "19980732T14:08:55", "19990229T14:08:55", "19000229T00:00:00",
		"19980717T24:00:00", "19980717T14:60:55", "19980717T14:08:61", "00000000T00:00:01", "00000000T00:00:00+0100", "00000100T00:00:00", "-9980717T14:08:55", "1998071\u0667T14:08:55",
		"00000101T00:00:00+0100", "99991231T23:59:59-0100",
	} {
		if got, ok := parseDate([]byte(in), time.UTC); ok {
			t.Errorf("%q: got %v; want no date", in, got)
		}
	}
}

// A date with a zone keeps it; one without is in the configured zone.
func TestZoneOfDates(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone database:", err)
	}
	tests := []struct{ in, want string }{
		{"19980717T14:08:55", "1998-07-17T14:08:55+02:00"},
		{"19980117T14:08:55", "1998-01-17T14:08:55+01:00"},
		{"19980717T14:08:55Z", "1998-07-17T14:08:55Z"},
		{"19980717T14:08:55+0530", "1998-07-17T14:08:55+05:30"},
	}
	for _, tt := range tests {
		got, ok := parseDate([]byte(tt.in), berlin)
		if !ok || got.Format(time.RFC3339) != tt.want {
			t.Errorf("%s: got %v; want %s", tt.in, got, tt.want)
		}
	}
	if got, _ := parseDate([]byte("19980717T14:08:55+0200"), berlin); got.Location() != berlin {
		t.Errorf("an offset that is the zone's own: got location %v; want %v", got.Location(), berlin)
	}
	for _, tt := range []struct {
		at   string
		o    Options
		want string
	}{
		{"1998-07-17T12:08:55.25Z", Options{Location: berlin}, "19980717T14:08:55"},
		{"1998-07-17T12:08:55.25Z", Options{Location: berlin, ZoneSuffix: true}, "19980717T14:08:55+0200"},
		{"1998-07-17T12:08:55.25Z", Options{ZoneSuffix: true}, "19980717T12:08:55Z"},
		{"1998-07-17T12:08:55.25Z", Options{Fraction: true}, "19980717T12:08:55.25"},
		{"1998-07-17T12:08:55Z", Options{Fraction: true, ZoneSuffix: true}, "19980717T12:08:55Z"},
		{"1998-07-17T12:08:55.000000001-03:00", Options{Fraction: true, ZoneSuffix: true}, "19980717T15:08:55.000000001Z"},
		// Berlin's mean time of 53 minutes and 28 seconds has no suffix.
		{"1880-01-01T00:00:00Z", Options{Location: berlin}, "18800101T00:53:28"},
		{"1880-01-01T00:00:00Z", Options{Location: berlin, ZoneSuffix: true}, "18800101T00:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339Nano, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := AppendValue(nil, at, tt.o)
		if want := "<value><dateTime.iso8601>" + tt.want + "</dateTime.iso8601></value>"; string(got) != want || err != nil {
			t.Errorf("%s with %+v: got %s, %v; want %s", tt.at, tt.o, got, err, want)
		}
	}
}

// A LocalTime is the wall clock as it stands there, whatever the zone.
func TestLocalTimeIsNotConverted(t *testing.T) {
	o := Options{Location: time.FixedZone("", 7200)}
	local := value.LocalTime{Time: time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)}
	doc, err := AppendResponse(nil, local, o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := ReadResponse(doc, o)
	if err != nil {
		t.Fatal(err)
	}
	var got value.LocalTime
	value.Decode(d, &got)
	if err := d.Finish(); err != nil || !got.Equal(local.Time) {
		t.Errorf("got %v, %v; want %v", got, err, local)
	}
}
