package rpc_test

import (
	"encoding/json"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

type shapeNode struct {
	Name string      `rpc:"name"`
	Next *shapeNode  `rpc:"next"`
	All  []shapeNode `rpc:"all"`
}

type shapeItem struct {
	SKU   string         `rpc:"sku"`
	Qty   int            `rpc:"qty,omitempty"`
	Tags  []string       `json:"tags"`
	Extra map[string]any `rpc:"extra"`
	At    time.Time
	no    int
}

// TestMethodTypes: what a caller has to know of a method that has structs, and
// parameters which may be left out or repeated.
func TestMethodTypes(t *testing.T) {
	reg := rpc.NewRegistry()
	for name, fn := range map[string]any{
		"put":      func(shapeItem) *shapeItem { return nil },
		"variadic": func(string, ...int) {},
		"optional": func(string, *int, *shapeNode) []shapeNode { return nil },
		"stream":   func(iter.Seq2[shapeNode, error]) iter.Seq2[int, error] { return nil },
		"bytes":    func(io.Reader) io.Reader { return nil },
		"anything": func(any) any { return nil },
	} {
		opts := []rpc.Option{}
		if name == "variadic" {
			opts = append(opts, rpc.Params("prefix", "xs"))
		}
		if err := reg.Register(name, fn, opts...); err != nil {
			t.Fatal(err)
		}
	}
	if err := reg.Handle("raw", nil, rpc.Params("a")); err != nil {
		t.Fatal(err)
	}
	const item = `"members":[{"name":"sku","type":"string"},{"name":"qty","type":"int"},{"items":{"type":"string"},"name":"tags","type":"array"},{"items":{"type":"any"},"name":"extra","type":"struct"},{"name":"At","type":"dateTime.iso8601"}]`
	const node = `"members":[{"name":"name","type":"string"},{"name":"next","type":"struct"},{"items":{"type":"struct"},"name":"all","type":"array"}]`
	for method, want := range map[string]string{
		"put":      `{"params":[{` + item + `,"type":"struct"}],"result":{` + item + `,"type":"struct"}}`,
		"variadic": `{"params":[{"name":"prefix","type":"string"},{"name":"xs","type":"int","variadic":true}],"result":{"type":"nil"}}`,
		"optional": `{"params":[{"type":"string"},{"optional":true,"type":"int"},{` + node + `,"optional":true,"type":"struct"}],"result":{"items":{` + node + `,"type":"struct"},"type":"array"}}`,
		"stream":   `{"params":[{"items":{` + node + `,"type":"struct"},"stream":true,"type":"array"}],"result":{"items":{"type":"int"},"type":"array"},"stream":true}`,
		"bytes":    `{"params":[{"stream":true,"type":"base64"}],"result":{"type":"base64"},"stream":true}`,
		"anything": `{"params":[{"type":"any"}],"result":{"type":"any"}}`,
		"raw":      `{"params":[{"name":"a","type":"any"}],"result":{"type":"any"}}`,
	} {
		answer, err := rpc.Invoke[any](t.Context(), reg, "system.methodTypes", method)
		if err != nil {
			t.Errorf("%s: %v", method, err)
			continue
		}
		got, err := json.Marshal(answer)
		if err != nil || string(got) != want {
			t.Errorf("%s: got\n%s, %v; want\n%s", method, got, err, want)
		}
	}
	_ = shapeItem{no: 1}
}
