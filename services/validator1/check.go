package validator1

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-rpc/parley/rpc"
	"github.com/parley-rpc/parley/rpc/value"
)

// Report is what Check has found out about a server.
type Report struct {
	Results []Result // one for each function, in the order of the suite
}

// Result is what Check has found out about one function.
type Result struct {
	Method   string
	Calls    int       // made
	Problems []Problem // at most maxProblems; with the last of them the calls end
}

// Problem is one call that went wrong. Its texts are shortened and escaped: much of
// them comes from the server.
type Problem struct {
	Sent  string // the arguments
	Where string // in the answer, as ["a"][2]; "" for all of it
	Want  string // what should have been there
	Got   string // what was there; "" if there was no answer
	Err   error  // why there was no answer
}

// String returns `sent ({"a": "<"}): at ["a"]: got "&lt;"; want "<"`.
func (p Problem) String() string {
	got, where := p.Got, ""
	if p.Err != nil {
		got = value.Clip(p.Err.Error(), maxShown)
	}
	if p.Where != "" {
		where = "at " + p.Where + ": "
	}
	return fmt.Sprintf("sent (%s): %sgot %s; want %s", p.Sent, where, got, p.Want)
}

// OK reports whether every function has passed.
func (r Report) OK() bool { return r.Err() == nil }

// Err returns nil if every function has passed, and else an error that names those
// that have not, each with its first problem. It wraps the errors of these calls.
func (r Report) Err() error {
	var failed []error
	for _, result := range r.Results {
		if len(result.Problems) > 0 {
			p := result.Problems[0]
			if p.Err != nil {
				failed = append(failed, fmt.Errorf("validator1: %s: sent (%s): %w", result.Method, p.Sent, p.Err))
			} else {
				failed = append(failed, fmt.Errorf("validator1: %s: %s", result.Method, p))
			}
		}
	}
	return errors.Join(failed...)
}

// String is a line for each function, and one for each problem.
func (r Report) String() string {
	var b strings.Builder
	for _, result := range r.Results {
		verdict := "ok"
		if n := len(result.Problems); n > 0 {
			verdict = fmt.Sprintf("%d wrong", n)
		}
		fmt.Fprintf(&b, "%s: %d calls, %s\n", result.Method, result.Calls, verdict)
		for _, p := range result.Problems {
			fmt.Fprintf(&b, "\t%s\n", p)
		}
	}
	return b.String()
}

const (
	// maxProblems is how many wrong answers of a function end its check.
	maxProblems = 3
	// maxShown bounds each text of a Problem, in bytes.
	maxShown = 400
)

// Check validates a server that offers the suite: it calls each of the eight
// functions with values that are easy to get wrong and with random ones, which are
// the same each time, and compares the answers with what it has computed itself,
// kinds included. It sends nothing that the specification of XML-RPC does not have,
// and asks for no number beyond 32 bits.
//
// A function that is wrong three times is not called any more, nor is any when ctx
// is done; that stands in the Report then.
func Check(ctx context.Context, c rpc.Caller) Report {
	var report Report
	in := newInputs()
	for _, f := range []struct {
		method string
		trials func() []trial
	}{
		{"arrayOfStructsTest", in.arraysOfStructs},
		{"countTheEntities", in.entities},
		{"easyStructTest", in.easyStructs},
		{"echoStructTest", in.echoStructs},
		{"manyTypesTest", in.manyTypes},
		{"moderateSizeArrayCheck", in.moderateArrays},
		{"nestedStructTest", in.nestedStructs},
		{"simpleStructReturnTest", in.simpleStructs},
	} {
		report.Results = append(report.Results, try(ctx, c, prefix+f.method, f.trials()))
	}
	return report
}

// trial is a call and the answer that it must have.
type trial struct {
	args []any
	want any
}

// try makes the trials of one function.
func try(ctx context.Context, c rpc.Caller, method string, trials []trial) Result {
	r := Result{Method: method}
	for _, t := range trials {
		if len(r.Problems) == maxProblems {
			break
		}
		p := Problem{Sent: show(t.args), Want: show([]any{t.want})}
		if p.Err = ctx.Err(); p.Err != nil {
			r.Problems = append(r.Problems, p)
			break
		}
		r.Calls++
		var got any
		got, p.Err = rpc.Invoke[any](ctx, c, method, t.args...)
		if p.Err == nil {
			d := compare(t.want, got)
			if d == nil {
				continue
			}
			p.Where, p.Want, p.Got = value.Clip(d.path, maxShown), show([]any{d.want}), show([]any{d.got})
		}
		r.Problems = append(r.Problems, p)
	}
	return r
}
