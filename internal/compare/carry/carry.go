package carry

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
)

// The verdicts of an Outcome.
const (
	Yes     = "yes"     // it arrived as it was sent, or works
	Changed = "changed" // it arrived as something else, or works in another way
	No      = "no"      // an error said that it cannot be done
	Untried = "untried" // nobody was there to try it
)

const (
	// trialTimeout is what one trial may take. None takes a second on a machine that
	// has nothing else to do; one that takes this long is broken.
	trialTimeout = 2 * time.Minute
	// atOnce bounds the trials that run at the same time.
	atOnce = 8
)

// Column is one transport with its client, in the order in which they are shown.
type Column struct {
	Name  string // in Ability.Lanes
	Title string // for people
}

// Columns are what is tried. The server is that of this module in all of them.
func Columns() []Column {
	return []Column{
		{nativeLane, "native, Go"},
		{pythonLane, "native, Python's multiprocessing"},
		{xmlrpcLane, "XML-RPC, Go"},
		{pyXMLLane, "XML-RPC, Python's xmlrpc.client"},
		{koloLane, "XML-RPC, kolo/xmlrpc"},
	}
}

// trial is one row.
type trial struct {
	group, name string
	// run tries it with Go's clients. Its error says that the trial went wrong, which
	// is no outcome. An Outcome without a verdict means that there is nothing to try
	// on this lane.
	run func(ctx context.Context, w *world, l *lane) (compare.Outcome, error)
}

// trials are all rows, in the order in which they are shown.
func trials() []trial {
	return slices.Concat(typeTrials(), sizeTrials(), streamTrials(), callTrials(), whoTrials())
}

// Try tries everything, in some two seconds. Where there is no python3 in the PATH,
// or it does not start, the columns of Python are untried, with the reason. progress,
// which may be nil, is told how many trials are done, from one goroutine at a time.
//
// An error says which trials have gone wrong, and is no verdict on a transport; it
// comes with the table of all others. If ctx ends before all was tried, it is a
// *TimeError, and what is left is untried in the table.
func Try(ctx context.Context, progress func(done, total int, what string)) ([]compare.Ability, error) {
	python, err := exec.LookPath("python3")
	if err != nil {
		python = ""
	}
	return try(ctx, options{python: python, lanes: slices.Concat(goLanes(), pythonLanes()), progress: progress})
}

// TryGo is Try without the columns of Python.
func TryGo(ctx context.Context, progress func(done, total int, what string)) ([]compare.Ability, error) {
	return try(ctx, options{lanes: goLanes(), progress: progress})
}

type options struct {
	python   string   // the interpreter; "" if there is none
	lanes    []string // what is tried
	progress func(done, total int, what string)
	// change does something to the functions that are served; nil does nothing.
	change func(*rpc.Registry)
}

func try(ctx context.Context, o options) ([]compare.Ability, error) {
	dir, err := os.MkdirTemp("", "carry")
	if err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(dir, o.change)
	if err != nil {
		return nil, fmt.Errorf("carry: %w", err)
	}
	defer w.close()

	all := trials()
	table := make([]compare.Ability, len(all))
	for i, t := range all {
		table[i] = compare.Ability{Group: t.group, Name: t.name, Lanes: map[string]compare.Outcome{}}
	}
	r := run{table: table, left: map[int]bool{}, progress: o.progress, total: len(all) * len(o.lanes)}
	r.all(ctx, w, all, o)
	if len(r.left) > 0 {
		return table, &TimeError{Left: len(r.left), Total: len(all), cause: ctx.Err()}
	}
	if err := errors.Join(r.failed...); err != nil {
		return table, fmt.Errorf("carry: %w", err)
	}
	return table, nil
}

// TimeError is the error of Try if its context ended before all was tried.
type TimeError struct {
	Left, Total int // things to try that are left, by at least one client, and all
	cause       error
}

func (e *TimeError) Error() string {
	return fmt.Sprintf("carry: there was no time for %d of %d", e.Left, e.Total)
}

func (e *TimeError) Unwrap() error { return e.cause }

// run gathers the outcomes.
type run struct {
	mu       sync.Mutex
	left     map[int]bool // rows that there was no time for on some lane
	table    []compare.Ability
	failed   []error
	done     int
	total    int
	progress func(done, total int, what string)
}

// all runs all trials, some at a time. One that a server had no time for, with all the
// others beside it, is run again when they are done.
func (r *run) all(ctx context.Context, w *world, all []trial, o options) {
	type cell struct {
		row  int
		lane string
	}
	var late []cell // guarded by r.mu
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, name := range o.lanes {
		if slices.Contains(pythonLanes(), name) {
			wg.Go(func() {
				outcomes, err := tryPython(ctx, w, o.python, name)
				r.python(ctx, name, all, outcomes, err)
			})
		}
	}
	for i, t := range all {
		for _, name := range o.lanes {
			if !slices.Contains(goLanes(), name) {
				continue
			}
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				outcome, err := tryOne(ctx, w, t, name)
				if ranOut(err) && ctx.Err() == nil {
					r.mu.Lock()
					defer r.mu.Unlock()
					late = append(late, cell{i, name})
					return
				}
				r.add(ctx, i, name, outcome, err)
			})
		}
	}
	wg.Wait()
	for _, c := range late {
		outcome, err := tryOne(ctx, w, all[c.row], c.lane)
		r.add(ctx, c.row, c.lane, outcome, err)
	}
}

// tryOne runs one trial on a client of its own.
func tryOne(ctx context.Context, w *world, t trial, name string) (compare.Outcome, error) {
	if err := ctx.Err(); err != nil {
		return compare.Outcome{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, trialTimeout)
	defer cancel()
	l, err := w.dial(ctx, name)
	if err != nil {
		return compare.Outcome{}, err
	}
	defer l.close()
	return t.run(ctx, w, l)
}

// add takes an outcome. A failure after the end of ctx says that there was no time.
func (r *run) add(ctx context.Context, i int, name string, o compare.Outcome, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row := r.table[i]
	switch {
	case ctx.Err() != nil && (err != nil || o.Verdict == No): // which the end may have made
		r.late(i, name)
	case err != nil:
		r.failed = append(r.failed, fmt.Errorf("%s: %s: %s: %w", row.Group, row.Name, name, err))
	case o.Verdict != "":
		row.Lanes[name] = o
	}
	r.tell(1, row.Name)
}

// late notes that there was no time for a trial.
func (r *run) late(i int, name string) {
	r.left[i] = true
	r.table[i].Lanes[name] = compare.Outcome{Verdict: Untried, Note: "there was no time"}
}

func (r *run) tell(more int, what string) {
	r.done += more
	if r.progress != nil {
		r.progress(r.done, r.total, what)
	}
}

// python takes what the program in Python has found out.
func (r *run) python(ctx context.Context, name string, all []trial, outcomes map[string]compare.Outcome, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	late := err != nil && ctx.Err() != nil
	if err != nil && !late {
		r.failed = append(r.failed, fmt.Errorf("%s: %w", name, err))
	}
	for i, t := range all {
		if o, ok := outcomes[t.name]; ok {
			r.table[i].Lanes[name] = o
		} else if late {
			r.late(i, name)
		}
	}
	r.tell(len(all), name)
}

// Outcomes.

func yes(note string) compare.Outcome     { return compare.Outcome{Verdict: Yes, Note: note} }
func changed(note string) compare.Outcome { return compare.Outcome{Verdict: Changed, Note: note} }
func no(note string) compare.Outcome      { return compare.Outcome{Verdict: No, Note: note} }
