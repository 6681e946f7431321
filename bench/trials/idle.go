// Package trials holds what bench does besides comparing: Idle measures the
// memory of idle connections, Soak makes calls with random content. Both run a
// server and a client as children of package harness, with roles of their own.
package trials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/peers"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

const (
	// idleTime is how long connections stay idle: each side has asked the other
	// for a sign of life by then, more than once.
	idleTime = 12 * time.Second
	// idleGoal is the goal for the memory of one connection, in bytes.
	idleGoal = 12 << 10
)

// Roles are what children of these trials do.
func Roles() map[string]harness.Role {
	return map[string]harness.Role{
		"idle-server":     func([]string) error { return idleServer("tcp") },
		"idle-tls-server": func([]string) error { return idleServer("tls") },
		"idle-client":     func([]string) error { return idleClient() },
		"soak-server":     func([]string) error { return soakServer() },
		"soak-client":     func([]string) error { return soakClient() },
	}
}

// Idle opens n connections of parley, inside TLS if secured, and prints what they
// cost the server.
func Idle(ctx context.Context, n int, secured bool, out, progress io.Writer) error {
	role, name := "idle-server", "parley over TCP"
	if secured {
		role, name = "idle-tls-server", "parley inside TLS"
	}
	server, client, addr, err := startPair(ctx, role, "idle-client")
	if err != nil {
		return err
	}
	defer server.Stop()
	defer client.Stop()

	before, err := server.Ask(ctx, harness.Order{Do: "begin"})
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "opening %d connections\n", n)
	if _, err := client.Ask(ctx, harness.Order{Do: "open", Addr: addr, Conns: n}); err != nil {
		return err
	}
	fresh, err := server.Ask(ctx, harness.Order{Do: "end"})
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "waiting for %v\n", idleTime)
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	idle, err := server.Ask(ctx, harness.Order{Do: "end"})
	if err != nil {
		return err
	}
	// Each of them is still there, and works.
	if _, err := client.Ask(ctx, harness.Order{Do: "run"}); err != nil {
		return err
	}
	printIdle(out, n, name, !secured, before, fresh, idle)
	return nil
}

func printIdle(out io.Writer, n int, name string, goal bool, before, fresh, idle harness.Report) {
	fmt.Fprintf(out, "%d connections of %s; the server's memory after a garbage collection\n", n, name)
	fmt.Fprintf(out, "  %-16s %12s %15s %12s %15s %12s\n", "", "before", "after login", "each", fmt.Sprintf("idle for %v", idleTime), "each")
	row := func(name string, unit float64, of func(harness.Report) int64) float64 {
		b, f, i := float64(of(before))/unit, float64(of(fresh))/unit, float64(of(idle))/unit
		fmt.Fprintf(out, "  %-16s %12.0f %15.0f %12.2f %15.0f %12.2f\n", name, b, f, (f-b)/float64(n), i, (i-b)/float64(n))
		return (i - b) / float64(n) * unit
	}
	memory := row("resident KiB", 1024, func(r harness.Report) int64 { return r.RSS })
	inUse := row("heap+stack KiB", 1024, func(r harness.Report) int64 { return r.InUse })
	goroutines := row("goroutines", 1, func(r harness.Report) int64 { return r.Goroutines })
	if !goal {
		return
	}
	if idle.RSS == 0 {
		memory = inUse
	}
	verdict := "not met"
	if memory <= idleGoal && goroutines < 1.01 {
		verdict = "met"
	}
	fmt.Fprintf(out, "  goal: an idle connection takes at most %d KiB and one goroutine: %.1f KiB and %.2f: %s\n", idleGoal>>10, memory/1024, goroutines, verdict)
}

// startPair starts a server and a client that are roles of this program, and
// returns where the server listens.
func startPair(ctx context.Context, serverRole, clientRole string) (server, client *harness.Child, addr string, err error) {
	defer func() {
		if err != nil && server != nil {
			server.Stop()
		}
	}()
	if server, err = harness.StartRole(serverRole); err != nil {
		return nil, nil, "", err
	}
	r, err := server.First(ctx)
	if err != nil {
		return server, nil, "", err
	}
	client, err = harness.StartRole(clientRole)
	return server, client, r.Addr, err
}

func idleServer(scheme string) error {
	reg := rpc.NewRegistry()
	err := reg.Register("next", rpc.Func1(func(_ context.Context, n int) (int, error) { return n + 1, nil }))
	if err != nil {
		return err
	}
	// The bound of connections is not what is measured.
	addr, err := peers.ServeNative(scheme+"://127.0.0.1:0", &native.Server{Handler: reg, MaxConns: 1 << 20})
	if err != nil {
		return err
	}
	if err := harness.Say(harness.Report{Addr: addr}); err != nil {
		return err
	}
	return harness.Obey(func(harness.Order) (harness.Report, error) { return harness.Memory(), nil })
}

func idleClient() error {
	var conns []*native.Client
	return harness.Obey(func(o harness.Order) (harness.Report, error) {
		if o.Do == "open" {
			conns = make([]*native.Client, o.Conns)
			return harness.Report{}, each(len(conns), func(i int) (err error) {
				conns[i], err = peers.DialNative(o.Addr)
				return err
			})
		}
		return harness.Report{}, each(len(conns), func(i int) error {
			got, err := rpc.Invoke[int](context.Background(), conns[i], "next", i)
			if err == nil && got != i+1 {
				err = fmt.Errorf("connection %d: got %d; want %d", i, got, i+1)
			}
			return err
		})
	})
}

// each runs do for all numbers below n, a few of them at a time, until one fails.
func each(n int, do func(i int) error) error {
	const workers = 32
	var next atomic.Int64
	errs := make([]error, workers)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if errs[w] = do(int(i)); errs[w] != nil {
					next.Add(int64(n))
					return
				}
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}
