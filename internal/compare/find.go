package compare

import "slices"

// Row is what was measured of a lane at a work, nil if the lane had no part in it.
func (r *Result) Row(lane, work string) *Row {
	i := slices.IndexFunc(r.Rows, func(row Row) bool { return row.Lane == lane && row.Work == work })
	if i < 0 {
		return nil
	}
	return &r.Rows[i]
}

// Long is how many works have one turn for each start, for their turns are long.
func (r *Result) Long() (n int) {
	for _, w := range r.Works {
		if w.Rounds == 1 && w.Rounds < r.Rounds {
			n++
		}
	}
	return n
}

// Lane is the lane of that name, nil if there is none.
func (r *Result) Lane(name string) *Lane {
	i := slices.IndexFunc(r.Lanes, func(l Lane) bool { return l.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Lanes[i]
}

// Ranking is that of a work, nil before Judge, or if no lane can do the work.
func (r *Result) Ranking(work string) *Ranking {
	i := slices.IndexFunc(r.Rankings, func(k Ranking) bool { return k.Work == work })
	if i < 0 {
		return nil
	}
	return &r.Rankings[i]
}

// TooClose reports whether this run cannot tell the order of two lanes.
func (k *Ranking) TooClose(a, b string) bool {
	return slices.Contains(k.Close, [2]string{a, b}) || slices.Contains(k.Close, [2]string{b, a})
}

// The marks of what a run cannot tell.
const (
	CloseMark  = "≈" // too close to call
	SeldomMark = "?" // measured too seldom
)

// Mark is that of a pair, empty if this run can tell its order.
func (k *Ranking) Mark(a, b string) string {
	switch {
	case !k.TooClose(a, b):
		return ""
	case slices.Contains(k.Seldom, [2]string{a, b}) || slices.Contains(k.Seldom, [2]string{b, a}):
		return SeldomMark
	}
	return CloseMark
}

// marked are the lanes that have a mark with a lane.
func (k *Ranking) marked(lane, mark string) []string {
	return slices.DeleteFunc(k.ties(lane), func(other string) bool { return k.Mark(lane, other) != mark })
}

// Places are the best and the worst place that a lane may have, 1 is the
// fastest's: all lanes that are clearly faster stand before it, and all that are
// clearly slower behind. Both are 0 for a lane that is not ranked.
func (k *Ranking) Places(lane string) (best, worst int) {
	at := slices.Index(k.Lanes, lane)
	if at < 0 {
		return 0, 0
	}
	best, worst = 1, len(k.Lanes)
	for i, other := range k.Lanes {
		switch {
		case i == at || k.TooClose(lane, other):
		case i < at:
			best++
		default:
			worst--
		}
	}
	return best, worst
}

// ties are the lanes whose order with a lane cannot be told.
func (k *Ranking) ties(lane string) []string {
	var others []string
	for _, other := range k.Lanes {
		if other != lane && k.TooClose(lane, other) {
			others = append(others, other)
		}
	}
	return others
}
