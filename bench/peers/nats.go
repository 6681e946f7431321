package peers

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"google.golang.org/protobuf/proto"

	"github.com/parley-rpc/parley/internal/compare/harness"
)

// natsPeer is request and reply over a NATS server: client and service are both
// its clients, over TCP, with messages in protocol buffers. The process of the
// server holds the NATS server and the service.
func natsPeer() *harness.Peer {
	return &harness.Peer{
		Name:  "nats",
		Serve: func(string) (string, error) { return serveNATS() },
		Dial: func(_, addr string) (harness.Conn, error) {
			_, host := harness.Network(addr)
			nc, err := nats.Connect("nats://" + host)
			if err != nil {
				return nil, err
			}
			return protoConn{
				invoke: func(_ context.Context, m protoMethod, in, out proto.Message) error {
					data, err := proto.Marshal(in)
					if err != nil {
						return err
					}
					answer, err := nc.Request(string(m), data, 30*time.Second)
					if err != nil {
						return err
					}
					return proto.Unmarshal(answer.Data, out)
				},
				close: func() error { nc.Close(); return nil },
			}, nil
		},
	}
}

func serveNATS() (addr string, err error) {
	srv, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		MaxPayload: 2 << 20, // the blob and what is around it; the default is 1 MiB
	})
	if err != nil {
		return "", err
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		return "", errors.New("the NATS server was not ready within 10 s")
	}
	nc, err := nats.Connect(srv.ClientURL())
	if err != nil {
		return "", err
	}
	for _, m := range protoHandlers() {
		_, err := nc.Subscribe(string(m.protoMethod), func(msg *nats.Msg) {
			in := m.request()
			if proto.Unmarshal(msg.Data, in) != nil {
				return // the client fails by its time-out
			}
			if data, err := proto.Marshal(m.answer(context.Background(), in)); err == nil {
				_ = msg.Respond(data)
			}
		})
		if err != nil {
			return "", err
		}
	}
	return "tcp://" + strings.TrimPrefix(srv.ClientURL(), "nats://"), nc.Flush()
}
