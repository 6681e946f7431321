package notation

import (
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/parley-rpc/parley/cmd/parley/internal/terminal"
	"github.com/parley-rpc/parley/rpc/value"
)

// TableOf sets a result out as a table: a list of records with a row for each, a
// record with one for each of its members, any other list with one for each
// element, and the elements of lists in it as its cells. Text stands there as it
// is, but for what plays with terminals; so do times and what else JSON has no form
// for and people do. Nothing is an empty cell, and everything else stands as JSON.
func TableOf(result any) *terminal.Table {
	switch result := result.(type) {
	case []any:
		if keys := keysOfRecords(result); len(keys) > 0 {
			return tableOfRecords(keys, result)
		}
		g := &terminal.Table{}
		for _, item := range result {
			if list, ok := item.([]any); ok {
				g.Add(cellsOf(list)...)
			} else {
				g.Add(cell(item))
			}
		}
		return g
	case map[string]any:
		g := &terminal.Table{Header: []string{"KEY", "VALUE"}}
		for _, key := range slices.Sorted(maps.Keys(result)) {
			g.Add(terminal.Printable(key), cell(result[key]))
		}
		return g
	}
	if result == nil || result == (value.Void{}) {
		return &terminal.Table{Rows: [][]string{{"null"}}} // not a line of nothing
	}
	return &terminal.Table{Rows: [][]string{{cell(result)}}}
}

// keysOfRecords returns the names of all members; none if not all of list are
// records.
func keysOfRecords(list []any) []string {
	keys := map[string]bool{}
	for _, item := range list {
		record, ok := item.(map[string]any)
		if !ok {
			return nil
		}
		for key := range record {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

func tableOfRecords(keys []string, list []any) *terminal.Table {
	g := &terminal.Table{}
	for _, key := range keys {
		g.Header = append(g.Header, terminal.Printable(key))
	}
	for _, item := range list {
		record := item.(map[string]any)
		row := make([]string, len(keys))
		for i, key := range keys {
			if v, ok := record[key]; ok {
				row[i] = cell(v)
			}
		}
		g.Add(row...)
	}
	return g
}

func cellsOf(list []any) []string {
	cells := make([]string, len(list))
	for i, v := range list {
		cells[i] = cell(v)
	}
	return cells
}

// cell is one value.
func cell(v any) string {
	switch v := v.(type) {
	case nil, value.Void:
		return ""
	case string:
		return terminal.Printable(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case value.LocalTime:
		return v.Format(localTime)
	case value.Decimal:
		return terminal.Printable(string(v))
	case *big.Rat:
		return v.String()
	case value.UUID:
		return v.String()
	}
	text, err := AppendJSON(nil, v)
	if err != nil {
		return "?" // print has made JSON of all of it before
	}
	return string(text)
}
