package rpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// answering is a server that gives one answer to every call.
type answering []any

func (a answering) Call(_ context.Context, req *rpc.Request) (any, error) {
	return req.Into, value.Convert(req.Into, []any(a))
}

// Supervisor answers results without the list around each that others have.
func TestMulticallUnwrapped(t *testing.T) {
	server := answering{"3.0", map[string]any{"faultCode": int64(10), "faultString": "BAD_NAME"}, []any{"one"}, map[string]any{"statecode": int64(1)}}
	var version string
	var names []string
	var state struct {
		Code int `rpc:"statecode"`
	}
	calls := []rpc.Element{{Method: "a", Into: &version}, {Method: "b"}, {Method: "c", Into: &names}, {Method: "d", Into: &state}}
	err := rpc.Multicaller{Caller: server, Unwrapped: true}.Call(t.Context(), calls)
	if !errors.Is(err, &rpc.Fault{Code: 10}) || calls[1].Err == nil {
		t.Errorf("got %v; want the fault 10 of the second call", err)
	}
	if version != "3.0" || len(names) != 1 || names[0] != "one" || state.Code != 1 {
		t.Errorf("got %q, %q, %v; want 3.0, one and 1: %v", version, names, state, err)
	}

	calls = calls[:1]
	err = rpc.Multicall(t.Context(), answering{"3.0"}, calls)
	if !errors.Is(err, rpc.ErrResult) || !strings.Contains(err.Error(), "Multicaller.Unwrapped") {
		t.Errorf("without Unwrapped: got %v; want an error that says what to set", err)
	}
}

// A fault in a list is a result that looks like a fault, with Unwrapped and without.
func TestMulticallFaultInList(t *testing.T) {
	fault := map[string]any{"faultCode": int64(10), "faultString": "data"}
	calls := []rpc.Element{{Method: "a"}}
	if err := rpc.Multicall(t.Context(), answering{[]any{fault}}, calls); err != nil || calls[0].Result == nil {
		t.Errorf("got %v, %v; want the struct as the result", calls[0].Result, err)
	}
}

// TestThreatResultTakenForFault: where results stand in no list, a struct with one
// member of a fault is a result, and elsewhere it can only be a fault.
func TestThreatResultTakenForFault(t *testing.T) {
	server := answering{map[string]any{"faultString": "the last one", "size": int64(3)}}
	for _, unwrapped := range []bool{true, false} {
		calls := []rpc.Element{{Method: "a"}}
		err := rpc.Multicaller{Caller: server, Unwrapped: unwrapped}.Call(t.Context(), calls)
		if isFault := errors.Is(err, &rpc.Fault{Code: 0}); isFault == unwrapped || unwrapped && (err != nil || calls[0].Result == nil) {
			t.Errorf("unwrapped %v: got %v, %v", unwrapped, calls[0].Result, err)
		}
	}
}

// TestThreatUnsentElements: the search for arguments that cannot be sent ends with
// the context.
func TestThreatUnsentElements(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	server := callerFunc(func(context.Context, *rpc.Request) (any, error) {
		if tries++; tries == 3 {
			cancel()
		}
		return nil, &value.Error{Path: "params[0][0].params[0]", Err: errors.New("it cannot be sent")}
	})
	calls := make([]rpc.Element, 50)
	err := rpc.Multicall(ctx, server, calls)
	var link *rpc.LinkError
	if last := calls[49].Err; err == nil || tries != 3 || !errors.As(last, &link) || link.Sent != rpc.NotSent || !errors.Is(last, context.Canceled) {
		t.Errorf("got %v, %v after %d tries; want 3", err, last, tries)
	}
}

// TestMulticallNegativeMost: nothing is sent.
func TestMulticallNegativeMost(t *testing.T) {
	err := rpc.Multicaller{Caller: answering{}, Most: -1}.Call(t.Context(), []rpc.Element{{Method: "a"}, {Method: "b"}})
	if err == nil || !strings.Contains(err.Error(), "Multicaller.Most is negative") {
		t.Errorf("got %v; want an error that names the field", err)
	}
}
