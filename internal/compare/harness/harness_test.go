package harness

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/internal/compare/work"
)

// TestMain lets the test program be its own children.
func TestMain(m *testing.M) {
	RunChild(os.Args[1:], findFake, nil)
	goleak.VerifyTestMain(m)
}

// findFake returns peers whose messages are two numbers and their sum.
func findFake(name string) (*Peer, error) {
	p := &Peer{Name: name, OneAtATime: true, Dial: dialSum}
	switch name {
	case "plain":
		p.Serve = func(string) (string, error) {
			return serveSums("tcp", "127.0.0.1:0", func(a, b int64) int64 { return a + b })
		}
	case "unix":
		p.Serve = func(dir string) (string, error) {
			return serveSums("unix", filepath.Join(dir, "socket"), func(a, b int64) int64 { return a + b })
		}
	case "lies":
		p.Serve = func(string) (string, error) {
			return serveSums("tcp", "127.0.0.1:0", func(a, b int64) int64 { return a - b })
		}
	case "dies":
		p.Serve = func(string) (string, error) {
			return serveSums("tcp", "127.0.0.1:0", func(int64, int64) int64 {
				fmt.Fprintln(os.Stderr, "a number too many")
				os.Exit(1)
				return 0
			})
		}
	case "late":
		p.Serve = func(string) (string, error) {
			return serveSums("tcp", "127.0.0.1:0", func(a, b int64) int64 { return a + b })
		}
		p.Dial = func(dir, addr string) (Conn, error) {
			c, err := dialSum(dir, addr)
			return &lateConn{Conn: c, addr: addr}, err
		}
	case "mute":
		p.Serve = func(string) (string, error) { select {} }
	default:
		return nil, fmt.Errorf("%q is no peer", name)
	}
	return p, nil
}

func serveSums(network, at string, sum func(a, b int64) int64) (string, error) {
	l, err := net.Listen(network, at)
	if err != nil {
		return "", err
	}
	Background(func() error {
		for {
			nc, err := l.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer nc.Close()
				var terms [2]int64
				for binary.Read(nc, binary.BigEndian, &terms) == nil {
					if binary.Write(nc, binary.BigEndian, sum(terms[0], terms[1])) != nil {
						return
					}
				}
			}()
		}
	})
	return network + "://" + l.Addr().String(), nil
}

func dialSum(_, addr string) (Conn, error) {
	network, where := Network(addr)
	nc, err := net.Dial(network, where)
	if err != nil {
		return nil, err
	}
	return sumConn{nc}, nil
}

type sumConn struct{ net.Conn }

func (c sumConn) Prepare(in *work.Input) (Call, error) {
	return func(context.Context) error {
		if in.Form != work.Add {
			return errors.New("it can add, and nothing else")
		}
		var sum int64
		if err := binary.Write(c, binary.BigEndian, [2]int64{int64(in.A), int64(in.B)}); err != nil {
			return err
		}
		if err := binary.Read(c, binary.BigEndian, &sum); err != nil {
			return err
		}
		return in.CheckSum(sum)
	}, nil
}

// lateConn makes another connection for its tenth call.
type lateConn struct {
	Conn
	addr  string
	calls int
}

func (c *lateConn) Prepare(in *work.Input) (Call, error) {
	call, err := c.Conn.Prepare(in)
	return func(ctx context.Context) error {
		if c.calls++; c.calls != 10 {
			return call(ctx)
		}
		other, err := dialSum("", c.addr)
		if err != nil {
			return err
		}
		defer other.Close()
		another, err := other.Prepare(in)
		if err == nil {
			err = errors.Join(another(ctx), another(ctx))
		}
		return err
	}, err
}

// What a connection costs that is made in the middle does not count for calls.
func TestBytesWithoutConnecting(t *testing.T) {
	stands, err := start(t, "late")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := stands.Open(t.Context(), adds(1), WarmUp{Calls: 1}, true)
	if err != nil || opened[0].Wire != 24 {
		t.Errorf("got %+v, %v; want 24 bytes for a call", opened, err)
	}
}

func adds(callers int) work.Work {
	return work.Work{Name: "add", Form: work.Add, Callers: callers, Conns: 1}
}

// start starts a stand for a test, with a folder of the test's for its files.
func start(t *testing.T, names ...string) (Stands, error) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	var peers []*Peer
	for _, name := range names {
		p, err := findFake(name)
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	stands, err := Start(t.Context(), peers, Config{})
	if err == nil {
		t.Cleanup(stands.Stop)
	}
	return stands, err
}

