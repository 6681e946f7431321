package main

import (
	"strings"
	"testing"
)

// Both halves give the same answers.
func TestBothHalves(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `net/rpc: 56 {3 2}
net/rpc: divide by zero
parley: 56 {3 2}
parley: divide by zero
bound: {3 2} 1 divide by zero
`
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}
