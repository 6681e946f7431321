package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/parley-rpc/parley/bench/harness"
)

// figure is one entry of the JSON. A nil is what cannot be known.
type figure struct {
	Peer      string   `json:"peer"`
	Work      string   `json:"work"`
	Rate      *float64 `json:"calls_per_s"`
	P50       *float64 `json:"p50_us"`
	P99       *float64 `json:"p99_us"`
	ClientCPU *float64 `json:"client_cpu_us"`
	ServerCPU *float64 `json:"server_cpu_us"`
	Allocs    *float64 `json:"client_allocs"`
	Wire      *float64 `json:"bytes_on_wire"`
}

// writeJSON writes the medians to a file, or to stdout if its name is "-".
func writeJSON(name string, stdout io.Writer, results []harness.Result) error {
	figures := []figure{}
	for _, r := range results {
		figures = append(figures, figure{
			Peer: r.Peer, Work: r.Work, Rate: median(r.Rate), P50: median(r.P50), P99: median(r.P99),
			ClientCPU: median(r.ClientCPU), ServerCPU: median(r.ServerCPU), Allocs: median(r.Allocs), Wire: median(r.Wire),
		})
	}
	text, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if name == "-" {
		_, err = stdout.Write(text)
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

func median(s harness.Stat) *float64 {
	if !s.Known {
		return nil
	}
	return &s.Median
}

const (
	tableHead  = "  %-14s %11s %23s %9s %9s %9s %9s %9s %8s %10s\n"
	tableRow   = "  %-14s %11s %23s %9s %9s %9s %9s %9s %8s %10s\n"
	tableWidth = 121
)

// printTable prints a row for each peer under each work.
func printTable(out io.Writer, cfg harness.Config, results, oneCore []harness.Result) {
	fmt.Fprintf(out, "%s %s/%s, %d processors; medians of %d rounds of %v, peers in turn\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cfg.Runs, cfg.Time)
	fmt.Fprintf(out, tableHead, "", "calls/s", "min .. max", "p50 µs", "p99 µs", "CPU µs", "client", "server", "allocs", "bytes")
	last := ""
	for _, r := range append(results[:len(results):len(results)], oneCore...) {
		title := r.Work
		if r.OneCore {
			title += ", both processes on one core"
		}
		if title != last {
			fmt.Fprintf(out, "%s %s\n", title, strings.Repeat("-", tableWidth-1-len(title)))
			last = title
		}
		fmt.Fprintf(out, tableRow, r.Peer, number(r.Rate.Median), number(r.Rate.Min)+" .. "+number(r.Rate.Max),
			known(r.P50), known(r.P99), known(r.CPU), known(r.ClientCPU), known(r.ServerCPU), known(r.Allocs), known(r.Wire))
	}
}

func known(s harness.Stat) string {
	if !s.Known {
		return "-"
	}
	return number(s.Median)
}

// number writes a figure with three digits or more, in groups of three.
func number(f float64) string {
	switch {
	case f < 10:
		return fmt.Sprintf("%.2f", f)
	case f < 100:
		return fmt.Sprintf("%.1f", f)
	}
	digits := fmt.Sprintf("%.0f", f)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
