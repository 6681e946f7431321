package native

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// TestNoAnswerIsLostOrDoubled: many callers on several connections, with small
// and large messages both ways, some of whom give up. Each answer is that of its
// call, each call that was waited for has one, and none ran twice.
func TestNoAnswerIsLostOrDoubled(t *testing.T) {
	const callers = 64
	calls := 200_000
	if raceEnabled {
		calls /= 40
	}
	check := nothingLeft(t)
	t.Run("calls", func(t *testing.T) {
		ran := make([]atomic.Int32, calls)
		handler := callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			var id, size int
			var b []byte
			if err := req.Args.Decode([]any{&id, &b, &size}, nil); err != nil {
				return nil, err
			}
			ran[id].Add(1)
			if !bytes.Equal(b, blobOf(id, len(b))) {
				return nil, wrongAnswer("the request of call")
			}
			if id%1000 == 0 { // others overtake it
				select {
				case <-time.After(3 * time.Millisecond):
				case <-ctx.Done():
				}
			}
			return blobOf(-id, size), nil
		})
		var clients []*Client
		for _, network := range []string{"tcp", "unix", "tls"} {
			srv := testServer(t, testURL(t, network), &Server{Handler: handler})
			for range 2 {
				clients = append(clients, testClient(t, srv.Addr(), DialConfig{}))
			}
		}
		var next, answered, cancelled atomic.Int64
		var wg sync.WaitGroup
		for i := range callers {
			c, rng := clients[i%len(clients)], rand.New(rand.NewPCG(1, uint64(i)))
			size := func() int {
				switch n := rng.IntN(1000); {
				case n < 2:
					return 100_000 + rng.IntN(100_000) // in parts
				case n < 20:
					return rng.IntN(70_000)
				}
				return rng.IntN(100)
			}
			wg.Go(func() {
				for {
					id := int(next.Add(1)) - 1
					if id >= calls {
						return
					}
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
					givesUp := rng.IntN(50) == 0
					if givesUp {
						time.AfterFunc(time.Duration(rng.IntN(500))*time.Microsecond, cancel)
					}
					n := size()
					got, err := rpc.Invoke[[]byte](ctx, c, "any", id, blobOf(id, size()), n)
					cancel()
					switch {
					case err == nil && bytes.Equal(got, blobOf(-id, n)):
						if answered.Add(1); ran[id].Load() != 1 {
							t.Errorf("call %d was answered, and ran %d times", id, ran[id].Load())
						}
					case err == nil:
						t.Errorf("call %d: %d bytes, which are not its answer of %d", id, len(got), n)
					case !givesUp || !errors.Is(err, context.Canceled):
						t.Errorf("call %d: got %v; want an answer", id, err)
					default:
						cancelled.Add(1)
					}
				}
			})
		}
		wg.Wait()
		for id := range ran {
			if n := ran[id].Load(); n > 1 {
				t.Errorf("call %d ran %d times", id, n)
			}
		}
		if sum := answered.Load() + cancelled.Load(); sum != int64(calls) || cancelled.Load() == 0 {
			t.Errorf("got %d answered, %d cancelled; want %d together", answered.Load(), cancelled.Load(), calls)
		}
		t.Logf("%d answered, %d cancelled", answered.Load(), cancelled.Load())
	})
	check()
}
