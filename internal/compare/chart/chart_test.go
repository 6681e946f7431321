package chart

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

func text(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func TestTicks(t *testing.T) {
	scale := func(s Scale, err error) Scale {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct {
		name string
		s    Scale
		n    int
		want []float64
	}{
		{"linear", scale(Zero(97)), 6, []float64{0, 20, 40, 60, 80}},
		{"linear to 1", scale(Zero(0)), 6, []float64{0, .2, .4, .6, .8, 1}},
		{"linear, nothing", scale(Zero()), 3, []float64{0, .5, 1}},
		{"one decade", scale(Log(10, 100)), 6, []float64{10, 20, 50, 100}},
		{"within a decade", scale(Log(23, 41)), 6, []float64{20, 50}},
		{"two decades", scale(Log(10, 1000)), 6, []float64{10, 30, 100, 300, 1000}},
		{"five decades", scale(Log(1, 1e5)), 6, []float64{1, 10, 100, 1e3, 1e4, 1e5}},
		{"many decades", scale(Log(1, 1e12)), 5, []float64{1, 1e4, 1e8, 1e12}},
		{"one round value", scale(Log(100)), 6, []float64{50, 100, 200}},
		{"equal values", scale(Log(30, 30)), 6, []float64{20, 50}},
		{"tiny and huge", scale(Log(5e-324, 1e308)), 3, []float64{1e-107, 1e110}},
		{"given", scale(LogAt(8, 1, 64, 8)), 2, []float64{1, 8, 64}},
		{"percentiles", scale(Percentiles(.999, .5, .99, .9)), 2, []float64{.5, .9, .99, .999}},
	} {
		got := c.s.Ticks(c.n)
		if c.name == "tiny and huge" { // which ones does not matter
			if len(got) == 0 || len(got) > c.n {
				t.Errorf("%s: got %v; want 1 to %d", c.name, got, c.n)
			}
			continue
		}
		same := len(got) == len(c.want)
		for i := range min(len(got), len(c.want)) {
			same = same && math.Abs(got[i]-c.want[i]) <= 1e-9*math.Abs(c.want[i])
		}
		if !same {
			t.Errorf("%s: got %v; want %v", c.name, got, c.want)
		}
		for _, v := range got {
			if at, err := c.s.At(v); err != nil || at < 0 || at > 1 {
				t.Errorf("%s: tick %v is at %v, %v; want it on the axis", c.name, v, at, err)
			}
		}
	}
}

// TestTicksOfAnyScale: there are few, they are on the axis, and in order.
func TestTicksOfAnyScale(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		a, b, n := math.Pow(10, rnd.Float64()*600-300), math.Pow(10, rnd.Float64()*600-300), 3+rnd.IntN(5)
		l, err := Log(a, b)
		if err != nil {
			t.Fatal(err)
		}
		z, err := Zero(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []Scale{l, z} {
			ticks := s.Ticks(n)
			if len(ticks) == 0 || len(ticks) > n || !slices.IsSorted(ticks) {
				t.Fatalf("%v, %v: got ticks %v; want 1 to %d of them, in order", a, b, ticks, n)
			}
			for _, v := range append(ticks, a) {
				if _, err := s.At(v); err != nil {
					t.Fatalf("%v, %v: %v", a, b, err)
				}
			}
		}
	}
}

func TestScalePositions(t *testing.T) {
	l, err := Log(1, 100)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Percentiles(.9, .999)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		s       Scale
		v, want float64
	}{{l, 1, 0}, {l, 10, .5}, {l, 100, 1}, {p, .9, 0}, {p, .99, .5}, {p, .999, 1}} {
		if got, err := c.s.At(c.v); err != nil || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("At(%v): got %v, %v; want %v", c.v, got, err, c.want)
		}
	}
}

