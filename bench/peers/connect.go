package peers

import (
	"context"
	"fmt"
	"net/http"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/parley-rpc/parley/bench/peers/benchpb"

	"github.com/parley-rpc/parley/internal/compare/harness"

	shared "github.com/parley-rpc/parley/internal/compare/peers"
)

// connectPeer is connect-go with its own protocol over HTTP/1.1, which needs a
// connection for each call in flight; a client keeps them. Neither side
// compresses.
func connectPeer() *harness.Peer {
	return &harness.Peer{
		Name: "connect",
		Serve: func(string) (string, error) {
			mux := http.NewServeMux()
			handle(mux, protoAdd, func(in *benchpb.Terms) *benchpb.Sum { return &benchpb.Sum{Sum: in.A + in.B} })
			handle(mux, protoList, func(in *benchpb.Ints) *benchpb.Ints { return in })
			handle(mux, protoStruct, func(in *benchpb.Records) *benchpb.Records { return in })
			handle(mux, protoBlob, func(in *benchpb.Blob) *benchpb.Blob { return in })
			return serveHTTP(mux)
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			transport := shared.KeepAlive()
			c := &http.Client{Transport: transport}
			_, host := harness.Network(addr)
			add := connectCall[benchpb.Terms, benchpb.Sum](c, host, protoAdd)
			list := connectCall[benchpb.Ints, benchpb.Ints](c, host, protoList)
			structs := connectCall[benchpb.Records, benchpb.Records](c, host, protoStruct)
			blob := connectCall[benchpb.Blob, benchpb.Blob](c, host, protoBlob)
			return protoConn{
				invoke: func(ctx context.Context, _ protoMethod, in, out proto.Message) error {
					switch in := in.(type) {
					case *benchpb.Terms:
						return add(ctx, in, out)
					case *benchpb.Ints:
						return list(ctx, in, out)
					case *benchpb.Records:
						return structs(ctx, in, out)
					case *benchpb.Blob:
						return blob(ctx, in, out)
					}
					return fmt.Errorf("message %T is not known", in)
				},
				close: func() error { transport.CloseIdleConnections(); return nil },
			}, nil
		},
	}
}

func handle[In, Out any](mux *http.ServeMux, m protoMethod, f func(*In) *Out) {
	mux.Handle(string(m), connect.NewUnaryHandler(string(m),
		func(_ context.Context, r *connect.Request[In]) (*connect.Response[Out], error) {
			return connect.NewResponse(f(r.Msg)), nil
		}, connect.WithCompression("gzip", nil, nil)))
}

// connectCall returns a typed client of one method. What it got is moved to out,
// which costs nothing but the top message of it.
func connectCall[In, Out any](c *http.Client, host string, m protoMethod) func(context.Context, *In, proto.Message) error {
	client := connect.NewClient[In, Out](c, "http://"+host+string(m), connect.WithAcceptCompression("gzip", nil, nil))
	return func(ctx context.Context, in *In, out proto.Message) error {
		answer, err := client.CallUnary(ctx, connect.NewRequest(in))
		if err != nil {
			return err
		}
		moveMessage(out, any(answer.Msg))
		return nil
	}
}

// moveMessage gives the content of from to a message of the same type, whose
// slices are shared.
func moveMessage(to proto.Message, from any) {
	switch to := to.(type) {
	case *benchpb.Sum:
		to.Sum = from.(*benchpb.Sum).Sum
	case *benchpb.Ints:
		to.Ints = from.(*benchpb.Ints).Ints
	case *benchpb.Records:
		to.Records = from.(*benchpb.Records).Records
	case *benchpb.Blob:
		to.Data = from.(*benchpb.Blob).Data
	}
}
