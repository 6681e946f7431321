package measure

import "time"

// Bar is how many latencies there are from one to another.
type Bar struct {
	From, To time.Duration // without To itself
	Count    int64
}

// Bars returns all latencies in steps of 1, 2, 5, 10, 20 …, from the step of the
// shortest to that of the longest, those without any between them too. Each is
// exact to 0.1 % at its ends.
func (h *Histogram) Bars() []Bar {
	var bars []Bar
	last := Bar{To: 1}
	for _, counted := range h.counts.Distribution() {
		if counted.Count == 0 {
			continue
		}
		at := time.Duration(counted.From)
		for at >= last.To {
			if last.Count > 0 || len(bars) > 0 {
				bars = append(bars, last)
			}
			last = Bar{From: last.To, To: nextStep(last.To)}
		}
		last.Count += counted.Count
	}
	if last.Count > 0 {
		bars = append(bars, last)
	}
	return bars
}

// nextStep returns what follows a 1, 2 or 5 with zeros.
func nextStep(d time.Duration) time.Duration {
	first := d
	for first >= 10 {
		first /= 10
	}
	if first == 2 {
		return d / 2 * 5
	}
	return 2 * d
}