// TestValuesWithoutAPlaceAreRefused: a plot is never drawn with one left out or
// beyond its axis.
func TestValuesWithoutAPlaceAreRefused(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	errs := map[string]error{}
	note := func(name string, _ any, err error) { errs[name] = err }
	for _, v := range []float64{nan, inf, -inf, -1} {
		s, err := Zero(1, v)
		note(fmt.Sprint("Zero ", v), s, err)
		s, err = Log(1, v)
		note(fmt.Sprint("Log ", v), s, err)
		s, err = LogAt(1, v)
		note(fmt.Sprint("LogAt ", v), s, err)
		s, err = Percentiles(.5, v)
		note(fmt.Sprint("Percentiles ", v), s, err)
		d, err := Bars{Bars: []Bar{{Parts: []float64{v}}}}.Draw()
		note(fmt.Sprint("Bars ", v), d, err)
		for part := range 3 {
			m := [3]float64{50, 50, 50}
			m[part] = v
			l := sampleLines(t)
			l.Series[0].Marks[0] = Mark{8, m[0], m[1], m[2]}
			d, err = l.Draw()
			note(fmt.Sprint("Lines, part ", part, " ", v), d, err)
			p := sampleDots(t)
			p.Rows[0].Marks[0] = &Mark{0, m[0], m[1], m[2]}
			d, err = p.Draw()
			note(fmt.Sprint("Dots, part ", part, " ", v), d, err)
		}
		l := sampleLines(t)
		l.Series[0].Line[0][1] = v
		d, err = l.Draw()
		note(fmt.Sprint("a line ", v), d, err)
	}
	s, err := Log(0)
	note("Log 0", s, err)
	s, err = Log()
	note("Log of nothing", s, err)
	s, err = Percentiles(1)
	note("Percentiles 1", s, err)
	l := sampleLines(t)
	l.Series[0].Marks[0].Y = 1e9
	d, err := l.Draw()
	note("beyond the axis", d, err)
	d, err = Lines{Series: l.Series, XTick: text, YTick: text}.Draw()
	note("no axis", d, err)
	for name, err := range errs {
		if !errors.Is(err, ErrValue) {
			t.Errorf("%s: got %v; want ErrValue", name, err)
		}
	}
	p := sampleDots(t)
	p.Rows[0].Marks = p.Rows[0].Marks[:1]
	if _, err := p.Draw(); err == nil {
		t.Error("a row without a dot for each case: got no error")
	}
}

// TestSpread: labels that want the same place stand one behind the other, in their
// order, and those that have room stay where they are.
func TestSpread(t *testing.T) {
	if got, want := spread([]float64{10, 50, 90}, []float64{10, 10, 10}, 0, 100), []float64{10, 50, 90}; !reflect.DeepEqual(got, want) {
		t.Errorf("with room: got %v; want %v", got, want)
	}
	if got, want := spread([]float64{50, 50, 52}, []float64{10, 10, 10}, 0, 100), []float64{40 + 2./3, 50 + 2./3, 60 + 2./3}; math.Abs(got[0]-want[0]) > 1e-9 || math.Abs(got[2]-want[2]) > 1e-9 {
		t.Errorf("three in one place: got %v; want %v", got, want)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		n := 1 + rnd.IntN(12)
		want, size := make([]float64, n), make([]float64, n)
		for i := range want {
			want[i], size[i] = math.Round(rnd.Float64()*12)*10-10, 10+float64(rnd.IntN(2))*10
		}
		got := spread(want, size, 0, 250)
		for i := range got {
			if got[i]-size[i]/2 < -1e-6 || got[i]+size[i]/2 > 250+1e-6 {
				t.Fatalf("%v: got %v; want all between 0 and 250", want, got)
			}
			for j := range got {
				if i != j && math.Abs(got[i]-got[j]) < (size[i]+size[j])/2-1e-6 {
					t.Fatalf("%v of %v: got %v, where %d and %d overlap", want, size, got, i, j)
				}
				if want[i] < want[j] && got[i] > got[j] {
					t.Fatalf("%v: got %v, where %d and %d have changed their order", want, got, i, j)
				}
			}
		}
	}
}

