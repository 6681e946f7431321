package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
)

// facts say where, when and how it was measured.
func facts(r *compare.Result) []fact {
	m := r.Machine
	var where []string
	add := func(format, s string) {
		if s != "" {
			where = append(where, fmt.Sprintf(format, s))
		}
	}
	add("%s", m.Processor)
	if m.Processors > 0 {
		where = append(where, compare.Count(m.Processors, "processor"))
	}
	if m.MemoryMiB > 0 {
		add("%s of memory", write(float64(m.MemoryMiB)*1024, kibibyte))
	}
	add("%s", m.OS)
	add("kernel %s", m.Kernel)
	add("%s", m.Go)
	add("Python %s", m.Python)
	var idle []string
	if m.Load >= 0 {
		idle = append(idle, fmt.Sprintf("load %.2f before it began", m.Load))
	}
	idle = append(idle, compare.Noise(m.Noise)+" as usual, or longer")
	if m.Race {
		idle = append(idle, "built with the race detector")
	}
	turns := r.Starts * r.Rounds
	often := fmt.Sprintf("%s at %s, in %s", compare.Count(len(r.Lanes), "transport"), compare.Count(len(r.Works), "kind")+" of work", compare.Count(turns, "turn"))
	if r.Depth == "against" {
		often = fmt.Sprintf("%s, each in %s of %d ms with %s callers", compare.Count(len(r.Lanes), "server"), compare.Count(turns, "turn"), r.TurnMS, crowdsText(r))
	} else if turns > 0 {
		often += fmt.Sprintf(" each: processes started %s, and %s of %d ms for each start", compare.Times(r.Starts), compare.Count(r.Rounds, "turn"), r.TurnMS)
	}
	if n := r.Long(); n > 0 && turns > 0 {
		often += fmt.Sprintf("; but one turn for each start at %s", compare.Count(n, "kind"))
	}
	if r.Rate > 0 {
		often += "; " + digits(r.Rate) + " calls per second at fixed times"
	} else {
		often += "; each caller calls again when it has been answered"
	}
	often += ". It took " + write(r.Seconds*1e6, micros) + "."
	return []fact{
		{"Machine", strings.Join(where, ", ")},
		{"Quiet?", strings.Join(idle, "; ")},
		{"When", r.Taken.UTC().Format("2 January 2006, 15:04 UTC") + ", parley " + r.Version},
		{"How often", often},
	}
}

// crowdsText is "1, 8 and 64".
func crowdsText(r *compare.Result) string {
	var all []string
	for _, n := range crowds(r) {
		all = append(all, strconv.Itoa(n))
	}
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " and " + all[len(all)-1]
}

// Time is when it was measured, for the time element.
func (v view) Time() string { return v.Taken.UTC().Format(time.RFC3339) }
