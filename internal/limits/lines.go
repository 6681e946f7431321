package limits

import "time"

// Lines keeps a flood of events from being a flood of lines in a log. It belongs
// to whoever holds the lock around it, and its zero value is ready for use.
type Lines struct {
	begun      time.Time // when the first line of this second was written
	lines      int       // in this second
	suppressed int       // since the last line
}

// Next asks whether there may be one more line, of most in a second, and says how
// many were suppressed before it.
func (l *Lines) Next(now time.Time, most int) (suppressed int, ok bool) {
	if now.Sub(l.begun) >= time.Second {
		l.begun, l.lines = now, 0
	}
	if l.lines >= most {
		l.suppressed++
		return 0, false
	}
	l.lines++
	return l.Rest(), true
}

// Forgettable reports whether l says no more than a zero Lines: nothing was
// suppressed, and the last line is a second ago.
func (l *Lines) Forgettable(now time.Time) bool {
	return l.suppressed == 0 && now.Sub(l.begun) >= time.Second
}

// Rest returns how many lines were suppressed since the last one, and forgets
// them.
func (l *Lines) Rest() int {
	n := l.suppressed
	l.suppressed = 0
	return n
}
