package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/carry"
	"github.com/parley-rpc/parley/internal/compare/lanes"
	"github.com/parley-rpc/parley/internal/compare/measure"
	pages "github.com/parley-rpc/parley/internal/compare/report"
)

// compareCommand measures transports side by side.
type compareCommand struct {
	Quick    bool     `help:"All within 20 seconds: fewer works, and only clear differences are ranked."`
	Full     bool     `help:"All works, and processes that are started seven times, which takes about ten minutes: for figures to rely on."`
	Lanes    []string `placeholder:"NAME,…" help:"These transports only, named below."`
	Work     []string `placeholder:"NAME,…" help:"These works only, named below; add, records, list or blob for all of a form, or a pattern."`
	NoPython bool     `help:"Leave Python out."`
	Rate     float64  `placeholder:"R" help:"Calls per second of each transport, at fixed times. Without it each caller calls again when it has been answered."`
	compareFiles
	Baseline string `placeholder:"FILE" help:"JSON of an earlier run: tells what has changed beyond noise."`
	terminal.OutputFlag
	compareAgainst
}

// Help is what kong shows below the short help.
func (*compareCommand) Help() string {
	return `Which transport should I take, and what does it cost me? Each transport has a client and a server in processes of their own. They take turns, so that what disturbs the machine disturbs all alike; calls/s, latencies, processor time, allocations and bytes on the wire are medians over the turns. Lanes that are too close to call are marked ≈, and those measured too seldom to tell are marked ?. What each transport carries is found by trying it.

A FILE is - for standard output, which then has nothing else. Files are written at the end, each complete or not at all. Without python3 in the PATH its lanes are left out, and the result says so.

With --against it is servers of your own that are called, by 1, 8 and 64 callers, for some 20 seconds each (a minute with --full, and all of them within 20 seconds with --quick): choose a function that changes nothing. What a server takes for itself is not known then. All words up to the function are servers: URLs, and names of profiles. Each flag of a login goes to the URLs that it is for; a profile with a login of its own keeps to that.

Transports: ` + strings.Join(lanes.Names(), ", ") + `.

Works: ` + strings.Join(lanes.WorkNames(), ", ") + `.

Exit codes:

    0  measured, whatever came out
    1  could not be measured, or not be written
    2  the command line, or a file that it names, cannot be used

With --against also 3 to 6, as of call, for the first call of each server.`
}

func (c *compareCommand) run(std terminal.Streams) error {
	if err := c.check(); err != nil {
		return err
	}
	before, err := c.readBaseline()
	if err != nil {
		return err
	}
	files, err := c.open(std.Out)
	if err != nil {
		return err
	}
	defer files.discard()

	measure := c.measure
	if c.Against {
		o, err := c.prepareAgainst(std)
		if err != nil {
			return err
		}
		measure = func(ctx context.Context, p *terminal.Progress) (*compare.Result, error) {
			return c.measureAgainst(ctx, o, p)
		}
	}

	ctx, stop := terminal.UntilSignal(context.Background())
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends the process
	p := terminal.NewProgress(std.Err, "starting")
	defer p.Done()
	r, err := measure(ctx, p)
	p.Done()
	switch {
	case ctx.Err() != nil:
		return terminal.ErrInterrupted
	case err != nil:
		return err
	}
	if before != nil {
		r.Changes = compare.Changes(before, r)
	}
	// Standard output comes last: whoever reads it may have gone, and the process
	// ends with that.
	if err := files.write(r); err != nil {
		return err
	}
	switch {
	case files.stdout:
		return nil
	case c.AsJSON():
		return compare.WriteJSON(std.Out, r)
	}
	style := tableStyle(std.Out)
	if err := compare.WriteTable(std.Out, r, style); err != nil || before == nil {
		return err
	}
	fmt.Fprintln(std.Out)
	return compare.WriteChanges(std.Out, before, r, style)
}

