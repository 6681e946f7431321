package native

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// stalls knows when this process got no processor although it had something to
// do, so that a test does not blame the code for it.
type stalls struct {
	mu   sync.Mutex
	seen []stall // guarded by mu
}

type stall struct {
	at   time.Time
	late time.Duration
}

// watchStalls watches until the end of the test.
func watchStalls(t testing.TB) *stalls {
	s := &stalls{}
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		const step = 5 * time.Millisecond
		for {
			begin := time.Now()
			select {
			case <-over:
				return
			case <-time.After(step):
			}
			if late := time.Since(begin) - step; late > step {
				s.mu.Lock()
				s.seen = append(s.seen, stall{time.Now(), late})
				s.mu.Unlock()
			}
		}
	})
	t.Cleanup(func() {
		close(over)
		wg.Wait()
	})
	return s
}

// worst returns the longest since a time.
func (s *stalls) worst(since time.Time) (worst time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.seen {
		if one.at.After(since) {
			worst = max(worst, one.late)
		}
	}
	return worst
}

// trial is a run of a test that may be followed by another: its problems are kept.
type trial struct {
	testing.TB
	mu       sync.Mutex
	problems []string // guarded by mu
}

func (a *trial) Errorf(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

func (a *trial) Error(args ...any) { a.Errorf("%s", fmt.Sprintln(args...)) }

func (a *trial) Fatalf(format string, args ...any) {
	a.Errorf(format, args...)
	runtime.Goexit()
}

func (a *trial) Fatal(args ...any) { a.Fatalf("%s", fmt.Sprintln(args...)) }

// trials runs a test. If it fails while the machine stands still it is made
// again, and if that does not help it has failed, unless the machine stands still
// for so long that times mean nothing at all. allowed is by how much f may find something late.
func (s *stalls) trials(t *testing.T, f func(t testing.TB, allowed func() time.Duration)) {
	const most = 8
	for try := 1; ; try++ {
		begin := time.Now()
		a := &trial{TB: t}
		var wg sync.WaitGroup
		wg.Go(func() { f(a, func() time.Duration { return onTime() + 2*s.worst(begin) }) })
		wg.Wait()
		stood := s.worst(begin)
		switch {
		case len(a.problems) == 0:
			return
		case stood < slower*10*time.Millisecond || try == most && stood < slower*200*time.Millisecond:
			for _, p := range a.problems {
				t.Error(p)
			}
			return
		case try == most:
			t.Skipf("the machine stands still, for up to %v, so that times mean nothing: %s", stood, a.problems[0])
		}
		t.Logf("again, since the machine stood still for %v: %s", stood, a.problems[0])
	}
}
