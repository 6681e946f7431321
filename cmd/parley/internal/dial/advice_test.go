package dial

import (
	"testing"
	"time"

	"github.com/parley-rpc/parley/rpc"
)

// A fault for a deadline is about --timeout once that is over, and not before.
func TestOutOfTime(t *testing.T) {
	fault := rpc.Errorf(rpc.CodeDeadlineExceeded, "deadline exceeded")
	for _, tt := range []struct {
		passed time.Duration
		want   bool
	}{{time.Hour, true}, {0, false}} {
		c := Target{Timeout: time.Minute, begin: time.Now().Add(-tt.passed)}
		if got := c.outOfTime(fault); got != tt.want {
			t.Errorf("after %v of a minute: got %v; want %v", tt.passed, got, tt.want)
		}
	}
}
