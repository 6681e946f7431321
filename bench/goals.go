package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/parley-rpc/parley/internal/compare/measure"
)

// metric is a figure that goals are about.
type metric struct {
	name    string
	of      func(result) *measure.Stat
	oneCore bool // as measured on one core
}

var (
	rate      = metric{"calls/s", func(r result) *measure.Stat { return r.rate }, false}
	cpu       = metric{"CPU, one core", func(r result) *measure.Stat { return r.cpu }, true}
	clientCPU = metric{"client, one core", func(r result) *measure.Stat { return r.clientCPU }, true}
	allocs    = metric{"allocations", func(r result) *measure.Stat { return r.allocs }, false}
)

// goal is a ratio that a run should reach: peer to other, or, without another,
// the figure itself.
type goal struct {
	work, peer  string
	metric      metric
	atLeast     bool // else at most
	bound       float64
	other       string
	otherFamily func(peer string) bool // in place of other: the best of these
}

// goals are those of Parley. The floors are http-echo and the raw peers.
func goals() []goal {
	return []goal{
		{work: "add-serial", peer: "parley", metric: cpu, bound: 1.10, other: "raw"},
		{work: "add-serial", peer: "parley-unix", metric: cpu, bound: 1.10, other: "raw-unix"},
		{work: "add-serial", peer: "parley", metric: cpu, bound: 1, otherFamily: overTCP},
		{work: "add-serial", peer: "parley", metric: allocs, bound: 3},
		{work: "add-64", peer: "parley", metric: rate, atLeast: true, bound: 0.8, other: "raw-mux-go"},
		{work: "add-64", peer: "parley", metric: rate, atLeast: true, bound: 5, other: "netrpc"},
		{work: "add-64", peer: "parley", metric: rate, atLeast: true, bound: 7, other: "grpc"},
		{work: "add-64", peer: "parley", metric: rate, atLeast: true, bound: 1.5, other: "arpc"},
		{work: "add-64", peer: "parley-inline", metric: rate, atLeast: true, bound: 0.75, other: "raw-mux"},
		{work: "add-64", peer: "parley-inline", metric: rate, atLeast: true, bound: 7, other: "netrpc"},
		{work: "add-64", peer: "parley-inline", metric: rate, atLeast: true, bound: 10, other: "grpc"},
		{work: "add-64", peer: "parley-inline", metric: rate, atLeast: true, bound: 2, other: "arpc"},
		{work: "add-64", peer: "parley-tls", metric: rate, atLeast: true, bound: 1, otherFamily: foreign},
		{work: "add-64", peer: "parley-tls", metric: rate, atLeast: true, bound: 0.8, other: "parley"},
		{work: "add-256c", peer: "parley", metric: rate, atLeast: true, bound: 0.9, other: "raw"},
		{work: "add-256c", peer: "parley", metric: rate, atLeast: true, bound: 1.2, other: "netrpc"},
		{work: "list-1k", peer: "parley", metric: cpu, bound: 1.35, other: "raw"},
		{work: "list-1k", peer: "parley", metric: rate, atLeast: true, bound: 1.3, other: "netrpc"},
		{work: "struct-100", peer: "parley", metric: cpu, bound: 1.5, other: "raw"},
		{work: "struct-100", peer: "parley", metric: rate, atLeast: true, bound: 1, otherFamily: foreign},
		{work: "blob-1M", peer: "parley", metric: rate, atLeast: true, bound: 0.85, other: "raw"},

		{work: "add-serial", peer: "parley-xmlrpc", metric: cpu, bound: 1.06, other: "http-echo"},
		{work: "add-serial", peer: "parley-xmlrpc", metric: allocs, bound: 55},
		{work: "add-64", peer: "parley-xmlrpc", metric: rate, atLeast: true, bound: 0.92, other: "http-echo"},
		{work: "add-64", peer: "parley-xmlrpc", metric: rate, atLeast: true, bound: 6, other: "kolo"},
		{work: "add-256c", peer: "parley-xmlrpc", metric: rate, atLeast: true, bound: 0.95, other: "http-echo"},
		{work: "list-1k", peer: "parley-xmlrpc", metric: cpu, bound: 1.6, other: "http-echo"},
		{work: "list-1k", peer: "parley-xmlrpc", metric: clientCPU, bound: 1.0 / 10, other: "kolo"},
		{work: "struct-100", peer: "parley-xmlrpc", metric: cpu, bound: 2, other: "http-echo"},
		{work: "struct-100", peer: "parley-xmlrpc", metric: clientCPU, bound: 1.0 / 7, other: "kolo"},
		{work: "blob-1M", peer: "parley-xmlrpc", metric: rate, atLeast: true, bound: 0.7, other: "http-echo"},
		{work: "blob-1M", peer: "parley-xmlrpc", metric: rate, atLeast: true, bound: 15, other: "kolo"},

		{work: "add-serial", peer: "parley-py-mp", metric: rate, atLeast: true, bound: 1, other: "py-mp"},
		{work: "add-serial", peer: "parley-py-mp-unix", metric: rate, atLeast: true, bound: 1, other: "py-mp-unix"},
		{work: "add-serial", peer: "parley-py-xmlrpc", metric: rate, atLeast: true, bound: 1.5, other: "py-xmlrpc"},
	}
}

