package report

import (
	"regexp"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/internal/compare"
)

// What was measured too seldom has another sign than what is close, in the plot, the
// table, and the figures of the answer, where it is never apart from its figure.
func TestSeldomHasItsSign(t *testing.T) {
	r := sample(t)
	k := r.Ranking("add-64")
	k.Close = [][2]string{{k.Lanes[0], k.Lanes[1]}, {k.Lanes[0], k.Lanes[4]}}
	k.Seldom = k.Close[:1]
	r.Summary.Lines[0].Close, r.Summary.Lines[0].Seldom = true, true
	r.Summary.Lines[1].Close = true
	got := render(t, r)
	for _, want := range []string{
		"≈ " + r.Lane(k.Lanes[4]).Title + " · ? " + r.Lane(k.Lanes[1]).Title + "<", `">?</text>`, "? measured too seldom with 64 callers",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q", want)
		}
	}
	for _, sign := range []string{`\?`, "≈"} {
		if !regexp.MustCompile(`data-key="times"><data value="[^"]*">` + sign + ` [0-9.]+ ×</data>`).MatchString(got) {
			t.Errorf("got no figure of the answer with %s inside", sign)
		}
	}
}

// If nothing is ranked the plot says so, and has no brackets that look like an order.
func TestPlotOfNothingRanked(t *testing.T) {
	r := sample(t)
	k := r.Ranking("add-64")
	k.Close = nil
	for i, a := range k.Lanes {
		for _, b := range k.Lanes[i+1:] {
			k.Close = append(k.Close, [2]string{a, b})
		}
	}
	k.Seldom = k.Close
	var b strings.Builder
	if err := Plot(&b, r, ""); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, ">no order: nothing here can be told apart<") || strings.Contains(got, `class="tie"`) {
		t.Errorf("got %s; want that there is no order, and no brackets", got)
	}
	if got := render(t, r); !strings.Contains(got, ">? all others<") {
		t.Error("got a list of lanes; want that it is all others")
	}
}

// A flag is not broken behind its hyphens, and text stays text.
func TestFlagsStayInOnePiece(t *testing.T) {
	want := `repeat it with <code class="flag">--full</code>, &lt;b&gt; a--b <code class="flag">--no-python</code>`
	if got := string(flags("repeat it with --full, <b> a--b --no-python")); got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// Of servers of the user's own there is no column that nobody can fill, and nothing is
// said of processes and transports.
func TestAgainst(t *testing.T) {
	r := only(sample(t), func(l compare.Lane) bool { return l.Name == "native-tcp" || l.Name == "xmlrpc" }, func(w compare.Work) bool { return w.Form == "add" })
	r.Depth = "against"
	for i := range r.Rows {
		r.Rows[i].ServerCPU, r.Rows[i].ServerAllocs, r.Rows[i].ServerAllocBytes = nil, nil, nil
	}
	got := render(t, r)
	for _, no := range []string{"processes started", "2 transports", "allocations, server", "How much does it carry"} {
		if strings.Contains(got, no) {
			t.Errorf("got %q in the report", no)
		}
	}
	for _, want := range []string{"2 servers, each in 15 turns of 250 ms with 1, 8 and 64 callers", ">server</th>", "allocations, client"} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in the report", want)
		}
	}
}
