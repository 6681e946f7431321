package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/compare"
)

// sample is a result of made-up figures, as large as a full comparison.
func sample(t testing.TB) *compare.Result {
	t.Helper()
	f, err := os.Open("../testdata/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := compare.ReadJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t testing.TB, r *compare.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// only keeps some lanes and works of a result.
func only(r *compare.Result, lane func(compare.Lane) bool, work func(compare.Work) bool) *compare.Result {
	r.Lanes = slices.DeleteFunc(r.Lanes, func(l compare.Lane) bool { return !lane(l) })
	r.Works = slices.DeleteFunc(r.Works, func(w compare.Work) bool { return !work(w) })
	has := func(name string) bool { return r.Lane(name) != nil }
	r.Rows = slices.DeleteFunc(r.Rows, func(row compare.Row) bool {
		return !has(row.Lane) || !slices.ContainsFunc(r.Works, func(w compare.Work) bool { return w.Name == row.Work })
	})
	r.Connections = slices.DeleteFunc(r.Connections, func(c compare.Connection) bool { return !has(c.Lane) })
	r.Judge()
	return r
}

// longNames gives all lanes and works names that have no room anywhere.
func longNames(r *compare.Result) *compare.Result {
	for i := range r.Lanes {
		r.Lanes[i].Title = fmt.Sprintf("%s %d, TCP", strings.Repeat("a very long name ", 20), i)
	}
	for i := range r.Works {
		r.Works[i].Title = strings.Repeat("w", 500) + fmt.Sprint(i)
	}
	return r
}

// atRate makes a result one of a rate that was given, which one lane in three did not
// keep.
func atRate(r *compare.Result) *compare.Result {
	r.Rate = 500
	for i := range r.Rows {
		row := &r.Rows[i]
		if row.CallsPerS == nil {
			continue
		}
		late, unsent := int64(i%7), int64(0)
		if i%3 == 0 {
			unsent = int64(100_000 + i)
		}
		row.CallsPerS, row.Late, row.Unsent = compare.NewStat([]float64{500, 499.5, 500}), &late, &unsent
	}
	r.Judge()
	return r
}

// TestRateIsShownByLatency: at a rate that was given all make as many calls, and no
// plot shows how many.
func TestRateIsShownByLatency(t *testing.T) {
	r := atRate(sample(t))
	got := render(t, r)
	for _, want := range []string{"p99: add(3, 5)", "at 500 calls/s; log scale", "99 of 100 calls end within, log scale", "Does it keep the rate?", `<th scope="col">unsent</th>`, `data-key="unsent"><data value="100000">100,000</data>`} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in the report", want)
		}
	}
	for _, svg := range strings.SplitAfter(got, "</svg>") {
		if i := strings.Index(svg, "<svg"); i >= 0 && strings.Contains(strings.ToLower(svg[i:]), "calls per second") {
			t.Errorf("got a plot of calls per second: %.300s", svg[i:])
		}
	}
	for name, want := range map[string]string{"": "p99: add(3, 5)", "throughput": "99 of 100 calls end within"} {
		var b bytes.Buffer
		if err := Plot(&b, r, name); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("plot %q: got %v, and no %q", name, err, want)
		}
	}
	if got := render(t, sample(t)); strings.Contains(got, "unsent") || !strings.Contains(got, "Calls per second: add(3, 5)") {
		t.Error("without a rate: got what was not sent, or no calls per second")
	}
}

// TestPlotsOfTheGrid: speed against callers for each call that has several numbers of
// them, and cost against size for each form, number of callers and kind of socket.
// Few of them are open.
func TestPlotsOfTheGrid(t *testing.T) {
	got := render(t, sample(t))
	open, more := 0, 0
	for _, section := range strings.Split(got, "<section ")[1:] {
		for i, part := range strings.Split(section, `<details class="more">`) {
			n := strings.Count(strings.SplitAfter(part, "</details>")[0], `aria-labelledby="throughput-`) + strings.Count(strings.SplitAfter(part, "</details>")[0], `aria-labelledby="cost-`)
			if i == 0 {
				open += n
			} else {
				more += n
			}
		}
	}
	// 11 calls over 3 kinds of socket, and 3 forms by 3 numbers of callers over each.
	if all := 11*3 + 3*3*3; open+more != all || open != 3+3+9 {
		t.Errorf("got %d plots that are open and %d more; want %d of %d", open, more, 3+3+9, all)
	}
	for _, want := range []string{"Records, TCP", "Records, unix socket", "Blob, TLS", "List, TLS, 64 callers", "unix socket: 1000 records", "TLS: blob of 8 MiB"} {
		if n := strings.Count(got, `class="title" x="0" y="9" dy=".35em">`+want+`</text>`); n != 1 {
			t.Errorf("got %d plots with the title %q; want one", n, want)
		}
	}
}

func anyLane(compare.Lane) bool { return true }
func anyWork(compare.Work) bool { return true }

