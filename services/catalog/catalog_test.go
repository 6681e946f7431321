package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/services/catalog"
)

func serve(t *testing.T) *rpc.Registry {
	t.Helper()
	reg := rpc.NewRegistry()
	if err := catalog.Register(reg, catalog.New()); err != nil {
		t.Fatal(err)
	}
	return reg
}

func TestFunctions(t *testing.T) {
	ctx, reg := context.Background(), serve(t)

	list, err := rpc.Invoke[[]catalog.Product](ctx, reg, "catalog.list")
	if err != nil || len(list) != 5 || list[0].ID != 1 || list[4].ID != 5 {
		t.Fatalf("catalog.list = %v, %v; want products 1 to 5", list, err)
	}
	kettle := catalog.Product{ID: 6, Name: "Kettle", Price: 31}
	if _, err := rpc.Invoke[value.Void](ctx, reg, "catalog.add", kettle); err != nil {
		t.Fatalf("catalog.add: %v", err)
	}
	got, err := rpc.Invoke[catalog.Product](ctx, reg, "catalog.get", 6)
	if err != nil || got != kettle {
		t.Errorf("catalog.get(6) = %v, %v; want %v", got, err, kettle)
	}
	record, err := rpc.Invoke[map[string]any](ctx, reg, "catalog.get", 6)
	want := map[string]any{"pid": int64(6), "pname": "Kettle", "pprice": 31.0}
	if diff := cmp.Diff(want, record); err != nil || diff != "" {
		t.Errorf("the record of product 6: error %v; -want +got\n%s", err, diff)
	}
	var ids []int
	for p, err := range rpc.Stream[catalog.Product](ctx, reg, "catalog.watch") {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, p.ID)
	}
	if diff := cmp.Diff([]int{1, 2, 3, 4, 5, 6}, ids); diff != "" {
		t.Errorf("catalog.watch: -want +got\n%s", diff)
	}
}

func TestFaultCodes(t *testing.T) {
	ctx, reg := context.Background(), serve(t)
	tests := []struct {
		method string
		arg    any
		code   int
		text   string
	}{
		{"catalog.get", 7, 404, "catalog: pid 7: no such product"},
		{"catalog.add", catalog.Product{ID: 1, Name: "x"}, 409, "pid 1"},
		{"catalog.add", catalog.Product{Name: "x"}, 422, "pid is 0"},
		{"catalog.add", catalog.Product{ID: -1, Name: "x"}, 422, "pid is -1"},
		{"catalog.add", catalog.Product{ID: 9}, 422, "pname is empty"},
		{"catalog.add", catalog.Product{ID: 9, Name: strings.Repeat("x", catalog.MaxName+1)}, 422, "201 bytes"},
		{"catalog.add", catalog.Product{ID: 9, Name: "x", Price: -0.01}, 422, "pprice is -0.01"},
		{"catalog.add", catalog.Product{ID: 9, Name: "x", Price: math.Inf(1)}, 422, "pprice is +Inf"},
		{"catalog.add", catalog.Product{ID: 9, Name: "x", Price: math.NaN()}, 422, "pprice is NaN"},
		{"catalog.watch", 10.5, 422, "10.5"},
		{"catalog.watch", -1.0, 422, "-1"},
		{"catalog.watch", math.NaN(), 422, "NaN"},
		{"catalog.get", "one", rpc.CodeInvalidParams, "params[0]"},
	}
	for _, tt := range tests {
		_, err := rpc.Invoke[any](ctx, reg, tt.method, tt.arg)
		var f *rpc.Fault
		if !errors.As(err, &f) || f.Code != tt.code || !strings.Contains(f.Message, tt.text) {
			t.Errorf("%s(%v): %v; want fault %d with %q", tt.method, tt.arg, err, tt.code, tt.text)
		}
	}
	list, err := rpc.Invoke[[]catalog.Product](ctx, reg, "catalog.list")
	if err != nil || len(list) != 5 {
		t.Errorf("after refused products there are %d, %v; want 5", len(list), err)
	}
}

func TestCatalogueIsBounded(t *testing.T) {
	var c catalog.Catalog
	for id := 1; id <= catalog.MaxProducts; id++ {
		if err := c.Add(catalog.Product{ID: id, Name: "x"}); err != nil {
			t.Fatalf("product %d: %v", id, err)
		}
	}
	err := c.Add(catalog.Product{ID: catalog.MaxProducts + 1, Name: "x"})
	if !errors.Is(err, catalog.ErrFull) {
		t.Errorf("product %d: %v; want ErrFull", catalog.MaxProducts+1, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	var c catalog.Catalog
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				id := 1 + g*100 + i
				if err := c.Add(catalog.Product{ID: id, Name: "x"}); err != nil {
					t.Error(err)
				}
				if _, err := c.Get(id); err != nil {
					t.Error(err)
				}
				c.List()
			}
		})
	}
	wg.Wait()
	if n := len(c.List()); n != 800 {
		t.Errorf("%d products; want 800", n)
	}
}

func TestWatchPausesAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pause, begin, n := 2.0, time.Now(), 0
		for _, err := range catalog.New().Watch(ctx, &pause) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("the stream ended with %v; want context.Canceled", err)
				}
				break
			}
			if n++; n == 3 {
				if d := time.Since(begin); d != 4*time.Second {
					t.Errorf("the third product came after %v; want 4s", d)
				}
				cancel()
			}
		}
		if n != 3 {
			t.Errorf("%d products before the cancellation took effect; want 3", n)
		}
	})
}

func ExampleRegister() {
	reg := rpc.NewRegistry()
	if err := catalog.Register(reg, catalog.New()); err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for p, err := range rpc.Stream[catalog.Product](ctx, reg, "catalog.watch") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d %-15s %6.2f\n", p.ID, p.Name, p.Price)
		if p.ID == 3 {
			break // ends the call
		}
	}
	_, err := rpc.Invoke[catalog.Product](ctx, reg, "catalog.get", 99)
	fmt.Println(err)
	// Output:
	// 1 Teapot           24.50
	// 2 Cup and saucer    8.25
	// 3 Biscuit tin      12.00
	// fault 404: catalog: pid 99: no such product
}
