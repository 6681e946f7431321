package rpctest_test

import (
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/rpctest"
)

// A test of a transport has the whole suite run on it. This one calls the registry
// itself, and so carries everything.
func ExampleRun() {
	_ = func(t *testing.T) { // TestBehaviour, in the package of the transport
		rpctest.Run(t, rpctest.Transport{
			Connect: func(t *testing.T, reg *rpc.Registry) rpc.Caller { return reg },
			BigInts: true, NonFinite: true, Controls: true, Nanoseconds: true, Kinds: true, Pushes: true, Local: true,
		})
	}
}
