// Package report shows a comparison of transports as one HTML file, which needs
// no script and asks no other host for anything, and single plots of it as SVG.
//
//	compare.Result -> choose   what is drawn     choose.go, values.go
//	                  draw     the plots         plots.go, bars.go (package chart)
//	                  tables   all figures       tables.go, digest.go, format.go
//	               -> report.gohtml, report.css
package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/chart"
)

//go:embed report.gohtml
var page string

//go:embed report.css
var pageStyle string

// section is a part of the report: its plots and their table.
type section struct {
	ID, Title, Text string
	Plots           []template.HTML
	More            []template.HTML // plots that are shown when somebody asks for them
	Table           *table
}

// view is what the page shows.
type view struct {
	*compare.Result
	Policy   string // of what the page may load and run
	Style    template.CSS
	Hero     []template.HTML
	Digest   *digest
	Facts    []fact
	Sections []section
	Tried    []string
	Carried  []ability
}

type fact struct{ Name, Text string }

// part is a section before it is drawn.
type part struct {
	name, title, text string
	draw              func(*compare.Result) (first, more plots, err error)
	table             func(*compare.Result) *table
}

func parts(r *compare.Result) []part {
	whole := func(draw func(*compare.Result) (plots, error)) func(*compare.Result) (plots, plots, error) {
		return func(r *compare.Result) (plots, plots, error) {
			first, err := draw(r)
			return first, nil, err
		}
	}
	const axes = " against the number of callers. Plots of the same call have the same axes. Points are medians over all turns, whiskers reach from the slowest turn to the fastest."
	throughput := part{"throughput", "How many calls?", "Calls per second" + axes, drawThroughput, callsTable}
	if r.Rate > 0 {
		throughput.title = "Does it keep the rate?"
		throughput.text = "All make as many calls at a rate that was given, " + digits(r.Rate) + " a second, and so it is the time within which 99 of 100 calls end that tells them apart, here" + axes + " The table has the calls that were sent late, by more than a millisecond, and those that were due and never sent."
	}
	return []part{
		throughput,
		{"latency", "How long does a call take?", "One call in ten takes longer than at 90%, one in a hundred longer than at 99%, one in a thousand longer than at 99.9%. The line is the distribution of all calls together; points are medians over the turns, whiskers their least and greatest.", whole(drawLatency), latencyTable},
		{"cost", "What does size cost?", "Processor time of client and server together against how much is sent and returned. Where lines run in parallel, the larger cost is a constant factor. One plot for each kind of socket; those of a form have the same axes.", drawCost, costTable},
		{"wire", "What goes over the wire?", "Bytes that one call moves, there and back, counted on the connection; bars begin at zero. One plot for each kind of call; all sizes are in the table, and how many call makes next to no difference.", whole(drawWire), wireTable},
		{"processor", "Who pays for it?", "Processor time for one call, user and system. Whiskers are the least and the greatest sum of any turn.", whole(drawProcessor), processorTable},
		{"connections", "What does a connection cost?", "A new connection, from nothing until the answer to its first call, with its login and TLS; and the memory that the server's process keeps for one that is idle.", whole(drawConnections), connectionTable},
	}
}

// HTML writes the report of a result that was judged: one file that is complete.
func HTML(w io.Writer, r *compare.Result) error {
	v := view{Result: r, Style: template.CSS("\n" + chart.Style() + pageStyle), Facts: facts(r), Digest: digestOf(r)} //nolint:gosec // both are embedded
	sum := sha256.Sum256([]byte(v.Style))
	v.Policy = "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	hero, err := drawCalls(r)
	if err != nil {
		return fmt.Errorf("report: calls: %w", err)
	}
	v.Hero = inline(hero)
	for _, p := range parts(r) {
		first, more, err := p.draw(r)
		if err != nil {
			return fmt.Errorf("report: %s: %w", p.name, err)
		}
		s := section{ID: p.name, Title: p.title, Text: p.text, Plots: inline(first), More: inline(more), Table: p.table(r)}
		if s.Table != nil {
			s.Table.trim()
			v.Sections = append(v.Sections, s)
		}
	}
	if t := changesTable(r); t != nil {
		v.Sections = append(v.Sections, section{ID: "changes", Title: "What has changed?", Text: "Against an earlier run: calls per second, or p99 where both runs kept a rate.", Table: t})
	}
	v.Tried, v.Carried = abilities(r)
	t, err := template.New("report").Funcs(template.FuncMap{"add": func(a, b int) int { return a + b }, "flags": flags}).Parse(page)
	if err == nil {
		err = t.Execute(w, v)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// flag is one of a command, which has no place where a line may end.
var flag = regexp.MustCompile(`(^|\s)(--[a-z][a-z-]*)`)

// flags writes text whose flags stay in one piece.
func flags(text string) template.HTML {
	return template.HTML(flag.ReplaceAllString(template.HTMLEscapeString(text), `$1<code class="flag">$2</code>`)) //nolint:gosec // escaped
}

func inline(drawn plots) []template.HTML {
	var all []template.HTML
	for _, d := range drawn {
		all = append(all, template.HTML(d.Inline())) //nolint:gosec // package chart escapes all text
	}
	return all
}

// Plots are the names that Plot knows.
func Plots() []string {
	names := []string{"calls"}
	for _, p := range parts(&compare.Result{}) {
		names = append(names, p.name)
	}
	return names
}

// Plot writes one plot as an SVG file of its own, for light and dark. An empty name
// is calls, the one that tells most at a glance; of those with several plots it is
// the first one.
func Plot(w io.Writer, r *compare.Result, name string) error {
	draw := func(r *compare.Result) (plots, plots, error) {
		first, err := drawCalls(r)
		return first, nil, err
	}
	if name != "" && name != "calls" {
		all := parts(r)
		i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("report: %q is no plot; there are %s", name, strings.Join(Plots(), ", "))
		}
		draw = all[i].draw
	}
	drawn, _, err := draw(r)
	switch {
	case err != nil:
		return fmt.Errorf("report: %s: %w", name, err)
	case len(drawn) == 0:
		return fmt.Errorf("report: this comparison has no figures for the plot %q", name)
	}
	if _, err := io.WriteString(w, drawn[0].File()); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
