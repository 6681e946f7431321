package compare

import (
	"bytes"
	"encoding/csv"
	"slices"
	"strings"
	"testing"
)

// paced is a result of a rate that XML-RPC did not keep.
func paced() *Result {
	r := quiet(rates{"add-1": {"native-tcp": 20000, "native-unix": 30000, "native-tls": 10000, "xmlrpc": 9000, "kolo": 25000}})
	given(r, 10000)
	for i := range r.Rows {
		late, unsent := int64(3), int64(0)
		if r.Rows[i].Lane == "xmlrpc" {
			late, unsent = 1234, 56789
		}
		r.Rows[i].Late, r.Rows[i].Unsent = &late, &unsent
	}
	r.Judge()
	return r
}

// Of a rate the table and the CSV tell the calls that were late and those that were
// not sent, and without one there is nothing of it.
func TestLateAndUnsentAreShown(t *testing.T) {
	for _, r := range []*Result{paced(), quiet(rates{"add-1": {"native-tcp": 20000, "xmlrpc": 9000}})} {
		r.Judge()
		var table, lines bytes.Buffer
		if err := WriteTable(&table, r, Style{Width: 80}); err != nil {
			t.Fatal(err)
		}
		if err := WriteCSV(&lines, r); err != nil {
			t.Fatal(err)
		}
		all, err := csv.NewReader(&lines).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		late, unsent := slices.Index(all[0], "late"), slices.Index(all[0], "unsent")
		if late < 0 || unsent < 0 {
			t.Fatalf("got the columns %q; want late and unsent", all[0])
		}
		row := slices.IndexFunc(all, func(line []string) bool { return line[0] == "xmlrpc" })
		wantLate, wantUnsent, inTable := "", "", false
		if r.Rate > 0 {
			wantLate, wantUnsent, inTable = "1234", "56789", true
		}
		if all[row][late] != wantLate || all[row][unsent] != wantUnsent {
			t.Errorf("rate %v: got late %q and unsent %q in the CSV; want %q and %q", r.Rate, all[row][late], all[row][unsent], wantLate, wantUnsent)
		}
		for _, want := range []string{"calls/s   late  unsent  p50 µs", "1,234  56,789", "late: calls, of those"} {
			if strings.Contains(table.String(), want) != inTable {
				t.Errorf("rate %v: got %q in the table %v; want %v:\n%s", r.Rate, want, !inTable, inTable, &table)
			}
		}
		var file bytes.Buffer
		if err := WriteJSON(&file, r); err != nil {
			t.Fatal(err)
		}
		back, err := ReadJSON(&file)
		if err != nil {
			t.Fatal(err)
		}
		if got := back.Row("xmlrpc", "add-1"); (got.Late == nil) == inTable || inTable && (*got.Late != 1234 || *got.Unsent != 56789) {
			t.Errorf("rate %v: got %v and %v from the JSON", r.Rate, got.Late, got.Unsent)
		}
	}
}

// At a rate that was given nobody is faster: all make as many calls.
func TestNothingIsFasterAtARate(t *testing.T) {
	n := 0
	check := func(name string, r *Result) {
		if r.Rate <= 0 {
			return
		}
		n++
		for _, sentence := range r.Answer {
			if strings.Contains(sentence, "fast") || strings.Contains(sentence, "slow") || strings.Contains(sentence, "speed") {
				t.Errorf("%s: got %q; want nothing said of speed", name, sentence)
			}
		}
	}
	for _, c := range answers() {
		if c.edit != nil {
			c.edit(c.result)
		}
		c.result.Judge()
		check(c.name, c.result)
		r := c.result
		given(r, 500) // whatever it was
		r.Judge()
		check(c.name+", at a rate", r)
	}
	r := paced()
	check("paced", r)
	if want := "TLS has 2.0 and a unix socket has 0.67 times its p99 (small calls); kolo has a lower p99 at 1 of 1 row"; !strings.Contains(r.Answer[2], want) {
		t.Errorf("got %q; want %q in it", r.Answer[2], want)
	}
	if n < 30 {
		t.Errorf("got %d results with a rate; want more", n)
	}
}

// Two runs at a rate are compared by latency.
func TestChangesAtARate(t *testing.T) {
	before, now := paced(), paced()
	now.Row("kolo", "add-1").P99 = turns(2 * now.Row("kolo", "add-1").P99.Median)
	now.Row("native-tcp", "add-1").CallsPerS = turns(1)
	verdicts := map[string]string{}
	for _, c := range Changes(before, now) {
		verdicts[c.Lane] = c.Verdict
	}
	if verdicts["kolo"] != "slower" || verdicts["native-tcp"] != "close" {
		t.Errorf("got %v; want that kolo, whose p99 is twice what it was, alone has changed", verdicts)
	}
	var text bytes.Buffer
	if err := WriteChanges(&text, before, now, Style{}); err != nil || !strings.Contains(text.String(), "slower by 2.0 times: p99 160 µs, was 80 µs") || !strings.Contains(text.String(), "In the middle of all rows p99 is 1.00 times what it was:") {
		t.Errorf("got %s, %v; want p99 in it", &text, err)
	}
}
