package compare

// Figure writes a number for people, as all tables do: with three digits that
// count, or whole and in groups of three digits from 100 on.
func Figure(x float64) string { return grouped(x) }
