package compare

import (
	"bytes"
	"strings"
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

// What goes to a file is whole, however long it is.
func TestTableInAFileIsWhole(t *testing.T) {
	r := sample()
	long := strings.Repeat("long ", 100) + "end"
	r.Command = "parley compare " + long
	r.Abilities[0].Name = long
	r.Lanes[0].Title = long
	r.Judge()
	var got bytes.Buffer
	if err := WriteTable(&got, r, Style{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got.String(), long); n < 3 || strings.Contains(got.String(), "…") {
		t.Errorf("got a text of %d characters %d times; want it three times, and nothing cut:\n%s", len(long), n, got.String())
	}
}
