//go:build unix

package browser

import (
	"os/exec"
	"syscall"
)

// ownGroup puts Chromium into a process group of its own: it consists of several
// processes.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
