package xmlrpc

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestOvertime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o overtime
		defer o.stop()
		start, fired := time.Now(), []time.Duration(nil)
		begin := func(d time.Duration) {
			now := time.Now()
			o.begin(now, now.Add(d), func() { fired = append(fired, time.Since(start)) })
		}
		// A long one, in time; then a short one that is late, while the timer still runs
		// for the first.
		begin(10 * time.Second)
		time.Sleep(time.Second)
		if !o.end() {
			t.Error("the first work has been answered already")
		}
		begin(2 * time.Second)
		time.Sleep(3 * time.Second)
		if o.end() {
			t.Error("late work may be answered a second time")
		}
		// At 4 s, one whose time is over later than the timer fires, which it does at
		// 14 s for the next.
		begin(10 * time.Second)
		time.Sleep(9 * time.Second)
		if !o.end() {
			t.Error("the third work has been answered already")
		}
		begin(10 * time.Second) // until 23 s
		time.Sleep(11 * time.Second)
		if o.end() {
			t.Error("the fourth work was not answered in its place")
		}
		if len(fired) != 2 || fired[0] != 3*time.Second || fired[1] != 23*time.Second {
			t.Errorf("late answers after %v; want 3s and 23s", fired)
		}
		begin(time.Second)
		o.end()
		time.Sleep(time.Hour)
		if len(fired) != 2 {
			t.Errorf("a late answer after the end of the work: %v", fired)
		}
	})
}

// While a late answer is being sent, end waits: the one who has done the work
// must not write beside it.
func TestOvertimeWaitsForTheLateAnswer(t *testing.T) {
	var o overtime
	defer o.stop()
	now, sent := time.Now(), false
	sending := make(chan struct{})
	o.begin(now, now.Add(time.Millisecond), func() {
		close(sending)
		time.Sleep(20 * time.Millisecond)
		sent = true
	})
	<-sending
	if o.end() || !sent {
		t.Error("end did not wait")
	}
}
