package rpctest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/rpctest"
	"github.com/parley-rpc/parley/rpc/value"
)

// broken are transports with one fault each, and the part of the suite that
// must find it.
var broken = map[string]struct {
	part    string
	connect func(*rpc.Registry) rpc.Caller
}{
	"IntegersBecomeFloats": {"Dynamic", results(func(v any) any {
		if n, ok := v.(int64); ok {
			return float64(n)
		}
		return v
	})},
	"TextIsTrimmed": {"Values", results(func(v any) any {
		if s, ok := v.(*string); ok {
			*s = strings.TrimSpace(*s)
		}
		return v
	})},
	"BlobsAreCutOff": {"Binary", results(func(v any) any {
		if b, ok := v.(*[]byte); ok && len(*b) > 256 {
			*b = (*b)[:256]
		}
		return v
	})},
	"UnsignedWraps": {"Parameters", calls(func(_ context.Context, req *rpc.Request) {
		if args, ok := req.Args.(rpc.Values); ok && len(args) == 1 && args[0] == 256 {
			req.Args = rpc.Values{0}
		}
	})},
	"ExtraArgumentsAreDropped": {"Parameters", calls(func(_ context.Context, req *rpc.Request) {
		if args, ok := req.Args.(rpc.Values); ok && req.Method == "none" && len(args) > 0 {
			req.Args = nil
		}
	})},
	"CodesAreLost":  {"Faults", failures(func(f *rpc.Fault) error { return rpc.Errorf(rpc.CodeApplication, "%s", f.Message) })},
	"FaultsAreLost": {"Faults", failures(func(f *rpc.Fault) error { return errors.New(f.Error()) })},
	"PanicsAreTold": {"Panics", failures(func(f *rpc.Fault) error {
		if f.Code == rpc.CodeInternal {
			f.Message += ": canary-5170"
		}
		return f
	})},
	"ErrorsAreNotHidden": {"HideErrors", func(reg *rpc.Registry) rpc.Caller { reg.HideErrors = false; return reg }},
	"NoDeadlines": {"Deadlines", func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			// The caller is let go in time, but the function is not told.
			done := make(chan struct{})
			var result any
			var err error
			go func() {
				defer close(done)
				inner := context.WithoutCancel(ctx)
				inner, cancel := context.WithTimeout(inner, 3*time.Second)
				defer cancel()
				result, err = reg.Call(inner, req)
			}()
			select {
			case <-done:
				return result, err
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		})
	}},
	"CancelledCallsStart": {"Cancellation", func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			if ctx.Err() != nil {
				short, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Millisecond)
				defer cancel()
				reg.Call(short, req)
				return nil, ctx.Err()
			}
			return reg.Call(ctx, req)
		})
	}},
	"MetaIsDropped": {"Meta", calls(func(_ context.Context, req *rpc.Request) { req.Meta = nil })},
	"MetaIsUnbounded": {"Meta", calls(func(_ context.Context, req *rpc.Request) {
		for k, v := range req.Meta {
			req.Meta = map[string]string{k: v[:min(len(v), 4000)]}
		}
	})},
	"OneCallAtATime": {"Concurrency", func(reg *rpc.Registry) rpc.Caller {
		var mu sync.Mutex
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			mu.Lock()
			defer mu.Unlock()
			return reg.Call(ctx, req)
		})
	}},
	"StreamsAreHeldBack": {"Streams", func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			if req.Yield == nil {
				return reg.Call(ctx, req)
			}
			inner := *req
			inner.Into, inner.Yield = nil, nil
			list, err := reg.Call(ctx, &inner)
			if err != nil {
				return nil, err
			}
			relay := rpc.NewRegistry()
			if err := relay.Handle("list", func(context.Context, *rpc.Request) (any, error) { return list, nil }); err != nil {
				return nil, err
			}
			req.Method, req.Args = "list", nil
			return relay.Call(ctx, req)
		})
	}},
	"ProducersRunOn": {"LeavingStreams", func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			if req.Yield == nil {
				return reg.Call(ctx, req)
			}
			inner := *req
			items, left := make(chan any), make(chan struct{})
			inner.Into = nil
			inner.Yield = func(item any) error {
				select {
				case items <- item:
				case <-left:
				}
				return nil
			}
			go func() {
				defer close(items)
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
				defer cancel()
				reg.Call(ctx, &inner)
			}()
			for item := range items {
				err := value.Convert(req.Into, item)
				if err == nil {
					err = req.Yield(req.Into)
				}
				if err != nil {
					close(left)
					return nil, err
				}
			}
			return nil, nil
		})
	}},
	"EverybodyMayCall": {"Authorizer", func(reg *rpc.Registry) rpc.Caller {
		allow := reg.Authorizer
		reg.Authorizer = nil
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			if req.Method == "system.listMethods" { // the list alone is filtered
				reg := rpc.NewRegistry()
				reg.Authorizer = allow
				return reg.Call(ctx, req)
			}
			return reg.Call(ctx, req)
		})
	}},
	"DeniedIsTold": {"Authorizer", failures(func(f *rpc.Fault) error {
		if strings.Contains(f.Message, "shut") {
			f.Message = "denied: shut"
		}
		return f
	})},
	"IdentityIsLost": {"DeniedLooksUnknown", calls(func(_ context.Context, req *rpc.Request) {
		req.Peer = &rpc.Peer{Identity: rpc.Identity{Name: "somebody"}}
	})},
	"DeniedSaysWhy": {"DeniedLooksUnknown", failures(func(f *rpc.Fault) error {
		if strings.Contains(f.Message, "upload") {
			f.Message += " for you"
		}
		return f
	})},
	"DeniedIsNotTold": {"DeniedIsLogged", func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			if req.Method == "none" { // only what is there
				return nil, rpc.Errorf(rpc.CodeMethodNotFound, "method not found: none")
			}
			return reg.Call(ctx, req)
		})
	}},
	"CallsGoRoundInterceptors": {"Interceptors", func(reg *rpc.Registry) rpc.Caller {
		reg.Use(func(rpc.Handler) rpc.Handler {
			return func(context.Context, *rpc.Request) (any, error) { return int64(1), nil }
		})
		return reg
	}},
	"UnwritableCostsAll": {"UnwritableResults", func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			if req.Method == "system.multicall" {
				return nil, rpc.Errorf(rpc.CodeInternal, "internal error")
			}
			return reg.Call(ctx, req)
		})
	}},
	"MulticallIsCutOff": {"Multicall", results(func(v any) any {
		if list, ok := v.(*[]any); ok && len(*list) > 10 {
			*list = (*list)[:10]
		}
		return v
	})},
}

