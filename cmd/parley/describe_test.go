package main

import (
	"context"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// answers is a server that answers each method with a value, or that there is
// none.
type answers map[string]any

func (a answers) Call(_ context.Context, req *rpc.Request) (any, error) {
	if v, ok := a[req.Method]; ok {
		return rpc.Deliver(value.NewSource(v), req)
	}
	return nil, rpc.Errorf(1, "UNKNOWN_METHOD")
}

// What servers of others answer to system.methodSignature.
func TestDescribeOtherServers(t *testing.T) {
	for name, test := range map[string]struct {
		signature any
		want      string
	}{
		"a list of signatures":            {[]any{[]any{"int", "string"}, []any{"int"}}, "f(string) -> int\nf() -> int\n    Help.\n"},
		"no result":                       {[]any{[]any{"nil", "int"}}, "f(int)\n    Help.\n"},
		"one signature, as supervisor":    {[]any{"boolean", "string", "boolean"}, "f(string, boolean) -> boolean\n    Help.\n"},
		"a text, as Python and others":    {"signatures not supported", "f(…)\n    Help.\n"},
		"a list of nothing":               {[]any{}, "f(…)\n    Help.\n"},
		"a list of signatures of nothing": {[]any{[]any{}}, "f(…)\n    Help.\n"},
	} {
		var out strings.Builder
		server := answers{"system.methodSignature": test.signature, "system.methodHelp": "Help."}
		d, err := describe(t.Context(), server, "f")
		if err == nil {
			err = d.print(&out)
		}
		if err != nil || out.String() != test.want {
			t.Errorf("%s: got %q, %v; want %q", name, out.String(), err, test.want)
		}
	}
}
