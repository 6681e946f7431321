package lanes

import (
	"fmt"
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
			works: tasks(Full), starts: 7, rounds: 3, leastRounds: 3, budget: 275 * time.Second,
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
		return p, nil
	}
	chosen := tasks(Full)
	for _, name := range o.Works {
		if !slices.ContainsFunc(chosen, func(t task) bool { return t.Name == name }) {
			return p, fmt.Errorf("lanes: %q is no work; there are %s", name, strings.Join(WorkNames(), ", "))
		}
	}
	p.works = slices.DeleteFunc(chosen, func(t task) bool { return !slices.Contains(o.Works, t.Name) })
	return p, nil
}

// task is a work, and what it is called for people.
type task struct {
	work.Work
	title string
}

func (t task) result() compare.Work {
	return compare.Work{Name: t.Name, Title: t.title, Form: string(t.Form), Size: t.Size, Callers: t.Callers}
}

// tasks are the works of a depth, in the order in which they are shown. Those of
// Full are all that there are.
func tasks(depth string) []task {
	var all []task
	add := func(form work.Form, title string, size, callers int, depths ...string) {
		if !slices.Contains(depths, depth) {
			return
		}
		name := fmt.Sprintf("%s-%d", form, size)
		switch {
		case form == work.Add:
			name = fmt.Sprintf("%s-%d", form, callers)
		case callers > 1:
			name += fmt.Sprintf("-%d", callers)
		}
		all = append(all, task{work.Work{Name: name, Form: form, Size: size, Callers: callers, Conns: 1}, title})
	}
	add(work.Add, "add(3, 5), 1 caller", 0, 1, Quick, Normal, Full)
	add(work.Add, "add(3, 5), 8 callers", 0, 8, Normal, Full)
	add(work.Add, "add(3, 5), 64 callers", 0, 64, Quick, Normal, Full)
	add(work.Records, "1 record there and back", 1, 1, Normal, Full)
	add(work.Records, "100 records there and back", 100, 1, Quick, Normal, Full)
	add(work.Records, "100 records there and back, 8 callers", 100, 8, Full)
	add(work.Records, "100 records there and back, 64 callers", 100, 64, Full)
	add(work.Records, "1,000 records there and back", 1000, 1, Normal, Full)
	add(work.List, "10 integers there and back", 10, 1, Normal, Full)
	add(work.List, "1,000 integers there and back", 1000, 1, Quick, Normal, Full)
	add(work.List, "1,000 integers there and back, 8 callers", 1000, 8, Full)
	add(work.List, "1,000 integers there and back, 64 callers", 1000, 64, Full)
	add(work.List, "10,000 integers there and back", 10_000, 1, Normal, Full)
	add(work.Blob, "1 KiB there and back", 1<<10, 1, Normal, Full)
	add(work.Blob, "64 KiB there and back", 64<<10, 1, Quick, Normal, Full)
	add(work.Blob, "64 KiB there and back, 8 callers", 64<<10, 8, Full)
	add(work.Blob, "64 KiB there and back, 64 callers", 64<<10, 64, Full)
	add(work.Blob, "1 MiB there and back", 1<<20, 1, Quick, Normal, Full)
	add(work.Blob, "8 MiB there and back", 8<<20, 1, Full)
	return all
}

// WorkNames are the names of all works, for a flag and its completion.
func WorkNames() []string {
	var names []string
	for _, t := range tasks(Full) {
		names = append(names, t.Name)
	}
	return names
}
