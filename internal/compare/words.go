package compare

import (
	"fmt"
	"math"
	"strings"
)

// grouped writes a whole number, or one of at least 100, without a fraction and
// its digits in groups of three; any other with three digits that count.
func grouped(f float64) string {
	switch abs := math.Abs(f); {
	case abs >= 99.95 || f == math.Trunc(f):
	case abs >= 9.995:
		return fmt.Sprintf("%.1f", f)
	default:
		return fmt.Sprintf("%.2f", f)
	}
	digits := fmt.Sprintf("%.0f", f)
	least := 0
	if f < 0 {
		least = 1
	}
	for i := len(digits) - 3; i > least; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// micro writes microseconds with their unit, or what is a better one.
func micro(us float64) string {
	switch {
	case us >= 999_500:
		return grouped(us/1e6) + " s"
	case us >= 9_995:
		return grouped(us/1e3) + " ms"
	}
	return grouped(us) + " µs"
}

// size writes bytes.
func size(n float64) string {
	switch {
	case n >= 1<<20:
		return grouped(n/(1<<20)) + " MiB"
	case n >= 10<<10:
		return grouped(n/(1<<10)) + " KiB"
	}
	return grouped(math.Round(n)) + " bytes"
}

// percent writes a part of 1.
func percent(part float64) string {
	if part*100 < 9.95 {
		return fmt.Sprintf("%.1f %%", part*100)
	}
	return fmt.Sprintf("%.0f %%", part*100)
}

// fold writes a ratio of 1 and more: 13, 2.3, 1.04.
func fold(ratio float64) string {
	switch {
	case ratio >= 9.95:
		return grouped(math.Round(ratio))
	case ratio >= 1.095:
		return fmt.Sprintf("%.1f", ratio)
	}
	return fmt.Sprintf("%.2f", ratio)
}

// twoDigits writes a ratio that may be below 1: 13, 0.75, 0.03.
func twoDigits(ratio float64) string {
	if ratio >= 0.995 || ratio <= 0 {
		return fold(ratio)
	}
	return fmt.Sprintf("%.*f", 1-int(math.Floor(math.Log10(ratio))), ratio)
}

// Count writes how many of something there are: 1 pair, 2 pairs.
func Count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprint(n, " ", of, "s")
}

// Times writes how often something happened.
func Times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprint(n, " times")
}

// list writes "a", "a and b", or "a, b and c".
func list(of []string) string {
	if len(of) < 2 {
		return strings.Join(of, "")
	}
	return strings.Join(of[:len(of)-1], ", ") + " and " + of[len(of)-1]
}
