package native

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// ticks yields n numbers, each after a pause, and then waits for the end of ctx, if
// it is to stall.
func ticks(ctx context.Context, n int, pause time.Duration, stall bool) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			time.Sleep(pause)
			if !yield(i, nil) {
				return
			}
		}
		if stall {
			<-ctx.Done()
		}
	}
}

// TestDefaultTimeOfStreams: without a deadline of its context a stream lasts for as
// long as it moves, in whichever direction, and ends when it does not.
func TestDefaultTimeOfStreams(t *testing.T) {
	const patience, pause, n, pieceSize = 30 * time.Second, 20 * time.Second, 100, 32 << 10
	ended := make(chan error, 1)
	functions := func(t *testing.T) *rpc.Registry {
		return streamRegistry(t, map[string]any{
			"ticks": func(ctx context.Context, n int, stall bool) iter.Seq2[int, error] { return ticks(ctx, n, pause, stall) },
			"fast":  func() io.Reader { return bytes.NewReader(make([]byte, n*pieceSize)) },
			"large": func() io.Reader {
				r, w := io.Pipe()
				go func() {
					for range 10 {
						time.Sleep(pause)
						_, _ = w.Write(make([]byte, 100<<10))
					}
					w.Close()
				}()
				return r
			},
			"sum": func(ctx context.Context, items iter.Seq2[int, error]) (sum int, err error) {
				for i, e := range items {
					if err = e; err == nil {
						sum += i
					}
				}
				ended <- err
				return sum, err
			},
			"forward": func(ctx context.Context, items iter.Seq2[int, error]) iter.Seq2[int, error] { return items },
		})
	}
	for _, tt := range []struct {
		name string
		call func(ctx context.Context, c rpc.Caller) (int, error)
		want int
		lost string // what the error says, if there is one
		took time.Duration
	}{
		{"items come", func(ctx context.Context, c rpc.Caller) (int, error) {
			return consume(rpc.Stream[int](ctx, c, "ticks", n, false), 0)
		}, n, "", n * pause},
		{"no further one comes", func(ctx context.Context, c rpc.Caller) (int, error) {
			return consume(rpc.Stream[int](ctx, c, "ticks", 12, true), 0)
		}, 12, "call ticks: outcome unknown: no item came within 30s, the default (12 had come); give the context a deadline", 12*pause + patience},
		{"none comes", func(ctx context.Context, c rpc.Caller) (int, error) {
			return consume(rpc.Stream[int](ctx, c, "ticks", 0, true), 0)
		}, 0, "no item came within 30s, the default (0 had come)", patience},
		{"the consumer takes its time", func(ctx context.Context, c rpc.Caller) (int, error) {
			return consume(rpc.Stream[[]byte](ctx, c, "fast"), 3*patience)
		}, n, "", n * 3 * patience},
		{"pieces come", func(ctx context.Context, c rpc.Caller) (int, error) {
			b, err := io.ReadAll(rpc.Reader(ctx, c, "large"))
			return len(b), err
		}, 10 * 100 << 10, "", 10 * pause},
		{"items go", func(ctx context.Context, c rpc.Caller) (int, error) {
			return rpc.Invoke[int](ctx, c, "sum", ticks(ctx, n, pause, false))
		}, n * (n - 1) / 2, "", n * pause},
		{"no further one goes", func(ctx context.Context, c rpc.Caller) (int, error) {
			late, cancel := context.WithTimeout(context.Background(), n*pause)
			defer cancel()
			return rpc.Invoke[int](ctx, c, "sum", ticks(late, 5, pause, true))
		}, 0, "no answer came, and no item was sent within 30s, the default (5 were sent)", 5*pause + patience},
		{"both", func(ctx context.Context, c rpc.Caller) (int, error) {
			late, cancel := context.WithTimeout(context.Background(), n*pause)
			defer cancel()
			return consume(rpc.Stream[int](ctx, c, "forward", ticks(late, 7, pause, true)), 0)
		}, 7, "no item came or was sent within 30s, the default (7 had come, 7 were sent)", 7*pause + patience},
		{"on the way back", func(ctx context.Context, c rpc.Caller) (int, error) {
			return consume(rpc.Stream[int](ctx, c, "forward", ticks(ctx, n, pause, false)), 0)
		}, n, "", n * pause},
		{"a deadline bounds the whole", func(ctx context.Context, c rpc.Caller) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, 10*pause+pause/2)
			defer cancel()
			return consume(rpc.Stream[int](ctx, c, "ticks", n, false), 0)
		}, 10, "context deadline exceeded", 10*pause + pause/2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := functions(t)
				server, client := testPipe(t, sessionConfig{handler: reg, callTimeout: patience}, sessionConfig{handler: reg, callTimeout: patience})
				for _, s := range []*session{client, server} { // the way back is like the way there
					begun := time.Now()
					got, err := tt.call(context.Background(), s)
					took := time.Since(begun)
					if tt.lost == "" && err != nil || tt.lost != "" && (!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), tt.lost)) {
						t.Errorf("got the error %v; want %q", err, tt.lost)
					}
					if got != tt.want {
						t.Errorf("got %d; want %d", got, tt.want)
					}
					if took != tt.took {
						t.Errorf("it took %v; want %v", took, tt.took)
					}
					time.Sleep(n * pause) // for a producer that was left
					select {
					case <-ended:
					default:
					}
				}
				noStreams(t, server, client)
			})
		})
	}
}

