package compare

import (
	"bytes"
	"testing"
)

func TestTable(t *testing.T) {
	r := sample()
	r.Judge()
	for width, name := range map[int]string{0: "table.txt", 100: "table-100.txt", 80: "table-80.txt"} {
		var got bytes.Buffer
		if err := WriteTable(&got, r, Style{Width: width}); err != nil {
			t.Fatal(err)
		}
		golden(t, name, got.Bytes())
	}
}