// foreign tells the peers that are neither Parley nor a floor.
func foreign(peer string) bool {
	return !strings.HasPrefix(peer, "parley") && !strings.HasPrefix(peer, "raw") && peer != "http-echo"
}

// overTCP tells the foreign peers that use no unix socket.
func overTCP(peer string) bool { return foreign(peer) && !strings.HasSuffix(peer, "-unix") }

// outcome is a goal as this run saw it.
type outcome struct {
	goal
	against string        // the other peer; of several the one that is hardest to reach
	got     *measure.Stat // the ratio to it, round by round
	byCPU   *measure.Stat // of a rate: the ratio that processor time alone would allow
}

func (o outcome) met() bool {
	if o.atLeast {
		return o.got.Median >= o.bound
	}
	if o.metric.name == allocs.name {
		return o.got.Median <= o.bound+0.1 // a process allocates for itself now and then
	}
	return o.got.Median <= o.bound
}

// outcomes are those goals whose peers were all measured.
func outcomes(results []result) []outcome {
	var all []outcome
	for _, g := range goals() {
		own, ok := resultOf(results, g, g.peer)
		if !ok {
			continue
		}
		if g.other == "" && g.otherFamily == nil {
			all = append(all, outcome{goal: g, got: g.metric.of(own)})
			continue
		}
		var worst *outcome
		for _, r := range results {
			if r.work != g.work || r.peer != g.other && (g.otherFamily == nil || !g.otherFamily(r.peer)) {
				continue
			}
			other, ok := resultOf(results, g, r.peer)
			if !ok {
				continue
			}
			o := outcome{goal: g, against: r.peer, got: g.metric.of(own).Ratio(g.metric.of(other))}
			if o.got == nil {
				continue
			}
			if g.metric.name == rate.name {
				o.byCPU = other.cpu.Ratio(own.cpu)
			}
			if worst == nil || (o.got.Median < worst.got.Median) == g.atLeast {
				worst = &o
			}
		}
		if worst != nil {
			all = append(all, *worst)
		}
	}
	return all
}

// resultOf finds the result that has the figure of a goal for one peer. A run
// with -cpu0 has those of one core only, and counts for all goals.
func resultOf(results []result, g goal, peer string) (found result, ok bool) {
	for _, r := range results {
		if r.work == g.work && r.peer == peer && g.metric.of(r) != nil && (!ok || r.oneCore == g.metric.oneCore) {
			found, ok = r, true
		}
	}
	return found, ok
}

// printGoals prints the goals that this run can tell about.
func printGoals(out io.Writer, results []result) {
	all := outcomes(results)
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(out, "\ngoals %54s %8s %18s   %-15s %-8s %s\n", "", "ratio", "min .. max", "goal", "", "by CPU")
	for _, o := range all {
		what := o.peer
		if o.against != "" {
			what += " / " + o.against
		}
		relation, verdict := "<=", "not met"
		if o.atLeast {
			relation = ">="
		}
		if o.met() {
			verdict = "met"
		}
		byCPU := ""
		if o.byCPU != nil {
			byCPU = fmt.Sprintf("%.3g", o.byCPU.Median)
		}
		fmt.Fprintf(out, "  %-11s %-30s %-16s %8.3g %18s   %s %-12.3g %-8s %s\n", o.work, what, o.metric.name, o.got.Median,
			fmt.Sprintf("%.3g .. %.3g", o.got.Min, o.got.Max), relation, o.bound, verdict, byCPU)
	}
}
