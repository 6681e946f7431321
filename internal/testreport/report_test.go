package main

import (
	"strings"
	"testing"
)

// run feeds events, one a line, and returns the report and its verdict.
func run(t *testing.T, noSkips bool, events ...string) (string, bool) {
	t.Helper()
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(strings.Join(events, "\n") + "\n")); err != nil {
		t.Fatal(err)
	}
	ok := r.finish(noSkips)
	return out.String(), ok
}

const (
	passA  = `{"Action":"pass","Package":"m/p","Test":"TestA"}`
	okLine = `{"Action":"output","Package":"m/p","Output":"ok  \tm/p\t0.1s\n"}`
	passP  = `{"Action":"pass","Package":"m/p"}`
	failP  = `{"Action":"fail","Package":"m/p"}`
)

func TestReport(t *testing.T) {
	for _, test := range []struct {
		name    string
		noSkips bool
		events  []string
		want    []string // pieces of the report, in this order
		not     string   // a piece that it must not have
		last    string
		ok      bool
	}{
		{
			name:   "all pass",
			events: []string{`{"Action":"output","Package":"m/p","Test":"TestA","Output":"chatter\n"}`, passA, okLine, passP},
			want:   []string{"ok  \tm/p\t0.1s"},
			not:    "chatter",
			last:   "1 passed, 0 failed",
			ok:     true,
		},
		{
			name: "a failed test shows its output once",
			events: []string{
				`{"Action":"output","Package":"m/p","Test":"TestB","Output":"    b_test.go:3: got 1; want 2\n"}`,
				`{"Action":"fail","Package":"m/p","Test":"TestB"}`, passA,
				`{"Action":"output","Package":"m/p","Output":"FAIL\tm/p\t0.1s\n"}`, failP,
			},
			want: []string{"--- m/p.TestB", "got 1; want 2", "FAIL\tm/p"},
			last: "1 passed, 1 failed",
		},
		{
			name: "a skip is told with its reason",
			events: []string{
				`{"Action":"output","Package":"m/p","Test":"TestS","Output":"=== RUN   TestS\n"}`,
				`{"Action":"output","Package":"m/p","Test":"TestS","Output":"    s_test.go:3: missing peer: lua\n"}`,
				`{"Action":"output","Package":"m/p","Test":"TestS","Output":"--- SKIP: TestS (0.00s)\n"}`,
				`{"Action":"skip","Package":"m/p","Test":"TestS"}`, passA, okLine, passP,
			},
			want: []string{"skipped:", "m/p.TestS: s_test.go:3: missing peer: lua\n"},
			last: "1 passed, 0 failed, 1 skipped",
			ok:   true,
		},
		{
			name:    "a skip fails where everything is to run",
			noSkips: true,
			events:  []string{`{"Action":"skip","Package":"m/p","Test":"TestS"}`, passA, okLine, passP},
			want:    []string{"m/p.TestS: no reason given"},
			last:    "1 passed, 1 failed",
		},
		{
			name:    "a skip that another run makes good is none",
			noSkips: true,
			events: []string{
				`{"Action":"skip","Package":"m/p","Test":"TestS"}`, `{"Action":"skip","Package":"m/q","Test":"TestS"}`, okLine, passP,
				`{"Action":"pass","Package":"m/p","Test":"TestS"}`, okLine, passP,
			},
			want: []string{"m/q.TestS: no reason given"},
			not:  "m/p.TestS",
			last: "1 passed, 1 failed",
		},
		{
			name: "a package where nothing ran is not listed",
			events: []string{
				`{"Action":"output","Package":"m/q","Output":"ok  \tm/q\t0.1s [no tests to run]\n"}`, `{"Action":"pass","Package":"m/q"}`,
				passA, okLine, passP,
			},
			not:  "m/q",
			last: "1 passed, 0 failed",
			ok:   true,
		},
		{
			name: "a test binary without go test has no line of its own",
			events: []string{
				`{"Action":"output","Package":"m/q","Output":"testing: warning: no tests to run\n"}`,
				`{"Action":"output","Package":"m/q","Output":"PASS\n"}`, `{"Action":"pass","Package":"m/q","Elapsed":0.1}`,
				passA, `{"Action":"output","Package":"m/p","Output":"PASS\n"}`, `{"Action":"pass","Package":"m/p","Elapsed":1.25}`,
			},
			want: []string{"ok  \tm/p\t1.250s\n"},
			not:  "m/q",
			last: "1 passed, 0 failed",
			ok:   true,
		},
		{
			name:    "a package without tests is no skip",
			noSkips: true,
			events:  []string{`{"Action":"skip","Package":"m/q"}`, passA, okLine, passP},
			last:    "1 passed, 0 failed",
			ok:      true,
		},
		{
			name: "a broken build counts",
			events: []string{
				`{"ImportPath":"m/p","Action":"build-output","Output":"p.go:1:1: syntax error\n"}`,
				`{"ImportPath":"m/p","Action":"build-fail"}`,
				`{"Action":"output","Package":"m/p","Output":"FAIL\tm/p [build failed]\n"}`,
				`{"Action":"fail","Package":"m/p","FailedBuild":"m/p"}`,
			},
			want: []string{"syntax error", "build failed"},
			last: "0 passed, 1 failed",
		},
		{
			name: "a test that takes its process down is shown",
			events: []string{
				passA,
				`{"Action":"output","Package":"m/p","Test":"TestC","Output":"panic: no\n"}`,
				`{"Action":"output","Package":"m/p","Output":"FAIL\tm/p\t0.1s\n"}`, failP,
			},
			want: []string{"m/p.TestC did not end", "panic: no"},
			last: "1 passed, 1 failed",
		},
		{
			name:   "nothing ran",
			events: []string{"go: no packages"},
			want:   []string{"go: no packages", "no test ran"},
			last:   "0 passed, 1 failed",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := run(t, test.noSkips, test.events...)
			rest := got
			for _, piece := range test.want {
				_, after, found := strings.Cut(rest, piece)
				if !found {
					t.Errorf("got\n%s; want %q in it, in order", got, piece)
				}
				rest = after
			}
			if test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("got\n%s; want no %q in it", got, test.not)
			}
			if !strings.HasSuffix(got, test.last+"\n") || ok != test.ok {
				t.Errorf("got the end of\n%s and ok %v; want %q and %v", got, ok, test.last, test.ok)
			}
		})
	}
}
