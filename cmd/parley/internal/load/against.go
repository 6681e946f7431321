package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/measure"
)

// Options say which servers are measured, and how. Zeros are defaults.
type Options struct {
	Servers []Server // of the same function, under URLs of their own; see Prepare
	Title   string   // what is called: "add(3, 5)"; empty: the method
	Callers []int    // that call at the same time, each a work; nil: 1, 8 and 64
	Rate    float64  // calls per second of all callers of a server; 0: closed loop
	Turn    time.Duration
	Rounds  int
	WarmUp  time.Duration // of each server before its first turn at a work
	// Progress is told what is done. Nil: nobody is.
	Progress func(done, total int, what string)
}

func (o *Options) withDefaults() {
	if o.Callers == nil {
		o.Callers = []int{1, 8, 64}
	}
	o.Turn, o.Rounds, o.WarmUp = cmp.Or(o.Turn, time.Second), cmp.Or(o.Rounds, 5), cmp.Or(o.WarmUp, 300*time.Millisecond)
	if o.Title == "" {
		o.Title = terminal.Printable(o.Servers[0].Request.Method)
	}
	if o.Progress == nil {
		o.Progress = func(int, int, string) {}
	}
}

// againstLane is one server while it is measured.
type againstLane struct {
	*Server
	lane   compare.Lane
	client dial.Client
	setUps []float64
	wire   *float64
}

// Against measures one function of servers that run already, turn by turn next to
// each other, for a Result of depth "against" that has no version and is not judged
// yet. Each is called once before there is any load: what fails then is returned as
// it is. A server that fails later has no figures for that work, but a reason; if
// none has any, that is the error. What a server itself takes is not known.
func Against(ctx context.Context, o Options) (*compare.Result, error) {
	if len(o.Servers) == 0 {
		return nil, errors.New("against: there is no server")
	}
	o.withDefaults()
	begin := time.Now()
	total := len(o.Servers) * (setUpTurns + len(o.Callers)*(o.Rounds+1))
	done := 0
	step := func(what string) {
		o.Progress(done, total, what)
		done++
	}
	r := &compare.Result{
		Format: compare.Format, Taken: begin.UTC().Truncate(time.Second), Depth: "against",
		Starts: 1, Rounds: o.Rounds, TurnMS: int(o.Turn.Milliseconds()), Rate: o.Rate,
	}
	lanes := make([]*againstLane, len(o.Servers))
	for i := range o.Servers {
		s := &o.Servers[i]
		lanes[i] = &againstLane{Server: s, lane: laneOf(s.URL, r)}
		r.Lanes = append(r.Lanes, lanes[i].lane)
	}
	defer func() {
		for _, l := range lanes {
			if l.client != nil {
				l.client.Close()
			}
		}
	}()
	conns := 1
	for _, n := range o.Callers {
		conns = max(conns, n)
	}
	for turn := range setUpTurns {
		for _, l := range lanes {
			step("connecting to " + terminal.Printable(l.URL))
			if err := l.setUp(ctx, conns, turn == setUpTurns-1); err != nil {
				return nil, l.ofServer(err)
			}
		}
	}
	o.Progress(done, total, "looking at the machine")
	r.Machine = Machine(measure.Machine(ctx))
	for _, l := range lanes {
		l.wire = l.WireBytes(ctx)
		r.Connections = append(r.Connections, compare.Connection{Lane: l.lane.Name, SetUp: compare.NewStat(l.setUps)})
	}
	var first error
	measured := false
	for _, n := range o.Callers {
		w := compare.Work{
			Name: fmt.Sprint("call-", n), Form: "call", Callers: n,
			Title: fmt.Sprintf("%s, %s", o.Title, terminal.Several(n, "caller")),
		}
		r.Works = append(r.Works, w)
		cells := make([]againstCell, len(lanes))
		for round := -1; round < o.Rounds; round++ { // the first is for warming up
			for k := range lanes { // another one begins each time
				i := (k + max(0, round)) % len(lanes)
				l := lanes[i]
				step(w.Title + ", " + l.lane.Name)
				cells[i].turn(ctx, l, &o, n, round < 0)
				if err := ctx.Err(); err != nil {
					return nil, err
				}
			}
		}
		for i, l := range lanes {
			r.Rows = append(r.Rows, cells[i].row(l, w.Name, o.Rate))
			first = cmp.Or(first, cells[i].err)
			measured = measured || cells[i].err == nil
		}
	}
	o.Progress(total, total, "")
	if !measured {
		return nil, first
	}
	r.Seconds = time.Since(begin).Seconds()
	return r, nil
}

// ofServer says what an error of the first call means, and of which server it is.
func (l *againstLane) ofServer(err error) error {
	err = l.advise(err)
	if url := terminal.Printable(l.URL); !strings.Contains(err.Error(), url) {
		err = usage.Hint(err, "this was "+url)
	}
	return err
}

// setUpTurns is how often a server is connected to, to know what that takes.
const setUpTurns = 5

