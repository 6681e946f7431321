package compare

import (
	"fmt"
	"slices"
	"strings"
)

// bothSides is the figure of client and server together, nil if one of them is
// not known.
func bothSides(client, server *Stat) *Stat {
	if client == nil || server == nil || len(client.Turns) != len(server.Turns) {
		return nil
	}
	sum := make([]float64, len(client.Turns))
	for i := range sum {
		sum[i] = client.Turns[i] + server.Turns[i]
	}
	return NewStat(sum)
}

// single is a figure that was counted once.
func single(x *float64) *Stat {
	if x == nil {
		return nil
	}
	return NewStat([]float64{*x})
}

// others is the third sentence: what else decides, beside the lane to take.
func (r *Result) others(a, b *Lane, d duel) string {
	var parts []string
	sockets, strangers := r.sockets(a), r.strangers(a, b, d)
	nothing := b != nil && len(r.Lanes) > 2 && sockets == "" && strangers == "" && r.unsure(d)
	for _, text := range []string{sockets, strangers, r.carried(a, b)} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	switch n := len(r.Missing); {
	case n == 1:
		parts = append(parts, "missing: "+r.Missing[0].Lane)
	case n > 1:
		parts = append(parts, fmt.Sprintf("%d lanes are missing", n))
	}
	switch rest := strings.Join(parts, "; "); {
	case nothing && rest == "":
		return "Nothing else can be ranked either."
	case nothing:
		return "Nothing else can be ranked either; " + rest + "."
	case rest == "" && len(r.Lanes) > 2:
		return "How the other lanes stand to it cannot be said."
	case rest == "":
		return r.connecting(a, b)
	default:
		return "Also: " + rest + "."
	}
}

// connecting is the third sentence if there is nothing else: what a connection takes.
func (r *Result) connecting(a, b *Lane) string {
	took := r.connection(a.Name).SetUp
	if took == nil {
		return "Nothing else was compared."
	}
	other := ""
	if b != nil {
		if s := r.connection(b.Name).SetUp; s != nil {
			_, name := r.names(a, b)
			other = fmt.Sprintf(" (%s: %s)", name, Micros(s.Median))
		}
	}
	return "A new connection takes " + Micros(took.Median) + other + " until the answer to its first call."
}

