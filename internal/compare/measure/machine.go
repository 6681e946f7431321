package measure

import (
	"context"
	"runtime"
	"time"
)

// MachineInfo is where it is measured. What cannot be known is empty, 0, or, where
// that would be a figure, -1.
type MachineInfo struct {
	OS         string // linux/amd64
	Kernel     string // its release
	Processor  string // its name
	Processors int    // that this process may use
	MemoryMiB  int64
	Go         string
	Load       float64 // mean of the last minute; -1: not known
	Noise      float64 // as Noise returns it
	ClockNS    int64   // the smallest step that the clock was seen to make
	Race       bool    // built with the race detector, and so many times slower
}

// Machine describes this machine. It takes as long as Noise, and ends early with
// ctx; then Noise is -1.
func Machine(ctx context.Context) MachineInfo {
	m := MachineInfo{
		OS: runtime.GOOS + "/" + runtime.GOARCH, Kernel: kernel(), Processor: processor(),
		Processors: min(runtime.NumCPU(), runtime.GOMAXPROCS(0)),
		MemoryMiB:  memory() >> 20, Go: runtime.Version(), Load: loadAverage(),
	}
	m.Noise = Noise(ctx)
	m.ClockNS, m.Race = int64(clockStep()), race
	return m
}

// clockStep is the smallest step of the clock that many looks at it show.
func clockStep() time.Duration {
	least := time.Hour
	for last, looks := time.Now(), 0; looks < 10_000; looks++ {
		now := time.Now()
		if step := now.Sub(last); step > 0 {
			least = min(least, step)
		}
		last = now
	}
	if least == time.Hour {
		return 0 // coarser than all of that takes
	}
	return least
}
