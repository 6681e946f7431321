package peers

import (
	"context"

	"google.golang.org/protobuf/proto"
	"storj.io/drpc"
	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcserver"

	"github.com/parley-rpc/parley/bench/peers/benchpb"

	"github.com/parley-rpc/parley/internal/compare/harness"
)

// drpcPeer is storj's drpc, with the encoding that its generator writes.
func drpcPeer() *harness.Peer {
	return &harness.Peer{
		Name:       "drpc",
		OneAtATime: true,
		Serve: func(string) (string, error) {
			mux := drpcmux.New()
			if err := mux.Register(drpcService{}, drpcDescription{}); err != nil {
				return "", err
			}
			l, addr, err := listen()
			if err != nil {
				return "", err
			}
			harness.Background(func() error { return drpcserver.New(mux).Serve(context.Background(), l) })
			return addr, nil
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			nc, err := dial(addr)
			if err != nil {
				return nil, err
			}
			c := drpcconn.New(nc)
			return protoConn{
				invoke: func(ctx context.Context, m protoMethod, in, out proto.Message) error {
					return c.Invoke(ctx, string(m), drpcEncoding{}, in, out)
				},
				close: c.Close,
			}, nil
		},
	}
}

type drpcEncoding struct{}

func (drpcEncoding) Marshal(msg drpc.Message) ([]byte, error) {
	return proto.Marshal(msg.(proto.Message))
}

func (drpcEncoding) Unmarshal(buf []byte, msg drpc.Message) error {
	return proto.Unmarshal(buf, msg.(proto.Message))
}

// drpcService is the service as drpc's generator wants it.
type drpcService struct{}

func (drpcService) Add(_ context.Context, in *benchpb.Terms) (*benchpb.Sum, error) {
	return &benchpb.Sum{Sum: in.A + in.B}, nil
}

func (drpcService) List(_ context.Context, in *benchpb.Ints) (*benchpb.Ints, error) { return in, nil }

func (drpcService) Struct(_ context.Context, in *benchpb.Records) (*benchpb.Records, error) {
	return in, nil
}

func (drpcService) Blob(_ context.Context, in *benchpb.Blob) (*benchpb.Blob, error) { return in, nil }

type drpcDescription struct{}

func (drpcDescription) NumMethods() int { return 4 }

func (drpcDescription) Method(n int) (string, drpc.Encoding, drpc.Receiver, any, bool) {
	switch n {
	case 0:
		return string(protoAdd), drpcEncoding{}, func(srv any, ctx context.Context, in, _ any) (drpc.Message, error) {
			return srv.(drpcService).Add(ctx, in.(*benchpb.Terms))
		}, drpcService.Add, true
	case 1:
		return string(protoList), drpcEncoding{}, func(srv any, ctx context.Context, in, _ any) (drpc.Message, error) {
			return srv.(drpcService).List(ctx, in.(*benchpb.Ints))
		}, drpcService.List, true
	case 2:
		return string(protoStruct), drpcEncoding{}, func(srv any, ctx context.Context, in, _ any) (drpc.Message, error) {
			return srv.(drpcService).Struct(ctx, in.(*benchpb.Records))
		}, drpcService.Struct, true
	case 3:
		return string(protoBlob), drpcEncoding{}, func(srv any, ctx context.Context, in, _ any) (drpc.Message, error) {
			return srv.(drpcService).Blob(ctx, in.(*benchpb.Blob))
		}, drpcService.Blob, true
	}
	return "", nil, nil, nil, false
}
