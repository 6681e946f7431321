package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-rpc/parley/internal/compare"
)

// each calls text and number for every text and every number of a result.
func each(v reflect.Value, text func(string) string, number func(v reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			each(v.Elem(), text, number)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				each(v.Field(i), text, number)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), text, number)
		}
	case reflect.String:
		v.SetString(text(v.String()))
	case reflect.Int, reflect.Int64, reflect.Float64:
		number(v)
	}
}

// byJSON is a result that comes from a file; nil if it is refused.
func byJSON(t *testing.T, r *compare.Result) *compare.Result {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	read, err := compare.ReadJSON(bytes.NewReader(text))
	if err != nil {
		return nil
	}
	return read
}

var handlerName = regexp.MustCompile(`(?i)^(on.*|srcdoc|src|action|formaction|ping|background|poster|xlink:href)$`)

// wantHarmless fails if something in a page or drawing runs or loads anything.
func wantHarmless(t *testing.T, text string, strict bool) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	if !strict {
		d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	}
	policy := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v", err)
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch name := strings.ToLower(e.Name.Local); name {
		case "script", "img", "iframe", "object", "embed", "link", "base", "form", "foreignobject", "use", "image", "animate", "set":
			t.Errorf("there is a <%s>", name)
		}
		for _, a := range e.Attr {
			if handlerName.MatchString(a.Name.Local) {
				t.Errorf("there is the attribute %s=%q", a.Name.Local, a.Value)
			}
			if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, "https://github.com/parley-rpc/") {
				t.Errorf("there is a link to %q", a.Value)
			}
			if a.Value == "Content-Security-Policy" {
				policy++
			}
		}
	}
	if !strict && policy != 1 {
		t.Errorf("got %d policies; want 1", policy)
	}
}

// small is a result of two lanes and the works of two kinds, with all kinds of text.
func small(t *testing.T) *compare.Result {
	t.Helper()
	r := only(sample(t), func(l compare.Lane) bool { return l.Name == "native-tcp" || l.Name == "xmlrpc" },
		func(w compare.Work) bool { return w.Form == "add" || w.Form == "records" })
	r.Warnings, r.Gaps = append(r.Warnings, "x"), append(r.Gaps, "x")
	r.Missing = append(r.Missing, compare.Missing{Lane: "x", Why: "x"})
	return r
}

// TestThreatHostileTextInAResult: a result may be a file that somebody else has
// made, with texts of peers in it. Nothing in it becomes part of the page or of a
// plot but text.
func TestThreatHostileTextInAResult(t *testing.T) {
	hostile := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onload='alert(1)' x='`, `</style><script>alert(1)</script>`, `</title></svg><script>x</script>`,
		`javascript:alert(1)`, `--><script>x</script><!--`, `]]><script>x</script>`, `{{.}}{{template "x"}}`, `;} * {background: url(https://example.org/)}`,
		"\x00\x01\x1b[31m\x7f\u0085", "\xff\xfe broken", "\u202eright to left\u2066", "&lt;script&gt;&#60;script>",
	}
	for turn := range len(hostile) {
		r := small(t)
		held := map[string]bool{} // what holds it together, which stays in half of the turns
		for _, l := range r.Lanes {
			held[l.Name], held[l.Family], held[l.Socket] = true, true, true
		}
		for _, w := range r.Works {
			held[w.Name], held[w.Form] = true, true
		}
		i := turn
		each(reflect.ValueOf(r), func(s string) string {
			if held[s] {
				if turn%2 == 0 {
					return s
				}
				return s + hostile[turn] // the same wherever it stands
			}
			i++
			return hostile[i%len(hostile)]
		}, func(reflect.Value) {})
		for _, r := range []*compare.Result{r, byJSON(t, r)} {
			if r == nil {
				continue
			}
			wantHarmless(t, strings.Map(printable, render(t, r)), false)
			for _, name := range Plots() {
				var svg bytes.Buffer
				if err := Plot(&svg, r, name); err == nil {
					wantHarmless(t, svg.String(), true)
				}
			}
		}
	}
}

// printable leaves out what HTML may hold and XML may not.
func printable(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == utf8.RuneError {
		return -1
	}
	return r
}

// TestThreatHostileNumbersInAResult: nor do figures that are none end in anything
// but a report, or a refusal.
func TestThreatHostileNumbersInAResult(t *testing.T) {
	floats := []float64{0, -1, 1e308, -1e308, math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 0.1}
	ints := []int64{0, -1, 1, math.MaxInt32, math.MaxInt64, math.MinInt64}
	shown := 0
	for turn := range 2 * len(floats) {
		r, i := small(t), 0
		each(reflect.ValueOf(r), func(s string) string { return s }, func(v reflect.Value) {
			i++
			switch {
			case v.CanFloat() && turn < len(floats):
				v.SetFloat(floats[turn])
			case v.CanFloat():
				v.SetFloat(floats[(turn+i)%len(floats)])
			case turn%2 == 1:
				v.SetInt(ints[(turn/2+i)%len(ints)])
			}
		})
		r.Format = compare.Format
		if r = byJSON(t, r); r == nil {
			continue // it is said to be no result
		}
		shown++
		page := render(t, r)
		wantHarmless(t, page, false)
		if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
			t.Errorf("turn %d: got NaN or Inf", turn)
		}
	}
	if shown == 0 {
		t.Error("every result was refused")
	}
}
