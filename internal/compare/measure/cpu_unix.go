//go:build unix

package measure

import (
	"syscall"
	"time"
)

// cpuTime is the processor time, user and system, that this process has used;
// false where it cannot be known.
func cpuTime() (time.Duration, bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
