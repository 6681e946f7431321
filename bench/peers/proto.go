package peers

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/parley-rpc/parley/bench/peers/benchpb"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// serviceName is the service of all peers that send protocol buffers.
const serviceName = "bench.Bench"

// protoMethod is the path of one of its methods.
type protoMethod string

const (
	protoAdd    protoMethod = "/" + serviceName + "/Add"
	protoList   protoMethod = "/" + serviceName + "/List"
	protoStruct protoMethod = "/" + serviceName + "/Struct"
	protoBlob   protoMethod = "/" + serviceName + "/Blob"
)

// name is what stands behind the service.
func (m protoMethod) name() string { return string(m[len("/"+serviceName+"/"):]) }

// protoConn is a connection of a peer that sends protocol buffers.
type protoConn struct {
	invoke func(ctx context.Context, m protoMethod, in, out proto.Message) error
	close  func() error
}

func (c protoConn) Close() error { return c.close() }

// Prepare makes the message beforehand: a program that uses such a peer has its
// records in the generated types.
func (c protoConn) Prepare(in *work.Input) (harness.Call, error) {
	switch in.Form {
	case work.Add:
		return func(ctx context.Context) error {
			var out benchpb.Sum
			if err := c.invoke(ctx, protoAdd, &benchpb.Terms{A: int64(in.A), B: int64(in.B)}, &out); err != nil {
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
			if err := c.invoke(ctx, protoList, &message, &out); err != nil {
				return err
			}
			return work.CheckInts(in, out.Ints)
		}, nil
	case work.Records:
		var message benchpb.Records
		for _, r := range in.Records {
			message.Records = append(message.Records, &benchpb.Record{Pid: int64(r.ID), Pname: r.Name, Pprice: r.Price})
		}
		return func(ctx context.Context) error {
			var out benchpb.Records
			if err := c.invoke(ctx, protoStruct, &message, &out); err != nil {
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
			if err := c.invoke(ctx, protoBlob, message, &out); err != nil {
				return err
			}
			return in.CheckBlob(out.Data)
		}, nil
	}
	return nil, in.Form.Unknown()
}

// protoHandler is the server's side of a method, as generated code has it: request
// makes a message for the arguments, which answer answers.
type protoHandler struct {
	protoMethod
	request func() proto.Message
	answer  func(ctx context.Context, in proto.Message) proto.Message
}

func protoHandlers() []protoHandler {
	same := func(_ context.Context, in proto.Message) proto.Message { return in }
	return []protoHandler{
		{protoAdd, func() proto.Message { return new(benchpb.Terms) }, func(_ context.Context, in proto.Message) proto.Message {
			t := in.(*benchpb.Terms)
			return &benchpb.Sum{Sum: t.A + t.B}
		}},
		{protoList, func() proto.Message { return new(benchpb.Ints) }, same},
		{protoStruct, func() proto.Message { return new(benchpb.Records) }, same},
		{protoBlob, func() proto.Message { return new(benchpb.Blob) }, same},
	}
}
