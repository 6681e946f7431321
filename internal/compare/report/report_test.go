package report

import (
	"bytes"
	"os"
	"testing"

	"github.com/parley-rpc/parley/internal/compare"
)

// sample is a result of made-up figures, as large as a full comparison.
func sample(t testing.TB) *compare.Result {
	t.Helper()
	f, err := os.Open("../testdata/sample.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := compare.ReadJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t testing.TB, r *compare.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
