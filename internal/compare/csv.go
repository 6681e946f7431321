package compare

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// csvStats are the figures of a row that CSV has, by the names of the JSON.
func csvStats(row *Row) []struct {
	name string
	stat *Stat
} {
	return []struct {
		name string
		stat *Stat
	}{
		{"calls_per_s", row.CallsPerS},
		{"p50_us", row.P50},
		{"p90_us", row.P90},
		{"p99_us", row.P99},
		{"p99_9_us", row.P999},
		{"max_us", row.Max},
		{"client_cpu_us", row.ClientCPU},
		{"server_cpu_us", row.ServerCPU},
		{"client_allocs", row.ClientAllocs},
		{"server_allocs", row.ServerAllocs},
		{"client_alloc_bytes", row.ClientAllocBytes},
		{"server_alloc_bytes", row.ServerAllocBytes},
	}
}

// CSVHeader are the names of the columns, which scripts may rely on: new ones are
// added at the end.
//
//	lane, work                as in the JSON
//	form, size, callers       of the work
//	best_place, worst_place   by calls_per_s, at a given rate by p99_us; they differ where lanes are too close to call
//	too_close_to              those lanes, with a space between two; of these,
//	measured_too_seldom_with  those of which this is all that can be said
//	calls                     that were measured
//	wire_bytes                of one call, both ways
//	X, X_min, X_max           the median over all turns, and the least and the greatest, for each figure X
//	failed                    why there are no figures
//	late, unsent              calls of a rate that were sent late, and not at all
//
// What is not known is empty.
func CSVHeader() []string {
	header := []string{"lane", "work", "form", "size", "callers", "best_place", "worst_place", "too_close_to", "calls", "wire_bytes"}
	for _, s := range csvStats(&Row{}) {
		header = append(header, s.name, s.name+"_min", s.name+"_max")
	}
	return append(header, "failed", "late", "unsent", "measured_too_seldom_with")
}

// WriteCSV writes a line for each row, in the order of the rows, with figures as
// exact as in the JSON. The columns are those of CSVHeader.
func WriteCSV(w io.Writer, r *Result) error {
	out := csv.NewWriter(w)
	lines := [][]string{CSVHeader()}
	for i := range r.Rows {
		row := &r.Rows[i]
		var work Work
		for _, w := range r.Works {
			if w.Name == row.Work {
				work = w
			}
		}
		best, worst, ties, seldom := "", "", "", ""
		if k := r.Ranking(row.Work); k != nil {
			if b, w := k.Places(row.Lane); b > 0 {
				best, worst = strconv.Itoa(b), strconv.Itoa(w)
			}
			ties, seldom = strings.Join(k.ties(row.Lane), " "), strings.Join(k.marked(row.Lane, SeldomMark), " ")
		}
		line := []string{
			row.Lane, row.Work, work.Form, strconv.Itoa(work.Size), strconv.Itoa(work.Callers),
			best, worst, ties, strconv.FormatInt(row.Calls, 10), number(row.WireBytes),
		}
		for _, s := range csvStats(row) {
			if s.stat == nil {
				line = append(line, "", "", "")
				continue
			}
			line = append(line, number(&s.stat.Median), number(&s.stat.Min), number(&s.stat.Max))
		}
		line = append(line, row.Failed)
		for _, n := range []*int64{row.Late, row.Unsent} {
			if n == nil {
				line = append(line, "")
				continue
			}
			line = append(line, strconv.FormatInt(*n, 10))
		}
		lines = append(lines, append(line, seldom))
	}
	return out.WriteAll(lines)
}

func number(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'g', -1, 64)
}