func TestTurns(t *testing.T) {
	stands, err := start(t, "plain", "unix")
	if err != nil {
		t.Fatal(err)
	}
	for _, callers := range []int{1, 5} {
		w := adds(callers)
		opened, err := stands.Open(t.Context(), w, WarmUp{For: time.Millisecond}, true)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range stands {
			if opened[i].Refused != "" || opened[i].Wire != 24 {
				t.Errorf("%s: got %+v; want 24 bytes for a call", s.peer.Name, opened[i])
			}
			var f Figures
			for range 2 {
				turn, err := s.Turn(t.Context(), w, 5*time.Millisecond, 0)
				if err != nil {
					t.Fatal(err)
				}
				f.Add(turn)
			}
			if f.Calls == 0 || f.Latency.Count() != f.Calls {
				t.Errorf("%s: got %d calls and %d latencies; want as many", s.peer.Name, f.Calls, f.Latency.Count())
			}
			for name, turns := range map[string][]float64{
				"rate": f.Rate, "p50": f.P50, "p90": f.P90, "p99": f.P99, "p99.9": f.P999, "max": f.Max,
				"client's allocations": f.ClientAllocs, "their bytes": f.ClientBytes,
				"server's allocations": f.ServerAllocs, "their bytes on the server": f.ServerBytes,
			} {
				if len(turns) != 2 || slices.Min(turns) < 0 {
					t.Errorf("%s: %s: got %v; want figures of two turns", s.peer.Name, name, turns)
				}
			}
			if unix := runtime.GOOS != "windows"; len(f.CPU) != 2 && unix {
				t.Errorf("%s: processor time: got %v; want that of two turns", s.peer.Name, f.CPU)
			}
			for i := range f.P50 {
				if !(f.P50[i] <= f.P90[i] && f.P90[i] <= f.P99[i] && f.P99[i] <= f.P999[i] && f.P999[i] <= f.Max[i]) {
					t.Errorf("%s: quantiles fall: %v %v %v %v %v", s.peer.Name, f.P50[i], f.P90[i], f.P99[i], f.P999[i], f.Max[i])
				}
			}
		}
		if err := stands.Close(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if _, err := stands[0].Turn(t.Context(), w, time.Millisecond, 0); err == nil || !strings.Contains(err.Error(), "add is not open") {
			t.Errorf("a turn of a work that is closed: got %v; want an error", err)
		}
	}
}

// At a rate that it can keep, a peer is called so often and not more.
func TestTurnAtRate(t *testing.T) {
	stands, err := start(t, "plain")
	if err != nil {
		t.Fatal(err)
	}
	w := adds(2)
	if _, err := stands.Open(t.Context(), w, WarmUp{Calls: 1}, false); err != nil {
		t.Fatal(err)
	}
	turn, err := stands[0].Turn(t.Context(), w, 200*time.Millisecond, 100)
	if err != nil {
		t.Fatal(err)
	}
	if turn.Calls > 20 || turn.Latency.Count() > 20 {
		t.Errorf("got %d calls; want the 20 that were due", turn.Calls)
	}
}

func TestConnections(t *testing.T) {
	stands, err := start(t, "plain", "unix")
	if err != nil {
		t.Fatal(err)
	}
	grown, err := stands.Idle(t.Context(), 40)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range stands {
		if known := grown[i] != nil; known != (runtime.GOOS == "linux") {
			t.Errorf("%s: memory known: got %v", s.peer.Name, known)
		}
		times, err := s.SetUp(t.Context(), 3)
		if err != nil || len(times) != 3 || slices.Min(times) <= 0 {
			t.Errorf("%s: set-up: got %v, %v; want three times", s.peer.Name, times, err)
		}
	}
}

// Who answers something wrong is found out, and who says that it cannot do a work
// is told from who fails.
func TestAnswers(t *testing.T) {
	stands, err := start(t, "plain")
	if err != nil {
		t.Fatal(err)
	}
	list := work.Work{Name: "list", Form: work.List, Size: 1, Callers: 1, Conns: 1}
	opened, err := stands.Open(t.Context(), list, WarmUp{Calls: 1}, true)
	if err != nil || opened[0].Refused != "it can add, and nothing else" {
		t.Errorf("a work that it cannot do: got %+v, %v; want that it was refused", opened, err)
	}
	for name, want := range map[string]string{"lies": "wrong answer", "dies": "a number too many"} {
		stands, err := start(t, name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = stands.Open(t.Context(), adds(1), WarmUp{Calls: 1}, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a peer that %s: got %v; want %q", name, err, want)
		}
	}
}

// fakeConn answers with what sum says.
type fakeConn struct{ sum func(in *work.Input) int64 }

func (c fakeConn) Prepare(in *work.Input) (Call, error) {
	return func(context.Context) error { return in.CheckSum(c.sum(in)) }, nil
}

func (fakeConn) Close() error { return nil }

// A wrong answer is found while a peer warms up, though only one caller of many
// may see it, or later.
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
		p := &Peer{Name: "fake", Dial: func(string, string) (Conn, error) { return fakeConn{c.sum}, nil }}
		cl := client{peer: p, works: map[string]*opened{}}
		w := adds(64)
		_, err := cl.obey(Order{Do: "open", Work: &w, Calls: 3})
		if (err == nil) != c.openOK || err != nil && !errors.Is(err, work.ErrWrong) {
			t.Errorf("%s: open: got %v; want ok %v, or a wrong answer", name, err, c.openOK)
		}
		if !c.openOK {
			continue
		}
		_, err = cl.obey(Order{Do: "run", Work: &w, Calls: 2})
		if (err == nil) != c.runsOK || err != nil && !errors.Is(err, work.ErrWrong) {
			t.Errorf("%s: run: got %v; want ok %v, or a wrong answer", name, err, c.runsOK)
		}
	}
}

