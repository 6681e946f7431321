package lanes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/measure"
)

// Run measures. The result lacks what package compare makes of figures (Judge),
// what the lanes can carry, and the version and command line of the program. A
// wrong answer ends it with an error; so does the end of ctx. No process is left
// when it returns.
func Run(ctx context.Context, o Options) (*compare.Result, error) {
	return runLanes(ctx, o, all())
}

func runLanes(ctx context.Context, o Options, lanes []lane) (*compare.Result, error) {
	r, err := newRun(ctx, o, lanes)
	if err != nil {
		return nil, err
	}
	return r.finish()
}

// newRun prepares a comparison. No process is started yet.
func newRun(ctx context.Context, o Options, lanes []lane) (*run, error) {
	if err := o.check(lanes); err != nil {
		return nil, err
	}
	if o.Depth == "" {
		o.Depth = Normal
	}
	p, err := planOf(o)
	if err != nil {
		return nil, err
	}
	r := &run{ctx: ctx, plan: p, options: o, begin: time.Now()}
	r.result = &compare.Result{Format: compare.Format, Taken: r.begin, Depth: o.Depth, Rate: o.Rate}
	if err := r.choose(lanes); err != nil {
		return nil, err
	}
	if o.Depth == Full && o.Works == nil {
		r.gap("%s", tooLarge)
	}
	return r, r.checkFiles(measure.OpenFiles())
}

// finish measures.
func (r *run) finish() (*compare.Result, error) {
	r.total = r.steps()
	r.step("looking at the machine")
	r.result.Machine = machine(measure.Machine(r.ctx), pythonOf(r.lanes))
	if err := r.measure(); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	if r.conclude(); !r.figures() {
		why := r.result.Gaps
		for _, row := range r.result.Rows {
			if text := row.Lane + ": " + row.Failed; row.Failed != "" && !slices.Contains(why, text) {
				why = append(why, text)
			}
		}
		return nil, fmt.Errorf("compare: no lane gave figures: %s", strings.Join(why, "; "))
	}
	return r.result, nil
}

// pythonOf is the version of Python that takes part; empty without any.
func pythonOf(lanes []lane) string {
	for _, l := range lanes {
		if l.version != nil {
			return l.version()
		}
	}
	return ""
}

// run is a comparison under way.
type run struct {
	ctx     context.Context
	options Options
	plan    plan
	begin   time.Time
	result  *compare.Result

	lanes  []lane
	stands harness.Stands // of lanes, of this start
	cells  [][]cell       // of lanes, of works
	conns  []connection   // of lanes
	lost   []string       // of lanes: why one takes part no more; empty if it does
	// done and total are steps of progress.
	done, total int
}

// choose takes the lanes that are wanted and can run.
func (r *run) choose(lanes []lane) error {
	for _, l := range lanes {
		if r.options.Lanes != nil && !slices.Contains(r.options.Lanes, l.Name) {
			continue
		}
		if err := l.peer.Check(); err != nil {
			r.miss(l, err)
			continue
		}
		r.lanes = append(r.lanes, l)
	}
	if len(r.lanes) == 0 {
		return fmt.Errorf("compare: %w", r.nothing())
	}
	return nil
}

func (r *run) miss(l lane, err error) {
	why, _, _ := strings.Cut(err.Error(), "\n")
	r.result.Missing = append(r.result.Missing, compare.Missing{Lane: l.Name, Why: why})
}

// nothing is the error of a comparison without any lane.
func (r *run) nothing() error {
	var why []string
	for _, m := range r.result.Missing {
		why = append(why, m.Lane+": "+m.Why)
	}
	return fmt.Errorf("no lane can run: %s", strings.Join(why, "; "))
}

// measure does all starts. What of them there is no time for is left out, so that
// each lane has as many turns at each work as the others.
func (r *run) measure() error {
	for start := range r.plan.starts {
		if spent := time.Since(r.begin); start > 0 && r.plan.budget > 0 && spent+spent/time.Duration(start) > r.plan.budget*5/4 {
			break
		}
		if err := r.start(start); err != nil {
			return err
		}
		if r.result.Starts++; r.left() == 0 {
			break
		}
	}
	return nil
}

