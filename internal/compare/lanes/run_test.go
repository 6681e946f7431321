package lanes

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/peers"
	"github.com/parley-rpc/parley/internal/compare/work"
	"github.com/parley-rpc/parley/internal/peertest"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

// TestMain lets the test program be its own children.
func TestMain(m *testing.M) {
	harness.RunChild(os.Args[1:], func(name string) (*harness.Peer, error) { return find(append(all(), odd()...), name) }, nil)
	goleak.VerifyTestMain(m)
}

// odd are lanes that no comparison should have.
func odd() []lane {
	liar := peers.Native("liar", peers.TCP)
	dial := liar.Dial
	liar.Dial = func(dir, addr string) (harness.Conn, error) {
		c, err := dial(dir, addr)
		return lyingConn{c}, err
	}
	failing := peers.Native("failing", peers.TCP)
	failing.Dial = func(dir, addr string) (harness.Conn, error) {
		c, err := dial(dir, addr)
		return failingConn{c}, err
	}
	absent := peers.Native("absent", peers.TCP)
	absent.Server = func(dir string) (*exec.Cmd, error) { return exec.Command(filepath.Join(dir, "absent")), nil }
	python := peers.NewPython()
	pyLiar := python.XMLRPCOnParley("py-liar")
	pyLiar.Serve = serveLies
	var lanes []lane
	for _, p := range []*harness.Peer{liar, failing, absent, pyLiar} {
		lanes = append(lanes, lane{Lane: compare.Lane{Name: p.Name, Family: "native"}, peer: p})
	}
	return lanes
}

// serveLies serves a function that adds wrongly, but for 3 and 5.
func serveLies(string) (string, error) {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", rpc.Func2(func(_ context.Context, a, b int) (int, error) { return max(8, a-b), nil })); err != nil {
		return "", err
	}
	srv := &xmlrpc.Server{Handler: reg}
	l, err := srv.Listen("127.0.0.1:0")
	if err != nil {
		return "", err
	}
	harness.Background(func() error { return srv.Serve(l) })
	return "tcp://" + l.Addr().String(), nil
}

// lyingConn takes 3 + 5 for 8, and says so whatever is asked.
type lyingConn struct{ harness.Conn }

func (c lyingConn) Prepare(in *work.Input) (harness.Call, error) {
	return func(context.Context) error { return in.CheckSum(8) }, nil
}

// withLanes are those with some names.
func withLanes(names ...string) []lane {
	return slices.DeleteFunc(append(all(), odd()...), func(l lane) bool { return !slices.Contains(names, l.Name) })
}

// watch gives a test a folder for temporary files, and finds what is left in it,
// and processes that are left.
func watch(t *testing.T) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	t.Cleanup(func() {
		if files, err := os.ReadDir(os.TempDir()); runtime.GOOS != "windows" && (err != nil || len(files) > 0) {
			t.Errorf("temporary files: got %v, %v; want that none is left", files, err)
		}
		if left := children(t); len(left) > 0 {
			t.Errorf("processes %v are left", left)
		}
	})
}

