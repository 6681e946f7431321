package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/measure"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// config is what is measured, and how.
type config struct {
	peers []*harness.Peer
	works []work.Work
	runs  int           // rounds, in which each peer has its turn
	time  time.Duration // of one turn
	// enough is when there is no further round of any work than its first. Zero:
	// never.
	enough  time.Time
	oneCore bool // servers and clients all run on the first processor
	wire    bool // the bytes of a call are counted too
	// progress gets a line for each work.
	progress io.Writer
}

// result is what was measured of one peer at one work. A nil is not known.
type result struct {
	peer, work string
	oneCore    bool

	rate                 *measure.Stat // calls per second
	p50, p99             *measure.Stat // microseconds
	clientCPU, serverCPU *measure.Stat // microseconds for one call
	cpu                  *measure.Stat // both together
	allocs               *measure.Stat // objects for one call, on the client's side
	wire                 *measure.Stat // bytes for one call, both ways together
}

// warmUps is how many calls each caller makes before anything is measured, each
// answer compared as a whole.
const warmUps = 3

// measureAll measures all works on all peers. A call that fails, or gives a wrong
// answer, ends it. No child is left when it returns.
func measureAll(ctx context.Context, cfg config) ([]result, error) {
	stands, err := harness.Start(ctx, cfg.peers, harness.Config{OneCore: cfg.oneCore})
	if err != nil {
		return nil, err
	}
	defer stands.Stop()
	var results []result
	for _, w := range cfg.works {
		begin := time.Now()
		rs, err := measureWork(ctx, cfg, w, stands)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.Name, err)
		}
		results = append(results, rs...)
		cores := ""
		if cfg.oneCore {
			cores = " on one core"
		}
		fmt.Fprintf(cfg.progress, "%s%s: %d peers, %d rounds, %.1f s\n", w.Name, cores, len(stands), cfg.runs, time.Since(begin).Seconds())
	}
	return results, nil
}

// measureWork measures one work on all peers in turn.
func measureWork(ctx context.Context, cfg config, w work.Work, stands harness.Stands) ([]result, error) {
	opened, err := stands.Open(ctx, w, harness.WarmUp{Calls: warmUps}, cfg.wire)
	if err != nil {
		return nil, err
	}
	for i, o := range opened {
		if o.Refused != "" {
			return nil, errors.New(cfg.peers[i].Name + ": " + o.Refused)
		}
		if _, err := stands[i].Turn(ctx, w, cfg.time/5, 0); err != nil { // warms up, counts for nothing
			return nil, err
		}
	}
	all := make([]harness.Figures, len(stands))
	for round := range cfg.runs {
		if round > 0 && !cfg.enough.IsZero() && time.Now().After(cfg.enough) {
			break // a slow machine, or a busy one
		}
		for i, s := range stands {
			turn, err := s.Turn(ctx, w, cfg.time, 0)
			if err != nil {
				return nil, err
			}
			all[i].Add(turn)
		}
	}
	results := make([]result, len(stands))
	for i, f := range all {
		results[i] = result{
			peer: cfg.peers[i].Name, work: w.Name, oneCore: cfg.oneCore,
			rate: measure.StatOf(f.Rate...), p50: measure.StatOf(f.P50...), p99: measure.StatOf(f.P99...),
			clientCPU: measure.StatOf(f.ClientCPU...), serverCPU: measure.StatOf(f.ServerCPU...),
			cpu: measure.StatOf(f.CPU...), allocs: measure.StatOf(f.ClientAllocs...),
		}
		if cfg.wire {
			results[i].wire = measure.StatOf(opened[i].Wire)
		}
	}
	return results, stands.Close(ctx, w)
}
