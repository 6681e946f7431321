package measure

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// takes returns a call that takes d.
func takes(d time.Duration) Call {
	return func(context.Context) error {
		time.Sleep(d)
		return nil
	}
}

// callers is n times the same call.
func callers(n int, call Call) []Call {
	calls := make([]Call, n)
	for i := range calls {
		calls[i] = call
	}
	return calls
}

func TestClosedLoop(t *testing.T) {
	for _, test := range []struct {
		name  string
		load  Load
		calls int64
		wall  time.Duration
	}{
		{"duration", Load{Calls: callers(1, takes(10*time.Millisecond)), Duration: time.Second}, 100, time.Second},
		{"last call ends later", Load{Calls: callers(1, takes(30*time.Millisecond)), Duration: 100 * time.Millisecond}, 4, 120 * time.Millisecond},
		{"one call at least", Load{Calls: callers(2, takes(time.Second)), Duration: 1}, 2, time.Second},
		{"several", Load{Calls: callers(8, takes(10*time.Millisecond)), Duration: time.Second}, 800, time.Second},
		{"limit", Load{Calls: callers(3, takes(10*time.Millisecond)), Limit: 7}, 21, 70 * time.Millisecond},
		{"limit first", Load{Calls: callers(3, takes(10*time.Millisecond)), Limit: 7, Duration: time.Second}, 21, 70 * time.Millisecond},
		{"duration first", Load{Calls: callers(3, takes(10*time.Millisecond)), Limit: 700, Duration: time.Second}, 300, time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := Run(t.Context(), test.load)
				if err != nil {
					t.Fatal(err)
				}
				if s.Calls != test.calls || s.Wall != test.wall || s.Latency.Count() != test.calls {
					t.Errorf("got %d calls in %v, %d latencies; want %d in %v", s.Calls, s.Wall, s.Latency.Count(), test.calls, test.wall)
				}
				if s.Failed+s.Late+s.Unsent != 0 || s.Spun != 0 {
					t.Errorf("got %+v; want none failed, late, unsent or spun", s)
				}
				if got, want := s.PerSecond(), float64(test.calls)/test.wall.Seconds(); math.Abs(got-want) > 1e-6 {
					t.Errorf("got %v calls per second; want %v", got, want)
				}
			})
		})
	}
}

var errTest = errors.New("the server has had enough")

// A failure ends it, for all callers, with what was counted until then.
func TestFailureEnds(t *testing.T) {
	for _, rate := range []float64{0, 100} {
		synctest.Test(t, func(t *testing.T) {
			var n atomic.Int64
			s, err := run(t.Context(), Load{Calls: callers(4, func(context.Context) error {
				time.Sleep(10 * time.Millisecond)
				if n.Add(1) == 20 {
					return errTest
				}
				return nil
			}), Duration: time.Hour, Rate: rate}, sleeping)
			if !errors.Is(err, errTest) {
				t.Errorf("rate %v: got error %v; want that of the call", rate, err)
			}
			if s.Calls < 19 || s.Calls > 23 || s.Latency.Count()-s.Unsent != s.Calls || s.Wall > time.Second {
				t.Errorf("rate %v: got %d calls, %d latencies in %v; want about 20, and an end", rate, s.Calls, s.Latency.Count(), s.Wall)
			}
		})
	}
}

// GoOn decides which failures are only counted.
func TestFailureCounted(t *testing.T) {
	for _, rate := range []float64{0, 400} {
		synctest.Test(t, func(t *testing.T) {
			var n atomic.Int64
			s, err := run(t.Context(), Load{Calls: callers(4, func(context.Context) error {
				time.Sleep(10 * time.Millisecond)
				if n.Add(1)%4 == 0 {
					return errTest
				}
				return nil
			}), Duration: time.Second, Rate: rate, GoOn: func(err error) bool { return errors.Is(err, errTest) }}, sleeping)
			if err != nil {
				t.Fatal(err)
			}
			if s.Calls != 300 || s.Failed != 100 || s.Latency.Count() != 400 {
				t.Errorf("rate %v: got %d calls, %d failed, %d latencies; want 300, 100, 400", rate, s.Calls, s.Failed, s.Latency.Count())
			}
		})
	}
}

