package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc"
)

// outcome tells what became of a call.
func outcome(err error) string {
	var fault *rpc.Fault
	var link *rpc.LinkError
	switch {
	case errors.As(err, &fault):
		return fmt.Sprintf("answered: %d, %s", fault.Code, fault.Message)
	case errors.As(err, &link) && link.Sent == rpc.NotSent:
		return "did not run"
	case errors.As(err, &link):
		return "nobody knows"
	}
	return "returned"
}

// A call that did not return has been answered with a fault, did not run, or
// may have run: which, the error says.
func ExampleLinkError() {
	unplugged := func(sent rpc.Sent) error {
		return fmt.Errorf("order: %w", &rpc.LinkError{Sent: sent, Err: errors.New("unplugged")})
	}
	fmt.Println(outcome(rpc.Errorf(404, "no product %d", 7)))
	fmt.Println(outcome(unplugged(rpc.NotSent)))
	fmt.Println(outcome(unplugged(rpc.Unknown)))
	fmt.Println(outcome(nil))
	// Output:
	// answered: 404, no product 7
	// did not run
	// nobody knows
	// returned
}

// A function chooses the code of its faults; other errors are -32500.
func ExampleErrorf() {
	reg := rpc.NewRegistry()
	err := reg.Register("catalog.price", func(id int) (float64, error) {
		if id != 1 {
			return 0, rpc.Errorf(404, "no product %d", id)
		}
		return 24.5, nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = rpc.Invoke[float64](context.Background(), reg, "catalog.price", 7)
	fmt.Println(err)
	fmt.Println(errors.Is(err, &rpc.Fault{Code: 404}))
	// Output:
	// fault 404: no product 7
	// true
}

// FaultOf is how a server of another transport makes the answer to an error.
func ExampleFaultOf() {
	for _, err := range []error{
		rpc.Errorf(404, "no product 7"),
		context.DeadlineExceeded,
		errors.New("out of paper"),
	} {
		fmt.Println(rpc.FaultOf(err))
	}
	// Output:
	// fault 404: no product 7
	// fault -32004: deadline exceeded
	// fault -32500: out of paper
}

// flaky is a link that says whether a call may be made again.
func flaky(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, req *rpc.Request) (any, error) {
		fmt.Println(req.Method, "may be repeated:", req.Idempotent)
		return next(ctx, req)
	}
}

// readsOnly marks what only looks.
func readsOnly(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, req *rpc.Request) (any, error) {
		req.Idempotent = strings.HasPrefix(req.Method, "system.")
		return next(ctx, req)
	}
}

// There are three ways to say that running a call twice does no harm, so that a
// client may make it again when its connection breaks: for one call, for a
// method of a stub, and by an interceptor.
func ExampleWithIdempotent() {
	type Product struct {
		Name string `rpc:"name"`
	}
	reg := rpc.NewRegistry()
	if err := reg.Register("catalog.price", func(id int) float64 { return 24.5 }); err != nil {
		fmt.Println(err)
		return
	}
	if err := reg.Register("catalog.list", func() []Product { return []Product{{"Teapot"}} }); err != nil {
		fmt.Println(err)
		return
	}
	ctx, c, id := context.Background(), rpc.Intercept(reg, flaky), 1

	price, err := rpc.Invoke[float64](rpc.WithIdempotent(ctx), c, "catalog.price", id)
	fmt.Println(price, err)

	var api struct {
		List func(context.Context) ([]Product, error) `rpc:"catalog.list,idempotent"`
	}
	if err := rpc.Bind(c, &api); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(api.List(ctx))

	pong, err := rpc.Invoke[string](ctx, rpc.Intercept(reg, readsOnly, flaky), "system.ping")
	fmt.Println(pong, err)
	// Output:
	// catalog.price may be repeated: true
	// 24.5 <nil>
	// catalog.list may be repeated: true
	// [{Teapot}] <nil>
	// system.ping may be repeated: true
	// pong <nil>
}
