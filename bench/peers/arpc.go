package peers

import (
	"context"
	"net"
	"time"

	"github.com/lesismal/arpc"
	"github.com/lesismal/arpc/log"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// arpcTimeout is that of one call: arpc's blocking call has no default.
const arpcTimeout = 30 * time.Second

// arpcPeer is lesismal/arpc with its defaults, encoding/json among them.
func arpcPeer() *harness.Peer {
	return &harness.Peer{
		Name: "arpc",
		Serve: func(string) (string, error) {
			log.SetLevel(log.LevelNone)
			srv := arpc.NewServer()
			srv.Handler.Handle("add", func(c *arpc.Context) {
				var t Terms
				if c.Bind(&t) == nil {
					_ = c.Write(t.A + t.B)
				}
			})
			srv.Handler.Handle("list", arpcEcho[[]int])
			srv.Handler.Handle("struct", arpcEcho[[]work.Record])
			srv.Handler.Handle("blob", arpcEcho[[]byte])
			l, addr, err := listen()
			if err != nil {
				return "", err
			}
			harness.Background(func() error { return srv.Serve(l) })
			return addr, nil
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			log.SetLevel(log.LevelNone)
			c, err := arpc.NewClient(func() (net.Conn, error) { return dial(addr) })
			if err != nil {
				return nil, err
			}
			return arpcConn{c}, nil
		},
	}
}

// arpcEcho leaves a call without an answer if its argument is wrong: the client
// fails by its time-out.
func arpcEcho[T any](c *arpc.Context) {
	var v T
	if c.Bind(&v) == nil {
		_ = c.Write(v)
	}
}

type arpcConn struct{ *arpc.Client }

func (c arpcConn) Close() error {
	c.Stop()
	return nil
}

func (c arpcConn) Prepare(in *work.Input) (harness.Call, error) {
	switch in.Form {
	case work.Add:
		return func(context.Context) error {
			var sum int
			if err := c.Call("add", &Terms{in.A, in.B}, &sum, arpcTimeout); err != nil {
				return err
			}
			return in.CheckSum(int64(sum))
		}, nil
	case work.List:
		return func(context.Context) error {
			var got []int
			if err := c.Call("list", in.Ints, &got, arpcTimeout); err != nil {
				return err
			}
			return work.CheckInts(in, got)
		}, nil
	case work.Records:
		return func(context.Context) error {
			var got []work.Record
			if err := c.Call("struct", in.Records, &got, arpcTimeout); err != nil {
				return err
			}
			return in.CheckRecords(len(got), func(i int) work.Record { return got[i] })
		}, nil
	case work.Blob:
		return func(context.Context) error {
			var got []byte // which arpc passes on as they are
			if err := c.Call("blob", in.Blob, &got, arpcTimeout); err != nil {
				return err
			}
			return in.CheckBlob(got)
		}, nil
	}
	return nil, in.Form.Unknown()
}
