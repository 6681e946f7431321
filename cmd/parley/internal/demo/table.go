package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/lanes"
)

// demoLanes are what the demo compares, the others with the first.
func demoLanes() []demoName {
	return []demoName{{"xmlrpc", "XML-RPC"}, {"native-tcp", "native, TCP"}, {"native-unix", "native, unix"}}
}

// demoWorks are what it calls.
func demoWorks() []demoName {
	return []demoName{
		{"add-1", "small call"},
		{"add-64", "small call, 64 at once"},
		{"list-1000", "1000 integers"},
		{"records-100", "100 records"},
		{"blob-1048576", "blob of 1 MiB"},
	}
}

// demoName is a lane or a work, and what the demo calls it.
type demoName struct{ name, text string }

func demoNames(all []demoName) []string {
	var names []string
	for _, n := range all {
		names = append(names, n.name)
	}
	return names
}

// demoTurn is how long a lane is measured without a break.
const demoTurn = 100 * time.Millisecond

// measureDemo measures what the demo shows. A call that fails, or gives a wrong
// answer, ends it.
func measureDemo(ctx context.Context, std terminal.Streams) (*compare.Result, error) {
	p := terminal.NewProgress(std.Err, "starting")
	defer p.Done()
	r, err := lanes.Run(ctx, lanes.Options{
		Depth: lanes.Quick, Lanes: demoNames(demoLanes()), Works: demoNames(demoWorks()), Turn: demoTurn, Progress: p.Set,
	})
	if err != nil {
		return nil, err
	}
	r.Judge()
	for _, m := range r.Missing {
		return nil, fmt.Errorf("%s: %s", m.Lane, m.Why)
	}
	for _, row := range r.Rows {
		if row.Failed != "" {
			return nil, fmt.Errorf("%s over %s: %s", row.Work, row.Lane, row.Failed)
		}
	}
	return r, nil
}

const (
	tableRow   = "  %-23s %-13s %10s %11s %10s %10s %12s %10s\n"
	tableWidth = 107
)

// printTable prints a row for each lane at each work.
func printTable(out io.Writer, r *compare.Result) {
	fmt.Fprintf(out, tableRow, "", "", "calls/s", "vs XML-RPC", "p50", "p99", "bytes/call", "CPU/call")
	for _, w := range demoWorks() {
		fmt.Fprintln(out, " "+strings.Repeat("─", tableWidth))
		first := demoLanes()[0].name
		name := w.text
		for _, l := range demoLanes() {
			row := r.Row(l.name, w.name)
			if row == nil || row.CallsPerS == nil {
				continue // measureDemo does not leave one out
			}
			versus := ""
			if base := r.Row(first, w.name); l.name != first && base != nil {
				versus = fmt.Sprintf("%.1f ×", row.CallsPerS.Median/base.CallsPerS.Median)
				if mark := r.Ranking(w.name).Mark(first, l.name); mark != "" {
					versus = mark + " " + versus
				}
			}
			cpu := "unknown"
			if row.ClientCPU != nil && row.ServerCPU != nil {
				cpu = compare.Micros(row.ClientCPU.Median + row.ServerCPU.Median)
			}
			// Of fewer than a hundred calls the slowest is the one that 99 % do not exceed.
			p99 := row.Max
			if row.P99 != nil {
				p99 = row.P99
			}
			bytes := "unknown"
			if row.WireBytes != nil {
				bytes = compare.Figure(*row.WireBytes)
			}
			fmt.Fprintf(out, tableRow, name, l.text, compare.Figure(row.CallsPerS.Median), versus,
				compare.Micros(row.P50.Median), compare.Micros(p99.Median), bytes, cpu)
			name = ""
		}
	}
}
