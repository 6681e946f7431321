//go:build unix

package harness

import (
	"os/exec"
	"syscall"
	"time"
)

// cpuTime is the processor time, user and system, that this process has used.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, err
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// separate keeps a child out of the reach of Ctrl-C, which is for bench alone.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
