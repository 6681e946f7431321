package lanes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-rpc/parley/internal/compare"
	"github.com/parley-rpc/parley/internal/compare/harness"
	"github.com/parley-rpc/parley/internal/compare/work"
)

// failingConn fails with the 30th call of a caller that is measured: its link
// breaks with 100 records, its process ends with a list, and a blob has no answer.
type failingConn struct{ harness.Conn }

func (c failingConn) Prepare(in *work.Input) (harness.Call, error) {
	call, err := c.Conn.Prepare(in)
	if in.Full || err != nil {
		return call, err
	}
	n := 0
	return func(ctx context.Context) error {
		if n++; n < 30 {
			return call(ctx)
		}
		switch in.Form {
		case work.Records:
			return errors.New("link: call records at tcp://127.0.0.1:999: read tcp 127.0.0.1:1->127.0.0.1:999: EOF")
		case work.List:
			fmt.Fprintln(os.Stderr, "it was too much")
			os.Exit(3)
		case work.Blob:
			<-ctx.Done()
		}
		return call(ctx)
	}, nil
}

// What goes wrong in the middle costs a lane its own figures and no more than
// that, and the other lanes nothing.
func TestFailures(t *testing.T) {
	for name, tt := range map[string]struct {
		rounds int
		work   string
		add    bool   // its figures of add-1 stay
		why    string // of work
		gap    string
	}{
		"a call, early":    {3, "records-100", true, "link: call records: EOF", "failing failed at records-100"},
		"a call, late":     {1, "records-100", true, "link: call records: EOF", "failing failed at records-100"},
		"a process, early": {3, "list-1000", false, "exit status 3 (it was too much)", "failing broke off (list-1000)"},
		"a process, late":  {1, "list-1000", true, "exit status 3 (it was too much)", "failing broke off (list-1000)"},
		"no answer, early": {3, "blob-1024", false, "no report within", "failing broke off (blob-1024)"},
		"no answer, late":  {1, "blob-1024", true, "no report within", "failing broke off (blob-1024)"},
	} {
		t.Run(name, func(t *testing.T) {
			watch(t)
			o := tiny("add-1", tt.work)
			o.Turn, o.Rounds = 100*time.Millisecond, tt.rounds
			r, err := newRun(t.Context(), o, withLanes("native-tcp", "failing"))
			if err != nil {
				t.Fatal(err)
			}
			r.plan.setUps, r.plan.setUpTurns, r.plan.idle, r.plan.patience = 2, 2, 10, 4*time.Second
			result, err := r.finish()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range result.Rows {
				want := row.Lane == "native-tcp" || row.Work == "add-1" && tt.add
				checkFailed(t, row, want, tt.rounds)
				if row.Work == tt.work && !want && (!strings.Contains(row.Failed, tt.why) || strings.Contains(row.Failed, "127.0.0.1")) {
					t.Errorf("got %q; want %q, and no address", row.Failed, tt.why)
				}
			}
			if gaps := strings.Join(result.Gaps, "\n"); !strings.Contains(gaps, tt.gap) || strings.Contains(gaps, "127.0.0.1") {
				t.Errorf("got gaps %q; want %q", gaps, tt.gap)
			}
			result.Judge()
			if k := result.Ranking(tt.work); k == nil || len(k.Lanes) != 1 {
				t.Errorf("got ranking %+v; want native-tcp alone", k)
			}
		})
	}
}

// checkFailed checks that a row has all of its turns or none.
func checkFailed(t *testing.T, row compare.Row, figures bool, turns int) {
	t.Helper()
	switch {
	case figures && (row.Failed != "" || row.CallsPerS == nil || len(row.CallsPerS.Turns) != turns):
		t.Errorf("%s %s: got %+v; want %d turns", row.Lane, row.Work, row, turns)
	case !figures && (row.Failed == "" || row.CallsPerS != nil || row.Calls > 0):
		t.Errorf("%s %s: got %+v; want a reason and no figures", row.Lane, row.Work, row)
	}
}

// Without figures of any lane there is no result.
func TestNothingMeasured(t *testing.T) {
	watch(t)
	o := tiny("list-1000")
	o.Turn = 100 * time.Millisecond
	r, err := runTiny(t.Context(), o, withLanes("failing"))
	if err == nil || !strings.Contains(err.Error(), "no lane gave figures") || !strings.Contains(err.Error(), "it was too much") {
		t.Errorf("got %v, %v; want the reason", r, err)
	}
}

func TestBrief(t *testing.T) {
	for text, want := range map[string]string{
		"xmlrpc: call blob at http+unix:///tmp/stand-1/socket:/RPC2: not sent: 413 too large": "xmlrpc: call blob: not sent: 413 too large",
		"call add at https://127.0.0.1:4/RPC2: outcome unknown: EOF":                          "call add: outcome unknown: EOF",
		"a: write tcp 127.0.0.1:1->127.0.0.1:2: write: broken pipe":                           "a: write: broken pipe",
		"it ended\nTraceback\n  last words\n":                                                 "it ended (last words)",
		strings.Repeat("é", 300):                                                              strings.Repeat("é", 239) + "…",
	} {
		if got := brief(text); got != want {
			t.Errorf("%q: got %q; want %q", text, got, want)
		}
	}
}
