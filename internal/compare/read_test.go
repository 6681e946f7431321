package compare

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func judged() *Result {
	r := sample()
	r.Judge()
	return r
}

func TestReadJSONIsInverse(t *testing.T) {
	r := judged()
	var text bytes.Buffer
	if err := WriteJSON(&text, r); err != nil {
		t.Fatal(err)
	}
	got, err := ReadJSON(bytes.NewReader(text.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Error("what was read is not what was written")
	}
	got.Judge()
	if !reflect.DeepEqual(got.Rankings, r.Rankings) || !reflect.DeepEqual(got.Answer, r.Answer) {
		t.Error("it is judged otherwise")
	}
}

// Lines break where a person looks for them, and nowhere in a text.
func TestJSONLines(t *testing.T) {
	for compact, want := range map[string]string{
		`{}`:                                "{}\n",
		`{"a":1}`:                           "{\n \"a\":1\n}\n",
		`{"a":[],"b":2}`:                    "{\n \"a\":[],\n \"b\":2\n}\n",
		`{"a":[{"b":[1,2]},{"c":"},\"]"}]}`: "{\n \"a\":[\n  {\"b\":[1,2]},\n  {\"c\":\"},\\\"]\"}\n ]\n}\n",
	} {
		if got := string(lines([]byte(compact))); got != want {
			t.Errorf("%s: got\n%s; want\n%s", compact, got, want)
		}
	}
}

func TestReadJSONRefuses(t *testing.T) {
	sound := `{"format":1,"lanes":[{"name":"a"},{"name":"b"}],"works":[{"name":"w"}],
		"rows":[{"lane":"a","work":"w","calls_per_s":{"median":1,"min":1,"max":1,"turns":[1]}},{"lane":"b","work":"w"}],
		"rankings":[{"work":"w","lanes":["a"]}]}`
	if _, err := ReadJSON(strings.NewReader(sound)); err != nil {
		t.Fatal(err)
	}
	for what, edit := range map[string][2]string{
		"empty":                     {sound, ""},
		"no JSON":                   {sound, "lane,work"},
		"cut":                       {`]}]}`, ``},
		"trailing":                  {`]}]}`, `]}]}{}`},
		"another program's":         {sound, `{"hello":1}`},
		"a list":                    {sound, `[]`},
		"newer":                     {`"format":1`, `"format":2`},
		"older than any":            {`"format":1`, `"format":-1`},
		"a lane twice":              {`"name":"b"`, `"name":"a"`},
		"a lane without name":       {`{"name":"b"}`, `{}`},
		"a work twice":              {`{"name":"w"}`, `{"name":"w"},{"name":"w"}`},
		"a row of no lane":          {`"lane":"b"`, `"lane":"c"`},
		"a row of no work":          {`{"lane":"b","work":"w"}`, `{"lane":"b","work":"v"}`},
		"a row twice":               {`{"lane":"b","work":"w"}`, `{"lane":"a","work":"w"}`},
		"no turns":                  {`[1]`, `[]`},
		"median beyond":             {`"median":1`, `"median":2`},
		"too large":                 {`"median":1`, `"median":1e999`},
		"a text for a figure":       {`"median":1`, `"median":"1"`},
		"ranked but not measured":   {`"lanes":["a"]`, `"lanes":["b"]`},
		"ranked twice":              {`"lanes":["a"]`, `"lanes":["a","a"]`},
		"ranked at no work":         {`"rankings":[{"work":"w"`, `"rankings":[{"work":"v"`},
		"negative starts":           {`"format":1`, `"format":1,"starts":-1`},
		"no distribution":           {`{"lane":"b","work":"w"}`, `{"lane":"b","work":"w","latency":[{"q":2,"us":1}]}`},
		"connections of no lane":    {`"rankings"`, `"connections":[{"lane":"c"}],"rankings"`},
		"connections without turns": {`"rankings"`, `"connections":[{"lane":"a","set_up_us":{"median":1}}],"rankings"`},
	} {
		text := strings.Replace(sound, edit[0], edit[1], 1)
		if text == sound {
			t.Fatalf("%s: nothing was edited", what)
		}
		if r, err := ReadJSON(strings.NewReader(text)); !errors.Is(err, ErrNoResult) {
			t.Errorf("%s: got %+v, %v; want %v", what, r, err, ErrNoResult)
		}
	}
}

// endless is JSON that never ends.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '['
	}
	e.n += int64(len(p))
	return len(p), nil
}

func TestThreatEndlessJSON(t *testing.T) {
	e := &endless{}
	if _, err := ReadJSON(e); !errors.Is(err, ErrNoResult) || !strings.Contains(err.Error(), "more than 64 MiB") || e.n > 2*maxSize {
		t.Errorf("got %v after %d bytes; want %v", err, e.n, ErrNoResult)
	}
}

