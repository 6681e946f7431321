package native

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// fate is what became of a call.
type fate struct {
	err         error
	begun, over time.Time
}

// TestServerIsKilled: with SIGKILL in the middle of calls, and started again on
// the same address, where its socket is left over. The same client goes on. What
// was under way fails at once with Unknown, what fails with NotSent has not run,
// and nothing runs twice.
func TestServerIsKilled(t *testing.T) {
	stalls := watchStalls(t)
	check := nothingLeft(t)
	var cells sync.WaitGroup
	for _, network := range []string{"tcp", "unix"} {
		cells.Go(func() {
			t.Run(network, func(t *testing.T) {
				stalls.trials(t, func(t testing.TB, allowed func() time.Duration) { serverIsKilled(t, network, allowed) })
			})
		})
	}
	cells.Wait()
	check()
}

func serverIsKilled(t testing.TB, network string, allowed func() time.Duration) {
	const callers, rounds = 8, 3
	url, file := freeURL(t, network), filepath.Join(t.TempDir(), "runs")
	env := []string{childURL + "=" + url, childRuns + "=" + file}
	server := startChild(t, "server", env...)
	c := testClient(t, url, DialConfig{})

	var mu sync.Mutex
	fates := map[int]fate{}
	call := func(method string) error {
		id := int(callIDs.Add(1))
		f := fate{begun: time.Now()}
		var got int
		if got, f.err = rpc.Invoke[int](testContext(t), c, method, id); f.err == nil && got != id {
			f.err = wrongAnswer(method)
		}
		f.over = time.Now()
		mu.Lock()
		defer mu.Unlock()
		fates[id] = f
		return f.err
	}
	over := make(chan struct{})
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if call("once") != nil {
					time.Sleep(5 * time.Millisecond) // whoever has a server for nothing
				}
			}
		})
	}
	var kills []time.Time
	for range rounds {
		for range 3 { // under way for sure
			wg.Go(func() { call("block") })
		}
		time.Sleep(60 * time.Millisecond)
		kills = append(kills, time.Now())
		server.kill()
		time.Sleep(60 * time.Millisecond)
		server = startChild(t, "server", env...)
		back := time.Now()
		limit := min(firstRetry<<min(c.failures()+1, 16), lastRetry)
		for call("once") != nil {
			if took := time.Since(back); took > limit+allowed() {
				t.Errorf("the client is not back after %v; want %v at most", took, limit)
				break
			}
		}
	}
	close(over)
	wg.Wait()

	ran := map[int]int{}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		id, err := strconv.Atoi(string(bytes.TrimSpace(line)))
		if err != nil {
			t.Fatal(err)
		}
		ran[id]++
	}
	var answered, unknown, notSent int
	for id, f := range fates {
		var link *rpc.LinkError
		switch {
		case f.err == nil:
			if answered++; ran[id] != 1 {
				t.Errorf("call %d was answered, and ran %d times", id, ran[id])
			}
		case !errors.As(f.err, &link):
			t.Errorf("call %d: got %v; want an answer or a LinkError", id, f.err)
		case link.Sent == rpc.NotSent:
			if notSent++; ran[id] != 0 {
				t.Errorf("call %d was not sent (%v), and ran %d times", id, f.err, ran[id])
			}
		default:
			if unknown++; ran[id] > 1 {
				t.Errorf("call %d, whose outcome is unknown, ran %d times", id, ran[id])
			}
		}
		for _, kill := range kills {
			if late := f.over.Sub(kill); f.begun.Before(kill) && late > allowed() && link != nil && link.Sent == rpc.Unknown {
				t.Errorf("a call under way failed %v after the kill; want %v at most", late, allowed())
			}
		}
	}
	if answered < callers || unknown < 3*rounds || len(fates) < len(ran) {
		t.Errorf("got %d answered, %d unknown, %d not sent, %d ran; want more for the test to mean anything", answered, unknown, notSent, len(ran))
	}
	t.Logf("%d answered, %d unknown, %d not sent", answered, unknown, notSent)
}

// failures is how many attempts to connect have failed in a row.
func (c *Client) failures() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.backoff.failures
}