// start starts the processes, and lets them do everything.
func (r *run) start(start int) error {
	if err := r.startProcesses(start); err != nil {
		return err
	}
	defer r.stop()
	if err := r.connections(); err != nil {
		return err
	}
	for i, t := range r.plan.works {
		if start == 0 && r.hurry(i) {
			break
		}
		r.step("getting ready: " + t.title)
		err := r.each(t.Name, func(lane int) error {
			opened, err := r.stand(lane).Open(r.ctx, t.Work, r.plan.warmUp, start == 0)
			c := &r.cells[lane][i]
			var said *harness.ReportedError
			switch {
			case err == nil:
			case errors.As(err, &said) && !r.ends(err):
				c.refused = brief(err.Error())
				return nil
			default:
				return err
			}
			if o := opened[0]; o.Refused != "" {
				c.refused = brief(o.Refused)
			} else if start == 0 {
				c.wire = o.Wire
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if start == 0 {
		r.chooseTurn()
	}
	for round := 0; round < r.plan.rounds && r.left() > 0; round++ {
		begin := time.Now()
		took, err := r.round(start*r.plan.rounds + round)
		if err != nil {
			return err
		}
		if start == 0 && round == 0 {
			r.once(took)
		}
		if start == 0 && r.enough(round+1, time.Since(begin)) {
			r.plan.rounds = round + 1
			r.total = r.steps()
		}
	}
	return nil
}

// enough reports whether there is no time for another round after so many. The
// first start finds that out for all.
func (r *run) enough(rounds int, took time.Duration) bool {
	share := r.plan.budget / time.Duration(r.plan.starts)
	return share > 0 && r.plan.leastRounds > 1 && rounds >= r.plan.leastRounds && time.Since(r.begin)+took > share
}

// once leaves the last works with the one turn that they had, if there is no time for
// all turns of all works: a few turns at some works tell lanes apart, and one turn at
// each of them tells nothing. took is what the first round took, by work.
func (r *run) once(took []time.Duration) {
	if r.plan.budget == 0 || r.plan.leastRounds > 1 {
		return
	}
	left := r.plan.budget*5/4 - time.Since(r.begin)
	var names []string
	for i := range r.plan.works {
		left -= time.Duration(r.plan.rounds-1) * took[i]
		if t := &r.plan.works[i]; left < 0 && i > 0 && r.plan.rounds > 1 {
			t.rounds = 1
			names = append(names, t.Name)
		}
	}
	if names != nil {
		r.gap("There was time for one turn only at %s: the machine is too slow, or too busy.", strings.Join(names, ", "))
		r.total = r.steps()
	}
}

// steps is how many steps of progress there will be.
func (r *run) steps() int {
	return 1 + r.plan.starts*(2+r.plan.setUpTurns+len(r.plan.works)+r.turns()*len(r.lanes))
}

// turns is how many turns each lane has with the same processes, at all works.
func (r *run) turns() (n int) {
	for _, t := range r.plan.works {
		n += r.plan.roundsOf(t)
	}
	return n
}

// startProcesses starts the processes of all lanes. A lane that does not start is
// left out if it is the first time, and lost later.
func (r *run) startProcesses(start int) error {
	r.step("starting processes")
	if start == 0 {
		r.lost = make([]string, len(r.lanes))
	}
	for r.left() > 0 {
		started, err := harness.Start(r.ctx, r.peers(), harness.Config{Patience: r.plan.patience})
		if err == nil {
			r.stands = make(harness.Stands, len(r.lanes))
			for i := range r.lanes {
				if r.lost[i] == "" {
					r.stands[i], started = started[0], started[1:]
				}
			}
			break
		}
		var failed *harness.StartError
		if !errors.As(err, &failed) {
			return err
		}
		i := slices.IndexFunc(r.lanes, func(l lane) bool { return l.peer == failed.Peer })
		if start > 0 {
			r.lose(i, "starting it again", err)
			continue
		}
		r.miss(r.lanes[i], err)
		r.lost = slices.Delete(r.lost, i, i+1)
		if r.lanes = slices.Delete(r.lanes, i, i+1); len(r.lanes) == 0 {
			return r.nothing()
		}
	}
	if start == 0 {
		r.conns = make([]connection, len(r.lanes))
		r.cells = make([][]cell, len(r.lanes))
		for i := range r.cells {
			r.cells[i] = make([]cell, len(r.plan.works))
		}
		r.total = r.steps()
	}
	return nil
}

func (r *run) peers() []*harness.Peer {
	var peers []*harness.Peer
	for i, l := range r.lanes {
		if r.lost[i] == "" {
			peers = append(peers, l.peer)
		}
	}
	return peers
}

// overhead is what a turn takes besides calls: garbage is collected on both
// sides, and there are three orders.
const overhead = 15 * time.Millisecond

// chooseTurn makes the turns as long as the budget allows, if all starts take as
// long to get ready as the first one has.
func (r *run) chooseTurn() {
	if r.plan.turn > 0 {
		return
	}
	starts := time.Duration(r.plan.starts)
	turns := starts * time.Duration(r.turns()*len(r.lanes))
	left := r.plan.budget - starts*time.Since(r.begin)
	r.plan.turn = min(max(left/turns-overhead, r.plan.least), r.plan.most).Round(time.Millisecond)
}

// round gives each lane a turn at each work. The lane that begins is another one
// in each round.
// It returns how long that took, by work.
func (r *run) round(number int) ([]time.Duration, error) {
	took := make([]time.Duration, len(r.plan.works))
	for i, t := range r.plan.works {
		if number == 0 && r.late(i) {
			break
		}
		if number%r.plan.rounds >= r.plan.roundsOf(t) {
			continue
		}
		begin := time.Now()
		for j := range r.lanes {
			lane := (j + number) % len(r.lanes)
			r.step(t.title)
			c := &r.cells[lane][i]
			if c.refused != "" || r.lost[lane] != "" {
				continue
			}
			turn, err := r.stands[lane].Turn(r.ctx, t.Work, r.plan.turn, r.options.Rate)
			var said *harness.ReportedError
			switch {
			case err == nil:
				c.Add(turn)
			case r.ends(err):
				return nil, fmt.Errorf("%s: %w", t.Name, err)
			case errors.As(err, &said):
				c.refused = brief(err.Error())
				r.gap("%s failed at %s, which has no figures: %s.", r.lanes[lane].Name, t.Name, c.refused)
			default:
				r.lose(lane, t.Name, err)
			}
		}
		took[i] = time.Since(begin)
	}
	return took, nil
}

// step tells that one more step begins.
func (r *run) step(what string) {
	if r.options.Progress != nil {
		r.options.Progress(r.done, r.total, what)
	}
	r.done++
}

// conclude makes the result of what was measured.
func (r *run) conclude() {
	res := r.result
	res.Rounds, res.TurnMS = r.plan.rounds, int(max(1, r.plan.turn.Milliseconds()))
	for i, l := range r.lanes {
		res.Lanes = append(res.Lanes, l.result())
		res.Connections = append(res.Connections, r.conns[i].result(l.Name, r.plan.idle))
	}
	for i, t := range r.plan.works {
		res.Works = append(res.Works, t.result())
		for j, l := range r.lanes {
			c := &r.cells[j][i]
			// Turn i of all lanes is of one time: figures that lack some turns cannot be
			// held against others.
			if c.refused == "" && len(c.Rate) != res.Starts*r.plan.roundsOf(t) {
				c.refused = r.lost[j]
			}
			res.Rows = append(res.Rows, c.row(l.Name, t.Name, res.Rate))
		}
	}
	res.Seconds = time.Since(r.begin).Seconds()
	if r.options.Progress != nil {
		r.options.Progress(r.total, r.total, "done")
	}
}
