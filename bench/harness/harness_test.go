package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/bench/peers"
	"github.com/parley-rpc/parley/bench/work"
)

// TestMain lets the test program be its own children.
func TestMain(m *testing.M) {
	RunChild(os.Args[1:])
	os.Exit(m.Run())
}

// fakeConn answers with what sum says.
type fakeConn struct{ sum func(in *work.Input) int64 }

func (c fakeConn) Prepare(in *work.Input) (peers.Call, error) {
	return func(context.Context) error { return in.CheckSum(c.sum(in)) }, nil
}

func (fakeConn) Close() error { return nil }

// A peer that gives a wrong answer fails, be it while it warms up, which only
// one caller of many may see, or later.
func TestWrongAnswerFails(t *testing.T) {
	right := func(in *work.Input) int64 { return int64(in.A + in.B) }
	for name, c := range map[string]struct {
		sum            func(*work.Input) int64
		openOK, runsOK bool
	}{
		"right":            {right, true, true},
		"wrong for one":    {func(in *work.Input) int64 { return int64(min(in.A, 64000-1) + in.B) }, false, false},
		"wrong afterwards": {func(in *work.Input) int64 { return int64(max(in.A, 1000) + in.B) }, true, false},
	} {
		p := &peers.Peer{Name: "fake", Dial: func(string) (peers.Conn, error) { return fakeConn{c.sum}, nil }}
		cl := client{peer: p}
		err := cl.open(Order{Do: "open", Work: "add-64"})
		if (err == nil) != c.openOK || err != nil && !errors.Is(err, work.ErrWrong) {
			t.Errorf("%s: open: got %v; want ok %v, or a wrong answer", name, err, c.openOK)
		}
		if !c.openOK {
			continue
		}
		_, err = cl.run(Order{Do: "run", Calls: 2})
		if (err == nil) != c.runsOK || err != nil && !errors.Is(err, work.ErrWrong) {
			t.Errorf("%s: run: got %v; want ok %v, or a wrong answer", name, err, c.runsOK)
		}
	}
}

func TestRepeatCounts(t *testing.T) {
	var made [3]int
	calls := make([]peers.Call, len(made))
	for i := range calls {
		calls[i] = func(context.Context) error { made[i]++; return nil }
	}
	r, err := repeat(t.Context(), calls, 0, 5)
	if err != nil || r.Calls != 15 || made != [3]int{5, 5, 5} {
		t.Errorf("got %d calls %v, %v; want 5 of each", r.Calls, made, err)
	}
	begin := time.Now()
	r, err = repeat(t.Context(), calls, int64(20*time.Millisecond), 0)
	if err != nil || r.Calls == 0 || time.Duration(r.Wall) < 20*time.Millisecond || time.Since(begin) > 10*time.Second {
		t.Errorf("got %d calls in %v, %v; want 20 ms of calls", r.Calls, time.Duration(r.Wall), err)
	}
	if r.Allocs == nil || r.CPU <= 0 || r.P99 < r.P50 {
		t.Errorf("got %+v; want allocations, processor time, and a p99 that is at least the p50", r)
	}
}

func TestRelayCounts(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		at := "127.0.0.1:0"
		if network == "unix" {
			at = t.TempDir() + "/s"
		}
		l, err := net.Listen(network, at)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if nc, err := l.Accept(); err == nil {
				_, _ = io.Copy(nc, nc)
				nc.Close()
			}
		}()
		r, err := newRelay(network + "://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, where, _ := strings.Cut(r.addr, "://")
		nc, err := net.Dial(network, where)
		if err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 100_000)
		go nc.Write(message)
		if _, err := io.ReadFull(nc, message); err != nil {
			t.Fatal(err)
		}
		if got := r.settled(); got != 200_000 {
			t.Errorf("%s: got %d bytes; want 200000", network, got)
		}
		nc.Close()
		r.close()
	}
}

