// Bench compares Parley with other ways to call a server; see README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/bench/peers"
	"github.com/parley-rpc/parley/bench/trials"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

func main() {
	harness.RunChild(os.Args[1:], peers.Find, trials.Roles())
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// usageError is an error of the command line: exit code 2.
type usageError string

func (e usageError) Error() string { return string(e) }

// options are the flags.
type options struct {
	all, quick, oneCore bool
	peers, works        string
	json                string
	runs                int
	time                time.Duration
	idle                int
	soak                int64
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.all, "all", false, "all peers that can run here")
	f.BoolVar(&o.quick, "quick", false, "short turns: done within a minute")
	f.StringVar(&o.peers, "peers", "", "the peers to compare, `a,b` (default "+strings.Join(peers.Short(), ",")+")")
	f.StringVar(&o.works, "work", "", "the work to do, `a,b` (default all)")
	f.StringVar(&o.json, "json", "", "write the figures to this `file`; - is standard output, without the table")
	f.BoolVar(&o.oneCore, "cpu0", false, "run every server and client on the first processor")
	f.IntVar(&o.runs, "runs", 0, "rounds, in which each peer has its turn (default 5; with -quick 3)")
	f.DurationVar(&o.time, "time", 0, "how long a turn is (default 500ms; with -quick what a minute allows)")
	f.IntVar(&o.idle, "idle", 0, "instead: the memory of `n` idle connections of parley, or with -peers of parley-tls")
	f.Int64Var(&o.soak, "soak", 0, "instead: `n` calls of parley with random content, each answer checked")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError("bench: see bench -help")
	}
	switch {
	case f.NArg() > 0:
		return usageError(fmt.Sprintf("bench: %q is no flag; peers are named with -peers a,b", f.Arg(0)))
	case o.all && o.quick:
		return usageError("bench: -all and -quick exclude each other; for short turns with all peers use -all -runs 3 -time 100ms")
	case o.all && o.peers != "":
		return usageError("bench: -all and -peers exclude each other")
	case o.runs < 0 || o.time < 0 || o.idle < 0 || o.soak < 0:
		return usageError("bench: -runs, -time, -idle and -soak cannot be negative")
	case o.idle > 0 && o.soak > 0:
		return usageError("bench: -idle and -soak exclude each other")
	case o.idle > 0:
		switch o.peers {
		case "", "parley":
			return trials.Idle(ctx, o.idle, false, stdout, stderr)
		case "parley-tls":
			return trials.Idle(ctx, o.idle, true, stdout, stderr)
		}
		return usageError("bench: -idle takes -peers parley or parley-tls")
	case o.soak > 0:
		return trials.Soak(ctx, o.soak, stdout, stderr)
	}
	return comparePeers(ctx, o, stdout, stderr)
}

// comparePeers measures and prints.
func comparePeers(ctx context.Context, o options, stdout, stderr io.Writer) error {
	chosen, err := choosePeers(o, stderr)
	if err != nil {
		return err
	}
	works, err := chooseWorks(o.works)
	if err != nil {
		return err
	}
	cfg := config{peers: chosen, works: works, runs: o.runs, time: o.time, oneCore: o.oneCore, wire: true, progress: stderr}
	single := oneCoreWorks(works)
	if o.oneCore {
		single = nil
	}
	setTimes(&cfg, o.quick, len(single))
	results, err := measureAll(ctx, cfg)
	if err != nil {
		return err
	}
	// Some goals are CPU per call on one processor, where it can be measured best.
	var oneCore []result
	if len(single) > 0 {
		cfg.works, cfg.oneCore, cfg.wire = single, true, false
		if oneCore, err = measureAll(ctx, cfg); err != nil {
			return err
		}
	}
	if o.json != "" {
		if err := writeJSON(o.json, stdout, results); err != nil {
			return err
		}
	}
	if o.json != "-" {
		printTable(stdout, cfg, results, oneCore)
		printGoals(stdout, append(results, oneCore...))
	}
	return nil
}

// quickTime is what the turns of a quick run take together. When quickEnough is
// over, the works that are left have one round.
const (
	quickTime   = 20 * time.Second
	quickEnough = 40 * time.Second
)

// setTimes chooses what the flags leave open.
func setTimes(cfg *config, quick bool, single int) {
	if quick {
		cfg.enough = time.Now().Add(quickEnough)
	}
	if cfg.runs == 0 {
		cfg.runs = 5
		if quick {
			cfg.runs = 3
		}
	}
	if cfg.time == 0 {
		cfg.time = 500 * time.Millisecond
		if quick {
			turns := len(cfg.peers) * (len(cfg.works) + single) * (cfg.runs + 1)
			cfg.time = min(max(quickTime/time.Duration(turns), 10*time.Millisecond), 250*time.Millisecond).Round(time.Millisecond)
		}
	}
}

// choosePeers returns the peers of the command line. A peer that was named and
// cannot run is an error; with -all it is left out.
func choosePeers(o options, stderr io.Writer) ([]*harness.Peer, error) {
	if o.all {
		var chosen []*harness.Peer
		for _, p := range peers.All() {
			if err := p.Check(); err != nil {
				fmt.Fprintf(stderr, "without %s: %v\n", p.Name, err)
				continue
			}
			chosen = append(chosen, p)
		}
		return chosen, nil
	}
	names := peers.Short()
	if o.peers != "" {
		names = split(o.peers)
	}
	var chosen []*harness.Peer
	for _, name := range names {
		p, err := peers.Find(name)
		if err != nil {
			return nil, usageError("bench: " + err.Error())
		}
		if err := p.Check(); err != nil {
			return nil, usageError(fmt.Sprintf("unavailable: %s: %v", name, err))
		}
		if !slices.ContainsFunc(chosen, func(c *harness.Peer) bool { return c.Name == name }) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

func chooseWorks(names string) ([]work.Work, error) {
	if names == "" {
		return allWorks(), nil
	}
	var chosen []work.Work
	for _, name := range split(names) {
		w, err := findWork(name)
		if err != nil {
			return nil, usageError("bench: " + err.Error())
		}
		if !slices.Contains(chosen, w) {
			chosen = append(chosen, w)
		}
	}
	return chosen, nil
}

func split(names string) []string {
	return strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
}

// oneCoreWorks are those works whose goals are about CPU per call.
func oneCoreWorks(works []work.Work) []work.Work {
	var single []work.Work
	for _, w := range works {
		if w.Callers == 1 && w.Form != work.Blob {
			single = append(single, w)
		}
	}
	return single
}