// children are the processes that this one has started and that have not ended,
// as /proc knows them; none where there is none.
func children(t *testing.T) []string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for _, name := range tasks {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

// runTiny is Run with fewer connections that are only made, or kept.
func runTiny(ctx context.Context, o Options, lanes []lane) (*compare.Result, error) {
	r, err := newRun(ctx, o, lanes)
	if err != nil {
		return nil, err
	}
	r.plan.setUps, r.plan.setUpTurns, r.plan.idle = 2, 2, 10
	r.plan.patience = time.Minute // no lane is lost because the machine is busy
	return r.finish()
}

// tiny has one turn of 10 ms.
func tiny(works ...string) Options {
	return Options{Depth: Quick, Works: works, Turn: 10 * time.Millisecond, Rounds: 1, Starts: 1}
}

// eachForm has each form of call.
var eachForm = []string{"add-1", "add-8", "records-100", "list-1000", "blob-1024"}

// payload is the least that a call of each of them has there and back.
var payload = map[string]float64{"add-1": 3, "add-8": 3, "records-100": 3000, "list-1000": 4000, "blob-1024": 2048, "blob-65536": 131072}

// Every lane of Parley's and kolo makes every form of call.
func TestLanes(t *testing.T) {
	watch(t)
	names := []string{"native-tcp", "native-unix", "native-tls", "xmlrpc", "xmlrpc-unix", "xmlrpc-tls", "kolo"}
	r, err := runTiny(t.Context(), tiny(eachForm...), withLanes(names...))
	if err != nil {
		t.Fatal(err)
	}
	checkResult(t, r, names, eachForm)
}

// So does every lane that has to do with Python.
func TestLiveLanesOfPython(t *testing.T) {
	t.Setenv(peers.PythonEnv, peertest.Python(t))
	watch(t)
	names := []string{"py-xmlrpc", "py-mp", "py-mp-unix", "parley-py-xmlrpc", "parley-py-mp"}
	r, err := runTiny(t.Context(), tiny(eachForm...), withLanes(names...))
	if err != nil {
		t.Fatal(err)
	}
	checkResult(t, r, names, eachForm)
	if !strings.HasPrefix(r.Machine.Python, "3.") || !strings.Contains(r.Lanes[0].Client, "Python "+r.Machine.Python+" xmlrpc.client") {
		t.Errorf("got Python %q and the client %q; want its version in both", r.Machine.Python, r.Lanes[0].Client)
	}
	for _, row := range r.Rows {
		if known := row.ServerAllocs != nil; row.ClientAllocs != nil || known != strings.HasPrefix(row.Lane, "parley-") {
			t.Errorf("%s %s: got allocations %v and %v; want those of a Go process only", row.Lane, row.Work, row.ClientAllocs, row.ServerAllocs)
		}
	}
}

// At a fixed rate too, and calls that were due and not made are seen.
func TestLiveRateOfPython(t *testing.T) {
	t.Setenv(peers.PythonEnv, peertest.Python(t))
	watch(t)
	o := tiny("add-1", "add-8")
	o.Turn, o.Rate = 100*time.Millisecond, 200
	r, err := runTiny(t.Context(), o, withLanes("py-mp", "native-tcp"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Rate != 200 {
		t.Errorf("got the rate %v; want 200", r.Rate)
	}
	for _, row := range r.Rows {
		if row.Calls > 20 {
			t.Errorf("%s %s: got %d calls; want no more than the 20 that were due", row.Lane, row.Work, row.Calls)
		}
		if row.Late == nil || row.Unsent == nil || *row.Late > row.Calls || row.Calls+*row.Unsent != 20 {
			t.Errorf("%s %s: got %d calls, late %v, unsent %v; want all 20 that were due in one of them", row.Lane, row.Work, row.Calls, row.Late, row.Unsent)
		}
	}
}

// More calls than there can be are due: most are late, or not sent at all, of clients
// in Go and in Python alike.
func TestLiveRateThatNobodyKeeps(t *testing.T) {
	t.Setenv(peers.PythonEnv, peertest.Python(t))
	watch(t)
	o := tiny("add-1")
	o.Turn, o.Rate = 50*time.Millisecond, 5_000_000
	r, err := runTiny(t.Context(), o, withLanes("py-mp", "native-tcp"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if row.Late == nil || row.Unsent == nil || *row.Late < 1 || *row.Late > row.Calls || *row.Unsent < 100_000 {
			t.Errorf("%s: got %d calls, late %v, unsent %v; want many of both", row.Lane, row.Calls, row.Late, row.Unsent)
		}
	}
	if r, err = runTiny(t.Context(), tiny("add-1"), withLanes("native-tcp")); err != nil || r.Rows[0].Late != nil || r.Rows[0].Unsent != nil {
		t.Errorf("without a rate: got %+v, %v; want nothing late or unsent", r, err)
	}
}

// checkResult checks what has to hold of every result.
func checkResult(t *testing.T, r *compare.Result, lanes, works []string) {
	t.Helper()
	if len(r.Missing) > 0 || r.Format != compare.Format || r.Starts < 1 || r.Rounds < 1 || r.TurnMS != 10 || r.Seconds <= 0 {
		t.Errorf("got %+v missing, %d starts, %d rounds, turns of %d ms, %v s; want all lanes", r.Missing, r.Starts, r.Rounds, r.TurnMS, r.Seconds)
	}
	if m := r.Machine; m.OS == "" || m.Go == "" || m.Processors < 1 {
		t.Errorf("got the machine %+v; want it described", m)
	}
	var gotLanes, gotWorks, gotRows, wantRows []string
	for _, l := range r.Lanes {
		gotLanes = append(gotLanes, l.Name)
		if l.Title == "" || l.Family == "" || l.Socket == "" || l.Client == "" || l.Server == "" {
			t.Errorf("got the lane %+v; want all of it", l)
		}
	}
	for _, w := range r.Works {
		gotWorks = append(gotWorks, w.Name)
		for _, lane := range lanes {
			wantRows = append(wantRows, w.Name+" "+lane)
		}
	}
	for _, row := range r.Rows {
		gotRows = append(gotRows, row.Work+" "+row.Lane)
		checkRow(t, row, r.Starts*r.Rounds)
	}
	slices.Sort(gotWorks)
	if want := slices.Sorted(slices.Values(works)); !slices.Equal(gotLanes, lanes) || !slices.Equal(gotWorks, want) || !slices.Equal(gotRows, wantRows) {
		t.Errorf("got lanes %q, works %q, rows %q; want lanes %q, works %q, and a row for each", gotLanes, gotWorks, gotRows, lanes, want)
	}
	if len(r.Connections) != len(lanes) {
		t.Fatalf("got connections of %d lanes; want %d", len(r.Connections), len(lanes))
	}
	for _, c := range r.Connections {
		checkStat(t, c.Lane+": set-up", c.SetUp, 0)
		if known := c.IdleKiB != nil; known != (runtime.GOOS == "linux") || known && (c.Idle < 1 || len(c.IdleKiB.Turns) != r.Starts) {
			t.Errorf("%s: idle: got %+v with %d connections", c.Lane, c.IdleKiB, c.Idle)
		}
	}
}

func checkRow(t *testing.T, r compare.Row, turns int) {
	t.Helper()
	name := r.Work + " " + r.Lane
	if r.Failed != "" {
		t.Errorf("%s: %s", name, r.Failed)
		return
	}
	if r.Calls < int64(turns) {
		t.Errorf("%s: got %d calls in %d turns", name, r.Calls, turns)
	}
	if !checkStat(t, name+": calls/s", r.CallsPerS, turns) {
		return
	}
	checkLatencies(t, name, &r, turns)
	if r.WireBytes == nil || *r.WireBytes <= payload[r.Work] || *r.WireBytes > 30*payload[r.Work]+1000 {
		t.Errorf("%s: bytes on the wire: got %v; want more than the %v of what was sent", name, r.WireBytes, payload[r.Work])
	}
	if n := len(r.Latency); n < 2 || n > 100 || r.Latency[0].Quantile != 0 || r.Latency[n-1].Quantile != 1 {
		t.Errorf("%s: got %d points; want 2 to 100, from 0 to 1", name, n)
	}
	if !slices.IsSortedFunc(r.Latency, func(a, b compare.Point) int {
		if a.Quantile < b.Quantile && a.US <= b.US {
			return -1
		}
		return 1
	}) {
		t.Errorf("%s: the distribution falls: %v", name, r.Latency)
	}
	if runtime.GOOS != "windows" {
		checkStat(t, name+": client's processor time", r.ClientCPU, turns)
		checkStat(t, name+": server's processor time", r.ServerCPU, turns)
	}
}

// checkStat reports whether a figure is there, of so many turns if that is known.
func checkStat(t *testing.T, name string, s *compare.Stat, turns int) bool {
	t.Helper()
	if s == nil || len(s.Turns) == 0 || turns > 0 && len(s.Turns) != turns || s.Min < 0 || s.Median < s.Min || s.Max < s.Median {
		t.Errorf("%s: got %+v; want that of %d turns", name, s, turns)
		return false
	}
	return true
}

// Starts and rounds make turns, and progress comes to its end.
func TestTurns(t *testing.T) {
	watch(t)
	o := tiny("add-1", "blob-65536")
	o.Starts, o.Rounds = 2, 3
	last, ended := -1, false
	o.Progress = func(done, total int, what string) {
		if done < last || done > total || what == "" {
			t.Errorf("progress: got %d of %d after %d (%s)", done, total, last, what)
		}
		last, ended = done, done == total
	}
	r, err := runTiny(t.Context(), o, withLanes("native-unix", "xmlrpc"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Starts != 2 || r.Rounds != 3 || !ended {
		t.Errorf("got %d starts with %d rounds, progress at its end %v; want 2 with 3", r.Starts, r.Rounds, ended)
	}
	checkResult(t, r, []string{"native-unix", "xmlrpc"}, []string{"add-1", "blob-65536"})
	if calls := r.Rows[0].Latency; r.Rows[0].Calls < 6 || len(calls) < 2 {
		t.Errorf("got %d calls and %d points; want the calls of all turns", r.Rows[0].Calls, len(calls))
	}
}

// When the time is over there is no further work and no further start; but the first
// work has all of its turns, for fewer tell nothing.
func TestBudget(t *testing.T) {
	watch(t)
	o := tiny("add-1", "add-8")
	o.Rounds = 0
	r, err := newRun(t.Context(), o, withLanes("native-tcp", "xmlrpc"))
	if err != nil {
		t.Fatal(err)
	}
	r.plan.starts, r.plan.rounds, r.plan.turn = 3, 5, 0
	r.begin = time.Now().Add(-time.Hour)
	result, err := r.finish()
	if err != nil {
		t.Fatal(err)
	}
	if result.Starts != 1 || result.Rounds != 5 || len(result.Works) != 1 || result.TurnMS != int(r.plan.least.Milliseconds()) {
		t.Errorf("got %d starts, %d rounds of %d works, turns of %d ms; want one of 5 of one, and the shortest", result.Starts, result.Rounds, len(result.Works), result.TurnMS)
	}
	for _, row := range result.Rows {
		checkRow(t, row, 5)
	}
}

// What there is no time to repeat has one turn, so that what is first has all.
func TestTimeForSomeWorks(t *testing.T) {
	second := []time.Duration{time.Second, time.Second, time.Second, time.Second}
	for name, c := range map[string]struct {
		spent, budget time.Duration
		least         int
		want          []int
	}{
		"time for all":  {0, 8 * time.Second, 1, []int{0, 0, 0, 0}},
		"time for two":  {time.Second, 4800 * time.Millisecond, 1, []int{0, 0, 1, 1}},
		"time for none": {time.Hour, time.Second, 1, []int{0, 1, 1, 1}},
		"no hurry":      {time.Hour, 0, 1, []int{0, 0, 0, 0}},
		"another depth": {time.Hour, time.Second, 2, []int{0, 0, 0, 0}},
	} {
		r := &run{begin: time.Now().Add(-c.spent), result: &compare.Result{}}
		r.plan = plan{works: tasks(Quick)[:4], starts: 1, rounds: 3, leastRounds: c.least, budget: c.budget}
		r.once(second)
		var got []int
		for _, w := range r.plan.works {
			got = append(got, w.rounds)
		}
		if !slices.Equal(got, c.want) || (len(r.result.Gaps) > 0) != slices.Contains(c.want, 1) {
			t.Errorf("%s: got rounds %v, gaps %q; want %v, and a gap where there is one turn", name, got, r.result.Gaps, c.want)
		}
	}
}

// What a limit refuses is no error of the run, and what is too large for one lane
// is measured on the others.
func TestRefused(t *testing.T) {
	watch(t)
	r, err := runTiny(t.Context(), tiny("blob-8388608", "add-1"), withLanes("native-unix", "xmlrpc-unix"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		switch large := row.Work == "blob-8388608" && row.Lane == "xmlrpc-unix"; {
		case large && (!strings.Contains(row.Failed, "413") || strings.Contains(row.Failed, "\n") || row.CallsPerS != nil || row.Calls > 0):
			t.Errorf("8 MiB: got %+v; want the reason, and nothing else", row)
		case !large && (row.Failed != "" || row.Calls == 0):
			t.Errorf("%s %s: got %+v; want figures", row.Lane, row.Work, row)
		}
	}
}

// A client in Python finds a wrong answer too.
func TestLiveLieToPython(t *testing.T) {
	t.Setenv(peers.PythonEnv, peertest.Python(t))
	watch(t)
	r, err := runTiny(t.Context(), tiny("add-1"), withLanes("py-liar"))
	if err == nil || !strings.Contains(err.Error(), "py-liar client: open: WrongAnswer: wrong answer: got 992; want 1008") {
		t.Errorf("got %v, %v; want that an answer is wrong", r, err)
	}
}

// A wrong answer ends the comparison.
func TestWrongAnswer(t *testing.T) {
	watch(t)
	r, err := runTiny(t.Context(), tiny("add-1", "add-8"), withLanes("native-tcp", "liar"))
	if err == nil || !strings.Contains(err.Error(), "liar client") || !strings.Contains(err.Error(), "wrong answer") {
		t.Errorf("got %v, %v; want that an answer is wrong", r, err)
	}
}

// A lane that cannot take part is named, with the reason.
func TestMissing(t *testing.T) {
	watch(t)
	t.Setenv("PATH", t.TempDir())
	t.Setenv(peers.PythonEnv, "")
	names := []string{"native-tcp", "absent", "py-mp", "parley-py-xmlrpc"}
	r, err := runTiny(t.Context(), tiny("add-1"), withLanes(names...))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range r.Missing {
		got[m.Lane] = m.Why
	}
	if len(got) != 3 || !strings.Contains(got["py-mp"], "no python3") || !strings.Contains(got["parley-py-xmlrpc"], "no python3") || !strings.Contains(got["absent"], "absent server") {
		t.Errorf("got %v missing; want the reasons of three", got)
	}
	if len(r.Lanes) != 1 || len(r.Rows) != 1 || len(r.Connections) != 1 || r.Machine.Python != "" {
		t.Errorf("got %d lanes, %d rows, Python %q; want those of native-tcp", len(r.Lanes), len(r.Rows), r.Machine.Python)
	}
	if _, err := runTiny(t.Context(), tiny("add-1"), withLanes("py-mp")); err == nil || !strings.Contains(err.Error(), "py-mp: not available") {
		t.Errorf("without any lane: got %v; want the reason", err)
	}
}

// However it is cancelled, and whenever, nothing is left.
func TestCancel(t *testing.T) {
	for _, when := range []string{"starting", "idle", "new connections", "getting ready", "add(3, 5), 8 callers"} {
		watch(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		o := tiny("add-1", "add-8")
		o.Turn = time.Hour
		reached := false
		o.Progress = func(_, _ int, what string) {
			if strings.HasPrefix(what, when) {
				reached = true
				cancel(errors.New("interrupted"))
			} else if what == "add(3, 5), 1 caller" {
				time.AfterFunc(50*time.Millisecond, func() { cancel(errors.New("interrupted in a turn")) })
			}
		}
		_, err := runTiny(ctx, o, withLanes("native-tcp", "xmlrpc-tls"))
		cancel(nil)
		if err == nil || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("%s: got %v; want that it was interrupted", when, err)
		}
		if !reached && !strings.HasPrefix(when, "add") {
			t.Errorf("%s: never came", when)
		}
	}
}

func TestOptions(t *testing.T) {
	for want, o := range map[string]Options{
		`"deep" is no depth; there are quick, normal, full`: {Depth: "deep"},
		`"sparrow" is no lane; there are native-tcp, `:      {Lanes: []string{"kolo", "sparrow"}},
		`"add-9" is no work; there are add-1, `:             {Works: []string{"add-9"}},
		"cannot be negative":                                {Rounds: -1},
		"zero means a default":                              {Rate: -1},
	} {
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v; want %q", o, err, want)
		}
	}
}
