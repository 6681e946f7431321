package validator1_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/services/validator1"
)

func TestCheckPasses(t *testing.T) {
	report := validator1.Check(t.Context(), serve(t))
	if !report.OK() || report.Err() != nil {
		t.Errorf("our own functions:\n%s", report)
	}
	if len(report.Results) != 8 {
		t.Fatalf("got %d functions; want 8", len(report.Results))
	}
	for _, r := range report.Results {
		if r.Calls < 8 {
			t.Errorf("%s: got %d calls; want 8 or more", r.Method, r.Calls)
		}
	}
	if again := validator1.Check(t.Context(), serve(t)); again.String() != report.String() {
		t.Errorf("got another report the second time:\n%s\nand the first time:\n%s", again, report)
	}
}

// callerFunc is a server that is not a registry.
type callerFunc func(ctx context.Context, req *rpc.Request) (any, error)

func (f callerFunc) Call(ctx context.Context, req *rpc.Request) (any, error) { return f(ctx, req) }

// wrong is a server whose answers to one function are changed.
func wrong(t *testing.T, function string, change func(args []any, result any) (any, error)) rpc.Caller {
	right := serve(t)
	return callerFunc(func(ctx context.Context, req *rpc.Request) (any, error) {
		into := req.Into.(*any)
		_, err := right.Call(ctx, req)
		if err == nil && req.Method == "validator1."+function {
			args, _ := rpc.ValuesOf(req.Args)
			*into, err = change(args, *into)
		}
		return into, err
	})
}

// Every fault that a server is known to have is found, in its function and in no
// other one.
func TestCheckFindsFaults(t *testing.T) {
	number := func(f func(int64) any) func([]any, any) (any, error) {
		return func(_ []any, result any) (any, error) { return f(result.(int64)), nil }
	}
	item := func(i int, f func(v any) any) func([]any, any) (any, error) {
		return func(_ []any, result any) (any, error) {
			list := append([]any(nil), result.([]any)...)
			list[i] = f(list[i])
			return list, nil
		}
	}
	member := func(name string, f func(v any) any) func([]any, any) (any, error) {
		return func(_ []any, result any) (any, error) {
			changed := record{}
			maps.Copy(changed, result.(record))
			if v, ok := changed[name]; ok {
				changed[name] = f(v)
			}
			return changed, nil
		}
	}
	one := func(v any) any { return v.(int64) + 1 }
	tests := []struct {
		name, function string
		change         func(args []any, result any) (any, error)
	}{
		{"adds something", "arrayOfStructsTest", number(func(n int64) any { return n + 1 })},
		{"a number as text", "arrayOfStructsTest", number(func(int64) any { return "6" })},
		{"a number as double", "easyStructTest", number(func(n int64) any { return float64(n) })},
		{"an unsigned sum", "easyStructTest", number(func(n int64) any { return max(n, -n) })},
		{"a sum of 16 bits", "easyStructTest", number(func(n int64) any { return int64(int16(n)) })},
		{"only one struct", "arrayOfStructsTest", func(args []any, result any) (any, error) {
			if list := args[0].([]any); len(list) > 0 {
				return list[0].(record)["curly"], nil
			}
			return result, nil
		}},
		{"counts no brackets", "countTheEntities", member("ctLeftAngleBrackets", func(any) any { return int64(0) })},
		{"counts too many quotes", "countTheEntities", member("ctQuotes", one)},
		{"counts what was escaped", "countTheEntities", func(args []any, result any) (any, error) {
			text := args[0].(string)
			changed := result.(record)
			changed["ctAmpersands"] = int64(strings.Count(text, "&") - strings.Count(text, "&lt;"))
			return changed, nil
		}},
		{"one more member", "countTheEntities", func(_ []any, result any) (any, error) {
			result.(record)["total"] = int64(1)
			return result, nil
		}},
		{"loses a member", "echoStructTest", func(_ []any, result any) (any, error) {
			changed := record{}
			for n, v := range result.(record) {
				if n != "blank" {
					changed[n] = v
				}
			}
			return changed, nil
		}},
		{"trims text", "echoStructTest", member("blank", func(any) any { return "" })},
		{"a boolean as number", "echoStructTest", member("boolean", func(any) any { return int64(1) })},
		{"text that looks like a number", "echoStructTest", member("text", func(any) any { return int64(1) })},
		{"no empty list", "echoStructTest", member("list", func(v any) any { return "" })},
		{"no empty struct", "echoStructTest", member("struct", func(v any) any { return []any{} })},
		{"loses an hour", "echoStructTest", member("date", func(v any) any { return v.(time.Time).Add(-time.Hour) })},
		{"bytes as text", "echoStructTest", member("binary", func(v any) any { return string(v.([]byte)) })},
		{"another number", "manyTypesTest", item(0, one)},
		{"a boolean turned round", "manyTypesTest", item(1, func(v any) any { return !v.(bool) })},
		{"true for all", "manyTypesTest", item(1, func(any) any { return true })},
		{"lines joined", "manyTypesTest", item(2, func(v any) any { return strings.ReplaceAll(v.(string), "\n", " ") })},
		{"ASCII", "manyTypesTest", item(2, func(v any) any { return strings.ReplaceAll(v.(string), "ü", "?") })},
		{"doubles of few digits", "manyTypesTest", item(3, func(v any) any { return float64(float32(v.(float64))) })},
		{"date of today", "manyTypesTest", item(4, func(any) any { return time.Now() })},
		{"date as text", "manyTypesTest", item(4, func(v any) any { return v.(time.Time).Format("20060102T15:04:05") })},
		{"line ends in binary", "manyTypesTest", item(5, func(v any) any { return []byte(strings.ReplaceAll(string(v.([]byte)), "\r\n", "\n")) })},
		{"one item fewer", "manyTypesTest", func(_ []any, result any) (any, error) { return result.([]any)[:5], nil }},
		{"no list", "manyTypesTest", func(_ []any, result any) (any, error) { return result.([]any)[0], nil }},
		{"last only", "moderateSizeArrayCheck", func(args []any, _ any) (any, error) { list := args[0].([]any); return list[len(list)-1], nil }},
		{"the 100th for the last", "moderateSizeArrayCheck", func(args []any, _ any) (any, error) {
			list := args[0].([]any)
			return list[0].(string) + list[99].(string), nil
		}},
		{"April by number", "nestedStructTest", func(args []any, _ any) (any, error) {
			r := args[0].(record)["2000"].(record)["01"].(record)["04"].(record)
			if len(r) == 0 {
				return int64(0), nil
			}
			return r["moe"].(int64) + r["larry"].(int64) + r["curly"].(int64), nil
		}},
		{"a thousand is a hundred", "simpleStructReturnTest", func(_ []any, result any) (any, error) {
			result.(record)["times1000"] = result.(record)["times100"]
			return result, nil
		}},
		{"nil", "simpleStructReturnTest", func([]any, any) (any, error) { return nil, nil }},
		{"always a fault", "simpleStructReturnTest", func([]any, any) (any, error) { return nil, rpc.Errorf(7, "no") }},
	}
	for _, tt := range tests {
		report := validator1.Check(t.Context(), wrong(t, tt.function, tt.change))
		for _, r := range report.Results {
			if bad := len(r.Problems) > 0; bad != (r.Method == "validator1."+tt.function) {
				t.Errorf("a server that has this wrong: %s in %s: got problems of %s: %v", tt.name, tt.function, r.Method, bad)
			}
		}
		if report.OK() || !strings.Contains(report.Err().Error(), tt.function) || !strings.Contains(report.String(), " wrong") {
			t.Errorf("%s: got %v and\n%s; want an error that names %s", tt.name, report.Err(), report, tt.function)
		}
	}
}

