package terminal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A line fits a narrow terminal, whatever it says: one that wraps could not be
// erased.
func TestProgressWidth(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{30, 59, 60, 80, 200} {
		for _, known := range []bool{false, true} {
			if known && columns < narrowBar {
				continue
			}
			var screen bytes.Buffer
			l := newProgressLine(&screen, columns, time.Now().Add(-100*time.Minute-40*time.Second), known)
			for i := range 20 {
				l.write(strings.Repeat("a long text ", 20), 5*i, 95)
			}
			l.erase()
			for _, line := range strings.FieldsFunc(screen.String(), func(r rune) bool { return r == '\r' }) {
				line = regexp.MustCompile(`\x1b\[[0-9]*K`).ReplaceAllString(line, "")
				if n := Columns(line); n > columns {
					t.Errorf("%d columns, known %v: a line has %d: %q", columns, known, n, line)
				}
			}
			if !strings.Contains(screen.String(), "1h40m40s") {
				t.Errorf("%q does not say how long it takes", screen.String())
			}
			if known && strings.Contains(screen.String(), "100%") {
				t.Errorf("%q says that all is done", screen.String())
			}
			if !strings.HasSuffix(screen.String(), "\x1b[2K\r") {
				t.Errorf("%q is not erased", screen.String())
			}
		}
	}
}
