package harness

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// onFirstProcessor runs start, which starts a process, on a thread that may use
// the first processor only. The process inherits that, with all its threads.
func onFirstProcessor(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, first unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	first.Set(0)
	if err := unix.SchedSetaffinity(0, &first); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &before)
	return start()
}
