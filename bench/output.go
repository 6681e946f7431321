package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/measure"
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
func writeJSON(name string, stdout io.Writer, results []result) error {
	figures := []figure{}
	for _, r := range results {
		figures = append(figures, figure{
			Peer: r.peer, Work: r.work, Rate: median(r.rate), P50: median(r.p50), P99: median(r.p99),
			ClientCPU: median(r.clientCPU), ServerCPU: median(r.serverCPU), Allocs: median(r.allocs), Wire: median(r.wire),
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

func median(s *measure.Stat) *float64 {
	if s == nil {
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
func printTable(out io.Writer, cfg config, results, oneCore []result) {
	fmt.Fprintf(out, "%s %s/%s, %d processors; medians of %d rounds of %v, peers in turn\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), cfg.runs, cfg.time)
	fmt.Fprintf(out, tableHead, "", "calls/s", "min .. max", "p50 µs", "p99 µs", "CPU µs", "client", "server", "allocs", "bytes")
	last := ""
	for _, r := range append(results[:len(results):len(results)], oneCore...) {
		title := r.work
		if r.oneCore {
			title += ", both processes on one core"
		}
		if title != last {
			fmt.Fprintf(out, "%s %s\n", title, strings.Repeat("-", tableWidth-1-len(title)))
			last = title
		}
		fmt.Fprintf(out, tableRow, r.peer, compare.Figure(r.rate.Median), compare.Figure(r.rate.Min)+" .. "+compare.Figure(r.rate.Max),
			known(r.p50), known(r.p99), known(r.cpu), known(r.clientCPU), known(r.serverCPU), known(r.allocs), known(r.wire))
	}
}

func known(s *measure.Stat) string {
	if s == nil {
		return "-"
	}
	return compare.Figure(s.Median)
}
