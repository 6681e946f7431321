package interop

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
	"github.com/parley-rpc/parley/services/validator1"
)

// record is a struct of XML-RPC.
type record = map[string]any

// echoCases are the calls that the programs in other languages make too, of servers
// that have the same functions.
func echoCases() []step {
	var steps []step
	for _, tc := range cases {
		steps = append(steps, step{tc.name, func(s *session) string {
			args, want := []any{tc.name, tc.want}, tc.want
			switch tc.method {
			case "nothing":
				args, want = nil, "nothing"
			case "refuse":
				args = []any{tc.want}
			}
			got, err := rpc.Invoke[any](s.ctx, s.client, tc.method, args...)
			if tc.method == "refuse" && errors.Is(err, &rpc.Fault{Code: refusedCode}) && rpc.FaultOf(err).Message == refusedText {
				return "ok"
			}
			return verdict(want, got, err)
		}})
	}
	return steps
}

// together is a step that makes calls by rpc.Multicaller, and tells what became of
// each.
func together(unwrapped bool, elements ...rpc.Element) step {
	return step{"rpc.Multicaller", func(s *session) string {
		return tellAll(s, rpc.Multicaller{Caller: s.client, Unwrapped: unwrapped}, elements)
	}}
}

func tellAll(s *session, m rpc.Multicaller, elements []rpc.Element) string {
	calls := slices.Clone(elements)
	var texts []string
	if err := m.Call(s.ctx, calls); err == nil {
		texts = append(texts, "no error")
	}
	for _, e := range calls {
		texts = append(texts, tell(e.Result, e.Err))
	}
	return strings.Join(texts, "; ")
}

// validates is a step that has the server validated by the suite validator1. Its
// result is a line for each function.
func validates() step {
	return step{"validator1", func(s *session) string {
		var b strings.Builder
		for line := range strings.Lines(validator1.Check(s.ctx, s.client).String()) {
			if !strings.HasPrefix(line, "\t") {
				b.WriteString(line)
			}
		}
		return b.String()
	}}
}

// verdict tells what became of a value that should have come back.
func verdict(want, got any, err error) string {
	switch {
	case err != nil:
		return "error\t" + tell(nil, err)
	case !equal(want, got):
		return "got\t" + describe(got)
	}
	return "ok"
}

// describe prints a value so that its kind can be told, always in the same way.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".eIN") {
			text += ".0"
		}
		return text
	case string:
		return `"` + value.Clip(v, 300) + `"`
	case []byte:
		return fmt.Sprintf("%d bytes", len(v))
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, describe(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case record:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, name+": "+describe(v[name]))
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return fmt.Sprint(v)
}
