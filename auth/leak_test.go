package auth_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind. A process that a test has started edits
// credentials instead of testing.
func TestMain(m *testing.M) {
	if path := os.Getenv(editorPath); path != "" {
		os.Exit(edit(path, os.Getenv(editorName)))
	}
	goleak.VerifyTestMain(m)
}