// TestSmallAndStrangeResults: whatever a comparison found, there is a report, and
// what it has is in it.
func TestSmallAndStrangeResults(t *testing.T) {
	none := sample(t)
	for i := range none.Rows {
		none.Rows[i] = compare.Row{Lane: none.Rows[i].Lane, Work: none.Rows[i].Work}
	}
	failed := sample(t)
	for i := range failed.Rows {
		failed.Rows[i] = compare.Row{Lane: failed.Rows[i].Lane, Work: failed.Rows[i].Work, Failed: "the cable was cut"}
	}
	missing := only(sample(t), func(l compare.Lane) bool { return l.Family != "python" }, anyWork)
	missing.Missing = []compare.Missing{{Lane: "py-mp", Why: "there is no python3"}}
	against := only(sample(t), func(l compare.Lane) bool { return l.Name == "xmlrpc" }, func(w compare.Work) bool { return w.Form == "add" })
	against.Depth, against.Abilities, against.Connections = "against", nil, nil
	for i := range against.Works {
		against.Works[i].Form = "call"
	}
	for name, c := range map[string]struct {
		r    *compare.Result
		want []string
		svgs int // at least
	}{
		"nothing":      {&compare.Result{}, []string{"There is no answer"}, 0},
		"one lane":     {only(sample(t), func(l compare.Lane) bool { return l.Name == "kolo" }, anyWork), []string{"kolo/xmlrpc"}, 10},
		"two lanes":    {only(sample(t), func(l compare.Lane) bool { return l.Family == "native" && l.Socket != "tls" }, anyWork), []string{"native, unix socket"}, 10},
		"one work":     {only(sample(t), anyLane, func(w compare.Work) bool { return w.Name == "blob-1024" }), []string{"blob of 1 KiB"}, 4},
		"no Python":    {missing, []string{"py-mp: there is no python3"}, 15},
		"against":      {against, []string{"compare, against"}, 5},
		"at a rate":    {atRate(sample(t)), []string{"Does it keep the rate?"}, 15},
		"long names":   {longNames(sample(t)), []string{"a very long name"}, 15},
		"no figures":   {none, []string{"native, TCP"}, 2},
		"all failed":   {failed, []string{"failed: the cable was cut"}, 2},
		"edge":         {edge(), []string{"it cannot fly", "1,152,921,504,606,846,976"}, 4},
		"row not made": {only(sample(t), anyLane, anyWork), []string{"failed: 8 MiB of bytes: the server closed"}, 15},
	} {
		t.Run(name, func(t *testing.T) {
			got := render(t, c.r)
			readCells(t, got) // is well-formed
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("got no %q in the report", want)
				}
			}
			if n := strings.Count(got, "<svg"); n < c.svgs {
				t.Errorf("got %d plots; want at least %d", n, c.svgs)
			}
			if strings.Contains(got, "NaN") || strings.Contains(got, "Inf") {
				t.Error("got NaN or Inf in the report")
			}
		})
	}
}

// TestThreatTextOfPeersIsText: nothing that a server, a processor or a command line
// says becomes a tag, an attribute or a style, in the page or in a plot.
func TestThreatTextOfPeersIsText(t *testing.T) {
	const bad = `"'></title></text></style></svg><script>alert(1)</script><img src=x onerror=alert(2)>` + "\x00\xff&amp;{{.}}"
	r := sample(t)
	for i := range r.Lanes {
		l := &r.Lanes[i]
		name := l.Name
		l.Title, l.Client, l.Server = bad, bad, bad
		l.Name = bad + name
		for j := range r.Rows {
			if r.Rows[j].Lane == name {
				r.Rows[j].Lane = l.Name
			}
		}
		for j := range r.Connections {
			if r.Connections[j].Lane == name {
				r.Connections[j].Lane = l.Name
			}
		}
	}
	for i := range r.Works {
		name := r.Works[i].Name
		r.Works[i].Name, r.Works[i].Title = bad+name, bad
		if r.Works[i].Form == "blob" {
			r.Works[i].Form = bad
		}
		for j := range r.Rows {
			if r.Rows[j].Work == name {
				r.Rows[j].Work = r.Works[i].Name
			}
		}
	}
	r.Rows[0].Failed = bad
	r.Missing = []compare.Missing{{Lane: bad, Why: bad}}
	r.Abilities = append(r.Abilities, compare.Ability{Group: bad, Name: bad, Lanes: map[string]compare.Outcome{bad: {Verdict: bad, Note: bad}}})
	r.Changes = []compare.Change{{Lane: r.Lanes[0].Name, Work: r.Works[0].Name, Ratio: 1, Verdict: bad}}
	r.Judge()
	r.Answer, r.Warnings, r.Command, r.Version, r.Depth = []string{bad}, []string{bad}, bad, bad, bad
	r.Machine.Processor, r.Machine.Python, r.Machine.OS = bad, bad, bad

	clean := render(t, sample(t))
	report := render(t, r)
	tag := regexp.MustCompile(`<(/?)([a-zA-Z]+)`)
	known := map[string]bool{}
	for _, m := range tag.FindAllStringSubmatch(clean, -1) {
		known[m[2]] = true
	}
	if known["script"] || known["img"] || known["iframe"] || known["object"] || known["link"] || known["a"] {
		t.Fatal("the report has elements that run or load something, or lead away")
	}
	outputs := map[string]string{"report": report}
	for _, name := range Plots() {
		var b bytes.Buffer
		if err := Plot(&b, r, name); err != nil {
			t.Fatal(err)
		}
		outputs[name] = b.String()
		checkXML(t, name, b.String())
	}
	for name, text := range outputs {
		for _, m := range tag.FindAllStringSubmatch(text, -1) {
			if !known[m[2]] {
				t.Errorf("%s: got a tag %s", name, m[0])
			}
		}
		if i := strings.Index(text, "onerror=alert(2)>"); i >= 0 {
			t.Errorf("%s: got what was sent, as it was: %.200s", name, text[i:])
		}
	}
	if got, want := strings.Count(report, "<style>"), 1; got != want {
		t.Errorf("got %d styles; want %d", got, want)
	}
}