func TestFitAndWrap(t *testing.T) {
	for _, c := range []struct {
		s     string
		width float64
	}{{"short", 100}, {strings.Repeat("w", 1000), 100}, {"Python multiprocessing, unix socket", 120}, {"日本語の名前がここにあります", 80}, {"", 10}, {"abc", 1}} {
		got := fit(c.s, c.width)
		if got != "…" && textWidth(got) > c.width {
			t.Errorf("fit(%q): got %q, %.0f wide; want at most %.0f", c.s, got, textWidth(got), c.width)
		}
		for _, line := range wrap(c.s, c.width) {
			if line != "…" && nameWidth(line) > c.width {
				t.Errorf("wrap(%q): got %q, %.0f wide; want at most %.0f", c.s, line, nameWidth(line), c.width)
			}
		}
	}
	if got, want := wrap("Python XML-RPC on Parley", 180), []string{"Python XML-RPC", "on Parley"}; !reflect.DeepEqual(got, want) {
		t.Errorf("wrap: got %q; want %q", got, want)
	}
	if got := fit("native-tcp and native-tls", 120); !strings.HasSuffix(got, "tls") || !strings.HasPrefix(got, "nat") {
		t.Errorf("fit: got %q; want the beginning and the end", got)
	}
}

func TestNamesInTwoLinesStandOff(t *testing.T) {
	// What the end of a line has room for.
	if got, want := wrap("Python XML-RPC on Parley", 168), []string{"Python XML-RPC", "on Parley"}; !reflect.DeepEqual(got, want) {
		t.Errorf("wrap: got %q; want %q", got, want)
	}
	l := sampleLines(t)
	for i := range l.Series {
		l.Series[i].Name = "a name of two lines, the same"
		l.Series[i].Marks = []Mark{{64, 480, 480, 480}}
	}
	d, err := l.Draw()
	if err != nil {
		t.Fatal(err)
	}
	var at []float64
	for _, m := range regexp.MustCompile(`<text class="name [^"]*" x="[^"]*" y="([^"]*)"`).FindAllStringSubmatch(d.File(), -1) {
		y, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, y)
	}
	if len(at) != 2*len(l.Series) {
		t.Fatalf("got %d lines of names; want %d", len(at), 2*len(l.Series))
	}
	slices.Sort(at)
	for i := 0; i+2 < len(at); i += 2 {
		if within, between := at[i+1]-at[i], at[i+2]-at[i+1]; between < within+4 {
			t.Errorf("got lines of a name %.1f apart, and %.1f to the next name; want that to be clearly more", within, between)
		}
	}
}

func TestTiesEndWithinTheDrawing(t *testing.T) {
	p := sampleDots(t)
	p.Ties[0].Sign = "≈" // the wider one
	d, err := p.Draw()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`x="([0-9.]+)"[^>]*>≈</text>`).FindStringSubmatch(d.File())
	if m == nil {
		t.Fatal("there is no sign for a tie")
	}
	if x, err := strconv.ParseFloat(m[1], 64); err != nil || x+textWidth("≈") > Width {
		t.Errorf("got a sign at %s, %.1f wide; want it to end by %d", m[1], textWidth("≈"), Width)
	}
}

