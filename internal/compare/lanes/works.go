package lanes

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// plan is what a depth allows.
type plan struct {
	works          []task
	starts, rounds int
	leastRounds    int           // whatever time they take
	turn           time.Duration // zero: what budget leaves
	least, most    time.Duration // of a turn, if budget decides
	budget         time.Duration // of all; zero: there is no hurry
	warmUp         harness.WarmUp
	patience       time.Duration // how late a process may be before its lane is lost
	// setUps is how many connections are made in each of setUpTurns, idle how many
	// are kept.
	setUps, setUpTurns, idle int
}

// planOf returns the plan of some options, which have been checked.
func planOf(o Options) (plan, error) {
	var p plan
	switch o.Depth {
	case Quick:
		p = plan{
			works: tasks(Quick), starts: 1, rounds: 3, leastRounds: 1, budget: 11500 * time.Millisecond,
			least: 5 * time.Millisecond, most: 50 * time.Millisecond,
			warmUp: harness.WarmUp{For: 5 * time.Millisecond}, setUps: 5, setUpTurns: 3, idle: 50,
			patience: 8 * time.Second,
		}
	case Full:
		// Starts tell more than turns: much of what differs from run to run is the
		// luck of a process.
		p = plan{
			works: tasks(Full), starts: 7, rounds: 3, leastRounds: 3, budget: 570 * time.Second,
			least: 20 * time.Millisecond, most: time.Second,
			warmUp: harness.WarmUp{For: 30 * time.Millisecond}, setUps: 10, setUpTurns: 3, idle: 400,
		}
	default:
		p = plan{
			works: tasks(Normal), starts: 2, rounds: 3, leastRounds: 2, budget: 55 * time.Second,
			least: 10 * time.Millisecond, most: 500 * time.Millisecond,
			warmUp: harness.WarmUp{For: 20 * time.Millisecond}, setUps: 10, setUpTurns: 3, idle: 200,
		}
	}
	if o.Starts > 0 {
		p.starts = o.Starts
	}
	if o.Rounds > 0 {
		p.rounds, p.budget = o.Rounds, 0
	}
	p.turn = o.Turn
	if p.turn == 0 && p.budget == 0 {
		p.turn = p.most / 2
	}
	if o.Works == nil {
		for i := range p.works {
			if t := &p.works[i]; o.Rounds == 0 && t.long() {
				t.rounds = 1
			}
		}
		return p, nil
	}
	var err error
	if p.works, err = chosen(o.Depth, o.Works); err != nil {
		return p, fmt.Errorf("lanes: %w", err)
	}
	return p, nil
}

// chosen are the works that names stand for, in the order in which they are shown.
// The name of a work stands for it, whatever the depth; a form and a pattern for
// all of these that the depth has, or for all that there are if it has none.
func chosen(depth string, names []string) ([]task, error) {
	every, wanted := tasks(Full), map[string]bool{}
	for _, name := range names {
		matches := func(t task) bool {
			ok, _ := path.Match(name, t.Name) // a pattern that is none matches nothing
			return ok || name == string(t.Form)
		}
		found := slices.DeleteFunc(tasks(cmp.Or(depth, Normal)), func(t task) bool { return !matches(t) })
		if len(found) == 0 {
			found = slices.DeleteFunc(slices.Clone(every), func(t task) bool { return !matches(t) })
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%q is no work; there are %s", name, workHelp())
		}
		for _, t := range found {
			wanted[t.Name] = true
		}
	}
	return slices.DeleteFunc(every, func(t task) bool { return !wanted[t.Name] }), nil
}

// CheckWorks says which of some names is that of no work, no form, and no pattern
// that a work matches.
func CheckWorks(names []string) error {
	_, err := chosen(Full, names)
	return err
}

// workHelp names all works in a line.
func workHelp() string {
	var names []string
	for _, t := range tasks(Full) {
		if t.Form == work.Add || t.Callers == 1 { // of the others the end speaks
			names = append(names, t.Name)
		}
	}
	return strings.Join(names, ", ") +
		"; all but add have -8 or -64 at their end for as many callers; add, records, list and blob stand for all of a form, and 'blob-*' for all that match"
}

