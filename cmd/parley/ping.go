package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/dial"
	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/cmd/parley/internal/usage"
	"github.com/parley-rpc/parley/rpc"
)

// pingCommand asks for a sign of life, first with a new connection and then
// over the same one.
type pingCommand struct {
	dial.Target
	terminal.OutputFlag
	Count    int           `default:"1" help:"How often it is asked over the same connection, after the first answer. Default: ${default}"`
	Interval time.Duration `default:"1s" help:"From one of these to the next. Default: ${default}"`
}

// Help is what kong shows below the short help.
func (*pingCommand) Help() string {
	return `Calls system.ping, which most servers of others do not have: a fault says that one is there all the same. With --count each answer has a line, and the last one the least, the mean and the most; Ctrl-C ends it early. The time-out is for connecting, and then for each answer.

As JSON: an object with connect_ms, the time to the first answer, and over the same connection calls, min_ms, avg_ms and max_ms.`
}

// pinged is what was measured, in milliseconds.
type pinged struct {
	Connect float64 `json:"connect_ms"`
	Calls   int     `json:"calls"`
	Min     float64 `json:"min_ms"`
	Avg     float64 `json:"avg_ms"`
	Max     float64 `json:"max_ms"`
}

func (c *pingCommand) run(std terminal.Streams) error {
	if c.Count < 1 {
		return usage.Errorf("--count is %d, expected 1 or more", c.Count)
	}
	if c.Interval < 0 {
		return usage.Errorf("--interval is %v, expected 0 or more", c.Interval)
	}
	connect, err := c.Prepare(std)
	if err != nil {
		return err
	}
	ctx := context.Background()
	if c.Count > 1 { // what came so far is worth a summary
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	begin := c.Start()
	first, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	p := terminal.NewProgress(std.Err, "waiting for "+terminal.Printable(c.URL))
	caller, err := connect(first, nil, 0)
	if err == nil {
		defer caller.Close()
		err = ping(first, caller)
	}
	p.Done()
	if ctx.Err() != nil {
		return terminal.ErrInterrupted
	}
	if err != nil {
		return err
	}
	took := []time.Duration{time.Since(begin)}
	out := std.Out
	if c.AsJSON() {
		out = io.Discard
	}
	if c.Count > 1 {
		if _, err := fmt.Fprintf(out, "pong: %s with connecting\n", inMilliseconds(took[0])); err != nil {
			return err
		}
	}
	for len(took) <= c.Count {
		d, err := c.again(ctx, caller)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		took = append(took, d)
		if c.Count > 1 {
			if _, err := fmt.Fprintf(out, "pong: %s\n", inMilliseconds(d)); err != nil {
				return err
			}
			if len(took) <= c.Count && !pause(ctx, c.Interval) {
				break
			}
		}
	}
	if len(took) == 1 {
		return terminal.ErrInterrupted
	}
	return c.sum(std.Out, took)
}

// again asks once more over a connection that there is.
func (c *pingCommand) again(ctx context.Context, caller rpc.Caller) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	begin := time.Now()
	err := ping(ctx, caller)
	return time.Since(begin), err
}

// sum prints what the answers took, the first of which came with a connection.
func (c *pingCommand) sum(out io.Writer, took []time.Duration) error {
	least, most, all := took[1], took[1], time.Duration(0)
	for _, d := range took[1:] {
		least, most, all = min(least, d), max(most, d), all+d
	}
	n := len(took) - 1
	mean := all / time.Duration(n)
	var err error
	switch {
	case c.AsJSON():
		ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
		err = terminal.PrintJSON(out, pinged{ms(took[0]), n, ms(least), ms(mean), ms(most)})
	case c.Count == 1:
		_, err = fmt.Fprintf(out, "pong: %s with connecting, %s over the same connection\n", inMilliseconds(took[0]), inMilliseconds(took[1]))
	default:
		_, err = fmt.Fprintf(out, "%s over the same connection: min %s, avg %s, max %s\n", terminal.Several(n, "answer"), inMilliseconds(least), inMilliseconds(mean), inMilliseconds(most))
	}
	return err
}

func ping(ctx context.Context, caller rpc.Caller) error {
	answer, err := rpc.Invoke[any](ctx, caller, "system.ping")
	if err == nil && answer != "pong" {
		err = errors.New("system.ping did not answer pong; is this a Parley server?")
	}
	return notForYou(err, "system.ping")
}

// pause waits, and reports whether ctx lasted so long.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func inMilliseconds(d time.Duration) string { return fmt.Sprintf("%.2f ms", d.Seconds()*1000) }