// setUp connects, and keeps the connection if it is the last one.
func (l *againstLane) setUp(ctx context.Context, conns int, last bool) error {
	c, took, err := l.Open(ctx, nil, conns)
	if err != nil {
		return err
	}
	l.setUps = append(l.setUps, float64(took)/1000)
	if last {
		l.client = c
		return nil
	}
	c.Close()
	return nil
}

// againstCell is what was measured of one server at one work.
type againstCell struct {
	samples []measure.Sample
	err     error
}

// turn lets n callers call for a while. After a failure there are no more turns.
func (c *againstCell) turn(ctx context.Context, l *againstLane, o *Options, n int, warmUp bool) {
	if c.err != nil {
		return
	}
	calls := make([]measure.Call, n)
	for i := range calls {
		calls[i] = l.Caller(l.client)
	}
	d := o.Turn
	if warmUp {
		d = o.WarmUp
	}
	s, err := measure.Run(ctx, measure.Load{Calls: calls, Duration: d, Rate: o.Rate})
	if err == nil && s.Calls == 0 {
		err = fmt.Errorf("no call was made in %v", d)
	}
	if c.err = err; err == nil && !warmUp {
		c.samples = append(c.samples, s)
	}
}

func (c *againstCell) row(l *againstLane, work string, rate float64) compare.Row {
	row := compare.Row{Lane: l.lane.Name, Work: work}
	if c.err != nil {
		row.Failed = terminal.Printable(c.err.Error())
		return row
	}
	stat := func(figure func(*measure.Sample) float64) *compare.Stat {
		var turns []float64
		for i := range c.samples {
			turns = append(turns, figure(&c.samples[i]))
		}
		return compare.NewStat(turns)
	}
	all := measure.NewHistogram()
	if rate > 0 {
		row.Late, row.Unsent = new(int64), new(int64)
	}
	fewest := c.samples[0].Latency
	for _, s := range c.samples {
		row.Calls += s.Calls
		if rate > 0 {
			*row.Late, *row.Unsent = *row.Late+s.Late, *row.Unsent+s.Unsent
		}
		all.Merge(s.Latency)
		if s.Latency.Count() < fewest.Count() {
			fewest = s.Latency
		}
	}
	// All of one population, as compare.Row says.
	turns := fewest.Knows(.99)
	quantile := func(q float64) *compare.Stat {
		always := q == .5 || q == 1
		switch {
		case turns && (always || fewest.Knows(q)):
			return stat(func(s *measure.Sample) float64 { return float64(s.Latency.Quantile(q)) / 1000 })
		case !turns && (always || all.Knows(q)):
			return compare.NewStat([]float64{float64(all.Quantile(q)) / 1000})
		}
		return nil
	}
	row.CallsPerS = stat(func(s *measure.Sample) float64 { return s.PerSecond() })
	row.P50, row.P90, row.P99, row.P999, row.Max = quantile(0.5), quantile(0.9), quantile(0.99), quantile(0.999), quantile(1)
	if c.samples[0].CPU >= 0 {
		row.ClientCPU = stat(func(s *measure.Sample) float64 { return float64(s.CPU) / 1000 / float64(s.Calls) })
	}
	row.ClientAllocs = stat(func(s *measure.Sample) float64 { return float64(s.Allocs) / float64(s.Calls) })
	row.ClientAllocBytes = stat(func(s *measure.Sample) float64 { return float64(s.AllocBytes) / float64(s.Calls) })
	row.WireBytes = l.wire
	for _, p := range all.Points() {
		row.Latency = append(row.Latency, compare.Point{Quantile: p.Quantile, US: float64(p.Latency) / 1000})
	}
	return row
}

// laneOf describes the lane of a URL, under a name that r has not yet.
func laneOf(url string, r *compare.Result) compare.Lane {
	scheme, _, _ := strings.Cut(url, "://")
	l := compare.Lane{
		Name: scheme, Title: terminal.Printable(url), Client: "Parley", Server: terminal.Printable(url),
		Family: "native", Socket: scheme,
	}
	switch scheme {
	case "http":
		l.Family, l.Socket, l.OneAtATime = "xmlrpc", "tcp", true
	case "https":
		l.Family, l.Socket, l.OneAtATime = "xmlrpc", "tls", true
	case "http+unix":
		l.Family, l.Socket, l.OneAtATime = "xmlrpc", "unix", true
	}
	for n := 2; r.Lane(l.Name) != nil; n++ {
		l.Name = fmt.Sprint(scheme, "-", n)
	}
	return l
}

func Machine(m measure.MachineInfo) compare.Machine {
	return compare.Machine{
		OS: m.OS, Kernel: m.Kernel, Processor: m.Processor, Processors: m.Processors, MemoryMiB: m.MemoryMiB,
		Go: m.Go, Load: m.Load, Noise: m.Noise, ClockNS: m.ClockNS, Race: m.Race,
	}
}