// sockets says what the other kinds of sockets make of lane a, where that is clear.
func (r *Result) sockets(a *Lane) string {
	var parts []string
	of := ""
	for _, l := range r.Lanes {
		if l.Family != a.Family || l.Socket == a.Socket || l.Server != a.Server || r.Depth == "against" {
			continue
		}
		works := r.shared(a.Name, l.Name)
		if len(works) == 0 || r.faster(l.Name, a.Name, works[0]) == 0 {
			continue
		}
		of = kindOf(r.work(works[0]))
		verb, by := "is", r.lead(l.Name, a.Name, works[0])
		if r.Rate > 0 {
			verb, by = "has", 1/by
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", socketNoun(l.Socket), verb, twoDigits(by)))
	}
	if len(parts) == 0 {
		return ""
	}
	what := " times as fast ("
	if r.Rate > 0 {
		what = " times its p99 ("
	}
	return list(parts) + what + of + ")"
}

// stand is how the lanes of one kind of stranger stand.
type stand struct {
	name                      string
	works, wins, losses, ties int
	seldom                    int // of ties
	most                      float64
}

// strangers says in a clause how the lanes of others stand to the one to take,
// each beside the lane of its kind of socket: all of Python together.
func (r *Result) strangers(a, b *Lane, d duel) string {
	var all []stand
	for i := range r.Lanes {
		l := &r.Lanes[i]
		if r.Depth != "against" && (l.Family == a.Family && l.Server == a.Server || b != nil && l.Family == b.Family && l.Server == b.Server) ||
			l.Name == a.Name || b != nil && l.Name == b.Name {
			continue
		}
		like := a
		for j, other := range r.Lanes {
			if other.Family == a.Family && other.Server == a.Server && other.Socket == l.Socket && r.Depth != "against" {
				like = &r.Lanes[j]
			}
		}
		stands := r.duel(l.Name, like.Name)
		if stands.works == 0 {
			continue
		}
		name := l.Name
		if l.Family == "python" && a.Family != "python" && (b == nil || b.Family != "python") {
			name = "Python"
		}
		k := slices.IndexFunc(all, func(s stand) bool { return s.name == name })
		if k < 0 {
			k = len(all)
			all = append(all, stand{name: name})
		}
		s := &all[k]
		s.works, s.wins, s.losses, s.ties, s.seldom = s.works+stands.works, s.wins+stands.wins, s.losses+stands.losses, s.ties+stands.ties, s.seldom+stands.seldom
		for _, k := range stands.kinds {
			s.most = slices.Max(append(k.wins, s.most))
		}
	}
	is, are, lower, higher, more := "is", "are", "faster", "slower", "slower"
	if r.Rate > 0 {
		is, are, lower, higher, more = "has", "have", "a lower p99", "a higher p99", "a higher one"
	}
	var slower, never, unclear, unseen, faster []string
	for _, s := range all {
		switch {
		case s.losses == s.works:
			slower = append(slower, s.name)
		case s.ties == s.works && s.seldom > 0:
			unseen = append(unseen, s.name)
		case s.ties == s.works:
			unclear = append(unclear, s.name)
		case s.wins == 0:
			never = append(never, fmt.Sprintf("%s %s %s at %d of %s", s.name, is, higher, s.losses, Count(s.works, "row")))
		default:
			text := fmt.Sprintf("%s %s %s at %d of %s (up to %s times)", s.name, is, lower, s.wins, Count(s.works, "row"), fold(s.most))
			if s.losses > 0 {
				text += fmt.Sprintf(", %s at %d", more, s.losses)
			}
			faster = append(faster, text)
		}
	}
	var parts []string
	say := func(names []string, one, many, what string) {
		if len(names) > 1 {
			one = many
		}
		if len(names) > 0 {
			parts = append(parts, list(short(names))+" "+one+" "+what)
		}
	}
	parts = append(parts, firstFew(faster, are+" "+lower+" at some")...)
	say(slower, is, are, higher+" everywhere")
	parts = append(parts, firstFew(never, are+" "+higher+" at some")...)
	if len(parts) == 0 && len(unclear) == 0 && r.unsure(d) {
		return "" // nothing is ranked, which others says
	}
	say(unclear, "is", "are", "too close to it to call")
	say(unseen, "was", "were", "measured too seldom to tell")
	return strings.Join(parts, ", ")
}

// firstFew are clauses, or one for all of more than two.
func firstFew(clauses []string, what string) []string {
	if len(clauses) > 2 {
		return []string{fmt.Sprintf("%d others %s works", len(clauses), what)}
	}
	return clauses
}

// short is a few of many names.
func short(names []string) []string {
	if len(names) > 3 {
		return []string{names[0], fmt.Sprintf("%d more", len(names)-1)}
	}
	return names
}

func socketNoun(socket string) string {
	switch socket {
	case "unix":
		return "a unix socket"
	case "tls":
		return "TLS"
	}
	return "TCP"
}

func be(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

func were(n int) string {
	if n == 1 {
		return " was"
	}
	return " were"
}

// carried counts what arrived as it was sent, or worked, if all was tried: a part of
// it, such as what came first, may be one at which a transport is strong or weak.
func (r *Result) carried(a, b *Lane) string {
	var tried, byA, byB int
	for _, ability := range r.Abilities {
		x, y := ability.of(a), ability.of(b)
		if x == "untried" || y == "untried" {
			return ""
		}
		if x == "" || b != nil && y == "" {
			continue
		}
		tried++
		if x == "yes" {
			byA++
		}
		if y == "yes" {
			byB++
		}
	}
	switch {
	case tried == 0:
		return ""
	case b == nil:
		return fmt.Sprintf("it carries %d of %s tried", byA, Count(tried, "thing"))
	}
	nameA, nameB := noun(a), noun(b)
	if nameA == nameB {
		return ""
	}
	brief := strings.NewReplacer("the native transport", "native")
	return fmt.Sprintf("carried: %s %d, %s %d of %s tried", brief.Replace(nameA), byA, brief.Replace(nameB), byB, Count(tried, "thing"))
}

// of is the verdict for a lane; a trial may have been made for its family.
func (a *Ability) of(l *Lane) string {
	if l == nil {
		return ""
	}
	if o, ok := a.Lanes[l.Name]; ok {
		return o.Verdict
	}
	return a.Lanes[l.Family].Verdict
}
