package compare

// Figure writes a number for people, as all tables do: with three digits that
// count, or whole and in groups of three digits from 100 on.
func Figure(x float64) string { return grouped(x) }

// Micros writes a time given in microseconds, as all tables do: in µs below
// 10,000 µs, then in ms, and in s from one second on.
func Micros(us float64) string { return micro(us) }

// Noise writes what Machine.Noise is, as all that show it do.
func Noise(noise float64) string {
	return "one in twenty pieces of work took " + fold(1+max(0, noise)) + " times as long"
}
