package main

import (
	"strings"
	"testing"
)

func TestObjects(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `roof: 21.5 °C, the next one in 1 s
roof: 21.7 °C, the next one in 1 s
roof: 21.9 °C, the next one in 60 s
`
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}
