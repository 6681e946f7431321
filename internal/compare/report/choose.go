package report

import (
	"cmp"
	"slices"

	"github.com/parley-rpc/parley/internal/compare"
)

// What of a result is drawn; its tables have all of it.

// sameCall are the works that differ in the number of callers alone, the fewest
// first; of several such calls, the one with most works.
func sameCall(r *compare.Result) []compare.Work {
	var best []compare.Work
	for _, w := range r.Works {
		var same []compare.Work
		for _, other := range r.Works {
			if other.Form == w.Form && other.Size == w.Size {
				same = append(same, other)
			}
		}
		if len(same) > len(best) {
			best = same
		}
	}
	slices.SortStableFunc(best, func(a, b compare.Work) int { return cmp.Compare(a.Callers, b.Callers) })
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
	var works []compare.Work
	for _, w := range r.Works {
		if w.Form == form && w.Size > 0 {
			works = append(works, w)
		}
	}
	slices.SortStableFunc(works, func(a, b compare.Work) int {
		return cmp.Or(cmp.Compare(a.Size, b.Size), cmp.Compare(a.Callers, b.Callers))
	})
	return slices.CompactFunc(works, func(a, b compare.Work) bool { return a.Size == b.Size })
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
