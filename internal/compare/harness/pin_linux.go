package harness

import (
	"errors"
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
	cpu := 0
	for !before.IsSet(cpu) { // a container may not have the first one
		cpu++
	}
	first.Set(cpu)
	if err := unix.SchedSetaffinity(0, &first); err != nil {
		return err
	}
	return errors.Join(start(), unix.SchedSetaffinity(0, &before))
}
