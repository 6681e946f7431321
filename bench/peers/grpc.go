package peers

import (
	"context"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// grpcPeer is grpc-go without TLS, with its defaults. The service is described
// by hand; the handlers do what generated ones do.
func grpcPeer() *Peer {
	return &Peer{
		Name: "grpc",
		Serve: func(string) (string, io.Closer, error) {
			srv := grpc.NewServer()
			srv.RegisterService(grpcService(), nil)
			l, addr, err := listen()
			if err != nil {
				return "", nil, err
			}
			background(func() error { return srv.Serve(l) })
			return addr, closer(srv.Stop), nil
		},
		Dial: func(addr string) (Conn, error) {
			_, target := network(addr)
			cc, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return nil, err
			}
			return protoConn{
				invoke: func(ctx context.Context, method string, in, out proto.Message) error {
					return cc.Invoke(ctx, methodPath(method), in, out)
				},
				close: cc.Close,
			}, nil
		},
	}
}

// serviceName is the service of all peers that send protocol buffers.
const serviceName = "bench.Bench"

// methodPath is "/bench.Bench/Add" without making it anew for each call.
func methodPath(method string) string {
	const paths = "/bench.Bench/Add /bench.Bench/List /bench.Bench/Struct /bench.Bench/Blob "
	i := strings.Index(paths, "/"+method+" ")
	return paths[i-len(serviceName)-1 : i+1+len(method)]
}

func grpcService() *grpc.ServiceDesc {
	desc := &grpc.ServiceDesc{ServiceName: serviceName, HandlerType: (*any)(nil)}
	for _, m := range protoMethods() {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: m.name,
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
