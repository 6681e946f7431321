package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/load"
	"github.com/parley-rpc/parley/cmd/parley/internal/notation"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/measure"
)

// benchCommand calls a function again and again and tells what that costs.
type benchCommand struct {
	dial.Target
	Method string   `arg:"" help:"The function, such as catalog.list. It is called many times."`
	Args   []string `arg:"" optional:"" help:"The arguments, as those of call."`

	Callers     int           `placeholder:"N" help:"How many call at the same time. Default: 8, or 64 with --rate."`
	Connections int           `placeholder:"N" help:"Over how many connections. Default: 1 for tcp, tls and unix; for HTTP, whose connections carry one call at a time, one for each caller."`
	Duration    time.Duration `placeholder:"TIME" help:"How long. Default: 10s, or as long as --calls take."`
	Calls       int64         `placeholder:"N" help:"How many calls in all, rounded up so that each caller makes as many."`
	Rate        float64       `placeholder:"R" help:"Calls per second of all callers together, at fixed times. Without it each caller calls again when it has been answered."`
	WarmUp      time.Duration `default:"1s" placeholder:"TIME" help:"How long it calls before it measures. Default: ${default}"`
	terminal.OutputFlag
}

// Help is what kong shows below the short help.
func (*benchCommand) Help() string {
	return `The function is called again and again: a few times to begin with, then for the warm-up, then for as long as is measured. Do not do that with one that changes something you need. --timeout is the time for each call here, and not for all.

With --rate a latency counts from when the call was due. If the server stalls, all calls that were due meanwhile are slow, sent or not; so it is with real callers, who do not wait for one another.

The first call is made alone: a fault, a server that cannot be reached and a login that fails end it, before there is any load. Later faults and time-outs are counted, and end nothing. A caller that finds the link broken three times in a row ends it. Ctrl-C ends it early. In both cases what was measured until then is printed.

` + exit.Help + `

0 is also the code after Ctrl-C, and when some of the calls failed. When all did, it is that of the first; when the link broke for good, 4.`
}

// The bounds of the flags.
const (
	maxCallers = 4096
	maxBench   = 24 * time.Hour
)

// withDefaults checks the flags and puts defaults in the place of zeros.
func (c *benchCommand) withDefaults() error {
	if c.Callers == 0 {
		c.Callers = 8
		if c.Rate > 0 {
			c.Callers = 64
		}
	}
	if c.Duration == 0 && c.Calls == 0 {
		c.Duration = 10 * time.Second
	}
	http := strings.HasPrefix(c.URL, "http")
	if c.Connections == 0 {
		c.Connections = 1
		if http {
			c.Connections = c.Callers
		}
	}
	switch {
	case c.Callers < 1 || c.Callers > maxCallers:
		return usage.Errorf("--callers is %d, expected 1 to %d", c.Callers, maxCallers)
	case c.Connections < 1 || c.Connections > c.Callers:
		return usage.Errorf("--connections is %d, expected 1 to %d, a caller each", c.Connections, c.Callers)
	case c.Duration < 0 || c.Duration > maxBench:
		return usage.Errorf("--duration is %v, expected more than 0 and at most %v", c.Duration, maxBench)
	case c.WarmUp < 0 || c.WarmUp > maxBench:
		return usage.Errorf("--warm-up is %v, expected 0 to %v", c.WarmUp, maxBench)
	case c.Calls < 0:
		return usage.Errorf("--calls is %d, expected more than 0", c.Calls)
	case !(c.Rate >= 0 && c.Rate <= measure.MaxRate):
		return usage.Errorf("--rate is %v, expected more than 0 and at most %d calls per second", c.Rate, measure.MaxRate)
	}
	return nil
}

func (c *benchCommand) run(std terminal.Streams) error {
	if err := c.withDefaults(); err != nil {
		return err
	}
	server, err := load.Prepare(std, &c.Target, c.Method) // takes a password from standard input before @- takes the rest
	if err != nil {
		return err
	}
	if server.Request.Args, err = notation.Arguments(c.Args, std.In); err != nil {
		return err
	}
	ctx, stop := terminal.UntilSignal(context.Background())
	defer stop()
	context.AfterFunc(ctx, stop) // a second one ends the process

	p := terminal.NewProgress(std.Err, "connecting to "+terminal.Printable(c.URL))
	defer p.Done()
	b := &bench{benchCommand: c, Server: server}
	report, err := b.measure(ctx, p)
	p.Done()
	if ctx.Err() != nil && report == nil {
		return terminal.ErrInterrupted
	}
	if report == nil {
		return err
	}
	if c.AsJSON() {
		return errors.Join(terminal.PrintJSON(std.Out, report), err)
	}
	return errors.Join(report.print(std.Out), err)
}

// bench is one run of the command.
type bench struct {
	*benchCommand
	load.Server
	clients []dial.Client
	tally   load.Tally
}

