package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	// narrow is by how much lanes may differ that are said to be alike, as the run
	// can tell: 1.25 times.
	narrow = 1.25
)

// duel is how two lanes stand at the works that they share.
type duel struct {
	works, wins, losses, ties int
	seldom, few               int // of ties: measured too seldom, and in fewer than leastTurns
	kinds                     []kind
	// within is by how many times the lanes differ at most where they are too close
	// to call, as far as the run can tell.
	within float64
}

// kind is a family of works: small calls, records and so on.
type kind struct {
	name         string
	wins, losses []float64 // how many times as fast the winner is
}

// kindOf is the family of a work. A call of a server of the user's own may be
// anything but small.
func kindOf(w *Work) string {
	switch {
	case w.Form == "add" && w.Callers == 1:
		return "small calls"
	case w.Form == "call" && w.Callers == 1:
		return "1 caller"
	case w.Form == "add" || w.Form == "call":
		return "many callers"
	case w.Form == "records":
		return "records"
	case w.Form == "list":
		return "lists"
	case w.Form == "blob":
		return "blobs"
	}
	return cmp.Or(w.Title, w.Name)
}

func (r *Result) duel(a, b string) duel {
	d := duel{within: 1}
	for _, name := range r.shared(a, b) {
		w := r.work(name)
		i := slices.IndexFunc(d.kinds, func(k kind) bool { return k.name == kindOf(w) })
		if i < 0 {
			i = len(d.kinds)
			d.kinds = append(d.kinds, kind{name: kindOf(w)})
		}
		k := &d.kinds[i]
		d.works++
		switch by := r.lead(a, b, name); r.faster(a, b, name) {
		case 1:
			d.wins++
			k.wins = append(k.wins, by)
		case -1:
			d.losses++
			k.losses = append(k.losses, 1/by)
		default:
			d.ties++
			f, ok := r.ahead(r.speed(r.Row(a, name)), r.speed(r.Row(b, name)))
			if r.Ranking(name).Mark(a, b) == SeldomMark {
				d.seldom++
			}
			if !ok || f.few {
				d.few++
			}
			if !ok {
				f.few = true
			}
			d.within = max(d.within, math.Exp(f.within()))
		}
	}
	return d
}

func (r *Result) work(name string) *Work {
	return &r.Works[slices.IndexFunc(r.Works, func(w Work) bool { return w.Name == name })]
}

func (r *Result) titleOf(work string) string {
	w := r.work(work)
	return cmp.Or(w.Title, w.Name)
}

// unsure reports whether a run cannot say which of two lanes is faster, which is
// something else than that neither is. Works that there was no time to repeat are no
// reason: those that were repeated decide.
func (r *Result) unsure(d duel) bool {
	if d.ties == 0 || d.within <= narrow {
		return false
	}
	return d.wins+d.losses == 0 || (d.ties-d.few)*2 > d.works-d.few
}

// turns is how many each lane had at each work.
func (r *Result) turns() int { return r.Starts * r.Rounds }

// cannotSay is the first sentence of a run that cannot tell.
func (r *Result) cannotSay(a, b *Lane, d duel) string {
	nameA, nameB := r.names(a, b)
	at := ""
	if d.ties < d.works {
		at = fmt.Sprintf(" at %d of %s", d.ties, Count(d.works, "work"))
	}
	do := "with --full, when the machine is quiet"
	switch {
	case r.turns() >= leastTurns && r.seldom(a, b):
		do = "at a higher rate"
	case r.Depth == "full" || r.Depth == "against":
		do = "when the machine is quiet"
	}
	is := "is faster"
	if r.Rate > 0 {
		is = "has the lower p99"
	}
	return fmt.Sprintf("This run cannot say which %s%s, %s or %s, for %s: repeat it %s.", is, at, nameA, nameB, r.why(a, b), do)
}

// why a run cannot tell: at most two reasons.
func (r *Result) why(a, b *Lane) string {
	var all []string
	m := r.Machine
	switch {
	case r.turns() < leastTurns:
		all = append(all, "each was measured "+Times(r.turns())+" only")
	case r.seldom(a, b):
		all = append(all, "at this rate a turn has too few calls to know a p99")
	}
	switch busy := m.Load >= occupied*float64(max(1, m.Processors)); {
	case m.Noise >= noisy && busy:
		all = append(all, fmt.Sprintf("the machine was busy (load %.1f)", m.Load))
	case m.Noise >= noisy:
		all = append(all, "the machine is noisy")
	case busy:
		all = append(all, fmt.Sprintf("the machine had a load of %.1f", m.Load))
	}
	if len(all) == 0 && r.Starts < few && r.Depth != "against" {
		all = append(all, "the processes were started "+Times(r.Starts)+" only")
	}
	if len(all) == 0 {
		all = append(all, "its turns differ too much")
	}
	return list(all)
}

// seldom reports whether a rate was given at which a turn of two lanes has too few
// calls to know the latency by which they are ranked.
func (r *Result) seldom(a, b *Lane) bool {
	return r.Rate > 0 && slices.ContainsFunc(r.shared(a.Name, b.Name), func(w string) bool {
		x, y := r.Row(a.Name, w).P99, r.Row(b.Name, w).P99
		return x == nil || y == nil || min(len(x.Turns), len(y.Turns)) < leastTurns
	})
}

