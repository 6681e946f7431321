//go:build race

package pickle

// raceEnabled says that the tests run under the race detector, which is slow.
const raceEnabled = true
