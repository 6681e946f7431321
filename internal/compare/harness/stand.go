package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"github.com/parley-rpc/parley/internal/compare/measure"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// Stand is one peer that takes part: its two processes. Its methods are not safe
// for concurrent use.
type Stand struct {
	peer           *Peer
	dir            string
	addr           string
	server, client *Child
}

// Config is how processes are run.
type Config struct {
	// OneCore: servers and clients all run on the first processor.
	OneCore bool
	// Patience is how much longer than a run a child may take to report. Zero:
	// a minute.
	Patience time.Duration
}

// Stands are all that take part.
type Stands []*Stand

// StartError is the error of a peer whose processes do not start.
type StartError struct {
	Peer *Peer
	Err  error
}

func (e *StartError) Error() string { return e.Err.Error() }
func (e *StartError) Unwrap() error { return e.Err }

// Start starts the processes of all peers. If those of one fail, with a
// StartError, none is left.
func Start(ctx context.Context, peers []*Peer, cfg Config) (Stands, error) {
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	all := make(Stands, len(peers))
	for i, p := range peers {
		all[i] = &Stand{peer: p}
	}
	err := all.each(func(s *Stand) error {
		err := s.start(ctx, cfg)
		if err != nil && ctx.Err() == nil {
			err = &StartError{s.peer, err}
		}
		return err
	})
	if err != nil {
		all.Stop()
		return nil, err
	}
	return all, nil
}

// Stop ends all processes, and returns when they have ended.
func (all Stands) Stop() {
	var ending sync.WaitGroup
	for _, s := range all {
		ending.Go(s.stop)
	}
	ending.Wait()
}

// atOnce bounds how many stands do something at the same time that is not
// measured.
const atOnce = 4

// each does something with all stands, some at a time. It returns the first
// error of them, in their order.
func (all Stands) each(do func(*Stand) error) error {
	errs := make([]error, len(all))
	slots := make(chan struct{}, atOnce)
	var running sync.WaitGroup
	for i, s := range all {
		slots <- struct{}{}
		running.Go(func() {
			errs[i] = do(s)
			<-slots
		})
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err // one is enough
		}
	}
	return nil
}

func (s *Stand) start(ctx context.Context, cfg Config) (err error) {
	if s.dir, err = os.MkdirTemp("", "parley-stand-"); err != nil {
		return err
	}
	if s.server, err = s.child("server", s.peer.Server, cfg); err != nil {
		return err
	}
	if s.client, err = s.child("client", s.peer.Client, cfg); err != nil {
		return err
	}
	s.client.busy = false // it waits for its first order
	r, err := s.server.First(ctx)
	s.addr = r.Addr
	return err
}

// child starts the program that the peer has for a role, or else this one.
func (s *Stand) child(role string, program func(dir string) (*exec.Cmd, error), cfg Config) (*Child, error) {
	var cmd *exec.Cmd
	var err error
	if program != nil {
		cmd, err = program(s.dir)
	} else {
		cmd, err = self(role, s.peer.Name, s.dir)
	}
	name := s.peer.Name + " " + role
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c, err := startChild(name, cmd, cfg.OneCore)
	if err == nil {
		c.patience = cfg.Patience
	}
	return c, err
}

