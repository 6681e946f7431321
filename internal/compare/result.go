// Package compare holds what a comparison of transports found: the figures, what
// each transport can carry, and what follows from them. It measures nothing.
//
//	lanes        the transports that are compared, each a pair of processes
//	  |
//	harness      starts the processes, gives each its turn
//	  |
//	measure      calls for a while, and counts: latency, processor, allocations
//	  |
//	Result  ->   a table, JSON, CSV, and the report in HTML (package report)
package compare

import "time"

// Format is the version of the JSON. It grows when a field changes its meaning.
const Format = 1

// Result is one comparison. All that is shown of it, in any form, comes from here.
type Result struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of parley
	Taken   time.Time `json:"taken"`
	Command string    `json:"command"` // that repeats it
	// Depth is quick, normal or full, or against for a server of the user's own.
	Depth   string  `json:"depth"`
	Seconds float64 `json:"seconds"` // that all of it took
	Machine Machine `json:"machine"`

	// Starts is how often the processes were started anew, Rounds how many turns
	// each lane then had at each work, and TurnMS how long a turn was. So each lane
	// has Starts times Rounds turns, and turn i is of start i/Rounds; but see
	// Work.Rounds.
	Starts int `json:"starts"`
	Rounds int `json:"rounds"`
	TurnMS int `json:"turn_ms"`
	// Rate is calls per second in all, if they were made at a fixed rate, else 0:
	// each caller calls again when it has been answered.
	Rate float64 `json:"rate,omitempty"`

	Lanes   []Lane    `json:"lanes"`
	Missing []Missing `json:"missing,omitempty"` // lanes that could not take part
	Gaps    []string  `json:"gaps,omitempty"`    // what else could not be found out, and why
	Works   []Work    `json:"works"`
	Rows    []Row     `json:"rows"` // by work, in the order of Lanes
	// Rankings has one entry for each work.
	Rankings    []Ranking    `json:"rankings"`
	Connections []Connection `json:"connections"`
	Abilities   []Ability    `json:"abilities"`
	Answer      []string     `json:"answer"`             // the question, answered in three sentences
	Summary     *Summary     `json:"summary,omitempty"`  // the figures of the answer, for a small table
	Warnings    []string     `json:"warnings,omitempty"` // such as that the machine was busy
	Changes     []Change     `json:"changes,omitempty"`  // against an earlier result, if that was asked for
}

// Machine is where it was measured.
type Machine struct {
	OS         string  `json:"os"`     // linux/amd64
	Kernel     string  `json:"kernel"` // "" where it is not known, as below
	Processor  string  `json:"processor"`
	Processors int     `json:"processors"` // that this process may use
	MemoryMiB  int64   `json:"memory_mib"`
	Go         string  `json:"go"`
	Python     string  `json:"python,omitempty"`
	Load       float64 `json:"load"` // mean of the last minute before it began; -1: not known
	// Noise is how much longer one in twenty of many equal pieces of work, of a
	// millisecond each, took than the middle one, with nothing else of ours running:
	// 0.05 is 5 %.
	Noise float64 `json:"noise"`
	// ClockNS is the smallest step that the clock was seen to make, 0 if unknown.
	ClockNS int64 `json:"clock_ns,omitempty"`
	// Race: this program was built with the race detector, and is many times slower.
	Race bool `json:"race,omitempty"`
}

// Lane is one transport with its client and its server.
type Lane struct {
	Name   string `json:"name"`   // native-tcp, native-unix, native-tls, xmlrpc, xmlrpc-unix, xmlrpc-tls, kolo, py-xmlrpc, py-mp, py-mp-unix
	Title  string `json:"title"`  // for people: "native, TCP"
	Family string `json:"family"` // native, xmlrpc, kolo, python; of a server of the user's own, native or xmlrpc
	Socket string `json:"socket"` // tcp, unix or tls
	Client string `json:"client"` // what calls, and
	Server string `json:"server"` // what answers: "Parley", "kolo/xmlrpc", "Python 3.11.7 xmlrpc.client"
	// OneAtATime: a connection carries one call at a time, and so there is one for
	// each caller.
	OneAtATime bool `json:"one_at_a_time,omitempty"`
}

// Missing is a lane that could not take part.
type Missing struct {
	Lane string `json:"lane"`
	Why  string `json:"why"`
}

// Work is something to call. With a server of the user's own the form is call, and
// the title says what is called.
type Work struct {
	Name    string `json:"name"`    // add-1, add-8, add-64, records-100, list-1000, blob-1024 …
	Title   string `json:"title"`   // "add(3, 5), 64 callers"
	Form    string `json:"form"`    // add, records, list, blob or call
	Size    int    `json:"size"`    // records, integers, bytes; 0 for add and call
	Callers int    `json:"callers"` // that call at the same time
	// Rounds stands in the place of Result.Rounds for a work of long turns; 0: it does
	// not.
	Rounds int `json:"rounds,omitempty"`
}