func sampleLines(t *testing.T) Lines {
	t.Helper()
	x, err := LogAt(1, 8, 64)
	if err != nil {
		t.Fatal(err)
	}
	y, err := Log(10, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return Lines{
		Head: Head{ID: "l", Title: "Lines", Unit: "things, log scale", Desc: "Two lines that rise."}, X: x, Y: y, XName: "callers", XTick: text, YTick: text,
		Series: []Series{
			{Name: "one of many words here", Color: 0, Line: [][2]float64{{1, 20}, {8, 90}, {64, 500}}, Marks: []Mark{{8, 90, 70, 120}}},
			{Name: "two", Color: 2, Dash: 1, Marks: []Mark{{64, 480, 480, 480}}},
			{Name: "nothing", Color: 1},
		},
	}
}

func sampleBars() Bars {
	return Bars{
		Head: Head{ID: "b", Title: "Bars", Unit: "µs", Desc: "Three bars."}, Parts: []string{"client", "server"}, Ties: []Tie{{1, 0, "≈"}, {0, 2, "≈"}, {5, 6, "≈"}, {-1, 0, "≈"}},
		Bars: []Bar{{Name: "one", Parts: []float64{3, 4}, Min: 6, Max: 8, Text: "7 µs"}, {Name: "two", Color: 1, Parts: []float64{0}, Text: "0 µs"}, {Name: "three", Color: 9, Text: "failed"}},
	}
}

func sampleDots(t *testing.T) Dots {
	t.Helper()
	x, err := Log(10, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return Dots{
		Head: Head{ID: "d", Title: "Dots", Desc: "Two rows."}, X: x, XTick: text, XName: "≈ too close", Cases: []string{"1", "8", "64 callers"}, Ties: []Tie{{0, 1, "?"}},
		Rows: []Dot{{Name: "one", Marks: []*Mark{{0, 20, 18, 25}, {0, 21, 21, 21}, {0, 700, 700, 700}}, Text: "700"}, {Name: "two", Color: 2, Marks: []*Mark{nil, nil, nil}, Text: "failed"}},
	}
}

// TestDrawings: the files of testdata are what was looked at and found good. Write
// them anew with -update, and look at them.
func TestDrawings(t *testing.T) {
	for name, draw := range map[string]func() (*Drawing, error){"lines": sampleLines(t).Draw, "bars": sampleBars().Draw, "dots": sampleDots(t).Draw} {
		d, err := draw()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join("testdata", name+".svg")
		if *update {
			if err := os.WriteFile(path, []byte(d.File()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.File(); got != strings.ReplaceAll(string(want), "\r\n", "\n") {
			t.Errorf("%s: got another drawing than %s has:\n%s", name, path, got)
		}
	}
}

// TestThreatTextInDrawings: no text of a drawing ends its element, and all of it is
// XML.
func TestThreatTextInDrawings(t *testing.T) {
	const bad = "\"'></title></text><script>x</script>\x00\x1b\xff\ufffe\u202e&amp;]]>"
	l, b, p := sampleLines(t), sampleBars(), sampleDots(t)
	l.Head, b.Head, p.Head = Head{bad, bad, bad, bad}, Head{bad, bad, bad, bad}, Head{bad, bad, bad, bad}
	l.Series[0].Name, l.XName, b.Bars[0].Name, b.Bars[0].Text, b.Parts[0] = bad, bad, bad, bad, bad
	p.Rows[0].Name, p.Rows[0].Text, p.Cases[0], p.XName = bad, bad, bad, bad
	l.XTick = func(float64) string { return bad }
	l.YTick, p.XTick = l.XTick, l.XTick
	for i, draw := range []func() (*Drawing, error){l.Draw, b.Draw, p.Draw} {
		d, err := draw()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{d.File(), d.Inline()} {
			if regexp.MustCompile(`<script`).MatchString(text) {
				t.Errorf("drawing %d: got a script", i)
			}
			for dec := xml.NewDecoder(strings.NewReader(text)); ; {
				if _, err := dec.Token(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Errorf("drawing %d: %v", i, err)
					break
				}
			}
		}
	}
}

// TestNoStylesOfTheirOwn: a page that forbids them shows the drawings as they are.
func TestNoStylesOfTheirOwn(t *testing.T) {
	d, err := sampleLines(t).Draw()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(d.Inline(), "style") || !strings.Contains(d.File(), "<style>"+Style()) {
		t.Error("got a style in the page's drawing, or none in the file")
	}
}
