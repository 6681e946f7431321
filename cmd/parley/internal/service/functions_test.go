package service

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

func TestFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := rpc.NewRegistry()
		if err := registerAll(reg); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if got, err := rpc.Invoke[float64](t.Context(), reg, "sleep", 2.5); got != 2.5 || err != nil || time.Since(begin) != 2500*time.Millisecond {
			t.Errorf("sleep(2.5) = %v, %v after %v", got, err, time.Since(begin))
		}
		for _, seconds := range []float64{-1, 3601, math.NaN(), math.Inf(1)} {
			if _, err := rpc.Invoke[float64](t.Context(), reg, "sleep", seconds); !errors.Is(err, &rpc.Fault{Code: rpc.CodeInvalidParams}) {
				t.Errorf("sleep(%v): %v; want fault %d", seconds, err, rpc.CodeInvalidParams)
			}
		}
		begin = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := rpc.Invoke[float64](ctx, reg, "sleep", 60); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("sleep(60) with a second of time: %v after %v", err, time.Since(begin))
		}
	})
}
