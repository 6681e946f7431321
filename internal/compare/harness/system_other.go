//go:build !unix

package harness

import "os/exec"

// Systems without process groups: a child of this program ignores Ctrl-C by
// itself.
func separate(*exec.Cmd) {}
