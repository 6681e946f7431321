package measure

import (
	"runtime"
	"syscall"
	"time"
)

// setTimerSlack is an option of prctl(2): how late, in nanoseconds, this thread
// may be woken so that several can be woken at once. 0 is the default, 0.05 ms.
const setTimerSlack = 29

// systemSleep sleeps by the system's clock. A signal may end it early.
func systemSleep(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Without it, where a sandbox forbids it, sleeping is less exact and no more.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 0, 0)
}
