package service

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/services/adder"
	"github.com/parley-rpc/parley/services/catalog"
	"github.com/parley-rpc/parley/services/validator1"
)

// registerAll puts everything that serve offers into reg.
func registerAll(reg *rpc.Registry) error {
	return errors.Join(
		adder.Register(reg),
		catalog.Register(reg, catalog.New()),
		validator1.Register(reg),
		reg.Register("echo", echo,
			rpc.Help("Returns its arguments as a list, each in its own kind.")),
		reg.Register("sleep", sleep, rpc.Params("seconds"),
			rpc.Help("Waits, for an hour at most, and returns the seconds. For trying time-outs.")),
		reg.Register("fail", fail, rpc.Params("message"),
			rpc.Help("Fails with this message. For trying faults.")),
	)
}

func echo(args ...any) []any { return args }

// maxSleep bounds how long a call of sleep can hold its place.
const maxSleep = time.Hour

func sleep(ctx context.Context, seconds float64) (float64, error) {
	if !(seconds >= 0 && seconds <= maxSleep.Seconds()) {
		return 0, rpc.Errorf(rpc.CodeInvalidParams, "sleep: expected 0 to %v seconds, got %v", maxSleep.Seconds(), seconds)
	}
	t := time.NewTimer(time.Duration(math.Round(seconds * float64(time.Second))))
	defer t.Stop()
	select {
	case <-t.C:
		return seconds, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func fail(message string) error { return errors.New(message) }
