package peers

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/parley-rpc/parley/bench/peers/benchpb"
	"github.com/parley-rpc/parley/bench/work"
)

// protoConn is a connection of a peer that sends protocol buffers. invoke calls
// one of the methods Add, List, Struct and Blob.
type protoConn struct {
	invoke func(ctx context.Context, method string, in, out proto.Message) error
	close  func() error
}

func (c protoConn) Close() error { return c.close() }

// Prepare makes the message beforehand: a program that uses such a peer has its
// records in the generated types.
func (c protoConn) Prepare(in *work.Input) (Call, error) {
	switch in.Form {
	case work.Add:
		return func(ctx context.Context) error {
			var out benchpb.Sum
			if err := c.invoke(ctx, "Add", &benchpb.Terms{A: int64(in.A), B: int64(in.B)}, &out); err != nil {
				return err
			}
			return in.CheckSum(out.Sum)
		}, nil
	case work.List:
		var message benchpb.Ints
		for _, n := range in.Ints {
			message.Ints = append(message.Ints, int64(n))
		}
		return func(ctx context.Context) error {
			var out benchpb.Ints
			if err := c.invoke(ctx, "List", &message, &out); err != nil {
				return err
			}
			return work.CheckInts(in, out.Ints)
		}, nil
	case work.Struct:
		var message benchpb.Records
		for _, r := range in.Records {
			message.Records = append(message.Records, &benchpb.Record{Pid: int64(r.ID), Pname: r.Name, Pprice: r.Price})
		}
		return func(ctx context.Context) error {
			var out benchpb.Records
			if err := c.invoke(ctx, "Struct", &message, &out); err != nil {
				return err
			}
			return in.CheckRecords(len(out.Records), func(i int) work.Record {
				r := out.Records[i]
				return work.Record{ID: int(r.Pid), Name: r.Pname, Price: r.Pprice}
			})
		}, nil
	case work.Blob:
		message := &benchpb.Blob{Data: in.Blob}
		return func(ctx context.Context) error {
			var out benchpb.Blob
			if err := c.invoke(ctx, "Blob", message, &out); err != nil {
				return err
			}
			return in.CheckBlob(out.Data)
		}, nil
	}
	return nil, noForm(in.Form)
}

// protoMethod is one method of the service that all these peers offer, in the
// way that generated code has it: request makes a message for the arguments,
// which answer answers.
type protoMethod struct {
	name    string
	request func() proto.Message
	answer  func(ctx context.Context, in proto.Message) proto.Message
}

func protoMethods() []protoMethod {
	same := func(_ context.Context, in proto.Message) proto.Message { return in }
	return []protoMethod{
		{"Add", func() proto.Message { return new(benchpb.Terms) }, func(_ context.Context, in proto.Message) proto.Message {
			t := in.(*benchpb.Terms)
			return &benchpb.Sum{Sum: t.A + t.B}
		}},
		{"List", func() proto.Message { return new(benchpb.Ints) }, same},
		{"Struct", func() proto.Message { return new(benchpb.Records) }, same},
		{"Blob", func() proto.Message { return new(benchpb.Blob) }, same},
	}
}
