package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
)

// aimed returns a server to measure.
func aimed(t *testing.T, url, authkey, method string, args ...any) loaded {
	t.Helper()
	server := target{URL: url, Timeout: patience}
	server.AuthkeyFile = authkey
	s, err := server.underLoad(stdio{strings.NewReader(""), io.Discard, io.Discard}, method, rpc.Values(args))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// One service under two URLs and a third of another server, side by side.
func TestAgainst(t *testing.T) {
	t.Parallel()
	r := newHome(t).serve(t)
	other := respond(t, func(int64) bool { return false })
	var steps []int
	total := 0
	first := map[string]int{} // how often a lane was the first of a round
	got, err := against(t.Context(), againstOptions{
		Servers: []loaded{aimed(t, r.xmlrpc, "", "add", 3, 5), aimed(t, r.native, r.key(), "add", 3, 5), aimed(t, other.URL, "", "add", 3, 5)},
		Title:   "add(3, 5)", Callers: []int{1, 4}, Turn: 30 * time.Millisecond, Rounds: 3, WarmUp: time.Millisecond,
		Progress: func(done, all int, what string) {
			if steps = append(steps, done); done >= 3*setUpTurns && (done-3*setUpTurns)%3 == 0 {
				_, lane, _ := strings.Cut(what, "callers, ")
				first[lane]++
			}
			total = all
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range got.Lanes {
		names = append(names, l.Name+" "+l.Family+" "+l.Socket)
	}
	if want := []string{"http xmlrpc tcp", "tcp native tcp", "http-2 xmlrpc tcp"}; !slices.Equal(names, want) {
		t.Errorf("got lanes %q; want %q", names, want)
	}
	if len(got.Works) != 2 || got.Works[1].Name != "call-4" || got.Works[1].Title != "add(3, 5), 4 callers" || len(got.Rows) != 6 {
		t.Fatalf("got works %+v and %d rows; want one for each number of callers", got.Works, len(got.Rows))
	}
	for _, row := range got.Rows {
		if row.Failed != "" || row.Calls < 3 || row.WireBytes == nil || *row.WireBytes <= 0 || row.ServerCPU != nil || len(row.Latency) < 2 {
			t.Errorf("got row %+v", row)
			continue
		}
		for _, s := range []*compare.Stat{row.CallsPerS, row.P50, row.Max, row.ClientCPU, row.ClientAllocs} {
			if s == nil || len(s.Turns) != 3 || s.Median <= 0 {
				t.Errorf("%s, %s: got %+v; want three turns", row.Lane, row.Work, s)
			}
		}
		if row.P90 == nil != (row.Calls < 10) || row.P99 == nil != (row.Calls < 100) || row.P999 == nil != (row.Calls < 1000) {
			t.Errorf("%s, %s: quantiles of %d calls: got %v, %v, %v; want them where a call is beyond them, and only there", row.Lane, row.Work, row.Calls, row.P90, row.P99, row.P999)
		}
		if row.P50.Median > row.Max.Median {
			t.Errorf("%s, %s: quantiles do not rise", row.Lane, row.Work)
		}
	}
	for _, c := range got.Connections {
		if c.SetUp == nil || len(c.SetUp.Turns) != setUpTurns || c.IdleKiB != nil {
			t.Errorf("got connection %+v", c)
		}
	}
	if !slices.IsSorted(steps) || steps[len(steps)-1] != total || total != 3*setUpTurns+6*4 {
		t.Errorf("got progress %v of %d; want it to rise to the end", steps, total)
	}
	// With 4 callers there are a warm-up and 3 rounds; another one begins each round.
	if first["http"] != 2 || first["tcp"] != 1 || first["http-2"] != 1 {
		t.Errorf("got first of a round %v; want each once, and one of them in the warm-up", first)
	}
	// It is a result like any other.
	got.Judge()
	var text bytes.Buffer
	if err := compare.WriteJSON(&text, got); err != nil {
		t.Fatal(err)
	}
	var back compare.Result
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || len(back.Rankings) != 2 || back.Depth != "against" || len(back.Answer) == 0 {
		t.Errorf("got %+v, %v", back, err)
	}
}

// Turns that are too short for a quantile are looked at together, and if they are
// too short for it even then, there is none.
func TestAgainstOfFewCalls(t *testing.T) {
	t.Parallel()
	s := respond(t, func(int64) bool {
		time.Sleep(time.Millisecond)
		return false
	})
	got, err := against(t.Context(), againstOptions{
		Servers: []loaded{aimed(t, s.URL, "", "add")}, Callers: []int{1}, Turn: 7 * time.Millisecond, Rounds: 10, WarmUp: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	row := got.Rows[0] // at most 8 calls in each of 10 turns
	if row.P50 == nil || len(row.P50.Turns) != 10 || row.P90 == nil || len(row.P90.Turns) != 1 || row.P99 != nil || row.P999 != nil || row.Max == nil {
		t.Errorf("%d calls: got %+v, %+v, %+v, %+v; want p50 of 10 turns, p90 of all together, and no p99", row.Calls, row.P50, row.P90, row.P99, row.P999)
	}
}

// At a rate that cannot be kept the row tells the calls that were late, and those
// that were not sent; without a rate there is nothing of it.
func TestAgainstAtARate(t *testing.T) {
	t.Parallel()
	s := respond(t, func(int64) bool {
		time.Sleep(time.Millisecond)
		return false
	})
	options := againstOptions{Servers: []loaded{aimed(t, s.URL, "", "add")}, Callers: []int{1}, Turn: 50 * time.Millisecond, Rounds: 2, WarmUp: time.Millisecond}
	for _, rate := range []float64{100_000, 0} {
		options.Rate = rate
		got, err := against(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		row := got.Rows[0]
		if known := row.Late != nil && row.Unsent != nil; known != (rate > 0) || known && (*row.Late < 1 || row.Calls+*row.Unsent != 10_000) {
			t.Errorf("rate %v: got %d calls, late %v, unsent %v; want all 10,000 that were due", rate, row.Calls, row.Late, row.Unsent)
		}
	}
}

// A server that fails later has a reason where others have figures.
func TestAgainstFails(t *testing.T) {
	t.Parallel()
	good := respond(t, func(int64) bool { return false })
	bad := respond(t, func(n int64) bool { return n == 60 }) // once is enough
	options := againstOptions{
		Servers: []loaded{aimed(t, good.URL, "", "add"), aimed(t, bad.URL, "", "add")},
		Callers: []int{2}, Turn: 100 * time.Millisecond, Rounds: 2, WarmUp: 50 * time.Millisecond,
	}
	got, err := against(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows[0].Failed != "" || got.Rows[0].CallsPerS == nil || got.Rows[1].CallsPerS != nil || !strings.Contains(got.Rows[1].Failed, "fault 17: not today") {
		t.Errorf("got %+v; want figures of the first and a reason of the second", got.Rows)
	}
	options.Servers = []loaded{aimed(t, respond(t, func(int64) bool { return true }).URL, "", "add")}
	if _, err := against(t.Context(), options); exitCode(err) != exitFault {
		t.Errorf("a fault at once: got %v; want it as it is", err)
	}
	worse := respond(t, func(n int64) bool { return n > 60 })
	options.Servers = []loaded{aimed(t, worse.URL, "", "add")}
	if _, err := against(t.Context(), options); exitCode(err) != exitFault {
		t.Errorf("nothing measured: got %v; want the fault", err)
	}
	if _, err := against(t.Context(), againstOptions{}); err == nil {
		t.Error("no server: got no error")
	}
}

func TestAgainstInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := respond(t, func(n int64) bool {
		if n == 100 {
			cancel()
		}
		return false
	})
	_, err := against(ctx, againstOptions{Servers: []loaded{aimed(t, s.URL, "", "add")}, Turn: time.Hour})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want that it was interrupted", err)
	}
}