func rawPeer(t *testing.T) *peers.Peer {
	t.Helper()
	p, err := peers.Find("raw")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// No child outlives its stand, even if it was in the middle of a run or does not
// heed the end of its input.
func TestChildrenEnd(t *testing.T) {
	s, err := newStand(t.Context(), rawPeer(t), false)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := work.Find("add-serial")
	if err := s.open(t.Context(), s.addr, w); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("interrupted"))
	defer cancel()
	if _, err := s.sample(ctx, time.Minute); err == nil || err.Error() != "interrupted" {
		t.Errorf("a run that is interrupted: got %v; want that it was", err)
	}
	begin := time.Now()
	s.stop()
	for _, c := range []*Child{s.server, s.client} {
		if c.cmd.ProcessState == nil {
			t.Errorf("%s still runs", c.name)
		}
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("got %v until all had ended; want about 2 s", d)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of the stand: got %v; want that it is gone", err)
	}
}

// What a child says before it ends stands in the error.
func TestChildThatFails(t *testing.T) {
	for script, want := range map[string]string{
		"echo out of luck >&2; exit 1":                "out of luck",
		"echo '{\"error\": \"no socket\"}'; cat":      "no socket",
		"echo this is no report; cat >/dev/null":      `"this is no report" is no report`,
		"echo '{}'; read line; echo '{}'; exec cat":   "",
		"echo '{}'; read line; echo gone >&2; exit 0": "gone",
	} {
		c, err := startChild("child", exec.Command("sh", "-c", script), false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.next(t.Context(), "start", time.Minute)
		if err == nil {
			_, err = c.Ask(t.Context(), Order{Do: "end"})
		}
		c.Stop()
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got+c.stderr.String(), want) {
			t.Errorf("%s: got %v; want %q", script, err, want)
		}
	}
}

func TestUnknownRole(t *testing.T) {
	cmd, err := self("juggler")
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), `"juggler" is no role`) {
		t.Errorf("got %v, %s; want that it is no role", err, out)
	}
}

// One core is one core for every process of it.
func TestOneCore(t *testing.T) {
	c, err := startChild("child", exec.Command("sh", "-c", `echo "{\"calls\": $(nproc)}"; cat`), true)
	if err != nil {
		t.Skip(err)
	}
	defer c.Stop()
	r, err := c.next(t.Context(), "start", time.Minute)
	if err != nil || r.Calls != 1 {
		t.Errorf("got %d processors, %v; want 1", r.Calls, err)
	}
}

func TestSoak(t *testing.T) {
	var out strings.Builder
	if err := Soak(t.Context(), 3000, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "none lost, doubled or mixed up") {
		t.Errorf("got %q", &out)
	}
}

// The server of a soak finds calls that are lost or come twice.
func TestSoakCounts(t *testing.T) {
	var c soakCounts
	for _, step := range []struct {
		m  soakMark
		ok bool
	}{
		{soakMark{0, 1}, true},
		{soakMark{0, 2}, true},
		{soakMark{1, 1}, true},
		{soakMark{0, 2}, false},  // doubled
		{soakMark{0, 4}, false},  // 3 is lost
		{soakMark{64, 1}, false}, // nobody
		{soakMark{-1, 1}, false},
		{soakMark{0, 3}, true},
	} {
		if err := c.arrive(step.m); (err == nil) != step.ok {
			t.Errorf("call %v: got %v; want ok %v", step.m, err, step.ok)
		}
	}
	if err := soakCheck(soakAnswer[string]{soakMark{1, 2}, "a"}, soakMark{2, 2}, "a", func(a, b string) bool { return a == b }); !errors.Is(err, work.ErrWrong) {
		t.Errorf("the answer to another caller: got %v; want %v", err, work.ErrWrong)
	}
	if err := soakCheck(soakAnswer[string]{soakMark{1, 2}, "a"}, soakMark{1, 2}, "b", func(a, b string) bool { return a == b }); !errors.Is(err, work.ErrWrong) {
		t.Errorf("other content: got %v; want %v", err, work.ErrWrong)
	}
}

// When it is enough, each work has one round.
func TestEnough(t *testing.T) {
	w, _ := work.Find("add-serial")
	cfg := Config{Peers: []*peers.Peer{rawPeer(t)}, Works: []work.Work{w}, Runs: 3, Time: time.Millisecond}
	for enough, want := range map[time.Time]int{{}: 3, time.Now(): 1, time.Now().Add(time.Hour): 3} {
		cfg.Enough = enough
		results, err := Measure(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(results[0].Rate.Rounds); got != want {
			t.Errorf("enough at %v: got %d rounds; want %d", enough, got, want)
		}
	}
}
