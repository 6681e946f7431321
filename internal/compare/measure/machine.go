package measure

import (
	"context"
	"runtime"
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
	return m
}