// task is a work, and what it is called for people.
type task struct {
	work.Work
	title string
	// rounds is how many turns each lane has at it with the same processes; 0: as many
	// as at others.
	rounds int
}

func (t task) result() compare.Work {
	return compare.Work{Name: t.Name, Title: t.title, Form: string(t.Form), Size: t.Size, Callers: t.Callers, Rounds: t.rounds}
}

// long reports whether the slowest lanes take seconds until all callers have been
// answered once, which is the shortest turn that there is.
func (t task) long() bool {
	all := t.Size * t.Callers
	switch t.Form {
	case work.Records:
		return all >= 64_000
	case work.List:
		return all >= 640_000
	}
	return t.Form == work.Blob && all >= 64<<20
}

// roundsOf is how many turns each lane has at a work with the same processes.
func (p plan) roundsOf(t task) int { return min(cmp.Or(t.rounds, p.rounds), p.rounds) }

// underWay is how many bytes all callers may have under way on one connection; it is
// half of what the native transport takes.
const underWay = 32 << 20

// tooLarge is what the grid of Full lacks.
const tooLarge = "8 MiB by 64 callers is left out: a process of Python would take 3.5 GiB of memory for it."

// tasks are the works of a depth, in the order in which they are shown. Those of
// Full are all that there are.
func tasks(depth string) []task {
	callers := []int{1, 8, 64}
	order := []string{Quick, Normal, Full}
	var all []task
	for _, c := range []struct {
		form  work.Form
		size  int
		title string
		from  [3]string // the least depth that has it with 1, 8 and 64 callers; empty: none has
	}{
		{work.Add, 0, "add(3, 5)", [3]string{Quick, Normal, Quick}},
		{work.Records, 1, "1 record there and back", [3]string{Normal, Full, Full}},
		{work.Records, 100, "100 records there and back", [3]string{Quick, Full, Normal}},
		{work.Records, 1000, "1,000 records there and back", [3]string{Normal, Full, Full}},
		{work.List, 10, "10 integers there and back", [3]string{Normal, Full, Full}},
		{work.List, 1000, "1,000 integers there and back", [3]string{Quick, Full, Normal}},
		{work.List, 10_000, "10,000 integers there and back", [3]string{Normal, Full, Full}},
		{work.Blob, 1 << 10, "1 KiB there and back", [3]string{Normal, Full, Full}},
		{work.Blob, 64 << 10, "64 KiB there and back", [3]string{Quick, Full, Normal}},
		{work.Blob, 1 << 20, "1 MiB there and back", [3]string{Quick, Full, Full}},
		{work.Blob, 8 << 20, "8 MiB there and back", [3]string{Full, Full, ""}},
	} {
		for i, n := range callers {
			if c.from[i] == "" || slices.Index(order, c.from[i]) > slices.Index(order, depth) {
				continue
			}
			name, title := fmt.Sprintf("%s-%d", c.form, c.size), c.title
			switch {
			case c.form == work.Add:
				name = fmt.Sprintf("%s-%d", c.form, n)
			case n > 1:
				name += fmt.Sprintf("-%d", n)
			}
			switch {
			case n > 1:
				title += fmt.Sprintf(", %d callers", n)
			case c.form == work.Add:
				title += ", 1 caller"
			}
			conns := 1
			if c.form == work.Blob && n*c.size > underWay {
				conns = 4
			}
			all = append(all, task{Work: work.Work{Name: name, Form: c.form, Size: c.size, Callers: n, Conns: conns}, title: title})
		}
	}
	return all
}

// WorkForms are the words that stand for all works of a form.
func WorkForms() []string {
	return []string{string(work.Add), string(work.Records), string(work.List), string(work.Blob)}
}

// WorkNames are the names of all works, for a flag and its completion.
func WorkNames() []string {
	var names []string
	for _, t := range tasks(Full) {
		names = append(names, t.Name)
	}
	return names
}