// known is the second sentence of a run that cannot tell: what was counted, which
// has no noise; and what is clear, or else what was measured.
func (r *Result) known(a, b *Lane, d duel) string {
	nameA, nameB := r.names(a, b)
	work := r.shared(a.Name, b.Name)[0]
	x, y := r.Row(a.Name, work), r.Row(b.Name, work)
	var parts []string
	if x.WireBytes != nil && y.WireBytes != nil {
		parts = append(parts, fmt.Sprintf("whatever the noise, %s takes %s bytes on the wire (%s: %s)",
			nameA, grouped(math.Round(*x.WireBytes)), nameB, grouped(math.Round(*y.WireBytes))))
	}
	switch s, t := r.speed(x), r.speed(y); {
	case d.wins+d.losses > 0:
		is, less := "it is faster", "slower"
		if r.Rate > 0 {
			is, less = "its p99 is lower", "higher"
		}
		text := fmt.Sprintf("clear is that %s at %d of %s", is, d.wins, Count(d.works, "work"))
		if d.losses > 0 {
			text += fmt.Sprintf(" and %s at %d", less, d.losses)
		}
		parts = append(parts, text)
	case d.within <= blunt && r.Rate > 0:
		parts = append(parts, "their p99 differ by less than "+d.less())
	case d.within <= blunt:
		parts = append(parts, "their speeds differ by less than "+d.less())
	case s != nil && t != nil && r.Rate > 0:
		figures := inOne(micros, s.Median, t.Median)
		parts = append(parts, fmt.Sprintf("p99 of %s and %s %s is no verdict", figures[0], figures[1], figures[2]))
	case s != nil && t != nil:
		parts = append(parts, fmt.Sprintf("%s and %s calls/s, measured %s, are no verdict", grouped(s.Median), grouped(t.Median), Times(len(s.Turns))))
	}
	if len(parts) == 0 {
		return "Nothing else that would decide was measured."
	}
	return "At " + r.titleOf(work) + ", " + strings.Join(parts, "; ") + "."
}

// verdict is the first sentence of a run that can tell.
func (r *Result) verdict(a, b *Lane, d duel) string {
	nameA, nameB := r.names(a, b)
	over := ""
	if r.Rate > 0 {
		over = fmt.Sprintf("at %s calls/s ", grouped(r.Rate))
	}
	if a.Socket == b.Socket && !strings.Contains(nameA+nameB, socketWords(a)) {
		over += socketWords(a) + " "
	}
	switch {
	case d.works == 0:
		return fmt.Sprintf("Neither %s nor %s can be preferred: there is no work that both have done.", nameA, nameB)
	case d.wins == 0:
		what, they := "Speed", "they"
		if r.Rate > 0 {
			what, they = "Latency", "their p99"
		}
		return fmt.Sprintf("%s is no reason to take %s or %s: %s%s differ by less than %s at %s.", what, nameA, nameB, over, they, d.less(), all(d.works))
	}
	is, less := "is faster than", "slower"
	if r.Rate > 0 {
		is, less = "has a lower p99 than", "higher"
	}
	wins, losses := spans(d.kinds, func(k kind) []float64 { return k.wins }), ""
	if d.losses > 0 {
		losses = ", but " + less + " by " + spans(d.kinds, func(k kind) []float64 { return k.losses })
	}
	rest := ""
	switch {
	case d.ties > 0 && d.within <= narrow:
		rest = fmt.Sprintf("; at %d of %s they differ by less than %s", d.ties, Count(d.works, "work"), d.less())
	case d.seldom > 0:
		rest = fmt.Sprintf("; %d of %s%s measured too seldom to tell", d.ties, Count(d.works, "work"), were(d.ties))
	case d.ties > 0:
		rest = fmt.Sprintf("; %d of %s%s too close to call", d.ties, Count(d.works, "work"), be(d.ties))
	}
	if d.wins == d.losses {
		return fmt.Sprintf("It depends on what you call: %s%s %s %s by %s%s%s.", over, nameA, is, nameB, wins, losses, rest)
	}
	return fmt.Sprintf("Take %s: %sit %s %s by %s%s%s.", nameA, over, is, nameB, wins, losses, rest)
}

// spans says by how many times something is won: "3.0 to 4.1 times (small calls) and 2.0 (blobs)".
func spans(kinds []kind, of func(kind) []float64) string {
	var parts []string
	for _, k := range kinds {
		if by := of(k); len(by) > 0 {
			text := span(slices.Min(by), slices.Max(by))
			if len(parts) == 0 {
				text += " times"
			}
			parts = append(parts, text+" ("+k.name+")")
		}
	}
	return list(parts)
}

func span(least, most float64) string {
	if fold(least) == fold(most) {
		return fold(most)
	}
	return fold(least) + " to " + fold(most)
}

// less is the difference that lanes surely have not.
func (d duel) less() string { return fmt.Sprintf("%.0f %%", math.Ceil((d.within-1)*100)) }

func all(works int) string {
	if works == 1 {
		return "the one work that was measured"
	}
	return fmt.Sprintf("every one of %d works", works)
}
