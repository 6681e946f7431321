package rpctest

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-rpc/parley/rpc"
)

// failingText and panickingText are texts that cannot be written.
type failingText struct{}

func (failingText) MarshalText() ([]byte, error) { return nil, errors.New(canary) }
func (*failingText) UnmarshalText([]byte) error  { return nil }

type panickingText struct{}

func (panickingText) MarshalText() ([]byte, error) { panic(canary) }
func (*panickingText) UnmarshalText([]byte) error  { return nil }

// testUnwritableResults: a result that cannot be written is a fault, and in a
// multicall that of its own element. The next one is as if nothing had been.
func testUnwritableResults(t *testing.T, tr Transport) {
	var deep any
	for range 200 {
		deep = []any{deep}
	}
	fns := functions{
		"double":  func(n int) int { return 2 * n },
		"channel": func() any { return []any{"before", map[string]any{"x": make(chan int)}} },
		"failing": func() any { return []any{"before", failingText{}} },
		"panics":  func() []panickingText { return make([]panickingText, 3) },
		"deep":    func() any { return deep },
		"nest": func(n int) (v any) {
			for range n {
				v = []any{v}
			}
			return v
		},
		"unclean": func() error { return rpc.Errorf(77, "no \xff") },
	}
	if !tr.Local {
		fns["invalid"] = func() any { return []string{"before", "\xff"} }
	}
	c := tr.connect(t, fns)
	calls := []any{multi("double", 0)}
	for name := range fns {
		if name == "double" || name == "nest" || name == "unclean" {
			continue
		}
		_, err := rpc.Invoke[any](tr.bounded(t), c, name)
		if f := wantFault(t, name, err, rpc.CodeInternal, "internal error"); strings.Contains(f.Message, canary) {
			t.Errorf("%s: the cause crossed: %v", name, f)
		}
		tr.wantAlive(t, c)
		calls = append(calls, multi(name), multi("double", len(calls)+1))
	}
	calls = append(calls, multi("unclean"))
	answers, err := rpc.Invoke[[]any](tr.bounded(t), c, "system.multicall", calls)
	if err != nil || len(answers) != len(calls) {
		t.Fatalf("multicall gave %d answers, %v; want %d", len(answers), err, len(calls))
	}
	for i, answer := range answers[:len(answers)-1] {
		if i%2 == 0 {
			if !same([]any{int64(2 * i)}, answer) {
				t.Errorf("beside results that cannot be written: element %d is %v", i, answer)
			}
		} else if code, text := multiFault(answer); code != rpc.CodeInternal || strings.Contains(text, canary) {
			t.Errorf("%v gave %v; want fault %d", calls[i], answer, rpc.CodeInternal)
		}
	}
	if code, text := multiFault(answers[len(answers)-1]); code != 77 || !tr.Local && text != "no \uFFFD" {
		t.Errorf("a fault whose text is not UTF-8 is %d %q", code, text)
	}

	// About as deep as a wire allows, where what is around an element counts.
	calls = nil
	for n := 58; n < 70; n++ {
		calls = append(calls, multi("nest", n))
	}
	answers, err = rpc.Invoke[[]any](tr.bounded(t), c, "system.multicall", calls)
	if err != nil || len(answers) != len(calls) {
		t.Fatalf("multicall of deep results gave %d answers, %v; want %d", len(answers), err, len(calls))
	}
	if code, _ := multiFault(answers[0]); code != 0 {
		t.Errorf("a result 58 deep gave %v", answers[0])
	}
}
