package usage

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"prod", "test", "describe"}
	for word, want := range map[string]string{"prdo": "prod", "prd": "prod", "pord": "prod", "tset": "test", "descibe": "describe", "xyzzy": "", "": "", strings.Repeat("x", 1000): ""} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q: got %q; want %q", word, got, want)
		}
	}
}
