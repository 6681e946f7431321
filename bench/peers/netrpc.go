package peers

import (
	"context"
	"net"
	netrpc "net/rpc"

	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// netRPC is net/rpc of the standard library, with gob.
func netRPC() *harness.Peer {
	return &harness.Peer{
		Name: "netrpc",
		Serve: func(string) (string, error) {
			srv := netrpc.NewServer()
			if err := srv.RegisterName("Bench", gobService{}); err != nil {
				return "", err
			}
			return serveConns(harness.AnyPort, func(nc net.Conn) { srv.ServeConn(nc) })
		},
		Dial: func(_, addr string) (harness.Conn, error) {
			nc, err := dial(addr)
			if err != nil {
				return nil, err
			}
			return gobConn{netrpc.NewClient(nc)}, nil
		},
	}
}

// Terms are the arguments of gobService.Add.
type Terms struct{ A, B int }

type gobService struct{}

func (gobService) Add(t *Terms, sum *int) error {
	*sum = t.A + t.B
	return nil
}

func (gobService) List(in []int, out *[]int) error {
	*out = in
	return nil
}

func (gobService) Struct(in []work.Record, out *[]work.Record) error {
	*out = in
	return nil
}

func (gobService) Blob(in []byte, out *[]byte) error {
	*out = in
	return nil
}

type gobConn struct{ *netrpc.Client }

func (c gobConn) Prepare(in *work.Input) (harness.Call, error) {
	switch in.Form {
	case work.Add:
		return func(context.Context) error {
			var sum int
			if err := c.Call("Bench.Add", &Terms{in.A, in.B}, &sum); err != nil {
				return err
			}
			return in.CheckSum(int64(sum))
		}, nil
	case work.List:
		return func(context.Context) error {
			var got []int
			if err := c.Call("Bench.List", in.Ints, &got); err != nil {
				return err
			}
			return work.CheckInts(in, got)
		}, nil
	case work.Records:
		return func(context.Context) error {
			var got []work.Record
			if err := c.Call("Bench.Struct", in.Records, &got); err != nil {
				return err
			}
			return in.CheckRecords(len(got), func(i int) work.Record { return got[i] })
		}, nil
	case work.Blob:
		return func(context.Context) error {
			var got []byte
			if err := c.Call("Bench.Blob", in.Blob, &got); err != nil {
				return err
			}
			return in.CheckBlob(got)
		}, nil
	}
	return nil, in.Form.Unknown()
}
