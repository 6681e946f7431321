package rpc_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// asked is a Caller that keeps what it is asked.
type asked struct{ reqs []*rpc.Request }

func (a *asked) Call(_ context.Context, req *rpc.Request) (any, error) {
	a.reqs = append(a.reqs, req)
	return req.Into, nil
}

// TestIdempotentMark: of a context and of a tag, together with metadata.
func TestIdempotentMark(t *testing.T) {
	plain := t.Context()
	meta := map[string]string{"k": "v"}
	both := rpc.WithMeta(rpc.WithIdempotent(plain), meta)
	turned := rpc.WithIdempotent(rpc.WithMeta(plain, meta))
	var api struct {
		Get   func(context.Context) (int, error) `rpc:"get,idempotent"`
		Put   func(context.Context) error        `rpc:"put"`
		List  func(context.Context) (int, error) `rpc:",idempotent"`
		Inner struct {
			Get func(context.Context) (int, error) `rpc:"take,idempotent"`
		} `rpc:"in"`
	}
	var c asked
	if err := rpc.Bind(&c, &api); err != nil {
		t.Fatal(err)
	}
	invoke := func(ctx context.Context) { rpc.Invoke[any](ctx, &c, "invoke") }
	for _, tt := range []struct {
		name   string
		call   func()
		method string
		marked bool
		meta   bool
	}{
		{"invoke", func() { invoke(plain) }, "invoke", false, false},
		{"invoke marked", func() { invoke(rpc.WithIdempotent(plain)) }, "invoke", true, false},
		{"invoke with metadata", func() { invoke(rpc.WithMeta(plain, meta)) }, "invoke", false, true},
		{"invoke with both", func() { invoke(both) }, "invoke", true, true},
		{"invoke with both, turned round", func() { invoke(turned) }, "invoke", true, true},
		{"stub", func() { rpc.Stub0[any](&c, "stub")(rpc.WithIdempotent(plain)) }, "stub", true, false},
		{"tag", func() { api.Get(plain) }, "get", true, false},
		{"tag with metadata", func() { api.Get(rpc.WithMeta(plain, meta)) }, "get", true, true},
		{"tag without mark", func() { api.Put(plain) }, "put", false, false},
		{"tag without mark, context with", func() { api.Put(both) }, "put", true, true},
		{"tag without a name", func() { api.List(plain) }, "list", true, false},
		{"tag within", func() { api.Inner.Get(plain) }, "in.take", true, false},
	} {
		c.reqs = nil
		tt.call()
		if len(c.reqs) != 1 {
			t.Errorf("%s: %d calls", tt.name, len(c.reqs))
			continue
		}
		if r := c.reqs[0]; r.Method != tt.method || r.Idempotent != tt.marked || (r.Meta["k"] == "v") != tt.meta {
			t.Errorf("%s: got %s, idempotent %v, metadata %v; want %s, %v, %v", tt.name, r.Method, r.Idempotent, r.Meta, tt.method, tt.marked, tt.meta)
		}
	}
}

// TestIdempotentMarkEndsWithItsCall: what a function calls in turn is not marked
// by its caller within the same process.
func TestIdempotentMarkEndsWithItsCall(t *testing.T) {
	var inner asked
	reg := rpc.NewRegistry()
	err := reg.Register("outer", func(ctx context.Context) error {
		_, err := rpc.Invoke[any](ctx, &inner, "inner")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx := rpc.WithIdempotent(rpc.WithMeta(t.Context(), map[string]string{"k": "v"}))
	if _, err := rpc.Invoke[rpc.Void](ctx, reg, "outer"); err != nil {
		t.Fatal(err)
	}
	if r := inner.reqs[0]; r.Idempotent || r.Meta["k"] != "v" {
		t.Errorf("the inner call: idempotent %v, metadata %v; want it unmarked, with its metadata", r.Idempotent, r.Meta)
	}
}

func TestTagMistakes(t *testing.T) {
	for _, tt := range []struct {
		api  any
		want string
	}{
		{&struct {
			A func(context.Context) error `rpc:"a,idempotnt"`
		}{}, `field A: the tag "a,idempotnt" has the option "idempotnt"; expected "name" or "name,idempotent"`},
		{&struct {
			A func(context.Context) error `rpc:"a,"`
		}{}, `has the option ""`},
		{&struct {
			A func(context.Context) error `rpc:"a, idempotent"`
		}{}, `has the option " idempotent"`},
		{&struct {
			A func(context.Context) error `rpc:"a,idempotent,idempotent"`
		}{}, "says idempotent twice"},
		{&struct {
			A struct {
				B func(context.Context) error
			} `rpc:"a,idempotent"`
		}{}, "a struct cannot be idempotent"},
		{&struct {
			A func(context.Context) iter.Seq2[int, error] `rpc:"a,idempotent"`
		}{}, "a stream cannot be idempotent"},
	} {
		err := rpc.Bind(&asked{}, tt.api)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "rpc: bind: field A: ") {
			t.Errorf("%T: got %v; want %q", tt.api, err, tt.want)
		}
	}
}
