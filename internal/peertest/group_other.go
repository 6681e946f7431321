//go:build !unix

package peertest

import "os/exec"

// Systems without process groups: only the script itself is killed.

func ownGroup(*exec.Cmd) {}

func killRest(*exec.Cmd) {}
