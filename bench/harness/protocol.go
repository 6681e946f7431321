// Package harness runs servers and clients in processes of their own and
// measures them.
//
//	bench            round.go: peers in turn, A B C A B C; statistics
//	  |  orders and reports, a line of JSON each, over standard input and output
//	  +- server of A    serverchild.go: serves, tells its processor time
//	  +- client of A    clientchild.go: calls for a while, tells what that took
//	  +- server of B ...
//
// A child is the same program started again, or another program that speaks the
// same protocol. It ends when its standard input does, so that none is left
// behind however bench ends.
package harness

// Order is what a child is told to do.
type Order struct {
	// Do is, for a server: "begin" (collect garbage, then report) or "end"
	// (report); for a client: "open" (dial Addr, make ready for Work, check
	// answers as a whole), "run", or "close".
	Do   string `json:"do"`
	Addr string `json:"addr,omitempty"`
	Work string `json:"work,omitempty"`
	// Callers is how many callers Work has, for programs that do not know.
	Callers int `json:"callers,omitempty"`
	// Conns is how many connections there are to be, Seed and First say where
	// the content of calls begins: for -idle and -soak.
	Conns int    `json:"conns,omitempty"`
	Seed  uint64 `json:"seed,omitempty"`
	First int64  `json:"first,omitempty"`
	// A run ends after NS nanoseconds, or when each caller has made so many
	// Calls; zero is no limit.
	NS    int64 `json:"ns,omitempty"`
	Calls int64 `json:"calls,omitempty"`
}

// Report is the answer to an Order. The first report of a server comes without
// one and holds its Addr.
type Report struct {
	Error string `json:"error,omitempty"`
	Addr  string `json:"addr,omitempty"`
	// CPU is the processor time in nanoseconds, user and system: of a server
	// since it began, of a client during the run.
	CPU int64 `json:"cpu_ns,omitempty"`

	// Of a run.
	Calls  int64  `json:"calls,omitempty"`
	Wall   int64  `json:"wall_ns,omitempty"`
	P50    int64  `json:"p50_ns,omitempty"`
	P99    int64  `json:"p99_ns,omitempty"`
	Allocs *int64 `json:"allocs,omitempty"` // nil: not known

	// Of -idle: bytes.
	RSS        int64 `json:"rss,omitempty"`    // 0: not known
	InUse      int64 `json:"in_use,omitempty"` // heap and stacks
	Goroutines int64 `json:"goroutines,omitempty"`
}
