package carry

import (
	"fmt"
	"testing"
)

func TestPrint(t *testing.T) {
	table, err := Try(t.Context(), nil)
	for _, a := range table {
		fmt.Printf("%-8s %-36s", a.Group, a.Name)
		for _, c := range Columns() {
			o := a.Lanes[c.Name]
			fmt.Printf(" | %s %s", o.Verdict, o.Note)
		}
		fmt.Println()
	}
	if err != nil {
		t.Error(err)
	}
}
