package interop

import (
	"context"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// element is one call within system.multicall.
type element struct {
	Method string `rpc:"methodName"`
	Params []any  `rpc:"params"`
}

const pythonVersion = "$PYTHON -c 'import platform; print(platform.python_version())'"

// pythonServer is a SimpleXMLRPCServer of Python, which speaks HTTP/1.0: a connection
// for each call.
func pythonServer() server {
	date := time.Date(1998, 7, 17, 14, 8, 55, 0, time.UTC)
	return server{
		name:     "python",
		language: "Python", library: "SimpleXMLRPCServer", source: "python.py",
		packages: []string{"python3"},
		version:  pythonVersion,
		notes: []string{
			"Everything that goes wrong, an unknown method and wrong arguments among it, is fault 1 with the exception and its text; only `raise Fault(code, text)` has another code. What the function returns and cannot be written (an integer beyond 32 bits, a set, None without `allow_none`) is fault 1 too, after the function has run.",
			"It speaks HTTP/1.0, so that each call has a connection of its own, and makes one call at a time. `system.methodSignature` answers the text `signatures not supported`.",
			`Text with control characters is written as it is: the answer cannot be read, and the call fails with its outcome unknown.`,
			`A date with a time zone comes without it, and a fraction of a second is lost.`,
		},
		steps: append(
			echoCases(),
			calls("arguments as Python sees them", "told", 1, int64(1)<<40, "ü", []byte{1}, date, 2.0, true, nil, record{"a": []int{1}}, map[int]string{5: "x"}),
			calls("exception", "divide", 1, 0),
			calls("exception with a text in quotes", "price", "coffee"),
			calls("method of an instance", "price", "tea"),
			calls("unknown method", "no.such", 1),
			calls("private method", "_secret"),
			calls("too few arguments", "see", "only one"),
			calls("integer beyond 32 bits", "large"),
			calls("names that are no text", "keys"),
			calls("set", "set"),
			calls("infinity", "inf"),
			calls("control character", "control"),
			calls("date with a fraction", "fraction"),
			calls("date with a zone", "zone"),
			calls("None", "none"),
			calls("system.listMethods", "system.listMethods"),
			calls("system.methodHelp", "system.methodHelp", "told"),
			calls("system.methodSignature", "system.methodSignature", "told"),
			calls("system.multicall", "system.multicall", []element{
				{"divide", []any{6, 3}},
				{"refuse", []any{"please"}},
				{"no.such", []any{}},
				{"none", []any{}},
			}),
			together(false, threeCalls()...),
			step{"typed by rpc.Bind", bound},
			validates(),
			step{"another path", elsewhere},
		),
	}
}

// bound calls through a struct of functions.
func bound(s *session) string {
	var api struct {
		See     func(context.Context, string, []float64) ([]float64, error) `rpc:"see"`
		Nothing func(context.Context) (string, error)                       `rpc:"nothing"`
		Refuse  func(context.Context, string) error                         `rpc:"refuse"`
		Price   func(context.Context, string) (float64, error)              `rpc:"price"`
	}
	if err := rpc.Bind(s.client, &api); err != nil {
		return err.Error()
	}
	list, err := api.See(s.ctx, "list", []float64{1.5, 2})
	if err != nil || len(list) != 2 || list[0] != 1.5 || list[1] != 2 {
		return tell(list, err)
	}
	return tell(api.Price(s.ctx, "tea")) + ", " + tell(api.Nothing(s.ctx)) + ", " + tell(nil, api.Refuse(s.ctx, "x"))
}

// pythonDocServer is a DocXMLRPCServer, which shows its functions to browsers.
func pythonDocServer() server {
	return server{
		name:     "python-doc",
		language: "Python", library: "DocXMLRPCServer", source: "python.py",
		packages: []string{"python3"},
		version:  pythonVersion,
		steps: []step{
			calls("call", "see", "name", []any{1, "two"}),
			calls("system.listMethods", "system.listMethods"),
			{"page", func(s *session) string { return page(s, "see") }},
			calls("call after the page", "nothing"),
		},
	}
}
