package measure

import "time"

// CPU is the processor time, user and system, that this process has used since it
// began; false where it cannot be known.
func CPU() (used time.Duration, known bool) { return cpuTime() }
