package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/load"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/measure"
)

// benchReport is what bench prints. A nil could not be measured, and there is no
// zero in its place.
type benchReport struct {
	Version     string  `json:"version"`
	URL         string  `json:"url"`
	Method      string  `json:"method"`
	Callers     int     `json:"callers"`
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate,omitempty"` // that was asked for
	Seconds     float64 `json:"seconds"`
	Interrupted bool    `json:"interrupted,omitempty"` // by Ctrl-C
	Ended       string  `json:"ended,omitempty"`       // why it ended early, or why no call succeeded

	Calls      int64        `json:"calls"` // that succeeded, as do those per second
	CallsPerS  float64      `json:"calls_per_s"`
	Faults     []load.Fault `json:"faults"`
	TimeOuts   int64        `json:"time_outs"`
	LinkErrors int64        `json:"link_errors"`
	Late       int64        `json:"late,omitempty"` // calls of a rate: sent a millisecond or more after they were due
	Unsent     int64        `json:"unsent,omitempty"`

	// Quantiles beyond which there is no call are nil.
	P50     float64      `json:"p50_us"`
	P90     *float64     `json:"p90_us"`
	P99     *float64     `json:"p99_us"`
	P999    *float64     `json:"p99_9_us"`
	Max     float64      `json:"max_us"`
	Latency []benchPoint `json:"latency"`

	SetUpUS          float64  `json:"set_up_us"` // until the first answer on a new connection
	WireBytes        *float64 `json:"wire_bytes"`
	ClientCPU        *float64 `json:"client_cpu_us"`
	ClientAllocs     float64  `json:"client_allocs"`
	ClientAllocBytes float64  `json:"client_alloc_bytes"`

	Machine  benchMachine `json:"machine"`
	Warnings []string     `json:"warnings,omitempty"`

	bars []measure.Bar
}

type benchPoint struct {
	Quantile float64 `json:"q"`
	US       float64 `json:"us"`
}

// benchMachine is the machine, in a line.
type benchMachine struct{ compare.Machine }

// print writes the report for people.
func (r *benchReport) print(out io.Writer) error {
	paint := terminal.NewPainter(out)
	var b strings.Builder
	fmt.Fprintf(&b, "%s at %s\n%s\n\n", terminal.Printable(r.Method), terminal.Printable(r.URL), r.how())
	for _, row := range r.rows() {
		fmt.Fprintf(&b, "  %s  %s\n", paint.Header(fmt.Sprintf("%-11s", row[0])), row[1])
	}
	if len(r.bars) > 0 {
		b.WriteString("\n")
		plotBars(&b, r.bars)
	}
	fmt.Fprintf(&b, "\n%s\n", r.Machine)
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "%s %s\n", paint.Warning("warning:"), w)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// how says what was done.
func (r *benchReport) how() string {
	text := fmt.Sprintf("%s over %s, %.1f s, ", terminal.Several(r.Callers, "caller"), terminal.Several(r.Connections, "connection"), r.Seconds)
	if r.Rate > 0 {
		text += fmt.Sprintf("%g calls/s asked for", r.Rate)
	} else {
		text += "each calls again when it is answered"
	}
	if r.Interrupted {
		text += "; interrupted"
	}
	if r.Ended != "" {
		text += "; ended: " + r.Ended
	}
	return text
}

// rows are the figures: a name, and a text.
func (r *benchReport) rows() [][2]string {
	rate := compare.Figure(r.CallsPerS)
	if r.Rate > 0 {
		rate += fmt.Sprintf(", %.1f %% of the rate; %s sent late, %s not sent", 100*r.CallsPerS/r.Rate, compare.Figure(float64(r.Late)), compare.Figure(float64(r.Unsent)))
	}
	us := compare.Micros
	known := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return us(*v)
	}
	rows := [][2]string{
		{"calls/s", rate},
		{"calls", compare.Figure(float64(r.Calls))},
		{"latency", fmt.Sprintf("p50 %s   p90 %s   p99 %s   p99.9 %s   max %s", us(r.P50), known(r.P90), known(r.P99), known(r.P999), us(r.Max))},
	}
	for i, f := range r.Faults {
		name := ""
		if i == 0 {
			name = "faults"
		}
		rows = append(rows, [2]string{name, f.String()})
	}
	if len(r.Faults) == 0 {
		rows = append(rows, [2]string{"faults", "0"})
	}
	rows = append(rows, [2]string{"time-outs", compare.Figure(float64(r.TimeOuts))}, [2]string{"link errors", compare.Figure(float64(r.LinkErrors))})
	wire, cpu := "unknown", "processor time unknown"
	if r.WireBytes != nil {
		wire = compare.Figure(*r.WireBytes) + " bytes for a call, both ways together"
	}
	if r.ClientCPU != nil {
		cpu = us(*r.ClientCPU) + " of processor time"
	}
	return append(rows,
		[2]string{"wire", wire},
		[2]string{"client", fmt.Sprintf("%s, %.1f allocations and %s bytes of memory for a call", cpu, r.ClientAllocs, compare.Figure(r.ClientAllocBytes))},
		[2]string{"set-up", us(r.SetUpUS) + " from nothing until the first answer"})
}

func (m benchMachine) String() string {
	parts := []string{m.OS}
	if m.Kernel != "" {
		parts = append(parts, "kernel "+m.Kernel)
	}
	if m.Processor != "" {
		parts = append(parts, m.Processor)
	}
	parts = append(parts, terminal.Several(m.Processors, "processor"))
	if m.MemoryMiB > 0 {
		parts = append(parts, fmt.Sprintf("%.1f GiB", float64(m.MemoryMiB)/1024))
	}
	parts = append(parts, m.Go)
	if m.Load >= 0 {
		parts = append(parts, fmt.Sprintf("load %.2f", m.Load))
	}
	if m.Noise >= 0 {
		parts = append(parts, compare.Noise(m.Noise))
	}
	return terminal.Printable(strings.Join(parts, ", "))
}

// longestBar is that of the plot, in columns.
const longestBar = 40

// plotBars draws how the latencies are spread, a line for each step.
func plotBars(b *strings.Builder, bars []measure.Bar) {
	var all, most int64
	for _, bar := range bars {
		all += bar.Count
		most = max(most, bar.Count)
	}
	for _, bar := range bars {
		mark := strings.Repeat("#", int((bar.Count*longestBar+most-1)/most)) // what is there is seen
		fmt.Fprintf(b, "  %17s  %-*s %6.2f %%\n", step(bar.From, bar.To), longestBar, mark, 100*float64(bar.Count)/float64(all))
	}
}

// step is a part of the scale, in one unit: "200 - 500 µs".
func step(from, to time.Duration) string {
	unit, name := time.Nanosecond, "ns"
	switch {
	case from >= time.Second:
		unit, name = time.Second, "s"
	case from >= time.Millisecond:
		unit, name = time.Millisecond, "ms"
	case from >= time.Microsecond:
		unit, name = time.Microsecond, "µs"
	}
	return fmt.Sprintf("%d - %d %s", from/unit, to/unit, name)
}