// Row is what was measured of one lane at one work. A nil could not be measured,
// and there is no zero in its place.
type Row struct {
	Lane string `json:"lane"`
	Work string `json:"work"`
	// Failed says why there are no figures: the lane cannot do this work.
	Failed string `json:"failed,omitempty"`

	CallsPerS *Stat `json:"calls_per_s,omitempty"`
	// Latencies are all of one population, so that none is below one before it: of
	// each turn, if it has calls enough for p99, and else of all calls together, with
	// a single turn. A quantile that no call is beyond is nil.
	P50  *Stat `json:"p50_us,omitempty"`
	P90  *Stat `json:"p90_us,omitempty"`
	P99  *Stat `json:"p99_us,omitempty"`
	P999 *Stat `json:"p99_9_us,omitempty"`
	Max  *Stat `json:"max_us,omitempty"`
	// Processor time for one call, user and system.
	ClientCPU *Stat `json:"client_cpu_us,omitempty"`
	ServerCPU *Stat `json:"server_cpu_us,omitempty"`
	// Objects allocated for one call, and their bytes.
	ClientAllocs     *Stat `json:"client_allocs,omitempty"`
	ServerAllocs     *Stat `json:"server_allocs,omitempty"`
	ClientAllocBytes *Stat `json:"client_alloc_bytes,omitempty"`
	ServerAllocBytes *Stat `json:"server_alloc_bytes,omitempty"`
	// WireBytes is what one call moves over the connection, both ways together,
	// without the start of the connection.
	WireBytes *float64 `json:"wire_bytes,omitempty"`

	Calls int64 `json:"calls"` // that were measured, in all
	// Late is how many calls of a rate were sent more than a millisecond after they
	// were due, and Unsent how many were due and could not be sent at all, which are
	// in the latencies with the time that they had waited; in all turns. Nil
	// without a rate.
	Late   *int64 `json:"late,omitempty"`
	Unsent *int64 `json:"unsent,omitempty"`
	// Latency is the distribution of all calls together: at each quantile, a
	// latency in microseconds; from 0 to 1, at most a hundred points.
	Latency []Point `json:"latency,omitempty"`
}

// Stat is one figure over all turns; NewStat makes it.
type Stat struct {
	Median float64   `json:"median"`
	Min    float64   `json:"min"`
	Max    float64   `json:"max"`
	Turns  []float64 `json:"turns"` // the figure of each, in order; turn i of all lanes is of one time
}

// Point is one point of a distribution.
type Point struct {
	Quantile float64 `json:"q"`
	US       float64 `json:"us"`
}

// Ranking orders the lanes of one work by calls per second, the fastest first. At
// a rate that was given it is by latency: there By is p99_us, and else it is empty.
type Ranking struct {
	Work  string   `json:"work"`
	By    string   `json:"by,omitempty"`
	Lanes []string `json:"lanes"`
	// Close has the pairs whose order this run cannot tell, be they neighbours or
	// not: another run may order them the other way.
	Close [][2]string `json:"too_close_to_call,omitempty"`
	// Seldom has those of Close of which that is all that can be said: they were
	// measured too seldom, for how far their turns are apart. All others of Close
	// differ by less than two times.
	Seldom [][2]string `json:"measured_too_seldom,omitempty"`
}

// Summary sets the two lanes that the answer is about beside each other.
type Summary struct {
	Lanes [2]string     `json:"lanes"` // the one to take first, if there is one
	Names [2]string     `json:"names"` // for people
	Lines []SummaryLine `json:"lines"`
}

// SummaryLine is one figure of both.
type SummaryLine struct {
	What    string     `json:"what"` // "add(3, 5), 1 caller"
	Unit    string     `json:"unit"` // calls/s, us, bytes or KiB
	Figures [2]float64 `json:"figures"`
	// Times is how many times better the first is; below 1 it is worse. More calls
	// are better, and less of everything else; 0 if there is no such number.
	Times float64 `json:"times,omitempty"`
	// Close: which is better cannot be told. Seldom: for it was measured too seldom.
	Close  bool `json:"too_close_to_call,omitempty"`
	Seldom bool `json:"measured_too_seldom,omitempty"`
}

// Connection is what a connection of a lane costs.
type Connection struct {
	Lane string `json:"lane"`
	// SetUp is microseconds from nothing until the answer to the first call on a
	// new connection, its login and TLS included.
	SetUp *Stat `json:"set_up_us,omitempty"`
	// IdleKiB is the memory that the server's process keeps for an idle connection.
	IdleKiB *Stat `json:"idle_kib,omitempty"`
	Idle    int   `json:"idle_connections,omitempty"` // that were open for it
}

// Ability is something that a transport carries or does, as it was tried.
type Ability struct {
	Group string `json:"group"` // types, sizes, streams, calls, who
	Name  string `json:"name"`  // "a set", "16 MiB of bytes", "a stream of results", "a call back", "cancellation"
	// Lanes has an entry for each transport that it was tried on.
	Lanes map[string]Outcome `json:"lanes"`
}

// Outcome is how a trial ended.
type Outcome struct {
	// Verdict is yes (it arrived as it was sent), changed (it arrived as something
	// else), no (an error said that it cannot be done) or untried.
	Verdict string `json:"verdict"`
	Note    string `json:"note,omitempty"` // what it became, or the error; one line
}
