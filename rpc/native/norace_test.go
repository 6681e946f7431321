//go:build !race

package native

// raceEnabled says that the tests run under the race detector, which is slow.
const raceEnabled = false
