package carry

import (
	"testing"

	"go.uber.org/goleak"
)

// Nothing of a trial is left when it is over.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
