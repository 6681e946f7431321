package rpc_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// Names of parameters allow arguments by name, and stand in the page for people.
func ExampleParams() {
	reg := rpc.NewRegistry()
	err := reg.Register("power", func(base, exponent int) int {
		result := 1
		for range exponent {
			result *= base
		}
		return result
	}, rpc.Params("base", "exponent"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rpc.Invoke[[]string](context.Background(), reg, "system.methodParams", "power"))
	// Output: [base exponent] <nil>
}

// What a function does, for those who ask the server.
func ExampleHelp() {
	reg := rpc.NewRegistry()
	if err := reg.Register("add", func(a, b int) int { return a + b }, rpc.Help("The sum of two numbers.")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rpc.Invoke[string](context.Background(), reg, "system.methodHelp", "add"))
	// Output: The sum of two numbers. <nil>
}

// A function that takes an any tells by hand what it is for.
func ExampleSignature() {
	reg := rpc.NewRegistry()
	double := func(v any) (any, error) {
		switch v := v.(type) {
		case int64:
			return 2 * v, nil
		case string:
			return v + v, nil
		}
		return nil, rpc.Errorf(rpc.CodeInvalidParams, "double: neither a number nor text")
	}
	err := reg.Register("double", double, rpc.Signature("int", "int"), rpc.Signature("string", "string"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rpc.Invoke[[][]string](context.Background(), reg, "system.methodSignature", "double"))
	// Output: [[int int] [string string]] <nil>
}

// Stock is a value whose methods are served.
type Stock struct{ pieces map[string]int }

func (s *Stock) Count(item string) int { return s.pieces[item] }

func (s *Stock) Items() []string { return []string{"saw"} }

// Close is for this program alone.
func (s *Stock) Close() error { return nil }

// A value registers its methods, with options for each, and without those that
// are left out.
func ExampleMethodOptions() {
	reg := rpc.NewRegistry()
	err := reg.Register("stock", &Stock{map[string]int{"saw": 12}},
		rpc.Except("Close"), // or rpc.Only("Count", "Items")
		rpc.MethodOptions("Count", rpc.Params("item"), rpc.Help("How many there are.")))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	fmt.Println(rpc.Invoke[int](ctx, reg, "stock.count", "saw"))
	_, err = rpc.Invoke[rpc.Void](ctx, reg, "stock.close")
	fmt.Println(err)
	// Output:
	// 12 <nil>
	// fault -32601: method not found: stock.close
}

// An adapted function is called without reflection, which a server with very many
// small calls notices. It always has a context and an error.
func ExampleFunc2() {
	reg := rpc.NewRegistry()
	add := rpc.Func2(func(_ context.Context, a, b int) (int, error) { return a + b, nil })
	if err := reg.Register("add", add); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rpc.Invoke[int](context.Background(), reg, "add", 3, 5))
	// Output: 8 <nil>
}

// A function looks at who calls it. Over a transport the peer has an address and
// the identity that it logged in with; on the native channel it can be called
// back.
func ExamplePeerFrom() {
	reg := rpc.NewRegistry()
	err := reg.Register("whoami", func(ctx context.Context) string {
		peer := rpc.PeerFrom(ctx)
		return fmt.Sprintf("%q, %s", peer.Name, peer.Transport)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rpc.Invoke[string](context.Background(), reg, "whoami"))
	// Output: "", local <nil>
}

// Metadata travels beside the arguments: here a tenant, which the function need
// not have for a parameter.
func ExampleWithMeta() {
	reg := rpc.NewRegistry()
	err := reg.Register("greet", func(ctx context.Context, name string) string {
		return "Hello " + name + " of " + rpc.MetaFrom(ctx)["tenant"]
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := rpc.WithMeta(context.Background(), map[string]string{"tenant": "acme"})
	fmt.Println(rpc.Invoke[string](ctx, reg, "greet", "Ann"))
	// Output: Hello Ann of acme <nil>
}

// An interceptor around a client sees each call and its outcome. Registry.Use
// puts one around all functions of a server.
func ExampleIntercept() {
	reg := rpc.NewRegistry()
	if err := reg.Register("upper", strings.ToUpper); err != nil {
		fmt.Println(err)
		return
	}
	logged := rpc.Intercept(reg, func(next rpc.Handler) rpc.Handler {
		return func(ctx context.Context, req *rpc.Request) (any, error) {
			result, err := next(ctx, req)
			fmt.Println(req.Method, "failed:", err != nil)
			return result, err
		}
	})
	fmt.Println(rpc.Invoke[string](context.Background(), logged, "upper", "quiet"))
	// Output:
	// upper failed: false
	// QUIET <nil>
}
