package xmlrpc_test

import (
	"log/slog"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/rpctest"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
)

func TestBehaviour(t *testing.T) {
	rpctest.Run(t, rpctest.Transport{
		SendsReaders: true,
		Connect: func(t *testing.T, reg *rpc.Registry) rpc.Caller {
			addr := serve(t, &xmlrpc.Server{Handler: reg})
			return newClient(t, "http://"+addr, xmlrpc.ClientConfig{})
		},
	})
}

// TestBehaviourMounted: a server within the mux of another one behaves the same,
// and so do compressed calls.
func TestBehaviourMounted(t *testing.T) {
	rpctest.Run(t, rpctest.Transport{
		SendsReaders: true,
		Connect: func(t *testing.T, reg *rpc.Registry) rpc.Caller {
			return newClient(t, mount(t, &xmlrpc.Server{Handler: reg, Logger: slog.New(slog.DiscardHandler)})+"/RPC2", xmlrpc.ClientConfig{GzipCalls: true})
		},
	})
}