// Whatever is read can be judged and shown.
func FuzzReadJSON(f *testing.F) {
	f.Add([]byte(`{"format":1,"lanes":[{"name":"a","family":"native"},{"name":"b","family":"xmlrpc"}],"works":[{"name":"w"}],"starts":1,
		"rows":[{"lane":"a","work":"w","calls_per_s":{"median":1,"min":1,"max":1,"turns":[1]},"wire_bytes":0},
		{"lane":"b","work":"w","calls_per_s":{"median":0,"min":-1,"max":1e300,"turns":[0,-1,1e300]}}],
		"abilities":[{"lanes":{"a":{"verdict":"yes"},"x":{}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ReadJSON(bytes.NewReader(text))
		if err != nil {
			return
		}
		for range 2 { // as it came, and judged anew
			for _, width := range []int{1, 80, 100} {
				if err := WriteTable(io.Discard, r, Style{Width: width}); err != nil {
					t.Fatal(err)
				}
			}
			if err := WriteCSV(io.Discard, r); err != nil {
				t.Fatal(err)
			}
			Changes(r, r)
			if err := WriteChanges(io.Discard, r, r, Style{}); err != nil {
				t.Fatal(err)
			}
			if d := Disagreements(r, r); len(d) != 0 {
				t.Fatalf("it disagrees with itself: %v", d)
			}
			r.Judge()
			if len(r.Answer) != 3 {
				t.Fatalf("%d sentences: %q", len(r.Answer), r.Answer)
			}
		}
		var again bytes.Buffer
		if err := WriteJSON(&again, r); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadJSON(&again); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}

// JSON, CSV and the table have the same figures.
func TestFormsAgree(t *testing.T) {
	r := judged()
	var text, table bytes.Buffer
	if err := WriteCSV(&text, r); err != nil {
		t.Fatal(err)
	}
	if err := WriteTable(&table, r, Style{Width: 200}); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1+len(r.Rows) || !reflect.DeepEqual(lines[0], CSVHeader()) {
		t.Fatalf("got %d lines; want a header and %d rows", len(lines), len(r.Rows))
	}
	at := map[string]int{}
	for i, name := range lines[0] {
		at[name] = i
	}
	blocks := strings.Split(table.String(), "\n\n")
	for i, row := range r.Rows {
		line := lines[1+i]
		if line[at["lane"]] != row.Lane || line[at["work"]] != row.Work || line[at["failed"]] != row.Failed {
			t.Fatalf("line %d is of %s at %s; want %s at %s", 1+i, line[0], line[1], row.Lane, row.Work)
		}
		for _, s := range csvStats(&row) {
			for part, of := range map[string]func(*Stat) float64{
				"":     func(s *Stat) float64 { return s.Median },
				"_min": func(s *Stat) float64 { return s.Min },
				"_max": func(s *Stat) float64 { return s.Max },
			} {
				got := line[at[s.name+part]]
				if s.stat == nil {
					if got != "" {
						t.Errorf("%s%s of %s at %s: got %q; want nothing", s.name, part, row.Lane, row.Work, got)
					}
					continue
				}
				if x, err := strconv.ParseFloat(got, 64); err != nil || x != of(s.stat) {
					t.Errorf("%s%s of %s at %s: got %q; want %v", s.name, part, row.Lane, row.Work, got, of(s.stat))
				}
			}
		}
		best, worst := r.Ranking(row.Work).Places(row.Lane)
		if row.Failed == "" && (line[at["best_place"]] != strconv.Itoa(best) || line[at["worst_place"]] != strconv.Itoa(worst)) {
			t.Errorf("places of %s at %s: got %s to %s; want %d to %d", row.Lane, row.Work, line[at["best_place"]], line[at["worst_place"]], best, worst)
		}
		if got := tableLine(blocks, r, row); row.Failed == "" {
			for _, want := range []string{
				grouped(row.CallsPerS.Median), timeText(row.P50, "-"), timeText(row.P90, "-"), timeText(row.P99, "-"), timeText(row.P999, "-"),
				cpuText(row.ClientCPU, row.ServerCPU), figureText(single(row.WireBytes)), place(r.Ranking(row.Work), row.Lane),
			} {
				if !strings.Contains(got, " "+want) {
					t.Errorf("the table says of %s at %s: %q; want %q in it", row.Lane, row.Work, got, want)
				}
			}
		} else if !strings.Contains(got, row.Failed) {
			t.Errorf("the table says of %s at %s: %q; want %q in it", row.Lane, row.Work, got, row.Failed)
		}
	}
}

// tableLine is the line of a row in the blocks of a table.
func tableLine(blocks []string, r *Result, row Row) string {
	for _, block := range blocks {
		lines := strings.Split(block, "\n")
		if lines[0] != r.titleOf(row.Work)+"  ["+row.Work+"]" {
			continue
		}
		for _, line := range lines {
			if strings.HasPrefix(line, "  "+row.Lane+" ") {
				return line
			}
		}
	}
	return ""
}
