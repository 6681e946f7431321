package usage

// Nearest returns the name among names that somebody most likely meant who wrote
// word; empty if none is near.
func Nearest(word string, names []string) string {
	best, least := "", len(word)/3+2 // of more mistakes it would be a guess
	if len(word) > 64 {
		return ""
	}
	for _, name := range names {
		if d := distance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance counts the letters that have to be put in, taken out, replaced, or
// swapped with the next one to make b of a.
func distance(a, b string) int {
	var two, one []int // the rows before
	for i := range len(a) + 1 {
		row := make([]int, len(b)+1)
		for j := range row {
			switch {
			case i == 0:
				row[j] = j
				continue
			case j == 0:
				row[j] = i
				continue
			}
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
