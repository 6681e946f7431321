package xmlrpc

import (
	"sync"
	"time"
)

// overtime sees to it that a request is answered when its work goes on after its
// deadline. A connection has one, whose timer runs on from request to request: it
// is set anew only where it would come too late, and looks at what there is to do
// when it fires.
type overtime struct {
	mu    sync.Mutex // protects what follows; held while the late answer is sent
	timer *time.Timer
	fires time.Time // when the timer does; zero if it does not run
	due   time.Time // of the work under way
	late  func()    // answers in its place; nil if there is no work, or it was called
}

// begin notes that work has begun, and calls late at the time due unless end is
// called before.
func (o *overtime) begin(now, due time.Time, late func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due, o.late = due, late
	if o.fires.IsZero() || due.Before(o.fires) {
		o.set(due.Sub(now))
		o.fires = due
	}
}

// set sets the timer; o.mu is held.
func (o *overtime) set(d time.Duration) {
	if o.timer == nil {
		o.timer = time.AfterFunc(d, o.fire)
		return
	}
	o.timer.Reset(d)
}

func (o *overtime) fire() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fires = time.Time{}
	if o.late == nil {
		return
	}
	if left := time.Until(o.due); left > 0 {
		o.set(left)
		o.fires = o.due
		return
	}
	late := o.late
	o.late = nil
	late()
}

// end reports whether the work is still to be answered. It waits for a late
// answer that is being sent. Afterwards there is none.
func (o *overtime) end() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	inTime := o.late != nil
	o.late = nil
	return inTime
}

// stop stops the timer, when there will be no more work.
func (o *overtime) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.timer != nil {
		o.timer.Stop()
	}
	o.fires = time.Time{}
}
