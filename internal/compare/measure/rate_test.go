package measure

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sleeping is pause by a clock that is exact, that of synctest.
func sleeping(d time.Duration, _ bool) time.Duration {
	time.Sleep(d)
	return 0
}

// Every call is made when it is due, to the nanosecond, whoever makes it.
func TestScheduleExact(t *testing.T) {
	for _, test := range []struct {
		rate    float64
		callers int
	}{{1, 1}, {100, 1}, {1000, 3}, {30_000, 64}, {0.7, 2}, {333.3, 5}} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var made []time.Duration
			begin := time.Now()
			s, err := run(t.Context(), Load{Calls: callers(test.callers, func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				made = append(made, time.Since(begin))
				return nil
			}), Duration: 3 * time.Second, Rate: test.rate}, sleeping)
			if err != nil {
				t.Fatal(err)
			}
			want := int64(math.Ceil(3 * test.rate))
			if s.Calls != want || s.Late != 0 || s.Unsent != 0 {
				t.Errorf("%v/s: got %d calls, %d late, %d unsent; want %d on time", test.rate, s.Calls, s.Late, s.Unsent, want)
			}
			slices.Sort(made)
			for i, at := range made {
				due := time.Duration(float64(i) / test.rate * 1e9)
				if at != due {
					t.Fatalf("%v/s: call %d made at %v; want %v", test.rate, i, at, due)
				}
			}
			if got := s.Latency.Quantile(1); got != 0 {
				t.Errorf("%v/s: the longest latency is %v; want 0", test.rate, got)
			}
		})
	}
}

// stalling is a server that answers in a tenth of a millisecond, but between the
// first and the second second not at all.
func stalling(begin time.Time) Call {
	return func(context.Context) error {
		if at := time.Since(begin); at >= time.Second && at < 2*time.Second {
			time.Sleep(2*time.Second - at)
		}
		time.Sleep(100 * time.Microsecond)
		return nil
	}
}

// A server that stalls for a second: in a closed loop one call is slow, and no
// quantile shows it. At a fixed rate a thousand calls were due meanwhile, and all
// of them are slow.
func TestCoordinatedOmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed, err := run(t.Context(), Load{Calls: callers(1, stalling(time.Now())), Duration: 10 * time.Second}, sleeping)
		if err != nil {
			t.Fatal(err)
		}
		if got := closed.Latency.Quantile(0.999); got > time.Millisecond {
			t.Errorf("closed loop: p99.9 is %v; a single slow call does not show there", got)
		}
		fixed, err := run(t.Context(), Load{Calls: callers(1, stalling(time.Now())), Duration: 10 * time.Second, Rate: 1000}, sleeping)
		if err != nil {
			t.Fatal(err)
		}
		if fixed.Calls != 10_000 || fixed.Unsent != 0 {
			t.Errorf("fixed rate: got %d calls, %d unsent; want 10000, 0", fixed.Calls, fixed.Unsent)
		}
		// They were due from 1 s on. When it goes on, at 2 s, they are made one
		// after the other, ten in a millisecond, in which one more is due.
		if fixed.Late < 1000 || fixed.Late > 1200 {
			t.Errorf("fixed rate: got %d late calls; want the thousand of the stall, and those behind them", fixed.Late)
		}
		for q, want := range map[float64]time.Duration{0.5: 0, 0.95: 550 * time.Millisecond, 0.99: 910 * time.Millisecond, 1: time.Second} {
			got := fixed.Latency.Quantile(q)
			if math.Abs(float64(got-want)) > float64(100*time.Millisecond) {
				t.Errorf("fixed rate: quantile %v is %v; want about %v", q, got, want)
			}
		}
	})
}

// More callers than the stall has calls hide nothing either.
func TestCoordinatedOmissionManyCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := run(t.Context(), Load{Calls: callers(2000, stalling(time.Now())), Duration: 10 * time.Second, Rate: 1000}, sleeping)
		if err != nil {
			t.Fatal(err)
		}
		var slow int
		for _, p := range s.Latency.Points() {
			if p.Latency > time.Millisecond {
				slow = int((1 - p.Quantile) * 10_000)
				break
			}
		}
		if s.Calls != 10_000 || s.Late != 0 || slow < 700 || slow > 1000 {
			t.Errorf("got %d calls, %d late, about %d slow; want 10000, 0 (each had a caller), about 1000", s.Calls, s.Late, slow)
		}
	})
}

// A rate that cannot be kept: what was not sent is counted, and is slow.
func TestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := run(t.Context(), Load{Calls: callers(2, takes(10*time.Millisecond)), Duration: time.Second, Rate: 1000}, sleeping)
		if err != nil {
			t.Fatal(err)
		}
		if s.Calls != 200 || s.Unsent != 800 || s.Calls+s.Unsent != s.Latency.Count() {
			t.Errorf("got %d calls, %d unsent, %d latencies; want 200, 800, 1000", s.Calls, s.Unsent, s.Latency.Count())
		}
		if got := s.Latency.Quantile(0.5); got < 300*time.Millisecond {
			t.Errorf("half of all have waited for %v; want more than 300 ms: four of five were never sent", got)
		}
		if got := s.Latency.Quantile(1); got > 900*time.Millisecond || s.Late < 190 {
			t.Errorf("the longest latency is %v, late are %d", got, s.Late)
		}
	})
}

// A server that never answers in time does not make the rest of the schedule go
// away, however much it is.
func TestUnsentMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := run(t.Context(), Load{Calls: callers(1, takes(time.Hour)), Duration: time.Minute, Rate: MaxRate}, sleeping)
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(MaxRate*60 - 1); s.Calls != 1 || s.Unsent != want {
			t.Errorf("got %d calls, %d unsent; want 1, %d", s.Calls, s.Unsent, want)
		}
		if got := s.Latency.Quantile(0.5); math.Abs(got.Seconds()-30) > 0.1 {
			t.Errorf("half of all have waited for %v; want 30 s", got)
		}
	})
}

func TestRateWithLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := run(t.Context(), Load{Calls: callers(3, takes(time.Millisecond)), Limit: 10, Rate: 100}, sleeping)
		if err != nil {
			t.Fatal(err)
		}
		if s.Calls != 30 || s.Unsent != 0 || s.Wall != 300*time.Millisecond || s.PerSecond() != 100 {
			t.Errorf("got %d calls, %d unsent in %v; want 30, 0, 300ms, though the last answer came after 291", s.Calls, s.Unsent, s.Wall)
		}
		s, err = run(t.Context(), Load{Calls: callers(3, takes(0)), Limit: 10, Duration: 301 * time.Millisecond, Rate: 100}, sleeping)
		if err != nil || s.Calls != 30 {
			t.Errorf("got %d calls, %v; want 30 although 31 would be due", s.Calls, err)
		}
	})
}

// By the real clock a call is never made before it is due, and it spins only
// when there is nobody whom that could keep back.
func TestPause(t *testing.T) {
	for _, alone := range []bool{false, true} {
		for _, d := range []time.Duration{time.Microsecond, 50 * time.Microsecond, 400 * time.Microsecond, 2 * time.Millisecond} {
			begin := time.Now()
			spun := pause(d, alone)
			if took := time.Since(begin); took < d || spun < 0 || spun > spinFor || !alone && spun > 0 {
				t.Errorf("pause(%v, %v) took %v and spun %v; want no less than it", d, alone, took, spun)
			}
		}
	}
}
