package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/parley-rpc/parley/bench/peers"
	"github.com/parley-rpc/parley/bench/work"
)

// Config is what is measured, and how.
type Config struct {
	Peers []*peers.Peer
	Works []work.Work
	Runs  int           // rounds, in which each peer has its turn
	Time  time.Duration // of one turn
	// Enough is when there is no further round of any work than its first. Zero:
	// never.
	Enough time.Time
	// OneCore: servers and clients all run on the first processor.
	OneCore bool
	// Wire: the bytes of a call are counted too.
	Wire bool
	// Progress gets a line for each work. Nil: nobody is told.
	Progress io.Writer
}

// Result is what was measured of one peer at one work.
type Result struct {
	Peer, Work string
	OneCore    bool

	Rate                 Stat // calls per second
	P50, P99             Stat // microseconds
	ClientCPU, ServerCPU Stat // microseconds for one call
	CPU                  Stat // both together
	Allocs               Stat // objects for one call, on the client's side
	Wire                 Stat // bytes for one call, both ways together
}

// Measure measures all works on all peers. A call that fails, or gives a wrong
// answer, ends it. No child is left when it returns.
func Measure(ctx context.Context, cfg Config) (_ []Result, err error) {
	var stands []*stand
	defer func() {
		for _, s := range stands {
			s.stop()
		}
	}()
	for _, p := range cfg.Peers {
		s, err := newStand(ctx, p, cfg.OneCore)
		if err != nil {
			return nil, err
		}
		stands = append(stands, s)
	}
	var results []Result
	for _, w := range cfg.Works {
		begin := time.Now()
		rs, err := measure(ctx, cfg, w, stands)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
		results = append(results, rs...)
		if cfg.Progress != nil {
			cores := ""
			if cfg.OneCore {
				cores = " on one core"
			}
			fmt.Fprintf(cfg.Progress, "%s%s: %d peers, %d rounds, %.1f s\n", w.Name, cores, len(stands), cfg.Runs, time.Since(begin).Seconds())
		}
	}
	return results, nil
}

// measure measures one work on all peers in turn.
func measure(ctx context.Context, cfg Config, w work.Work, stands []*stand) ([]Result, error) {
	all := make([]samples, len(stands))
	for i, s := range stands {
		if cfg.Wire {
			bytes, err := s.countBytes(ctx, w)
			if err != nil {
				return nil, err
			}
			all[i].wire = append(all[i].wire, bytes)
		}
		if err := s.open(ctx, s.addr, w); err != nil {
			return nil, err
		}
		if _, err := s.sample(ctx, cfg.Time/5); err != nil { // warms up, counts for nothing
			return nil, err
		}
	}
	for round := range cfg.Runs {
		if round > 0 && !cfg.Enough.IsZero() && time.Now().After(cfg.Enough) {
			break // a slow machine, or a busy one
		}
		for i, s := range stands {
			sample, err := s.sample(ctx, cfg.Time)
			if err != nil {
				return nil, err
			}
			all[i].add(sample)
		}
	}
	results := make([]Result, len(stands))
	for i, s := range stands {
		if err := s.closeClient(ctx); err != nil {
			return nil, err
		}
		results[i] = all[i].result()
		results[i].Peer, results[i].Work, results[i].OneCore = s.peer.Name, w.Name, cfg.OneCore
	}
	return results, nil
}

// sample is what one turn of one peer gave.
type sample struct {
	Report       // of the client
	server int64 // processor time of the server, in nanoseconds
}

// samples are those of all rounds.
type samples struct {
	rate, p50, p99, client, server, cpu, allocs, wire []float64
}

func (s *samples) add(x sample) {
	calls := float64(x.Calls)
	perCall := func(ns int64) float64 { return float64(ns) / 1e3 / calls }
	s.rate = append(s.rate, calls/(float64(x.Wall)/1e9))
	s.p50 = append(s.p50, float64(x.P50)/1e3)
	s.p99 = append(s.p99, float64(x.P99)/1e3)
	s.client = append(s.client, perCall(x.CPU))
	s.server = append(s.server, perCall(x.server))
	s.cpu = append(s.cpu, perCall(x.CPU+x.server))
	if x.Allocs != nil {
		s.allocs = append(s.allocs, float64(*x.Allocs)/calls)
	}
}

func (s *samples) result() Result {
	return Result{
		Rate: StatOf(s.rate...), P50: StatOf(s.p50...), P99: StatOf(s.p99...),
		ClientCPU: StatOf(s.client...), ServerCPU: StatOf(s.server...), CPU: StatOf(s.cpu...),
		Allocs: StatOf(s.allocs...), Wire: StatOf(s.wire...),
	}
}

// stand is one peer that takes part: its two processes.
type stand struct {
	peer           *peers.Peer
	dir            string
	addr           string
	server, client *Child
}

func newStand(ctx context.Context, p *peers.Peer, oneCore bool) (_ *stand, err error) {
	s := &stand{peer: p}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return nil, err
	}
	if s.server, err = s.start("server", p.Server, oneCore); err != nil {
		return nil, err
	}
	r, err := s.server.next(ctx, "start", patience)
	if err != nil {
		return nil, err
	}
	s.addr = r.Addr
	s.client, err = s.start("client", p.Client, oneCore)
	return s, err
}

// start starts the program that the peer has for a role, or else this one.
func (s *stand) start(role string, program func(dir string) (*exec.Cmd, error), oneCore bool) (*Child, error) {
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
	return startChild(name, cmd, oneCore)
}

func (s *stand) stop() {
	for _, c := range []*Child{s.client, s.server} {
		if c != nil {
			c.Stop()
		}
	}
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}

func (s *stand) open(ctx context.Context, addr string, w work.Work) error {
	_, err := s.client.Ask(ctx, Order{Do: "open", Addr: addr, Work: w.Name, Callers: w.Callers})
	return err
}

func (s *stand) closeClient(ctx context.Context) error {
	_, err := s.client.Ask(ctx, Order{Do: "close"})
	return err
}

// sample lets the client call for a while, and adds what the server says.
func (s *stand) sample(ctx context.Context, d time.Duration) (x sample, err error) {
	before, err := s.server.Ask(ctx, Order{Do: "begin"})
	if err != nil {
		return x, err
	}
	if x.Report, err = s.client.Ask(ctx, Order{Do: "run", NS: int64(d)}); err != nil {
		return x, err
	}
	if x.Calls == 0 || x.Wall == 0 {
		return x, errors.New(s.peer.Name + ": a run without a call")
	}
	after, err := s.server.Ask(ctx, Order{Do: "end"})
	x.server = after.CPU - before.CPU
	return x, err
}

// countBytes counts the bytes of a few calls that go through a relay. What a
// connection costs at its beginning is not among them.
func (s *stand) countBytes(ctx context.Context, w work.Work) (float64, error) {
	r, err := newRelay(s.addr)
	if err != nil {
		return 0, err
	}
	defer r.close()
	if err := s.open(ctx, r.addr, w); err != nil {
		return 0, err
	}
	before := r.settled()
	calls := max(2, 20/w.Callers)
	if w.Form == work.Blob {
		calls = 2 // which take a second with the slowest peers
	}
	report, err := s.client.Ask(ctx, Order{Do: "run", Calls: int64(calls)})
	if err != nil {
		return 0, err
	}
	bytes := r.settled() - before
	return float64(bytes) / float64(report.Calls), s.closeClient(ctx)
}
