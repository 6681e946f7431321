//go:build !race

package xmlrpc_test

// raceEnabled says that the tests run under the race detector, which is slow.
const raceEnabled = false

// slower is what the times of tests are multiplied by that have to keep apart
// what comes early and what comes late.
const slower = 1
