//go:build !unix

package main

import "time"

// cpuTime is the processor time, user and system, that this process has used;
// false if it cannot be known.
func cpuTime() (time.Duration, bool) { return 0, false }
