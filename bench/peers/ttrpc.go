package peers

import (
	"context"

	"github.com/containerd/ttrpc"
	"google.golang.org/protobuf/proto"

	"github.com/parley-rpc/parley/internal/compare/harness"
)

// ttrpcPeer is containerd's ttrpc, over TCP as the others.
func ttrpcPeer() *harness.Peer {
	return &harness.Peer{
		Name: "ttrpc",
		Serve: func(string) (string, error) {
			srv, err := ttrpc.NewServer()
			if err != nil {
				return "", err
			}
			methods := map[string]ttrpc.Method{}
			for _, m := range protoHandlers() {
				methods[m.name()] = func(ctx context.Context, unmarshal func(any) error) (any, error) {
					in := m.request()
					if err := unmarshal(in); err != nil {
						return nil, err
					}
					return m.answer(ctx, in), nil
				}
			}
			srv.Register(serviceName, methods)
			l, addr, err := listen()
			if err != nil {
				return "", err
			}
			harness.Background(func() error { return srv.Serve(context.Background(), l) })
			return addr, nil
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			nc, err := dial(addr)
			if err != nil {
				return nil, err
			}
			c := ttrpc.NewClient(nc)
			return protoConn{
				invoke: func(ctx context.Context, m protoMethod, in, out proto.Message) error {
					return c.Call(ctx, serviceName, m.name(), in, out)
				},
				close: c.Close,
			}, nil
		},
	}
}