func TestTapCounts(t *testing.T) {
	for _, network := range []string{"tcp", "unix", "tls"} { // inside TLS is TCP
		at, under := "127.0.0.1:0", "tcp"
		if network == "unix" {
			at, under = filepath.Join(t.TempDir(), "s"), network
		}
		l, err := net.Listen(under, at)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		echoed := make(chan struct{})
		go func() {
			defer close(echoed)
			if nc, err := l.Accept(); err == nil {
				_, _ = io.Copy(nc, nc)
				nc.Close()
			}
		}()
		r, err := newTap(network + "://" + l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		scheme, where := Network(r.addr)
		nc, err := net.Dial(under, where)
		if err != nil || scheme != network {
			t.Fatalf("got %s, %v; want an address of %s", r.addr, err, network)
		}
		message := make([]byte, 100_000)
		go nc.Write(message)
		if _, err := io.ReadFull(nc, make([]byte, len(message))); err != nil {
			t.Fatal(err)
		}
		if got := r.Settled(); got != 200_000 {
			t.Errorf("%s: got %d bytes; want 200000", network, got)
		}
		nc.Close()
		r.close()
		<-echoed
	}
}

// No child outlives its stand, even if it was in the middle of a run.
func TestChildrenEnd(t *testing.T) {
	stands, err := start(t, "plain")
	if err != nil {
		t.Fatal(err)
	}
	s := stands[0]
	w := adds(1)
	if _, err := stands.Open(t.Context(), w, WarmUp{Calls: 1}, false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("interrupted"))
	defer cancel()
	if _, err := s.Turn(ctx, w, time.Hour, 0); err == nil || err.Error() != "interrupted" {
		t.Errorf("a run that is interrupted: got %v; want that it was", err)
	}
	stands.Stop()
	for _, c := range []*Child{s.server, s.client} {
		if c.cmd.ProcessState == nil {
			t.Errorf("%s still runs", c.name)
		}
	}
	if files, err := os.ReadDir(os.TempDir()); err != nil || len(files) > 0 && runtime.GOOS != "windows" {
		t.Errorf("got %v, %v; want that the folders of the stand are gone", files, err)
	}
}

// A child that does not get ready is given up, and nothing is left of the others.
func TestStartFails(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	plain, _ := findFake("plain")
	mute, _ := findFake("mute")
	_, err := Start(t.Context(), []*Peer{plain, mute}, Config{Patience: time.Second})
	var failed *StartError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "mute server: start: no report within 1s") {
		t.Errorf("a server that says nothing: got %v; want that it says nothing", err)
	}
	absent := &Peer{Name: "absent", Server: func(dir string) (*exec.Cmd, error) { return exec.Command(filepath.Join(dir, "absent")), nil }}
	if _, err := Start(t.Context(), []*Peer{plain, absent}, Config{}); !errors.As(err, &failed) || failed.Peer != absent {
		t.Errorf("a program that does not exist: got %v; want an error about it", err)
	}
	if files, err := os.ReadDir(os.TempDir()); err != nil || len(files) > 0 && runtime.GOOS != "windows" {
		t.Errorf("got %v, %v; want that nothing is left", files, err)
	}
}
