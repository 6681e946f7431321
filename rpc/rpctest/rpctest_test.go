package rpctest_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/rpctest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everything is what a wire can carry at best.
var everything = rpctest.Transport{
	BigInts:     true,
	NonFinite:   true,
	Controls:    true,
	Nanoseconds: true,
	Kinds:       true,
	Pushes:      true,
	Local:       true,
}

// A registry is a Caller that carries everything.
func TestRegistry(t *testing.T) {
	tr := everything
	tr.Connect = func(_ *testing.T, reg *rpc.Registry) rpc.Caller { return reg }
	rpctest.Run(t, tr)
}
