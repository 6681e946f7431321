//go:build !unix

package browser

import "os/exec"

// Systems without process groups: the others end with the first one.

func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