// A problem says where in an answer it is.
func TestCheckSaysWhere(t *testing.T) {
	report := validator1.Check(t.Context(), wrong(t, "manyTypesTest", func(_ []any, result any) (any, error) {
		result.([]any)[2] = 7
		return result, nil
	}))
	p := report.Results[4].Problems[0]
	if p.Where != "[2]" || p.Got != "7" || p.Want != `"text"` {
		t.Errorf("another item: got %+v", p)
	}
	report = validator1.Check(t.Context(), wrong(t, "echoStructTest", func(_ []any, result any) (any, error) {
		if deep, ok := result.(record)["deep"].(record); ok {
			delete(deep["list"].([]any)[0].(record), "list")
		}
		return result, nil
	}))
	p = report.Results[3].Problems[0]
	if want := `at ["deep"]["list"][0]["list"]: got nothing; want [1, ["x"]]`; !strings.HasSuffix(p.String(), want) {
		t.Errorf("a member is missing: got %s; want %s at the end", p, want)
	}
}

// A server that is not there, or does nothing, ends the check soon.
func TestCheckEnds(t *testing.T) {
	calls := 0
	fault := rpc.Errorf(rpc.CodeMethodNotFound, "%s", strings.Repeat("no\x1b[2J", 1000))
	report := validator1.Check(t.Context(), callerFunc(func(context.Context, *rpc.Request) (any, error) {
		calls++
		return nil, fault
	}))
	if calls != 24 || !errors.Is(report.Err(), fault) {
		t.Errorf("a server without the functions: got %d calls and %v; want 3 of each function and the fault", calls, report.Err())
	}
	if text := report.String(); len(text) > 30_000 || strings.Contains(text, "\x1b") {
		t.Errorf("got a report of %d bytes; want it short, and without what harms a terminal", len(text))
	}

	ctx, cancel := context.WithCancel(t.Context())
	report = validator1.Check(ctx, callerFunc(func(ctx context.Context, _ *rpc.Request) (any, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}))
	if !errors.Is(report.Err(), context.Canceled) || report.Results[0].Calls != 1 || report.Results[7].Calls != 0 {
		t.Errorf("cancelled: got %v and\n%s", report.Err(), report)
	}
}
