package report

import "github.com/parley-rpc/parley/internal/compare"

// digest is the table of the two lanes that the answer is about.
type digest struct {
	Head  []string
	Lines []tableLine
}

// digestOf returns it, nil for a result that has no two.
func digestOf(r *compare.Result) *digest {
	s := r.Summary
	if s == nil || len(s.Lines) == 0 {
		return nil
	}
	units := map[string]unit{"calls/s": rate, "us": micros, "bytes": octets, "KiB": kibibyte}
	t := &digest{Head: []string{s.Names[0], s.Names[1], "times"}}
	for _, l := range s.Lines {
		line := tableLine{Title: l.What}
		if l.Unit == "calls/s" {
			line.Title += ", calls/s"
		}
		for i, key := range []string{"first", "second"} {
			line.Cells = append(line.Cells, cell{Key: key, Figure: figureOf(l.Figures[i], units[l.Unit])})
		}
		times := cell{Key: "times"}
		if l.Times > 0 {
			times.Figure = figureOf(l.Times, ratio)
		}
		times.Mark = l.Mark()
		line.Cells = append(line.Cells, times)
		t.Lines = append(t.Lines, line)
	}
	return t
}
