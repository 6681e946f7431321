package main

import (
	"maps"
	"slices"
)

// tableOf sets a result out as a table: a list of records with a row for each, a
// record with one for each of its members, any other list with one for each
// element, and the elements of lists in it as its cells. Text stands there as it
// is, but for what plays with terminals, and everything else as JSON.
func tableOf(result any) *grid {
	switch result := result.(type) {
	case []any:
		if keys := keysOfRecords(result); len(keys) > 0 {
			return tableOfRecords(keys, result)
		}
		g := &grid{}
		for _, item := range result {
			if list, ok := item.([]any); ok {
				g.add(cellsOf(list)...)
			} else {
				g.add(cell(item))
			}
		}
		return g
	case map[string]any:
		g := &grid{header: []string{"KEY", "VALUE"}}
		for _, key := range slices.Sorted(maps.Keys(result)) {
			g.add(printable(key), cell(result[key]))
		}
		return g
	}
	return &grid{rows: [][]string{{cell(result)}}}
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

func tableOfRecords(keys []string, list []any) *grid {
	g := &grid{}
	for _, key := range keys {
		g.header = append(g.header, printable(key))
	}
	for _, item := range list {
		record := item.(map[string]any)
		row := make([]string, len(keys))
		for i, key := range keys {
			if v, ok := record[key]; ok {
				row[i] = cell(v)
			}
		}
		g.add(row...)
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
	if text, ok := v.(string); ok {
		return printable(text)
	}
	text, err := appendJSON(nil, v)
	if err != nil {
		return "?" // print has made JSON of all of it before
	}
	return string(text)
}
