package pickle

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/peertest"
)

func TestZoneClockText(t *testing.T) {
	for _, c := range []ZoneClock{
		{Clock: Clock{1, 2, 3, 0}}, {Clock: Clock{1, 2, 3, 4}, Offset: -5400}, {Clock: Clock{1, 2, 3, 0}, Offset: 3601}, {Clock: Clock{23, 0, 0, 0}, Zone: "Europe/Berlin"},
	} {
		text, err := c.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var got ZoneClock
		if err := got.UnmarshalText(text); err != nil || got != c {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, c)
		}
	}
	for _, text := range []string{"", "01:02:03", "01:02:03[", "01:02:03[]", "01:02:03[a", "x+01:00", "01:02:03+x"} {
		var c ZoneClock
		if err := c.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %v; want an error", text, c)
		}
	}
}

func TestZonesAreChecked(t *testing.T) {
	for _, test := range []struct {
		v    any
		o    EncodeOptions
		want string
	}{
		{ZoneClock{Zone: "Europe/Berlin"}, EncodeOptions{Protocol: 2}, "needs protocol 3"},
		{ZoneClock{Offset: 86400}, EncodeOptions{}, "less than a day"},
		{ZoneClock{Clock: Clock{Hour: 24}}, EncodeOptions{}, "a time of day"},
	} {
		if _, err := Append(nil, test.v, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got error %v; want one with %q", test.v, err, test.want)
		}
	}
	data, err := Append(nil, ZoneClock{Clock: Clock{1, 30, 0, 5}, Offset: 7200}, EncodeOptions{Protocol: 2})
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := Decode(data, Options{}); err != nil || v != any(Clock{23, 30, 0, 5}) {
		t.Errorf("protocol 2: got %v, %v; want the time in UTC", v, err)
	}
	for _, data := range []string{
		"cdatetime\ntime\n(C\x06\x01\x02\x03\x00\x00\x00K\x01tR.",
		"cdatetime\ntime\n(C\x06\x01\x02\x03\x00\x00\x00NNtR.",
	} {
		if v, _, err := Decode([]byte(data), Options{}); err == nil {
			t.Errorf("%q: got %v; want an error", data, v)
		}
	}
}

const zonesScript = `
import pickle, binascii, sys
from datetime import datetime, time, timedelta, timezone
values = [
    time(1, 2, 3, tzinfo=timezone.utc), time(1, 2, 3, 4, tzinfo=timezone(timedelta(hours=-1, minutes=-30))),
    datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1), "CET")),
]
if sys.version_info >= (3, 9):
    from zoneinfo import ZoneInfo
    berlin = ZoneInfo("Europe/Berlin")
    values += [time(1, 2, 3, tzinfo=berlin), datetime(2024, 7, 1, tzinfo=berlin), datetime(2024, 10, 27, 2, 30, tzinfo=berlin),
        datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=berlin), datetime(2024, 3, 31, 3, 30, tzinfo=ZoneInfo.no_cache("Europe/Berlin"))]
given = [%s]
for i, data in enumerate(given):
    got, want = pickle.loads(binascii.unhexlify(data)), values[i %% len(values)]
    zone = lambda x: getattr(x.tzinfo, "key", x.tzinfo)
    if got != want or got.fold != want.fold or zone(got) != zone(want) or got.tzname() != want.tzname():
        print("WRONG %%r / %%r" %% (got, want))
if not given:
    for protocol in range(4, pickle.HIGHEST_PROTOCOL + 1): # protocol 3 has no fold
        for v in values:
            print(binascii.hexlify(pickle.dumps(v, protocol)).decode())
`

// TestLiveZones sends times with zones from Python here and back.
func TestLiveZones(t *testing.T) {
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		peertest.Missing(t, "a time zone database", "apt-get install tzdata")
	}
	for _, python := range peertest.Pythons(t) {
		if !python.AtLeast(3, 6) {
			continue
		}
		var back strings.Builder
		for line := range strings.Lines(peertest.RunPython(t, t.Context(), python.Path, fmt.Sprintf(zonesScript, ""))) {
			data, err := hex.DecodeString(strings.TrimSpace(line))
			if err != nil {
				t.Fatalf("%s: %s", python, line)
			}
			v, info, err := Decode(data, Options{})
			if err != nil {
				t.Fatalf("%s: %q: %v", python, data, err)
			}
			again, err := Append(nil, v, EncodeOptions{Protocol: info.Protocol, ZoneInfo: true})
			if err != nil {
				t.Fatalf("%s: %v: %v", python, v, err)
			}
			fmt.Fprintf(&back, "%q, ", hex.EncodeToString(again))
		}
		if out := peertest.RunPython(t, t.Context(), python.Path, fmt.Sprintf(zonesScript, back.String())); out != "" {
			t.Errorf("%s:\n%s", python, out)
		}
	}
}

func TestZoneInfoOnRequest(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		peertest.Missing(t, "a time zone database", "apt-get install tzdata")
	}
	for _, test := range []struct {
		name  string
		t     time.Time
		o     EncodeOptions
		named bool
	}{
		{"by default", time.Date(2024, 7, 1, 0, 0, 0, 0, berlin), EncodeOptions{}, false},
		{"named", time.Date(2024, 7, 1, 0, 0, 0, 0, berlin), EncodeOptions{ZoneInfo: true}, true},
		{"Python 2", time.Date(2024, 7, 1, 0, 0, 0, 0, berlin), EncodeOptions{ZoneInfo: true, Protocol: 2}, false},
		{"fixed", time.Date(2024, 7, 1, 0, 0, 0, 0, time.FixedZone("x", 60)), EncodeOptions{ZoneInfo: true}, false},
		{"fixed, by the name of another", time.Date(2024, 7, 1, 0, 0, 0, 0, time.FixedZone("Europe/Berlin", 60)), EncodeOptions{ZoneInfo: true}, false},
		{"not there", time.Date(2024, 7, 1, 0, 0, 0, 0, time.FixedZone("No/Where", 60)), EncodeOptions{ZoneInfo: true}, false},
		{"UTC", time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC), EncodeOptions{ZoneInfo: true}, false},
	} {
		data, err := Append(nil, test.t, test.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(data), "zoneinfo"); got != test.named {
			t.Errorf("%s: got a ZoneInfo: %v; want %v", test.name, got, test.named)
		}
		if v, _, err := Decode(data, Options{}); test.o.Protocol != 2 && (err != nil || !v.(time.Time).Equal(test.t)) {
			t.Errorf("%s: got %v, %v; want %v", test.name, v, err, test.t)
		}
	}
}
