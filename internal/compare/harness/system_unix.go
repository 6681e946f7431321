//go:build unix

package harness

import (
	"os/exec"
	"syscall"
)

// separate keeps a child out of the reach of Ctrl-C, which is for its parent
// alone.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