func (s *Stand) stop() {
	var ending sync.WaitGroup
	for _, c := range []*Child{s.client, s.server} {
		if c != nil {
			ending.Go(c.Stop)
		}
	}
	ending.Wait()
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

// Opened is what is known of a work before its first turn.
type Opened struct {
	// Refused says why the peer cannot do this work. It has no turns then.
	Refused string
	Wire    float64 // bytes of one call, both ways together, if they were counted
}

// WarmUp is what each caller does before the first turn, whatever is reached
// first; one call at least. The answers are checked as a whole.
type WarmUp struct {
	Calls int64 // zero: as many as there is time for
	For   time.Duration
}

// Open makes a work ready on all stands. With wire the bytes of a call are counted
// too.
func (all Stands) Open(ctx context.Context, w work.Work, warm WarmUp, wire bool) ([]Opened, error) {
	opened := make([]Opened, len(all))
	return opened, all.each(func(s *Stand) (err error) {
		opened[slices.Index(all, s)], err = s.open(ctx, w, warm, wire)
		return err
	})
}

func (s *Stand) open(ctx context.Context, w work.Work, warm WarmUp, wire bool) (o Opened, err error) {
	if o.Refused, err = s.openAt(ctx, s.addr, w, warm); err != nil || o.Refused != "" || !wire {
		return o, err
	}
	o.Wire, err = s.countBytes(ctx, w)
	return o, err
}

// openAt opens a work through an address.
func (s *Stand) openAt(ctx context.Context, addr string, w work.Work, warm WarmUp) (refused string, err error) {
	r, err := s.client.Ask(ctx, Order{Do: "open", Addr: addr, Work: &w, Calls: warm.Calls, NS: int64(warm.For)})
	if err == nil && r.Refused != "" {
		// A server that has died refuses nothing.
		_, err = s.server.Ask(ctx, Order{Do: "end"})
	}
	return r.Refused, err
}

// Close closes a work on all stands.
func (all Stands) Close(ctx context.Context, w work.Work) error {
	return all.each(func(s *Stand) error { return s.close(ctx, w) })
}

func (s *Stand) close(ctx context.Context, w work.Work) error {
	_, err := s.client.Ask(ctx, Order{Do: "close", Work: &w})
	return err
}

// Turn is what one turn of one stand gave.
type Turn struct {
	Calls   int64
	Wall    time.Duration
	Latency *measure.Histogram
	// Late and Unsent are those of measure.Sample, 0 without a rate.
	Late, Unsent int64
	// What both sides used; nil where it cannot be known.
	ClientCPU, ServerCPU               *time.Duration
	ClientAllocs, ServerAllocs         *int64
	ClientAllocBytes, ServerAllocBytes *int64
}

// Turn lets the callers of an open work call for a while; at a rate, if there is
// one.
func (s *Stand) Turn(ctx context.Context, w work.Work, d time.Duration, rate float64) (Turn, error) {
	before, err := s.server.Ask(ctx, Order{Do: "begin"})
	if err != nil {
		return Turn{}, err
	}
	r, err := s.client.Ask(ctx, Order{Do: "run", Work: &w, NS: int64(d), Rate: rate})
	if err != nil {
		return Turn{}, err
	}
	after, err := s.server.Ask(ctx, Order{Do: "end"})
	if err != nil {
		return Turn{}, err
	}
	latency := r.Latency
	if latency == nil {
		latency = measure.NewHistogram()
		for _, l := range r.Latencies {
			for range l[1] {
				latency.Record(time.Duration(l[0]))
			}
		}
	}
	if r.Calls <= 0 || r.Wall <= 0 || latency.Count() < r.Calls {
		return Turn{}, fmt.Errorf("%s: a run of %d calls in %v with %d latencies", s.client.name, r.Calls, time.Duration(r.Wall), latency.Count())
	}
	t := Turn{
		Calls: r.Calls, Wall: time.Duration(r.Wall), Latency: latency, Late: r.Late, Unsent: r.Unsent,
		ClientAllocs: r.Allocs, ServerAllocs: between(before.Allocs, after.Allocs),
		ClientAllocBytes: r.AllocBytes, ServerAllocBytes: between(before.AllocBytes, after.AllocBytes),
	}
	if r.CPU >= 0 {
		t.ClientCPU = new(time.Duration(r.CPU))
	}
	if before.CPU >= 0 && after.CPU >= 0 {
		t.ServerCPU = new(time.Duration(after.CPU - before.CPU))
	}
	return t, nil
}

func between(before, after *int64) *int64 {
	if before == nil || after == nil {
		return nil
	}
	return new(*after - *before)
}

// countBytes counts the bytes of a few calls that go through a relay. What a
// connection costs at its beginning is not among them.
func (s *Stand) countBytes(ctx context.Context, w work.Work) (float64, error) {
	r, err := newTap(s.addr)
	if err != nil {
		return 0, err
	}
	defer r.close()
	w.Name += " through a relay"
	refused, err := s.openAt(ctx, r.addr, w, WarmUp{Calls: 1})
	if err != nil {
		return 0, err
	}
	if refused != "" {
		return 0, &ReportedError{fmt.Sprintf("%s: %s: %s", s.client.name, w.Name, refused)}
	}
	calls := max(1, 20/int64(w.Callers))
	if w.Size >= largeSize {
		calls = 1 // which takes long with the slowest peers
	}
	// Callers at once may need a connection that their warm-up did not. A client that
	// makes one for each call gets what it costs counted.
	for try := 1; ; try++ {
		clients, before := r.Clients(), r.Settled()
		report, err := s.client.Ask(ctx, Order{Do: "run", Work: &w, Calls: calls})
		if err != nil {
			return 0, err
		}
		if report.Calls == 0 {
			return 0, errors.New(s.client.name + ": a run without a call")
		}
		if after := r.Settled(); r.Clients() == clients || try == countTries {
			return float64(after-before) / float64(report.Calls), s.close(ctx, w)
		}
	}
}

// countTries is how often bytes are counted until no connection is made meanwhile.
const countTries = 5

// largeSize is the size of works whose calls may take long.
const largeSize = 1000

// SetUp makes n connections, one after another, and returns how long each took
// until its first call was answered.
func (s *Stand) SetUp(ctx context.Context, n int) ([]time.Duration, error) {
	r, err := s.client.Ask(ctx, Order{Do: "set-up", Addr: s.addr, Calls: int64(n)})
	if err != nil {
		return nil, err
	}
	if len(r.SetUps) != n {
		return nil, fmt.Errorf("%s: set-up: got %d times; want %d", s.client.name, len(r.SetUps), n)
	}
	times := make([]time.Duration, n)
	for i, ns := range r.SetUps {
		times[i] = time.Duration(ns)
	}
	return times, nil
}

// Idle opens n connections on all stands that do nothing after their first call,
// and returns by how much the memory of each server's process has grown for all of
// them, in bytes; nil where that cannot be known.
func (all Stands) Idle(ctx context.Context, n int) ([]*int64, error) {
	grown := make([]*int64, len(all))
	return grown, all.each(func(s *Stand) (err error) {
		grown[slices.Index(all, s)], err = s.idle(ctx, n)
		return err
	})
}

func (s *Stand) idle(ctx context.Context, n int) (grown *int64, err error) {
	hold := func(n int) (Report, error) {
		if _, err := s.client.Ask(ctx, Order{Do: "hold", Addr: s.addr, Conns: n}); err != nil {
			return Report{}, err
		}
		return s.server.Ask(ctx, Order{Do: "memory"})
	}
	before, err := hold(1) // what the first one needs stays, whatever follows
	if err != nil {
		return nil, err
	}
	after, err := hold(n)
	if err != nil {
		return nil, err
	}
	if grew := after.RSS - before.RSS; before.RSS > 0 && grew > 0 { // else it is too little to be seen
		grown = new(grew)
	}
	_, err = s.client.Ask(ctx, Order{Do: "release"})
	return grown, err
}
