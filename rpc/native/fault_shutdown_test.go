package native

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/faultproxy"
	"github.com/parley-rpc/parley/rpc"
)

// shutdownRound is one shutdown under load.
type shutdownRound struct {
	name     string
	deadline time.Duration
	// stubborn handlers do not heed their contexts.
	stubborn bool
	// way is what the clients' connections are like; stops: from the shutdown on.
	way   faultproxy.Fault
	stops bool
	// large is the size of the largest answers; zero means 200 kB.
	large int
	// clean: Shutdown has time enough, and so every call that ran is answered.
	clean bool
}

var shutdownRounds = []shutdownRound{
	{name: "load", deadline: 10 * time.Second, clean: true},
	{name: "slow way", deadline: 10 * time.Second, clean: true, way: faultproxy.Fault{Bandwidth: 500_000}, large: 800_000},
	{name: "long way", deadline: 10 * time.Second, clean: true, way: faultproxy.Fault{Latency: lingerTime + 100*time.Millisecond}},
	{name: "stubborn handlers", deadline: 100 * time.Millisecond, stubborn: true},
	{name: "readers that stop", deadline: 100 * time.Millisecond, stops: true},
	{name: "no time", deadline: 0},
}

// TestShutdownWhateverHappens: it returns by its deadline, and loses no call that
// it has accepted. What it has no time to answer is Unknown to its caller, and
// what fails with NotSent has not run.
func TestShutdownWhateverHappens(t *testing.T) {
	const repeat = 4 / slower // each round, with other timing
	for _, r := range shutdownRounds {
		t.Run(r.name, func(t *testing.T) {
			check := nothingLeft(t)
			t.Run("rounds", func(t *testing.T) {
				stalls := watchStalls(t)
				var cells sync.WaitGroup
				defer cells.Wait()
				for _, network := range []string{"tcp", "unix", "tls"} {
					places := make(chan struct{}, 1) // rounds at the same time
					if r.way.Latency > 0 || r.way.Bandwidth > 0 {
						places = make(chan struct{}, repeat) // they mostly wait
					}
					for i := range repeat {
						cells.Go(func() {
							places <- struct{}{}
							defer func() { <-places }()
							t.Run(fmt.Sprintf("%s/%d", network, i), func(t *testing.T) {
								stalls.trials(t, func(t testing.TB, allowed func() time.Duration) {
									r.run(t, network, time.Duration(20+7*i)*time.Millisecond, allowed)
								})
							})
						})
					}
				}
			})
			check()
		})
	}
}

