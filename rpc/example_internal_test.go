package rpc

import (
	"context"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type treeNode struct {
	Name     string      `rpc:"name"`
	Children []*treeNode `rpc:"children"`
	A, B, C  *treeNode
	hidden   int
}

// TestExamples: each parameter has a value that the function takes.
func TestExamples(t *testing.T) {
	reg := NewRegistry()
	record := map[string]any{"id": int64(3), "when": time.Date(2026, time.January, 31, 12, 30, 0, 0, time.UTC), "tags": []any{"text"}}
	for name, test := range map[string]struct {
		fn   any
		want []any
	}{
		"numbers": {func(context.Context, int, uint8, float64, any) {}, []any{int64(3), int64(5), 1.5, int64(3)}},
		"texts":   {func(string, bool, []byte) {}, []any{"text", true, []byte("hello")}},
		"record": {func(struct {
			ID   int       `rpc:"id"`
			When time.Time `rpc:"when"`
			Tags []string  `rpc:"tags"`
		}) {
		}, []any{record}},
		"map":      {func(map[string]int, *float64) {}, []any{map[string]any{"text": int64(3)}, 1.5}},
		"variadic": {func(...string) {}, []any{"text"}},
		"upload":   {func(iter.Seq2[int, error]) {}, []any{[]any{int64(3)}}},
		"bytes":    {func(io.Reader) {}, []any{[]byte("hello")}},
	} {
		if err := reg.Register(name, test.fn); err != nil {
			t.Fatal(err)
		}
		m := reg.methods[name]
		if diff := cmp.Diff(test.want, m.examples()); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
		if _, err := reg.Call(t.Context(), &Request{Method: name, Args: Values(m.examples())}); err != nil {
			t.Errorf("%s does not take its examples: %v", name, err)
		}
	}
	if err := reg.Register("tree", func(n *treeNode) int { return n.hidden }); err != nil {
		t.Fatal(err)
	}
	if list := reg.methods["tree"].examples(); len(list) != 1 || list[0] == nil {
		t.Errorf("a type that holds itself: got %v; want an example that ends", list)
	}
}
