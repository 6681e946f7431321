package terminal

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestSqueeze(t *testing.T) {
	for _, tt := range []struct {
		widths []int
		room   int
		want   []int
	}{
		{[]int{3, 5}, 8, []int{3, 5}},
		{[]int{3, 50}, 20, []int{3, 17}},
		{[]int{30, 30}, 20, []int{10, 10}},
		{[]int{2, 30, 30}, 23, []int{2, 11, 10}},
		{[]int{30, 30, 30}, 5, []int{4, 4, 4}}, // no room at all
		{[]int{1 << 30, 1 << 30}, -3, []int{4, 4}},
		{nil, 80, nil},
	} {
		if squeeze(tt.widths, tt.room); !slices.Equal(tt.widths, tt.want) {
			t.Errorf("into %d: got %v; want %v", tt.room, tt.widths, tt.want)
		}
	}
	for text, want := range map[string]string{"abcd": "abcd", "abcde": "abc…", "日本語": "日…", "ab日本": "ab…", "e\u0301e\u0301e\u0301e\u0301e\u0301": "e\u0301e\u0301e\u0301…"} {
		if got := Cut(text, 4); got != want || Columns(got) > 4 {
			t.Errorf("%q in 4 columns: got %q; want %q", text, got, want)
		}
	}
}

// TestThreatJSONOutput: what a server says does not reach the terminal as a
// command to it, and is the same text for a program.
func TestThreatJSONOutput(t *testing.T) {
	in := []string{"a\x1b[2J\x7f\u009b\u202e\u2066b", "<&>\n\t ü日", "\u2028"}
	var out bytes.Buffer
	if err := PrintJSON(&out, in); err != nil {
		t.Fatal(err)
	}
	if want := `"<&>\n\t ü日"`; !strings.Contains(out.String(), want) {
		t.Errorf("got %s; want %s in it", &out, want)
	}
	for _, r := range out.String() {
		if playsWithTerminal(r) && r != '\n' {
			t.Errorf("%U is in the output: %q", r, &out)
		}
	}
	var again []string
	if err := json.Unmarshal(out.Bytes(), &again); err != nil || !slices.Equal(again, in) {
		t.Errorf("it reads as %q, %v; want %q", again, err, in)
	}
}
