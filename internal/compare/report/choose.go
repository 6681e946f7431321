package report

import (
	"cmp"
	"slices"

	"github.com/parley-rpc/parley/internal/compare"
)

// What of a result is drawn; its tables have all of it.

// byCallers are the works of a comparison by what is called, each with the fewest
// callers first; what was called by one number of callers alone is not among them.
func byCallers(r *compare.Result) [][]compare.Work {
	var calls [][]compare.Work
	for _, w := range r.Works {
		i := slices.IndexFunc(calls, func(same []compare.Work) bool { return same[0].Form == w.Form && same[0].Size == w.Size })
		if i < 0 {
			i = len(calls)
			calls = append(calls, nil)
		}
		calls[i] = append(calls[i], w)
	}
	for _, same := range calls {
		slices.SortStableFunc(same, func(a, b compare.Work) int { return cmp.Compare(a.Callers, b.Callers) })
	}
	return slices.DeleteFunc(calls, func(same []compare.Work) bool { return len(same) < 2 })
}

// sameCall are the works that differ in the number of callers alone, the fewest
// first; of several such calls, the first with most works.
func sameCall(r *compare.Result) []compare.Work {
	best := r.Works[:min(len(r.Works), 1)]
	for _, same := range byCallers(r) {
		if len(same) > len(best) {
			best = same
		}
	}
	return best
}

// fewAndMany are the first and the last of the works with the same call.
func fewAndMany(r *compare.Result) []compare.Work {
	same := sameCall(r)
	if len(same) > 1 {
		return []compare.Work{same[0], same[len(same)-1]}
	}
	return same
}

// sizes are the works of a form by their size, each with as few callers as there
// are, and only one for each size.
func sizes(r *compare.Result, form string) []compare.Work {
	works := slices.DeleteFunc(slices.Clone(r.Works), func(w compare.Work) bool { return w.Form != form || w.Size <= 0 })
	slices.SortStableFunc(works, func(a, b compare.Work) int {
		return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Callers, b.Callers))
	})
	return slices.CompactFunc(works, func(a, b compare.Work) bool { return a.Size == b.Size })
}

// sizesBy are the works of a form that so many call, by their size.
func sizesBy(r *compare.Result, form string, callers int) []compare.Work {
	works := slices.DeleteFunc(slices.Clone(r.Works), func(w compare.Work) bool {
		return w.Form != form || w.Size <= 0 || w.Callers != callers
	})
	slices.SortStableFunc(works, func(a, b compare.Work) int { return cmp.Compare(a.Size, b.Size) })
	return slices.CompactFunc(works, func(a, b compare.Work) bool { return a.Size == b.Size })
}

// crowds are how many call at the same time, the fewest first.
func crowds(r *compare.Result) []int {
	var all []int
	for _, w := range r.Works {
		all = append(all, w.Callers)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// forms are those of works with a size, in the order of the works.
func forms(r *compare.Result) []string {
	var forms []string
	for _, w := range r.Works {
		if w.Size > 0 && !slices.Contains(forms, w.Form) {
			forms = append(forms, w.Form)
		}
	}
	return forms
}

// middles has a work of middle size for each form.
func middles(r *compare.Result, besides []compare.Work) []compare.Work {
	var works []compare.Work
	for _, form := range forms(r) {
		of := sizes(r, form)
		if w := of[len(of)/2]; !slices.Contains(besides, w) {
			works = append(works, w)
		}
	}
	return works
}

// sockets are the kinds that lanes have, TCP first.
func sockets(r *compare.Result) []string {
	order := []string{"tcp", "unix", "tls"}
	var kinds []string
	for _, l := range r.Lanes {
		if !slices.Contains(kinds, l.Socket) {
			kinds = append(kinds, l.Socket)
		}
	}
	place := func(s string) int {
		if i := slices.Index(order, s); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(kinds, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return kinds
}

// lanesOf are the lanes over a kind of socket.
func lanesOf(r *compare.Result, socket string) []*compare.Lane {
	var lanes []*compare.Lane
	for i := range r.Lanes {
		if r.Lanes[i].Socket == socket {
			lanes = append(lanes, &r.Lanes[i])
		}
	}
	return lanes
}

// stat returns a figure of a row, nil if there is none.
func stat(r *compare.Result, lane, work string, of func(*compare.Row) *compare.Stat) *compare.Stat {
	row := r.Row(lane, work)
	if row == nil {
		return nil
	}
	return of(row)
}

// measured is what lanes are ranked by, and so what plots of speed show.
type measured struct {
	of   func(*compare.Row) *compare.Stat
	unit unit
	// title is what stands above a plot of it, and axis what is on its axis.
	title, axis string
}

// speed is calls per second, or at a rate that was given, at which all make as many,
// the latency that 99 of 100 calls keep to.
func speed(r *compare.Result) measured {
	if r.Rate > 0 {
		return measured{func(row *compare.Row) *compare.Stat { return row.P99 }, micros, "p99", "99 of 100 calls end within"}
	}
	return measured{func(row *compare.Row) *compare.Stat { return row.CallsPerS }, rate, "Calls per second", "calls per second"}
}