// The end of the context ends calls and waits; the sample is what there is.
func TestContextEnds(t *testing.T) {
	for _, rate := range []float64{0, 100, 0.5} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 1005*time.Millisecond)
			defer cancel()
			s, err := run(ctx, Load{Calls: callers(2, func(ctx context.Context) error {
				select {
				case <-time.After(10 * time.Millisecond):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}), Duration: time.Hour, Rate: rate, GoOn: func(error) bool { return true }}, sleeping)
			want := map[float64]int64{0: 200, 100: 100, 0.5: 1}[rate]
			if !errors.Is(err, context.DeadlineExceeded) || s.Wall > 1100*time.Millisecond || s.Calls != want || s.Failed != 0 {
				t.Errorf("rate %v: got %v, %d calls in %v; want %d in a second", rate, err, s.Calls, s.Wall, want)
			}
		})
	}
}

// A server that stops to answer is seen, though somebody ends it before it goes
// on; calls that were ended in the midst of it all are not.
func TestStallAtTheEndIsSeen(t *testing.T) {
	for _, test := range []struct {
		rate  float64
		stall bool
		cut   int64
	}{{0, true, 2}, {100, true, 2}, {0, false, 0}, {100, false, 0}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+5*time.Millisecond)
			defer cancel()
			begin := time.Now()
			s, err := run(ctx, Load{Calls: callers(2, func(ctx context.Context) error {
				wait := 10 * time.Millisecond
				if test.stall && time.Since(begin) >= time.Second {
					wait = time.Hour
				}
				select {
				case <-time.After(wait):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}), Duration: time.Hour, Rate: test.rate, GoOn: func(error) bool { return true }}, sleeping)
			if !errors.Is(err, context.DeadlineExceeded) || s.Cut != test.cut || s.Calls+s.Cut+s.Unsent != s.Latency.Count() {
				t.Errorf("rate %v, stalls %v: got %v, %d calls, %d cut, %d unsent, %d latencies; want %d cut", test.rate, test.stall, err, s.Calls, s.Cut, s.Unsent, s.Latency.Count(), test.cut)
			}
			if longest := s.Latency.Quantile(1); longest > 8*time.Second != test.stall {
				t.Errorf("rate %v, stalls %v: the longest latency is %v", test.rate, test.stall, longest)
			}
		})
	}
}

func TestLoadThatCannotBe(t *testing.T) {
	calls := callers(1, takes(0))
	for part, l := range map[string]Load{
		"nothing to call":      {Duration: time.Second},
		"neither a duration":   {Calls: calls},
		"duration is -1s":      {Calls: calls, Duration: -time.Second},
		"the limit -1":         {Calls: calls, Limit: -1},
		"rate is -1":           {Calls: calls, Duration: time.Second, Rate: -1},
		"rate is NaN":          {Calls: calls, Duration: time.Second, Rate: math.NaN()},
		"expected 0 (no fixed": {Calls: calls, Duration: time.Second, Rate: 2 * MaxRate},
	} {
		if _, err := Run(t.Context(), l); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("got %v; want an error with %q", err, part)
		}
	}
}

// What is counted is of the process; here it is busy and allocates.
func TestProcessorAndMemory(t *testing.T) {
	var keep [][]byte
	state := seed
	s, err := Run(t.Context(), Load{Calls: callers(1, func(context.Context) error {
		state = work(state, 1_000_000)
		keep = append(keep, make([]byte, 1<<20))
		return nil
	}), Limit: 30})
	if err != nil {
		t.Fatal(err)
	}
	if s.CPU == 0 || s.CPU > 0 && s.CPU > 10*s.Wall+time.Second {
		t.Errorf("got %v of processor time in %v", s.CPU, s.Wall)
	}
	if s.Allocs < 30 || s.AllocBytes < 30<<20 || s.AllocBytes > 40<<20 {
		t.Errorf("got %d objects, %d bytes; want 30 of a MiB and a little", s.Allocs, s.AllocBytes)
	}
}

// Who counts takes no memory: a run of many calls allocates as one of few.
func TestRunAllocations(t *testing.T) {
	for _, rate := range []float64{0, 1e6} {
		few, many := int64(math.MaxInt64), int64(math.MaxInt64)
		for range 5 { // the smallest, for the runtime allocates as well
			few = min(few, allocated(t, 1, rate))
			many = min(many, allocated(t, 5000, rate))
		}
		if many > few+20 {
			t.Errorf("rate %v: got %d objects in 4 calls, %d in 20000; want as many", rate, few, many)
		}
	}
}

func allocated(t *testing.T, limit int64, rate float64) int64 {
	t.Helper()
	s, err := Run(t.Context(), Load{Calls: callers(4, func(context.Context) error { return nil }), Limit: limit, Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	return s.Allocs
}
