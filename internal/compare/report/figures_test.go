package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/compare"
)

// cellID says which figure of a result a cell has.
type cellID struct{ lane, work, key string }

// readCells returns the figures of all cells of a report, each with how often the
// cell is there.
func readCells(t *testing.T, report string) (cells map[cellID][][]float64) {
	t.Helper()
	cells = map[cellID][][]float64{}
	d := xml.NewDecoder(strings.NewReader(report))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var open []map[string]string // attributes of the elements that are open
	var cell []float64
	text, reading := "", false
	near := func(name string) string {
		for i := len(open) - 1; i >= 0; i-- {
			if v, ok := open[i][name]; ok {
				return v
			}
		}
		return ""
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return cells
		}
		if err != nil {
			t.Fatalf("the report is no well-formed HTML: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			attributes := map[string]string{}
			for _, a := range e.Attr {
				attributes[a.Name.Local] = a.Value
			}
			open = append(open, attributes)
			switch e.Name.Local {
			case "td":
				cell = nil
			case "data":
				v, err := strconv.ParseFloat(attributes["value"], 64)
				if err != nil {
					t.Errorf("a figure: %v", err)
				}
				cell, text, reading = append(cell, v), "", true
			}
		case xml.CharData:
			if reading {
				text += string(e)
			}
		case xml.EndElement:
			switch e.Name.Local {
			case "data":
				if reading = false; strings.TrimSpace(text) == "" {
					t.Errorf("figure %v of %q: got no text", cell, near("data-lane"))
				}
			case "td":
				if key := near("data-key"); key != "" {
					id := cellID{near("data-lane"), near("data-work"), key}
					cells[id] = append(cells[id], cell)
				} else if len(cell) > 0 {
					t.Errorf("got figures %v in a cell that does not say what they are", cell)
				}
			}
			open = open[:len(open)-1]
		}
	}
}

// figuresOf are those that the JSON of a result has, by cell.
func figuresOf(t *testing.T, r *compare.Result) map[cellID][]float64 {
	t.Helper()
	var b bytes.Buffer
	if err := compare.WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Rows, Connections, Changes []map[string]any
		Summary                    struct {
			Lines []struct {
				What, Unit string
				Figures    []float64
				Times      *float64
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	figures := map[cellID][]float64{}
	for _, line := range got.Summary.Lines {
		if line.Unit == "calls/s" {
			line.What += ", calls/s"
		}
		for i, key := range []string{"first", "second"} {
			figures[cellID{"summary", line.What, key}] = line.Figures[i : i+1]
		}
		times := cellID{"summary", line.What, "times"}
		if figures[times] = nil; line.Times != nil {
			figures[times] = []float64{*line.Times}
		}
	}
	for _, rows := range [][]map[string]any{got.Rows, got.Connections, got.Changes} {
		for _, row := range rows {
			id := cellID{lane: fmt.Sprint(row["lane"])}
			if work, ok := row["work"]; ok {
				id.work = fmt.Sprint(work)
			}
			if row["failed"] != nil {
				continue
			}
			for id.key = range row {
				switch v := row[id.key].(type) {
				case float64:
					figures[id] = []float64{v}
				case map[string]any:
					figures[id] = []float64{v["median"].(float64), v["min"].(float64), v["max"].(float64)}
				}
			}
		}
	}
	return figures
}

// TestFiguresAreThoseOfTheJSON: each cell has what the JSON has, and all of the
// JSON is in a cell.
func TestFiguresAreThoseOfTheJSON(t *testing.T) {
	r := sample(t)
	r.Changes = []compare.Change{{Lane: "kolo", Work: "add-8", Ratio: 1.0312, Verdict: "close"}, {Lane: "xmlrpc", Work: "add-8", Ratio: .8123, Verdict: "slower"}}
	for name, r := range map[string]*compare.Result{"sample": r, "edge": edge(), "at a rate": atRate(sample(t))} {
		want, cells := figuresOf(t, r), readCells(t, render(t, r))
		if name == "sample" && len(want) < 1500 {
			t.Fatalf("got %d figures in the sample; want at least 1500", len(want))
		}
		for id, got := range cells {
			for _, figures := range got {
				if len(figures) != len(want[id]) || len(figures) > 0 && !reflect.DeepEqual(figures, want[id]) {
					t.Errorf("%s: cell %v: got %v; want %v", name, id, figures, want[id])
				}
			}
		}
		for id := range want {
			if len(cells[id]) == 0 {
				t.Errorf("%s: %v: got no cell for %v", name, id, want[id])
			}
		}
	}
}

// edge has what is rare: huge and tiny values, zeros, a figure without turns, rows
// that failed, figures that are missing, and one size of a work.
func edge() *compare.Result {
	one := func(v ...float64) *compare.Stat { return compare.NewStat(v) }
	wire := 0.0
	huge := &compare.Stat{Median: 1e308, Min: 1e308, Max: 1e308} // twice that is no number any more
	r := &compare.Result{
		Format: compare.Format, Machine: compare.Machine{Load: -1},
		Lanes: []compare.Lane{{Name: "a", Title: "A, TCP", Family: "native", Socket: "tcp"}, {Name: "b", Family: "xmlrpc", Socket: "unix"}, {Name: "c", Socket: "carrier pigeon"}},
		Works: []compare.Work{{Name: "add-1", Form: "add", Callers: 1}, {Name: "add-64", Form: "add", Callers: 64}, {Name: "blob-1", Title: "1 byte", Form: "blob", Size: 1, Callers: 1}},
		Rows: []compare.Row{
			{Lane: "a", Work: "add-1", CallsPerS: one(1e300, 1e-300), P50: one(1e-9), P999: one(1e12), ClientCPU: one(0), ServerCPU: one(0), WireBytes: &wire, Calls: 1 << 60},
			{Lane: "b", Work: "add-1", CallsPerS: one(0, 0, 0), ClientAllocs: one(0), Latency: []compare.Point{{Quantile: 0, US: 0}, {Quantile: 1, US: 0}}},
			{Lane: "c", Work: "add-1", Failed: "it cannot fly"},
			{Lane: "a", Work: "add-64", CallsPerS: &compare.Stat{Median: 5, Min: 5, Max: 5}, Latency: []compare.Point{{Quantile: .7, US: 3}}},
			{Lane: "a", Work: "blob-1", ClientCPU: huge, ServerCPU: huge},
		},
		Connections: []compare.Connection{{Lane: "a"}, {Lane: "b", SetUp: one(3), IdleKiB: one(-2, 4), Idle: 3}},
	}
	r.Judge()
	return r
}
