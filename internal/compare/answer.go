package compare

import (
	"cmp"
	"fmt"
	"slices"
)

// answer says in three sentences which transport to take, what it costs, and what
// else decides. Each claim is one of the figures, and what was not measured is left
// out. That a run sees no difference is no verdict: only if it would have seen one
// are two lanes called equal, and if it can tell nothing, the first sentence says so.
func (r *Result) answer() []string {
	a, b := r.contenders()
	switch {
	case a == nil:
		return []string{
			"No transport can be named, for none could be measured.",
			"What a call costs is not known either.",
			"Each lane that is missing, and each row without figures, says why.",
		}
	case b == nil:
		return []string{r.alone(a), r.costs(a, nil), r.others(a, nil, duel{})}
	}
	d := r.duel(a.Name, b.Name)
	if d.losses > d.wins {
		a, b = b, a
		d = r.duel(a.Name, b.Name)
	}
	if r.unsure(d) {
		return []string{r.cannotSay(a, b, d), r.known(a, b, d), r.others(a, b, d)}
	}
	return []string{r.verdict(a, b, d), r.costs(a, b), r.others(a, b, d)}
}

// contenders are the two lanes that the answer is about: one of each of Parley's
// transports if they are there, over the same kind of socket if possible. Without
// them it is the first of two families, or of all. b is nil if there is one only.
func (r *Result) contenders() (a, b *Lane) {
	var lanes []*Lane
	for i, l := range r.Lanes {
		if len(r.worksOf(l.Name)) > 0 {
			lanes = append(lanes, &r.Lanes[i])
		}
	}
	if len(lanes) < 2 {
		if len(lanes) == 1 {
			a = lanes[0]
		}
		return a, nil
	}
	rank := func(a, b *Lane) int { // the lower, the better a pair
		n := 0
		if a.Family != "native" || b.Family != "xmlrpc" {
			n += 4
		}
		if a.Family == b.Family {
			n += 2
		}
		if a.Socket != b.Socket {
			n++
		}
		return n
	}
	best := 0
	for i, x := range lanes {
		for _, y := range lanes[i+1:] {
			for _, pair := range [][2]*Lane{{x, y}, {y, x}} {
				if n := rank(pair[0], pair[1]); a == nil || n < best {
					a, b, best = pair[0], pair[1], n
				}
			}
		}
	}
	return a, b
}

// worksOf are those at which a lane is ranked, in their order.
func (r *Result) worksOf(lane string) []string {
	var works []string
	for _, k := range r.Rankings {
		if slices.Contains(k.Lanes, lane) {
			works = append(works, k.Work)
		}
	}
	return works
}

// shared are the works at which both lanes are ranked.
func (r *Result) shared(a, b string) []string {
	ofB := r.worksOf(b)
	return slices.DeleteFunc(r.worksOf(a), func(w string) bool { return !slices.Contains(ofB, w) })
}

// alone is the first sentence if there is nothing to choose from.
func (r *Result) alone(a *Lane) string {
	w := r.worksOf(a.Name)[0]
	row := r.Row(a.Name, w)
	does := fmt.Sprintf("it makes %s calls/s", grouped(row.CallsPerS.Median))
	if r.Rate > 0 && row.P99 != nil {
		does = fmt.Sprintf("99 of 100 calls are answered within %s", Micros(row.P99.Median))
	}
	switch s := r.speed(row); {
	case s == nil:
	case len(s.Turns) < leastTurns:
		does += " (measured " + Times(len(s.Turns)) + ")"
	default:
		does += " (±" + percent(s.Spread()) + ")"
	}
	return fmt.Sprintf("There is nothing to choose from, for %s was measured alone: %s at %s.", r.nameOf(a), does, r.titleOf(w))
}

// names are those of two lanes, as short as tells them apart.
func (r *Result) names(a, b *Lane) (string, string) {
	if a.Family != b.Family && a.Socket == b.Socket && r.Depth != "against" {
		return noun(a), noun(b)
	}
	return r.nameOf(a), r.nameOf(b)
}

// nameOf is the name of a lane in a sentence.
func (r *Result) nameOf(l *Lane) string {
	name := noun(l)
	if r.Depth == "against" || name == l.Title {
		return cmp.Or(l.Title, l.Name)
	}
	return name + " " + socketWords(l)
}

// noun is what a family is called; one of which there are several, by its title.
func noun(l *Lane) string {
	switch l.Family {
	case "native":
		return "the native transport"
	case "xmlrpc":
		return "XML-RPC"
	}
	return cmp.Or(l.Title, l.Name)
}

func socketWords(l *Lane) string {
	switch l.Socket {
	case "unix":
		return "over a unix socket"
	case "tls":
		return "inside TLS"
	}
	return "over TCP"
}
