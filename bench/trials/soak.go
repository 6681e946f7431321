package trials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/peers"
	"github.com/parley-rpc/parley/internal/compare/work"
	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native"
)

// A soak makes calls with random content. Every call names its caller and is
// numbered by it: the server sees that none is lost or comes twice, since a
// caller makes one call at a time, and the caller sees that the answer is the one
// to its call, since that says so again and holds all that was sent.

const (
	soakCallers  = 64
	soakMaxConns = 8
)

// Soak makes n calls by 64 callers: an eighth of them over one connection, an
// eighth over two, and so on.
func Soak(ctx context.Context, n int64, out, progress io.Writer) error {
	server, client, addr, err := startPair(ctx, "soak-server", "soak-client")
	if err != nil {
		return err
	}
	defer server.Stop()
	defer client.Stop()

	seed := uint64(time.Now().UnixNano())
	fmt.Fprintf(progress, "seed %d\n", seed)
	first, calls, wall := int64(1), int64(0), time.Duration(0)
	for conns := 1; conns <= soakMaxConns; conns++ {
		each := max(1, n/(soakMaxConns*soakCallers))
		if conns == soakMaxConns {
			each = max(1, (n-calls+soakCallers-1)/soakCallers) // what division has left
		}
		// In pieces, so that there is progress and each has its bound of time.
		for left := each; left > 0; {
			piece := min(left, soakPiece)
			r, err := client.Ask(ctx, harness.Order{Do: "run", Addr: addr, Conns: conns, Calls: piece, First: first, Seed: seed})
			if err != nil {
				return fmt.Errorf("%w (seed %d)", err, seed)
			}
			left, first = left-piece, first+piece
			calls, wall = calls+r.Calls, wall+time.Duration(r.Wall)
			fmt.Fprintf(progress, "%d calls, %d connections: %.0f calls/s\n", calls, conns, float64(r.Calls)/(float64(r.Wall)/1e9))
		}
	}
	r, err := server.Ask(ctx, harness.Order{Do: "end"})
	if err != nil {
		return err
	}
	if r.Calls != calls {
		return fmt.Errorf("the server has run %d calls; want %d (seed %d)", r.Calls, calls, seed)
	}
	fmt.Fprintf(out, "%d calls by %d callers over 1 to %d connections in %.1f s: %.0f calls/s; none lost, doubled or mixed up\n",
		calls, soakCallers, soakMaxConns, wall.Seconds(), float64(calls)/wall.Seconds())
	return nil
}

// soakPiece is how many calls a caller makes between two signs of progress.
const soakPiece = 10_000

// soakMark says which call something belongs to.
type soakMark struct {
	Caller int   `rpc:"caller"`
	Number int64 `rpc:"number"`
}

// soakAnswer is what an answer holds besides its mark.
type soakAnswer[T any] struct {
	Mark    soakMark `rpc:"mark"`
	Content T        `rpc:"content"`
}

// soakCounts holds the number of each caller's last call.
type soakCounts [soakCallers]atomic.Int64

// arrive notes a call. Another one than the next of its caller is a fault.
func (c *soakCounts) arrive(m soakMark) error {
	if m.Caller < 0 || m.Caller >= soakCallers {
		return fmt.Errorf("caller %d does not exist", m.Caller)
	}
	if !c[m.Caller].CompareAndSwap(m.Number-1, m.Number) {
		return fmt.Errorf("call %d of caller %d came after call %d", m.Number, m.Caller, c[m.Caller].Load())
	}
	return nil
}

func soakServer() error {
	var counts soakCounts
	reg := rpc.NewRegistry()
	err := errors.Join(
		reg.Register("mark", rpc.Func1(func(_ context.Context, m soakMark) (soakMark, error) { return m, counts.arrive(m) })),
		reg.Register("ints", rpc.Func2(soakEcho[[]int](&counts))),
		reg.Register("bytes", rpc.Func2(soakEcho[[]byte](&counts))),
		reg.Register("text", rpc.Func2(soakEcho[string](&counts))),
		reg.Register("records", rpc.Func2(soakEcho[[]work.Record](&counts))),
	)
	if err != nil {
		return err
	}
	addr, err := peers.ServeNative("tcp://127.0.0.1:0", &native.Server{Handler: reg})
	if err != nil {
		return err
	}
	if err := harness.Say(harness.Report{Addr: addr}); err != nil {
		return err
	}
	return harness.Obey(func(harness.Order) (r harness.Report, _ error) {
		for i := range counts {
			r.Calls += counts[i].Load()
		}
		return r, nil
	})
}

func soakEcho[T any](counts *soakCounts) func(context.Context, soakMark, T) (soakAnswer[T], error) {
	return func(_ context.Context, m soakMark, content T) (soakAnswer[T], error) {
		return soakAnswer[T]{m, content}, counts.arrive(m)
	}
}

// soakCheck checks an answer as a whole.
func soakCheck[T any](got soakAnswer[T], m soakMark, want T, equal func(a, b T) bool) error {
	if got.Mark != m {
		return fmt.Errorf("%w: it is that of %v", work.ErrWrong, got.Mark)
	}
	if !equal(got.Content, want) {
		return fmt.Errorf("%w: other content than was sent", work.ErrWrong)
	}
	return nil
}

func equalSlices[S ~[]E, E comparable](a, b S) bool { return slices.Equal(a, b) }
