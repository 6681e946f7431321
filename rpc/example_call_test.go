package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// product is a record of the examples.
type product struct {
	Name  string  `rpc:"name"`
	Price float64 `rpc:"price"`
}

// teashop is what the examples call: a registry, in the place of a client.
func teashop() rpc.Caller {
	reg := rpc.NewRegistry()
	err := errors.Join(
		reg.Register("catalog.get", func(id int) (product, error) {
			if id != 1 {
				return product{}, rpc.Errorf(404, "no product %d", id)
			}
			return product{"Teapot", 24.5}, nil
		}),
		reg.Register("catalog.total", func(prices ...float64) (sum float64) {
			for _, p := range prices {
				sum += p
			}
			return sum
		}),
		reg.Register("manual", func() io.Reader { return strings.NewReader("Fill in water.") }))
	if err != nil {
		panic(err)
	}
	return reg
}

// A result goes into the type that is asked for; rpc.Void is for what returns
// nothing.
func ExampleInvoke() {
	ctx, c := context.Background(), teashop()
	p, err := rpc.Invoke[product](ctx, c, "catalog.get", 1)
	fmt.Println(p, err)
	total, err := rpc.Invoke[float64](ctx, c, "catalog.total", 1, 2.5, 3)
	fmt.Println(total, err)
	_, err = rpc.Invoke[product](ctx, c, "catalog.get", 2)
	fmt.Println(err)
	// Output:
	// {Teapot 24.5} <nil>
	// 6.5 <nil>
	// fault 404: no product 2
}

// A stub is a function like any other; Bind fills a struct of them.
func ExampleStub2() {
	total := rpc.Stub2[float64, float64, float64](teashop(), "catalog.total")
	fmt.Println(total(context.Background(), 1, 2.5))
	// Output: 3.5 <nil>
}

// Many calls in one request. Each has its own result, or its own error.
func ExampleMulticall() {
	var teapot, unknown product
	calls := []rpc.Element{
		{Method: "catalog.get", Args: rpc.Values{1}, Into: &teapot},
		{Method: "catalog.get", Args: rpc.Values{2}, Into: &unknown},
		{Method: "catalog.total", Args: rpc.Values{1, 2}},
	}
	err := rpc.Multicall(context.Background(), teashop(), calls)
	fmt.Println(err)
	fmt.Println(teapot, calls[1].Err, calls[2].Result)
	// Output:
	// rpc: multicall: 1 of 3 calls failed, first calls[1] (catalog.get): fault 404: no product 2
	// {Teapot 24.5} fault 404: no product 2 3
}

// A Multicaller sends more calls than a server takes at once in several requests,
// and makes them one by one where there is no system.multicall.
func ExampleMulticaller() {
	m := rpc.Multicaller{Caller: teashop(), Most: 10, OneByOne: true}
	calls := make([]rpc.Element, 25)
	for i := range calls {
		calls[i] = rpc.Element{Method: "catalog.total", Args: rpc.Values{i, 0.5}}
	}
	err := m.Call(context.Background(), calls)
	fmt.Println(calls[24].Result, err)
	// Output: 24.5 <nil>
}

// A result that is a stream of bytes is read as it comes.
func ExampleReader() {
	r := rpc.Reader(context.Background(), teashop(), "manual")
	defer r.Close()
	text, err := io.ReadAll(r)
	fmt.Printf("%s %v\n", text, err)
	// Output: Fill in water. <nil>
}

// A service wants the token of a session as the first argument of each call. It
// logs in with the first one, and again when the token has expired.
func ExampleNewTokenCaller() {
	reg := rpc.NewRegistry()
	err := errors.Join(
		reg.Register("login", func(user, password string) string { return "token of " + user }),
		reg.Register("hello", func(token, name string) string { return "Hello " + name + ", with the " + token }))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := rpc.NewTokenCaller(reg, rpc.TokenConfig{
		Login: func(ctx context.Context, c rpc.Caller) ([]any, error) {
			token, err := rpc.Invoke[string](ctx, c, "login", "ann", "a passphrase")
			return []any{token}, err
		},
		Expired: func(f *rpc.Fault) bool { return f.Code == 401 },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rpc.Invoke[string](context.Background(), c, "hello", "Bob"))
	// Output: Hello Bob, with the token of ann <nil>
}

// lookup is a Caller of its own: a transport, a cache, a fake in a test.
type lookup map[string]any

func (l lookup) Call(_ context.Context, req *rpc.Request) (any, error) {
	args, err := rpc.ValuesOf(req.Args)
	if err != nil {
		return nil, err
	}
	answer, ok := l[fmt.Sprint(req.Method, args)]
	if !ok {
		return nil, rpc.Errorf(rpc.CodeMethodNotFound, "nothing is known about %s", req.Method)
	}
	return rpc.Deliver(value.NewSource(answer), req) // into what the caller asks for
}

// Whatever has a method Call is a Caller, and all of this package works with it.
func ExampleDeliver() {
	c := lookup{"catalog.get[1]": map[string]any{"name": "Teapot", "price": 24.5}}
	fmt.Println(rpc.Invoke[product](context.Background(), c, "catalog.get", 1))
	_, err := rpc.Invoke[product](context.Background(), c, "catalog.get", 2)
	fmt.Println(err)
	// Output:
	// {Teapot 24.5} <nil>
	// fault -32601: nothing is known about catalog.get
}
