package rpc

import (
	"context"
	"fmt"
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
	day := map[string]any{"moe": int64(3), "larry": int64(5)}
	if err := reg.Register("calendar", func(map[string]map[string]map[string]*struct {
		Moe   *int32 `rpc:"moe"`
		Larry *int32 `rpc:"larry"`
	}) {
	}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		day = map[string]any{"text": day}
	}
	if diff := cmp.Diff([]any{day}, reg.methods["calendar"].examples()); diff != "" {
		t.Errorf("calendar: -want +got\n%s", diff)
	}
	if err := reg.Register("tree", func(n *treeNode) int { return n.hidden }); err != nil {
		t.Fatal(err)
	}
	if list := reg.methods["tree"].examples(); len(list) != 1 || list[0] == nil {
		t.Errorf("a type that holds itself: got %v; want an example that ends", list)
	}
}

type wideNode struct {
	A, B, C, D, E, F, G, H, I, J *wideNode
	K, L, M, N, O, P, Q, R, S, T []wideNode
}

// TestThreatLargeExamples: an example is for people, however large the type is.
func TestThreatLargeExamples(t *testing.T) {
	reg := NewRegistry()
	for name, fn := range map[string]any{
		"wide":    func(*wideNode) {},
		"array":   func([1 << 24]byte) {},
		"pointer": func(*[1 << 24]int32) {},
		"list":    func([][1 << 24]byte) {},
		"map":     func(map[string][1 << 24]byte) {},
		"member":  func(struct{ Page *[1 << 24]int }) {},
	} {
		if err := reg.Register(name, fn); err != nil {
			t.Fatal(err)
		}
		for _, v := range reg.methods[name].examples() {
			if text := fmt.Sprint(v); len(text) > 8<<10 {
				t.Errorf("%s: got an example of %d letters", name, len(text))
			}
		}
	}
}
