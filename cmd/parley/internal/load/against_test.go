package load

import (
	"cmp"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/auth"
	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/exit"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/services/adder"
)

// aimed returns a server to measure.
func aimed(t *testing.T, url, authkey string, args ...any) Server {
	t.Helper()
	server := dial.Target{URL: url, Timeout: time.Minute}
	server.AuthkeyFile = authkey
	s, err := Prepare(terminal.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard}, &server, "add")
	if err != nil {
		t.Fatal(err)
	}
	s.Request.Args = rpc.Values(args)
	return s
}

// answering serves add over XML-RPC; answer gets the number of a call, from 1 on,
// and says whether it is a fault.
func answering(t *testing.T, answer func(n int64) (fault bool)) (url string) {
	t.Helper()
	var calls atomic.Int64
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	err := reg.Register("add", func(...any) (int, error) {
		if answer(calls.Add(1)) {
			return 0, rpc.Errorf(17, "not today")
		}
		return 8, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &xmlrpc.Server{Handler: reg, Logger: reg.Logger}
	return s.URL(served(t, s, s.Listen, "127.0.0.1:0"))
}

// served serves until the end of the test.
func served(t *testing.T, s interface {
	Serve(net.Listener) error
	Close() error
}, listen func(string) (net.Listener, error), address string,
) net.Addr {
	t.Helper()
	l, err := listen(address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(l) // ends with Close
	}()
	t.Cleanup(func() { s.Close(); <-ended })
	return l.Addr()
}

// One service under two URLs and a third of another server, side by side.
func TestAgainst(t *testing.T) {
	t.Parallel()
	reg := rpc.NewRegistry()
	reg.Logger = slog.New(slog.DiscardHandler)
	if err := adder.Register(reg); err != nil {
		t.Fatal(err)
	}
	key := auth.GenerateKey()
	authkey := filepath.Join(t.TempDir(), "authkey")
	if err := key.WriteFile(authkey); err != nil {
		t.Fatal(err)
	}
	web := &xmlrpc.Server{Handler: reg, Logger: reg.Logger}
	channel := &native.Server{Handler: reg, Auth: key, Logger: reg.Logger}
	overHTTP := web.URL(served(t, web, web.Listen, "127.0.0.1:0"))
	overTCP := "tcp://" + served(t, channel, channel.Listen, "tcp://127.0.0.1:0").String()
	other := answering(t, func(int64) bool { return false })
	var steps []int
	total := 0
	first := map[string]int{} // how often a lane was the first of a round
	got, err := Against(t.Context(), Options{
		Servers: []Server{aimed(t, overHTTP, "", 3, 5), aimed(t, overTCP, authkey, 3, 5), aimed(t, other, "", 3, 5)},
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
			latency := s == row.P50 || s == row.Max // which may be of all calls together
			if s == nil || len(s.Turns) != 3 && !(latency && len(s.Turns) == 1) || s.Median <= 0 {
				t.Errorf("%s, %s: got %+v; want three turns", row.Lane, row.Work, s)
			}
		}
		if row.P90 == nil != (row.Calls < 10) || row.P99 == nil != (row.Calls < 100) || row.P999 != nil && row.Calls < 1000 {
			t.Errorf("%s, %s: quantiles of %d calls: got %v, %v, %v; want them where a call is beyond them, and only there", row.Lane, row.Work, row.Calls, row.P90, row.P99, row.P999)
		}
		before := row.P50
		for _, s := range []*compare.Stat{row.P90, row.P99, row.P999, row.Max} {
			if s != nil && (s.Median < before.Median || len(s.Turns) != len(before.Turns)) {
				t.Errorf("%s, %s: got %+v after %+v; want quantiles of one population that rise", row.Lane, row.Work, s, before)
			}
			before = cmp.Or(s, before)
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
	s := answering(t, func(int64) bool {
		time.Sleep(time.Millisecond)
		return false
	})
	got, err := Against(t.Context(), Options{
		Servers: []Server{aimed(t, s, "")}, Callers: []int{1}, Turn: 7 * time.Millisecond, Rounds: 10, WarmUp: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	row := got.Rows[0] // at most 8 calls in each of 10 turns
	if row.P50 == nil || len(row.P50.Turns) != 1 || row.P90 == nil || len(row.P90.Turns) != 1 || row.P99 != nil || row.P999 != nil || row.Max == nil {
		t.Errorf("%d calls: got %+v, %+v, %+v, %+v; want p50 and p90 of all together, and no p99", row.Calls, row.P50, row.P90, row.P99, row.P999)
	}
}

// At a rate that cannot be kept the row tells the calls that were late, and those
// that were not sent; without a rate there is nothing of it.
func TestAgainstAtARate(t *testing.T) {
	t.Parallel()
	s := answering(t, func(int64) bool {
		time.Sleep(time.Millisecond)
		return false
	})
	options := Options{Servers: []Server{aimed(t, s, "")}, Callers: []int{1}, Turn: 50 * time.Millisecond, Rounds: 2, WarmUp: time.Millisecond}
	for _, rate := range []float64{100_000, 0} {
		options.Rate = rate
		got, err := Against(t.Context(), options)
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
	good := answering(t, func(int64) bool { return false })
	bad := answering(t, func(n int64) bool { return n == 60 }) // once is enough
	options := Options{
		Servers: []Server{aimed(t, good, ""), aimed(t, bad, "")},
		Callers: []int{2}, Turn: 100 * time.Millisecond, Rounds: 2, WarmUp: 50 * time.Millisecond,
	}
	got, err := Against(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows[0].Failed != "" || got.Rows[0].CallsPerS == nil || got.Rows[1].CallsPerS != nil || !strings.Contains(got.Rows[1].Failed, "fault 17: not today") {
		t.Errorf("got %+v; want figures of the first and a reason of the second", got.Rows)
	}
	options.Servers = []Server{aimed(t, answering(t, func(int64) bool { return true }), "")}
	if _, err := Against(t.Context(), options); exit.Code(err) != exit.Fault {
		t.Errorf("a fault at once: got %v; want it as it is", err)
	}
	worse := answering(t, func(n int64) bool { return n > 60 })
	options.Servers = []Server{aimed(t, worse, "")}
	if _, err := Against(t.Context(), options); exit.Code(err) != exit.Fault {
		t.Errorf("nothing measured: got %v; want the fault", err)
	}
	if _, err := Against(t.Context(), Options{}); err == nil {
		t.Error("no server: got no error")
	}
}

func TestAgainstInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := answering(t, func(n int64) bool {
		if n == 100 {
			cancel()
		}
		return false
	})
	_, err := Against(ctx, Options{Servers: []Server{aimed(t, s, "")}, Turn: time.Hour})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want that it was interrupted", err)
	}
}