// checkXML reads all of a text as XML.
func checkXML(t *testing.T, name, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

// TestPolicy: the page may load nothing and run nothing, and its one style is the
// one that is allowed.
func TestPolicy(t *testing.T) {
	report := strings.ReplaceAll(render(t, sample(t)), "&#39;", "'")
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(report)
	if style == nil {
		t.Fatal("got no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	want := `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-` +
		strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;") + `'; base-uri 'none'; form-action 'none'">`
	if !strings.Contains(report, want) {
		t.Errorf("got no %s", want)
	}
	if m := regexp.MustCompile(`\sstyle=|\son[a-z]+=|\shref=|\ssrc=|url\(|@import|https?:`).FindString(report); m != "" {
		t.Errorf("got %q in the report, which the policy forbids or which leads to another host", m)
	}
}

// TestPlots: each is a file of its own that XML can read, in two schemes.
func TestPlots(t *testing.T) {
	for _, name := range append(Plots(), "") {
		var b bytes.Buffer
		if err := Plot(&b, sample(t), name); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		checkXML(t, name, b.String())
		for _, want := range []string{`xmlns="http://www.w3.org/2000/svg"`, "prefers-color-scheme: dark", `role="img"`, "<desc "} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%q: got no %s", name, want)
			}
		}
	}
	if err := Plot(io.Discard, sample(t), "pie"); err == nil || !strings.Contains(err.Error(), "calls, throughput") {
		t.Errorf("a plot that there is none: got %v; want an error with the names", err)
	}
	if err := Plot(io.Discard, &compare.Result{}, ""); err == nil {
		t.Error("a plot of nothing: got no error")
	}
}

// TestClosePairsAreMarked: in the plot if they are neighbours, and in the table.
func TestClosePairsAreMarked(t *testing.T) {
	r := sample(t)
	k := r.Ranking("add-64")
	k.Close = [][2]string{{k.Lanes[1], k.Lanes[0]}, {k.Lanes[0], k.Lanes[4]}}
	var b bytes.Buffer
	if err := Plot(&b, r, ""); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(b.String(), `class="tie"`); got != 1 {
		t.Errorf("got %d marks; want one, of the neighbours", got)
	}
	want := "≈ " + r.Lane(k.Lanes[1]).Title + "; " + r.Lane(k.Lanes[4]).Title + "<"
	if !strings.Contains(render(t, r), want) {
		t.Errorf("got no %q in the table", want)
	}
}

func TestWrite(t *testing.T) {
	for _, c := range []struct {
		v    float64
		u    unit
		want string
	}{
		{325140, rate, "325,000"},
		{20970, rate, "21,000"},
		{58.64, micros, "58.6 µs"},
		{999.6, micros, "1.00 ms"},
		{1240, micros, "1.24 ms"},
		{2.5e6, micros, "2.50 s"},
		{.0012, micros, "1.20 ns"},
		{0, micros, "0 µs"},
		{27, octets, "27 B"},
		{6015, octets, "6,015 B"},
		{62.5, octets, "62.5 B"},
		{2097417, octets, "2.00 MiB"},
		{49.6 * 1024, octets, "49.6 KiB"},
		{9.44, kibibyte, "9.44 KiB"},
		{2048, kibibyte, "2 MiB"},
		{.5, kibibyte, "512 B"},
		{-2, kibibyte, "-2 KiB"},
		{3, plain, "3"},
		{3.068, plain, "3.07"},
		{1e300, plain, "1.00e+300"},
		{1e-9, plain, "1.00e-09"},
		{9.999, plain, "10.0"},
		{1.03, ratio, "1.03 ×"},
	} {
		if got := write(c.v, c.u); got != c.want {
			t.Errorf("write(%v, %d): got %q; want %q", c.v, c.u, got, c.want)
		}
	}
	for _, c := range []struct {
		v    float64
		u    unit
		want string
	}{{1e5, rate, "100k"}, {2e6, rate, "2M"}, {30, rate, "30"}, {.1, plain, "0.1"}, {1000, micros, "1 ms"}, {200, micros, "200 µs"}, {65536, octets, "64 KiB"}, {1 << 20, octets, "1 MiB"}, {10, octets, "10 B"}} {
		if got := tick(c.u)(c.v); got != c.want {
			t.Errorf("tick(%v, %d): got %q; want %q", c.v, c.u, got, c.want)
		}
	}
}