// consume counts the items of a stream, and takes some time for each.
func consume[T any](items iter.Seq2[T, error], each time.Duration) (n int, err error) {
	for _, err := range items {
		if err != nil {
			return n, err
		}
		time.Sleep(each)
		n++
	}
	return n, nil
}

// TestDefaultTimeOfUnary: a call without streams has the default for all of it, and
// tells the other end.
func TestDefaultTimeOfUnary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan bool, 2)
		reg := streamRegistry(t, map[string]any{
			"told": func(ctx context.Context) iter.Seq2[int, error] {
				_, ok := ctx.Deadline()
				told <- ok
				return ticks(ctx, 1, 0, false)
			},
		})
		_, client := testPipe(t, sessionConfig{handler: reg}, sessionConfig{})
		if _, err := rpc.Invoke[[]int](context.Background(), client, "told"); err != nil {
			t.Fatal(err)
		}
		if !<-told {
			t.Error("a call that is answered as a whole has no deadline")
		}
		if _, err := consume(rpc.Stream[int](context.Background(), client, "told"), 0); err != nil {
			t.Fatal(err)
		}
		if <-told {
			t.Error("a stream has a deadline that nobody has set")
		}
	})
}

// lateConn reads a little at a time.
type lateConn struct {
	net.Conn
	each time.Duration
}

func (c lateConn) Read(p []byte) (int, error) {
	time.Sleep(c.each)
	return c.Conn.Read(p[:min(len(p), 16<<10)])
}

// TestDefaultTimeOfLargeItems: an item that takes long to arrive moves.
func TestDefaultTimeOfLargeItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		reg := streamRegistry(t, map[string]any{
			"one": func() iter.Seq2[[]byte, error] {
				return func(yield func([]byte, error) bool) { yield(make([]byte, size), nil) }
			},
			"length": func(items iter.Seq2[[]byte, error]) (n int, err error) {
				for b, err := range items {
					if n += len(b); err != nil {
						return n, err
					}
				}
				return n, nil
			},
		})
		a, b := net.Pipe()
		slow := lateConn{b, time.Second}
		_, client := testSessions(t, lateConn{a, time.Second}, slow, sessionConfig{handler: reg}, sessionConfig{callTimeout: 20 * time.Second})
		begun := time.Now()
		n := 0
		for b, err := range rpc.Stream[[]byte](context.Background(), client, "one") {
			if n += len(b); err != nil {
				t.Errorf("one that comes: got %v after %v", err, time.Since(begun))
			}
		}
		took := time.Since(begun)
		upload := func(yield func([]byte, error) bool) { yield(make([]byte, size), nil) }
		m, err := rpc.Invoke[int](context.Background(), client, "length", iter.Seq2[[]byte, error](upload))
		if n != size || m != size || err != nil || took < time.Minute {
			t.Errorf("got %d bytes in %v, sent %d, %v; want %d in more than a minute", n, took, m, err, size)
		}
	})
}
