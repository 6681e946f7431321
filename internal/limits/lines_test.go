package limits

import (
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	var l Lines
	now := time.Now()
	want := func(when string, suppressed int, ok bool) {
		t.Helper()
		if n, got := l.Next(now, 2); n != suppressed || got != ok {
			t.Errorf("%s: got %d, %v; want %d, %v", when, n, got, suppressed, ok)
		}
	}
	want("the first", 0, true)
	want("the second", 0, true)
	now = now.Add(time.Second - 1)
	for range 3 {
		want("within the same second", 0, false)
	}
	if l.Forgettable(now.Add(time.Hour)) {
		t.Error("three lines that nobody was told of are forgotten")
	}
	now = now.Add(1)
	want("a second later", 3, true)
	want("and again", 0, true)
	want("and no more", 0, false)
	if n := l.Rest(); n != 1 {
		t.Errorf("the rest: got %d; want 1", n)
	}
	if l.Forgettable(now) || !l.Forgettable(now.Add(time.Second)) {
		t.Error("want it to be forgettable a second after its last line, and not before")
	}
}