type callerFunc func(context.Context, *rpc.Request) (any, error)

func (f callerFunc) Call(ctx context.Context, req *rpc.Request) (any, error) { return f(ctx, req) }

// results bends what calls return: the result, or the variable it went to.
func results(bend func(any) any) func(*rpc.Registry) rpc.Caller {
	return func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			result, err := reg.Call(ctx, req)
			if p, ok := req.Into.(*any); ok && err == nil {
				*p = bend(*p)
			}
			return bend(result), err
		})
	}
}

// calls bends requests.
func calls(bend func(context.Context, *rpc.Request)) func(*rpc.Registry) rpc.Caller {
	return func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			bend(ctx, req)
			return reg.Call(ctx, req)
		})
	}
}

// failures bends faults.
func failures(bend func(*rpc.Fault) error) func(*rpc.Registry) rpc.Caller {
	return func(reg *rpc.Registry) rpc.Caller {
		return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
			result, err := reg.Call(ctx, req)
			var f *rpc.Fault
			if errors.As(err, &f) {
				return result, bend(&rpc.Fault{Code: f.Code, Message: f.Message})
			}
			return result, err
		})
	}
}

// brokenName says, in a process of its own, which transport to test.
const brokenName = "RPCTEST_BROKEN"

// A suite that passes whatever it is given shows nothing. Each fault must fail
// the part that is there for it.
func TestSuiteFindsFaults(t *testing.T) {
	if name := os.Getenv(brokenName); name != "" {
		tr := everything
		tr.Patience = 300 * time.Millisecond
		tr.Connect = func(_ *testing.T, reg *rpc.Registry) rpc.Caller { return broken[name].connect(reg) }
		rpctest.Run(t, tr)
		return
	}
	for name, b := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestSuiteFindsFaults$/^"+b.part+"$")
			cmd.Env = append(os.Environ(), brokenName+"="+name)
			out, err := cmd.CombinedOutput()
			var failed *exec.ExitError
			if !errors.As(err, &failed) || !strings.Contains(string(out), "--- FAIL: TestSuiteFindsFaults/"+b.part) {
				t.Errorf("the part %s did not find the fault (%v):\n%s", b.part, err, out)
			}
			if strings.Contains(string(out), "\ngoroutine ") {
				t.Errorf("the part %s did not fail in order:\n%s", b.part, out)
			}
		})
	}
}
