package carry

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-rpc/parley/internal/compare"
)

// Nothing of a trial is left when it is over.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// All is tried once for the tests that look at the outcomes: it takes the most of
// their time.
var (
	tried = sync.OnceValues(func() ([]compare.Ability, error) {
		return TryGo(context.Background(), func(done, total int, what string) { told = append(told, progress{done, total, what}) })
	})
	told []progress // meanwhile
)

type progress struct {
	done, total int
	what        string
}

// triedGo is the table of TryGo, the same one for all tests.
func triedGo(t *testing.T) []compare.Ability {
	t.Helper()
	table, err := tried()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// Progress is told from the first trial to the last.
func TestProgress(t *testing.T) {
	triedGo(t)
	for i, p := range told {
		if p.done != i+1 || p.total != len(told) || p.what == "" {
			t.Errorf("got %+v as number %d; want %d of %d, and what it is", p, i, i+1, len(told))
		}
	}
	if len(told) == 0 {
		t.Error("got no progress")
	}
}
