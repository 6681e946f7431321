package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/parley-rpc/parley/bench/harness"
)

// metric is a figure that goals are about.
type metric struct {
	name    string
	of      func(harness.Result) harness.Stat
	oneCore bool // as measured on one core
}

var (
	rate      = metric{"calls/s", func(r harness.Result) harness.Stat { return r.Rate }, false}
	cpu       = metric{"CPU on one core", func(r harness.Result) harness.Stat { return r.CPU }, true}
	clientCPU = metric{"client CPU on one core", func(r harness.Result) harness.Stat { return r.ClientCPU }, true}
	allocs    = metric{"allocations", func(r harness.Result) harness.Stat { return r.Allocs }, false}
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
	against string // the peer that was the best of a family
	got     float64
}

func (o outcome) met() bool {
	if o.atLeast {
		return o.got >= o.bound
	}
	return o.got <= o.bound
}

// outcomes are those goals whose peers were all measured.
func outcomes(results []harness.Result) []outcome {
	var all []outcome
	for _, g := range goals() {
		var others []string
		switch {
		case g.otherFamily != nil:
			for _, r := range results {
				if r.Work == g.work && g.otherFamily(r.Peer) {
					others = append(others, r.Peer)
				}
			}
		case g.other != "":
			others = []string{g.other}
		}
		got, ok := figureOf(results, g, g.peer)
		if !ok {
			continue
		}
		if g.other == "" && g.otherFamily == nil {
			all = append(all, outcome{goal: g, got: got})
			continue
		}
		// The best of the others is what is hardest to reach.
		var worst *outcome
		for _, other := range others {
			if base, ok := figureOf(results, g, other); ok && base > 0 {
				o := outcome{goal: g, against: other, got: got / base}
				if worst == nil || (o.got < worst.got) == g.atLeast {
					worst = &o
				}
			}
		}
		if worst != nil {
			all = append(all, *worst)
		}
	}
	return all
}

// figureOf finds the median that a goal needs of one peer. A run with -cpu0 has
// those of one core only, and counts for all goals.
func figureOf(results []harness.Result, g goal, peer string) (float64, bool) {
	var found *harness.Stat
	for _, r := range results {
		if r.Work != g.work || r.Peer != peer {
			continue
		}
		if s := g.metric.of(r); s.Known && (found == nil || r.OneCore == g.metric.oneCore) {
			found = &s
		}
	}
	if found == nil {
		return 0, false
	}
	return found.Median, true
}

// printGoals prints the goals that this run can tell about.
func printGoals(out io.Writer, results []harness.Result) {
	all := outcomes(results)
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(out, "\ngoals")
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
		fmt.Fprintf(out, "  %-11s %-30s %-22s %8.3f  goal %s %-5.3g  %s\n", o.work, what, o.metric.name, o.got, relation, o.bound, verdict)
	}
}