// check finds what cannot be before anything is started.
func (c *compareCommand) check() error {
	if c.Quick && c.Full {
		return usage.Errorf("--quick and --full do not go together")
	}
	if !(c.Rate >= 0 && c.Rate <= measure.MaxRate) {
		return usage.Errorf("--rate is %v, expected more than 0 and at most %d calls per second", c.Rate, measure.MaxRate)
	}
	if err := c.checkAgainst(); err != nil {
		return err
	}
	if all := pages.Plots(); c.Plot != "" && !slices.Contains(all, c.Plot) {
		return usage.Errorf("--plot: %q is no plot; there are %s", c.Plot, strings.Join(all, ", "))
	}
	if c.Plot != "" && c.SVG == "" {
		return usage.Errorf("--plot says which plot --svg writes, and there is no --svg")
	}
	known := lanes.Names()
	for _, name := range c.Lanes {
		if !slices.Contains(known, name) {
			return usage.Errorf("--lanes: %q is no lane; there are %s", name, strings.Join(known, ", "))
		}
		if c.NoPython && ofPython(name) {
			return usage.Errorf("--no-python leaves out %s, which --lanes asks for", name)
		}
	}
	if err := lanes.CheckWorks(c.Work); err != nil {
		return usage.Errorf("--work: %v", err)
	}
	return nil
}

// ofPython tells the lanes in which Python takes part by their names.
func ofPython(lane string) bool { return slices.Contains(strings.Split(lane, "-"), "py") }

func (c *compareCommand) readBaseline() (*compare.Result, error) {
	if c.Baseline == "" {
		return nil, nil
	}
	f, err := os.Open(c.Baseline)
	if err != nil {
		return nil, usage.Errorf("--baseline: %v", err)
	}
	defer f.Close()
	r, err := compare.ReadJSON(f)
	if err != nil {
		return nil, usage.Errorf("--baseline %s: %v", c.Baseline, err)
	}
	return r, nil
}

// measure measures, tries what is carried, and judges.
func (c *compareCommand) measure(ctx context.Context, p *terminal.Progress) (*compare.Result, error) {
	begin := time.Now()
	o := lanes.Options{Depth: lanes.Normal, Lanes: c.Lanes, Works: c.Work, Rate: c.Rate, Progress: p.Set}
	switch {
	case c.Quick:
		o.Depth = lanes.Quick
	case c.Full:
		// Starts tell more than turns: with seven, two runs do not contradict each
		// other (docs/decisions/021-too-close-to-call.md).
		o.Depth, o.Starts = lanes.Full, 7
	}
	if c.NoPython && o.Lanes == nil {
		o.Lanes = slices.DeleteFunc(lanes.Names(), ofPython)
	}
	r, err := lanes.Run(ctx, o)
	if err != nil {
		return nil, err
	}
	if c.NoPython {
		for _, name := range lanes.Names() {
			if ofPython(name) && c.Lanes == nil {
				r.Missing = append(r.Missing, compare.Missing{Lane: name, Why: "left out by --no-python"})
			}
		}
	}
	if c.Lanes == nil && c.Work == nil {
		c.abilities(ctx, p, r)
	}
	r.Command, r.Version = c.commandLine(), readBuild().line()
	r.Seconds = time.Since(begin).Seconds()
	r.Judge()
	return r, nil
}

// quickTime is when --quick gives up what it could not try yet, so that all ends
// within 20 seconds on a busy machine too.
const quickTime = 18500 * time.Millisecond

// abilities tries what each transport carries. A trial that goes wrong is a gap in
// the table, and no reason to forget what took minutes to measure.
func (c *compareCommand) abilities(ctx context.Context, p *terminal.Progress, r *compare.Result) {
	if c.Quick {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, r.Taken.Add(quickTime))
		defer cancel()
	}
	try := carry.Try
	if c.NoPython {
		try = carry.TryGo // which starts no Python
	}
	var err error
	r.Abilities, err = try(ctx, func(done, total int, what string) { p.Set(done, total, "trying "+what) })
	var late *carry.TimeError
	switch {
	case errors.As(err, &late):
		r.Gaps = append(r.Gaps, fmt.Sprintf("Of %d things that transports may carry, %d were not tried for lack of time; without --quick all are.", late.Total, late.Left))
	case err != nil:
		r.Gaps = append(r.Gaps, terminal.Printable("Not all that transports may carry could be tried: "+err.Error()))
	}
}

// commandLine is the command that measures the same again.
func (c *compareCommand) commandLine() string {
	words := []string{"parley compare"}
	add := func(given bool, format string, args ...any) {
		if given {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	add(c.Quick, "--quick")
	add(c.Full, "--full")
	add(c.Lanes != nil, "--lanes %s", strings.Join(c.Lanes, ","))
	add(c.Work != nil, "--work %s", shellWord(strings.Join(c.Work, ",")))
	add(c.NoPython, "--no-python")
	add(c.Rate > 0, "--rate %v", c.Rate)
	return strings.Join(words, " ")
}
