package main

import (
	"context"
	"fmt"
	"io"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/native/pickle"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/rpc/xmlrpc"
	"github.com/parley-rpc/parley/services/adder"
)

// add takes two pickles, which XML-RPC carries as base64 since they are []byte,
// and answers by the pickle of their sum, in the protocol of the first: a Python
// that has written it can read that.
func add(a, b []byte) ([]byte, error) {
	x, info, err := pickle.Decode(a, pickle.Options{})
	if err != nil {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "add: a: %v", err)
	}
	y, _, err := pickle.Decode(b, pickle.Options{})
	if err != nil {
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "add: b: %v", err)
	}
	sum, err := adder.Add(x, y)
	if err != nil {
		return nil, err // a fault already
	}
	return pickle.Append(nil, sum, pickle.EncodeOptions{Protocol: pickle.AnswerProtocol(info.Protocol)})
}

// operands are what is added.
type operands struct{ a, b any }

// examples have what XML-RPC has no form for: tuples, and integers of any size.
var examples = []operands{
	{3, 5},
	{"Hello", "World"},
	{value.Tuple{1, 2}, value.Tuple{3}},
	{int64(1 << 62), int64(1 << 62)},
}

// client has the server at url add, which may be server.py, and prints the sums.
func client(ctx context.Context, url string, out io.Writer, calls ...operands) error {
	server, err := xmlrpc.NewClient(url, xmlrpc.ClientConfig{})
	if err != nil {
		return err
	}
	defer server.Close()
	for _, call := range calls {
		sum, err := addThere(ctx, server, call)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%v and %v is %v\n", call.a, call.b, sum)
	}
	return nil
}

// addThere calls add with pickles and reads the one that it answers by.
func addThere(ctx context.Context, server rpc.Caller, call operands) (any, error) {
	var args [2][]byte
	for i, operand := range []any{call.a, call.b} {
		var err error
		// Protocol 2 is what every Python reads.
		if args[i], err = pickle.Append(nil, operand, pickle.EncodeOptions{Protocol: 2}); err != nil {
			return nil, err
		}
	}
	answer, err := rpc.Invoke[[]byte](ctx, server, "add", args[0], args[1])
	if err != nil {
		return nil, err
	}
	sum, _, err := pickle.Decode(answer, pickle.Options{})
	return sum, err
}
