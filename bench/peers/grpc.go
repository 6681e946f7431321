package peers

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/parley-rpc/parley/internal/compare/harness"
)

// grpcPeer is grpc-go without TLS, with its defaults. The service is described
// by hand; the handlers do what generated ones do.
func grpcPeer() *harness.Peer {
	return &harness.Peer{
		Name: "grpc",
		Serve: func(string) (string, error) {
			srv := grpc.NewServer()
			srv.RegisterService(grpcService(), nil)
			l, addr, err := listen()
			if err != nil {
				return "", err
			}
			harness.Background(func() error { return srv.Serve(l) })
			return addr, nil
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			_, target := harness.Network(addr)
			cc, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return nil, err
			}
			return protoConn{
				invoke: func(ctx context.Context, m protoMethod, in, out proto.Message) error {
					return cc.Invoke(ctx, string(m), in, out)
				},
				close: cc.Close,
			}, nil
		},
	}
}

func grpcService() *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: serviceName, HandlerType: (*any)(nil)}
	for _, m := range protoHandlers() {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: m.name(),
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				in := m.request()
				if err := decode(in); err != nil {
					return nil, err
				}
				return m.answer(ctx, in), nil
			},
		})
	}
	return desc
}
