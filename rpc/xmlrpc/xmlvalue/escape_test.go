package xmlvalue

import (
	"strings"
	"testing"
)

func TestEscapedLen(t *testing.T) {
	for _, s := range []string{"", "plain", "<&>\r\"'", "ä<世>\r\n", strings.Repeat("]]>&", 3000)} {
		out, bad := appendEscaped(nil, s)
		if got := escapedLen(s); got != len(out) || bad >= 0 {
			t.Errorf("escapedLen of %.20q: got %d; want %d, the length of what is written", s, got, len(out))
		}
	}
}

// Text that grows when it is written finds its room at once: a server that echoes
// it to many callers needs that memory for each of them.
func TestAllocationsOfTextThatGrows(t *testing.T) {
	for _, s := range []string{strings.Repeat(">", 1<<20), strings.Repeat("a&", 1<<19), strings.Repeat("plain", 1<<18)} {
		got := testing.AllocsPerRun(5, func() {
			if out, bad := appendEscaped(nil, s); bad >= 0 || cap(out) > len(out)+len(out)/8+64 {
				t.Errorf("%.4q…: %d bytes in %d", s, len(out), cap(out))
			}
		})
		if got > 2 { // the race detector makes it two
			t.Errorf("%.4q…: got %v allocations; want 1 or 2", s, got)
		}
	}
}
