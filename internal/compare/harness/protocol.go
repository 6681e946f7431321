// Package harness runs servers and clients in processes of their own and gives
// each its turn. It knows no transport: a Peer is one, and those that measure
// bring theirs.
//
//	bench, lanes     choose peers and works, and what their figures are for
//	  |  Start, Open, Turn, Close
//	Stand            stand.go: the two processes of a peer, a folder, a relay
//	  |  orders and reports, a line of JSON each, over standard input and output
//	  +- server      serverchild.go: serves, tells its processor time and memory
//	  +- client      clientchild.go: calls for a while, tells what that took
//
// A child is the same program started again (RunChild), or another program that
// speaks the same protocol. It ends when its standard input does, so that none is
// left behind however its parent ends.
package harness

import (
	"github.com/parley-rpc/parley/internal/compare/measure"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// Order is what a child is told to do.
type Order struct {
	// Do is, for a server:
	//
	//	begin   collect garbage, then report
	//	end     report
	//	memory  give back what is not needed, then report
	//
	// and for a client:
	//
	//	open    dial Addr, make ready for Work, let each caller call with content of
	//	        its own, as in a run, and check the answers as a whole
	//	run     let the callers of an open Work call, at Rate if there is one
	//	close   close the connections of an open Work
	//	set-up  Calls times: dial Addr, call once, and close
	//	hold    dial Addr Conns times, call once on each, and keep them
	//	release close what is held
	Do   string     `json:"do"`
	Addr string     `json:"addr,omitempty"`
	Work *work.Work `json:"work,omitempty"`
	// A run ends after NS nanoseconds, or when each caller has made so many
	// Calls; zero is no limit.
	NS    int64 `json:"ns,omitempty"`
	Calls int64 `json:"calls,omitempty"`
	// Rate is calls per second of all callers together, each counted from when it
	// was due; 0: each caller calls again when it has been answered.
	Rate  float64 `json:"rate,omitempty"`
	Conns int     `json:"conns,omitempty"`
	// Seed and First say where the content of calls begins, for a soak.
	Seed  uint64 `json:"seed,omitempty"`
	First int64  `json:"first,omitempty"`
}

// Report is the answer to an Order. The first report of a server comes without
// one and holds its Addr.
type Report struct {
	// Error says why an order failed, which ends a measurement.
	Error string `json:"error,omitempty"`
	Addr  string `json:"addr,omitempty"`
	// Refused says, of open, that a call was answered with an error: the peer
	// cannot do this work.
	Refused string `json:"refused,omitempty"`
	// CPU is the processor time in nanoseconds, user and system: of a server
	// since it began, of a client during the run. Negative: not known.
	CPU int64 `json:"cpu_ns,omitempty"`
	// Allocs and AllocBytes are objects allocated, and their bytes, over the same
	// time. Nil: not known.
	Allocs     *int64 `json:"allocs,omitempty"`
	AllocBytes *int64 `json:"alloc_bytes,omitempty"`

	// Of a run.
	Calls   int64              `json:"calls,omitempty"`
	Wall    int64              `json:"wall_ns,omitempty"`
	Late    int64              `json:"late,omitempty"`   // of a rate, as Unsent: see measure.Sample
	Unsent  int64              `json:"unsent,omitempty"` // they are among the latencies
	Latency *measure.Histogram `json:"latency,omitempty"`
	// Latencies stand in the place of Latency where a program has no such
	// histogram: nanoseconds, and how many calls took so long.
	Latencies [][2]int64 `json:"latencies,omitempty"`

	// SetUps are the times of set-up, in nanoseconds.
	SetUps []int64 `json:"set_ups,omitempty"`

	// Of memory, in bytes.
	RSS        int64 `json:"rss,omitempty"`    // 0: not known
	InUse      int64 `json:"in_use,omitempty"` // heap and stacks
	Goroutines int64 `json:"goroutines,omitempty"`
}
