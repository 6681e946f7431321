package main

import (
	"strings"
	"testing"
)

func TestLiveKolo(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := `kolo: 3 + 5 = 8, and product 2 is "Cup and saucer" at 8.25
kolo: product 99: Fault(404): catalog: pid 99: no such product
transport: 3 + 5 = 8, and product 2 is "Cup and saucer" at 8.25
transport: product 99: Fault(404): catalog: pid 99: no such product
parley: 3 + 5 = 8, and product 2 is "Cup and saucer" at 8.25
parley: product 99: code 404, catalog: pid 99: no such product
parley: in one request: Teapot; Cup and saucer
`
	if out.String() != want {
		t.Errorf("got\n%s; want\n%s", out.String(), want)
	}
}
