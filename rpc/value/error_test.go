package value

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// A path that is built on the way out of thousands of containers costs no more
// than its steps.
func TestPathsAreBounded(t *testing.T) {
	e := &Error{}
	e.withinName("innermost")
	for range 100_000 {
		e.withinName(strings.Repeat("é", 20))
	}
	e.withinName("outermost")
	if len(e.Path) > maxPath || !utf8.ValidString(e.Path) || !strings.HasPrefix(e.Path, ".outermost.é") || !strings.HasSuffix(e.Path, "é.innermost") || !strings.Contains(e.Path, "…") {
		t.Errorf("got %d bytes: %q", len(e.Path), e.Path)
	}
}