// measure does all of it. With a report, an error says why it ended early.
func (b *bench) measure(ctx context.Context, p *terminal.Progress) (*benchReport, error) {
	first, setUp, err := b.Open(ctx, nil, b.Connections)
	if err != nil {
		return nil, err
	}
	b.clients = append(b.clients, first)
	defer func() {
		for _, c := range b.clients {
			c.Close()
		}
	}()
	p.Set(0, 0, "counting bytes")
	wire := b.WireBytes(ctx)
	if !strings.HasPrefix(b.URL, "http") { // one client of HTTP has all connections
		for len(b.clients) < b.Connections {
			c, _, err := b.Open(ctx, nil, 1)
			if err != nil {
				return nil, err
			}
			b.clients = append(b.clients, c)
		}
	}
	p.Set(0, 0, "looking at the machine")
	machine := measure.Machine(ctx)
	if b.WarmUp > 0 {
		if _, err := b.repeat(ctx, p, "warming up", b.WarmUp, 0); err != nil {
			return nil, err
		}
	}
	b.tally.Reset()
	limit := (b.Calls + int64(b.Callers) - 1) / int64(b.Callers)
	s, err := b.repeat(ctx, p, "measuring", b.Duration, limit)
	if ctx.Err() != nil && s.Calls+s.Failed+s.Cut > 0 {
		err = nil
	} else if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r := b.report(s, machine, setUp, wire)
	r.Interrupted = ctx.Err() != nil
	if err == nil && s.Calls == 0 {
		err = b.tally.First
	}
	if err != nil {
		r.Ended = terminal.Printable(err.Error())
	}
	return r, err
}

// repeat runs all callers for a while.
func (b *bench) repeat(ctx context.Context, p *terminal.Progress, what string, d time.Duration, limit int64) (measure.Sample, error) {
	calls := make([]measure.Call, b.Callers)
	for i := range calls {
		calls[i] = b.Caller(b.clients[i%len(b.clients)])
	}
	over := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(terminal.ProgressEvery)
		defer ticker.Stop()
		for begin := time.Now(); ; {
			p.Set(int(time.Since(begin).Milliseconds()), int(d.Milliseconds()), what)
			select {
			case <-ticker.C:
			case <-over:
				return
			}
		}
	}()
	defer func() {
		close(over)
		<-stopped
	}()
	return measure.Run(ctx, measure.Load{Calls: calls, Duration: d, Limit: limit, Rate: b.Rate, GoOn: b.tally.GoOn})
}

// report makes the report of what was measured.
func (b *bench) report(s measure.Sample, m measure.MachineInfo, setUp time.Duration, wire *float64) *benchReport {
	us := func(d time.Duration) float64 { return math.Round(float64(d)) / 1000 }
	r := &benchReport{
		Version: readBuild().Version, URL: b.URL, Method: b.Method,
		Callers: b.Callers, Connections: b.Connections, Rate: b.Rate,
		Seconds: s.Wall.Seconds(), Calls: s.Calls, CallsPerS: s.PerSecond(),
		Faults: b.tally.List(), TimeOuts: b.tally.TimeOuts, LinkErrors: b.tally.Links,
		Late: s.Late, Unsent: s.Unsent,
		SetUpUS: us(setUp), WireBytes: wire,
		Machine: benchMachine{load.Machine(m)}, bars: s.Latency.Bars(),
	}
	if n := float64(s.Calls + s.Failed + s.Cut); n > 0 {
		quantile := func(q float64) *float64 {
			if !s.Latency.Knows(q) {
				return nil
			}
			v := us(s.Latency.Quantile(q))
			return &v
		}
		r.P50, r.Max = us(s.Latency.Quantile(0.5)), us(s.Latency.Quantile(1))
		r.P90, r.P99, r.P999 = quantile(0.9), quantile(0.99), quantile(0.999)
		for _, point := range s.Latency.Points() {
			r.Latency = append(r.Latency, benchPoint{point.Quantile, us(point.Latency)})
		}
		if s.CPU >= 0 {
			cpu := us(s.CPU) / n
			r.ClientCPU = &cpu
		}
		r.ClientAllocs, r.ClientAllocBytes = float64(s.Allocs)/n, float64(s.AllocBytes)/n
	}
	r.Warnings = b.warnings(s, m)
	return r
}

// What is worth a warning.
const (
	busyShare  = 0.85 // of what all processors can do, used by this process
	lateShare  = 0.01 // of the calls
	noisyAbove = 0.25
)

func (b *bench) warnings(s measure.Sample, m measure.MachineInfo) []string {
	var list []string
	busy := s.CPU >= 0 && float64(s.CPU) > busyShare*float64(s.Wall)*float64(m.Processors)
	if busy {
		list = append(list, "this client used all of its processors: it may be what was measured, and not the server")
	}
	if all := float64(s.Calls + s.Failed + s.Unsent); b.Rate > 0 && float64(s.Late+s.Unsent) > lateShare*all {
		text := fmt.Sprintf("the rate was not kept: %s of %s calls were sent late, and %s not at all",
			compare.Figure(float64(s.Late)), compare.Figure(all), compare.Figure(float64(s.Unsent)))
		if !busy {
			text += fmt.Sprintf("; all %d callers waited for answers, or the machine was busy with other things", b.Callers)
		}
		list = append(list, text)
	}
	if s.Cut > 0 {
		list = append(list, fmt.Sprintf("%s had waited longer than any that was answered, when this was interrupted; for them stands how long that was", terminal.Several(int(s.Cut), "call")))
	}
	if m.Noise > noisyAbove {
		list = append(list, "the machine is noisy: of many equal ones, "+compare.Noise(m.Noise)+" as usual, and so may calls")
	}
	if m.Race {
		list = append(list, "this program was built with the race detector, and is many times slower than without")
	}
	if b.tally.Links > 0 {
		list = append(list, fmt.Sprintf("the link broke under %d calls", b.tally.Links))
	}
	return list
}