func (r *shutdownRound) run(t testing.TB, network string, after time.Duration, allowed func() time.Duration) {
	const clients, callers = 3, 6
	var mu sync.Mutex
	ran := map[int]int{}
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	var n atomic.Int64
	srv := testServer(t, testURL(t, network), &Server{Handler: callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		var id, size int
		if err := req.Args.Decode([]any{&id, &size}, nil); err != nil {
			return nil, err
		}
		mu.Lock()
		ran[id]++
		mu.Unlock()
		switch n := n.Add(1); {
		case r.stubborn && n%5 == 0:
			<-release
		case n%7 == 0:
			time.Sleep(time.Duration(n%5) * time.Millisecond)
		}
		return blobOf(id, size), nil
	})})
	t.Cleanup(let) // before the server is closed, which waits for its handlers
	proxy, url := testFaultProxy(t, srv.Addr())
	fates := map[int]error{}
	answers := make(chan struct{}) // closed by the first one
	begun := sync.OnceFunc(func() { close(answers) })
	var wg sync.WaitGroup
	var all [clients]*Client
	for i := range all {
		// It says something all the time, also when the server has nothing to say any
		// more.
		all[i] = testClient(t, url, DialConfig{Limits: Limits{PingAfter: 20 * time.Millisecond}})
	}
	for _, c := range all {
		for i := range callers {
			size := []int{0, 100, 5_000, 70_000, cmp.Or(r.large, 200_000), 10}[i]
			wg.Go(func() {
				for {
					id := int(callIDs.Add(1))
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
					got, err := rpc.Invoke[[]byte](ctx, c, "any", id, size)
					cancel()
					if err == nil && string(got) != string(blobOf(id, size)) {
						err = wrongAnswer("any")
					}
					mu.Lock()
					fates[id] = err
					mu.Unlock()
					if err == nil {
						begun()
					}
					if err != nil {
						return
					}
				}
			})
		}
	}
	proxy.Set(faultproxy.Up, r.way)
	proxy.Set(faultproxy.Down, r.way)
	select {
	case <-answers:
	case <-time.After(10 * time.Second):
	}
	time.Sleep(after + 2*r.way.Latency)
	if r.stops {
		proxy.Set(faultproxy.Up, faultproxy.Fault{Stop: true})
		proxy.Set(faultproxy.Down, faultproxy.Fault{Stop: true})
		time.Sleep(5 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.deadline)
	defer cancel()
	begin := time.Now()
	err := srv.Shutdown(ctx)
	if took := time.Since(begin); took > r.deadline+allowed() {
		t.Errorf("Shutdown took %v; want %v and at most %v", took, r.deadline, allowed())
	}
	if r.clean && err != nil || err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: got %v", err)
	}
	let()
	if r.stops {
		proxy.Reset()
		proxy.Heal()
	}
	wg.Wait()
	srv.Close() // waits for the stubborn
	answered := 0
	for id, err := range fates {
		var link *rpc.LinkError
		switch {
		case err == nil:
			answered++
		case !errors.As(err, &link):
			t.Errorf("call %d: got %v; want an answer or a LinkError", id, err)
		case link.Sent == rpc.NotSent && ran[id] > 0:
			t.Errorf("call %d ran, and its caller was told that it was not sent: %v", id, err)
		case link.Sent != rpc.NotSent && r.clean:
			t.Errorf("call %d, which ran %d times, was lost: %v", id, ran[id], err)
		}
		if ran[id] > 1 {
			t.Errorf("call %d ran %d times", id, ran[id])
		}
	}
	if answered == 0 {
		t.Error("no call was answered; want some for the test to mean anything")
	}
}

// TestShutdownDoesNotWaitForTheRefused: for peers that speak what the server does
// not, and are given a moment to hear of it.
func TestShutdownDoesNotWaitForTheRefused(t *testing.T) {
	check := nothingLeft(t)
	t.Run("server", func(t *testing.T) {
		log := &logBuffer{}
		srv := testServer(t, "unix://"+t.TempDir()+"/s", &Server{Handler: echo, Logger: log.logger()})
		machine := machineLateness(t)
		conn, err := DialConn(testContext(t), srv.Addr(), ConnConfig{Auth: oneKey(testKey)})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		log.wait(t, "nothing takes them here")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		begin := time.Now()
		srv.Shutdown(ctx)
		if took, allowed := time.Since(begin), lingerTime/2+2*machine(); took > allowed {
			t.Errorf("Shutdown with a deadline of 10 ms took %v; want %v at most", took, allowed)
		}
	})
	check()
}

// TestSilentPeersOfAnOpenServer: without a login, those that begin nothing do not
// keep their places for good.
func TestSilentPeersOfAnOpenServer(t *testing.T) {
	srv := testServer(t, "unix://"+t.TempDir()+"/s", &Server{Handler: echo, DangerouslyWithoutAuth: true, MaxConns: 2, HandshakeTimeout: 100 * time.Millisecond})
	for range 2 {
		rawDial(t, srv.Addr())
	}
	within(t, 5*time.Second, "for both to be served", func() bool { return srv.connections() == 2 })
	within(t, 5*time.Second, "for a place", func() bool {
		c, err := Dial(testContext(t), srv.Addr(), DialConfig{DangerouslyWithoutAuth: true, Logger: quiet})
		if err != nil {
			return false
		}
		defer c.Close()
		got, err := rpc.Invoke[int](testContext(t), c, "echo", 5)
		return err == nil && got == 5
	})
}
