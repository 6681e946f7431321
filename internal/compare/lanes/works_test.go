package lanes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A work of long turns has one for each start, and all lanes have as many.
func TestLongTurns(t *testing.T) {
	watch(t)
	o := tiny("add-1", "add-8")
	o.Rounds, o.Starts = 0, 2
	r, err := newRun(t.Context(), o, withLanes("native-unix", "xmlrpc-unix"))
	if err != nil {
		t.Fatal(err)
	}
	r.plan.setUps, r.plan.setUpTurns, r.plan.idle, r.plan.budget = 2, 2, 10, 0
	r.plan.works[1].rounds = 1
	ended := false
	r.options.Progress = func(done, total int, _ string) { ended = done == total }
	result, err := r.finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range result.Rows {
		if want := map[string]int{"add-1": 2 * 3, "add-8": 2}[row.Work]; row.Failed != "" || len(row.CallsPerS.Turns) != want {
			t.Errorf("%s at %s: got %+v; want %d turns", row.Lane, row.Work, row, want)
		}
	}
	if result.Works[0].Rounds != 0 || result.Works[1].Rounds != 1 || result.Long() != 1 || result.Rounds != 3 || !ended || r.done != r.total {
		t.Errorf("got works %+v with %d rounds, %d of %d steps; want one round at the second, and no step that was not made", result.Works, result.Rounds, r.done, r.total)
	}
	full, err := planOf(Options{Depth: Full})
	if err != nil {
		t.Fatal(err)
	}
	var long []string
	for _, t := range full.works {
		if full.roundsOf(t) == 1 {
			long = append(long, t.Name)
		}
	}
	if got, want := strings.Join(long, " "), "records-1000-64 list-10000-64 blob-1048576-64 blob-8388608-8"; got != want {
		t.Errorf("got one round at %s; want it at %s", got, want)
	}
	if named, err := planOf(Options{Depth: Full, Works: long}); err != nil || named.roundsOf(named.works[0]) != full.rounds {
		t.Errorf("by name: got %+v, %v; want all rounds", named.works, err)
	}
}

// The grid of a full comparison has every size of every form by 1, 8 and 64 callers,
// but one, of which the run says why.
func TestGrid(t *testing.T) {
	callers := map[string][]int{}
	for _, t := range tasks(Full) {
		of := fmt.Sprintf("%s %d", t.Form, t.Size)
		callers[of] = append(callers[of], t.Callers)
	}
	for of, got := range callers {
		if want := []int{1, 8, 64}; !slices.Equal(got, want) && !(of == "blob 8388608" && slices.Equal(got, want[:2])) {
			t.Errorf("%s: got %d callers; want %d", of, got, want)
		}
	}
	if len(callers) != 11 {
		t.Errorf("got %d calls; want 11: %v", len(callers), callers)
	}
	for _, o := range []Options{{Depth: Full}, {Depth: Full, Works: []string{"blob"}}, {Depth: Normal}} {
		r, err := newRun(t.Context(), o, withLanes("native-unix"))
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(strings.Join(r.result.Gaps, "\n"), "8 MiB by 64 callers is left out")
		if want := o.Depth == Full && o.Works == nil; said != want {
			t.Errorf("%s, works %v: got %q", o.Depth, o.Works, r.result.Gaps)
		}
	}
}

// A form and a pattern stand for what they match.
func TestChosenWorks(t *testing.T) {
	for _, tt := range []struct {
		depth, names, want string
	}{
		{"", "add", "add-1 add-8 add-64"},
		{Quick, "add", "add-1 add-64"},
		{Quick, "add-8", "add-8"},
		{Quick, "add-64,add-1,add", "add-1 add-64"},
		{Full, "blob-*", "blob-1024 blob-1024-8 blob-1024-64 blob-65536 blob-65536-8 blob-65536-64 blob-1048576 blob-1048576-8 blob-1048576-64 blob-8388608 blob-8388608-8"},
		{Quick, "blob-8388608*", "blob-8388608 blob-8388608-8"},
		{Normal, "list", "list-10 list-1000 list-1000-64 list-10000"},
		{Full, "*-64,records-1", "add-64 records-1 records-1-64 records-100-64 records-1000-64 list-10-64 list-1000-64 list-10000-64 blob-1024-64 blob-65536-64 blob-1048576-64"},
		{Full, "add,nope", `"nope" is no work; there are add-1, add-8, add-64, records-1, records-100, records-1000, list-10,`},
		{Full, "blob-[", `"blob-[" is no work`},
		{Full, "", `"" is no work`},
	} {
		p, err := planOf(Options{Depth: tt.depth, Works: strings.Split(tt.names, ",")})
		var names []string
		for _, t := range p.works {
			names = append(names, t.Name)
		}
		got := strings.Join(names, " ")
		if strings.HasPrefix(tt.want, `"`) {
			if err == nil || !strings.HasPrefix(err.Error(), "lanes: "+tt.want) {
				t.Errorf("%q: got %s, %v; want %s", tt.names, got, err, tt.want)
			}
			if err := CheckWorks(strings.Split(tt.names, ",")); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%q: got %v; want %s", tt.names, err, tt.want)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%s, %q: got %s, %v; want %s", tt.depth, tt.names, got, err, tt.want)
		}
	}
}

// Each depth has what the one before has, and its time.
func TestPlans(t *testing.T) {
	var before plan
	for _, depth := range []string{Quick, Normal, Full} {
		p, err := planOf(Options{Depth: depth})
		if err != nil {
			t.Fatal(err)
		}
		for _, task := range before.works {
			if !slices.Contains(p.works, task) {
				t.Errorf("%s is without %s", depth, task.Name)
			}
		}
		if len(p.works) <= len(before.works) || p.budget <= before.budget || p.starts < before.starts || p.rounds < before.rounds || p.least <= 0 || p.most < p.least {
			t.Errorf("%s: got %+v after %+v; want more of everything", depth, p, before)
		}
		before = p
	}
	if before.starts < 3 || before.rounds < 3 {
		t.Errorf("full: got %d starts and %d rounds; want 3 at least", before.starts, before.rounds)
	}
	if got := WorkNames(); len(got) != len(before.works) || !slices.Contains(got, "blob-8388608") {
		t.Errorf("got the works %v; want those of full", got)
	}
	if got := Names(); len(got) != len(all()) || got[0] != "native-tcp" {
		t.Errorf("got the lanes %v; want all", got)
	}
}
