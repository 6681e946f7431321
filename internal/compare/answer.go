package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// answer says in three sentences which transport to take, what it costs, and how
// everything else stands to it. Each claim is one of the figures: a ratio that is
// too close to call is called that, and what was not measured is left out.
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
		return []string{r.alone(a), r.costs(a, nil), r.others(a, nil)}
	}
	verdict, a, b := r.verdict(a, b)
	return []string{verdict, r.costs(a, b), r.others(a, b)}
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

// duel is how two lanes stand at the works that they share.
type duel struct {
	works, wins, losses, ties int
	most, least, worst        lead // wins by most and by least, and the loss by most
}

// lead is how many times faster one is than the other, and at which work.
type lead struct {
	ratio float64
	work  string
}

func (l lead) String() string { return fmt.Sprintf("%s times (%s)", fold(l.ratio), l.work) }

func (r *Result) duel(a, b string) duel {
	var d duel
	for _, w := range r.shared(a, b) {
		d.works++
		by := lead{r.Row(a, w).CallsPerS.Median / r.Row(b, w).CallsPerS.Median, r.titleOf(w)}
		switch r.faster(a, b, w) {
		case 1:
			if d.wins++; by.ratio > d.most.ratio {
				d.most = by
			}
			if d.wins == 1 || by.ratio < d.least.ratio {
				d.least = by
			}
		case -1:
			by.ratio = 1 / by.ratio
			if d.losses++; by.ratio > d.worst.ratio {
				d.worst = by
			}
		default:
			d.ties++
		}
	}
	return d
}

func (r *Result) titleOf(work string) string {
	i := slices.IndexFunc(r.Works, func(w Work) bool { return w.Name == work })
	return cmp.Or(r.Works[i].Title, work)
}

// verdict is the first sentence. It returns the lanes anew, the one to take first.
func (r *Result) verdict(a, b *Lane) (string, *Lane, *Lane) {
	d := r.duel(a.Name, b.Name)
	if d.losses > d.wins {
		a, b = b, a
		d = r.duel(a.Name, b.Name)
	}
	nameA, nameB := r.names(a, b)
	over := ""
	if a.Socket == b.Socket && !strings.Contains(nameA+nameB, socketWords(a)) {
		over = socketWords(a) + " "
	}
	var s string
	switch {
	case d.works == 0:
		s = fmt.Sprintf("Neither %s nor %s can be preferred: there is no work that both have done", nameA, nameB)
	case d.wins == 0 && r.Rate > 0:
		s = fmt.Sprintf("All were asked for %s calls/s, and which of %s and %s keeps up better cannot be told: %sthey are too close to call at %s; what differs stands in their latencies",
			grouped(r.Rate), nameA, nameB, over, all(d.works))
	case d.wins == 0:
		s = fmt.Sprintf("Which of %s and %s is faster cannot be told from this run: %sthey are too close to call at %s", nameA, nameB, over, all(d.works))
	case d.wins == d.losses:
		s = fmt.Sprintf("It depends on what you call: %s%s is faster than %s at %d of %s, by up to %s, and slower at as many, by up to %s%s",
			over, nameA, nameB, d.wins, count(d.works, "work"), d.most, d.worst, d.rest())
	case d.losses > 0:
		s = fmt.Sprintf("Take %s: %sit is faster than %s at %d of %s, by up to %s, but slower at %d, by up to %s%s",
			nameA, over, nameB, d.wins, count(d.works, "work"), d.most, d.losses, d.worst, d.rest())
	case d.ties > 0:
		s = fmt.Sprintf("Take %s: %sit is faster than %s at %d of %s, by %s%s", nameA, over, nameB, d.wins, count(d.works, "work"), d.range_(), d.rest())
	default:
		s = fmt.Sprintf("Take %s: %sit is faster than %s at %s, by %s", nameA, over, nameB, all(d.works), d.range_())
	}
	return s + ".", a, b
}

// range_ is by how much a lane is faster.
func (d duel) range_() string {
	switch {
	case d.wins == 1:
		return d.most.String()
	case fold(d.least.ratio) == fold(d.most.ratio):
		return fold(d.most.ratio) + " times"
	}
	return d.least.String() + " up to " + d.most.String()
}

// rest is what a sentence says of ties.
func (d duel) rest() string {
	switch {
	case d.ties == 0:
		return ""
	case d.ties == 1:
		return ", and one work is too close to call"
	}
	return fmt.Sprintf(", and %d works are too close to call", d.ties)
}

func all(works int) string {
	if works == 1 {
		return "the one work that was measured"
	}
	return fmt.Sprintf("every one of %d works", works)
}

// alone is the first sentence if there is nothing to choose from.
func (r *Result) alone(a *Lane) string {
	w := r.worksOf(a.Name)[0]
	s := r.Row(a.Name, w).CallsPerS
	return fmt.Sprintf("There is nothing to choose from, for %s was measured alone: it makes %s calls/s (±%s) at %s.",
		r.nameOf(a), grouped(s.Median), percent(s.Spread()), r.titleOf(w))
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
