// Pythons prints each CPython on this machine that live tests can talk to, one
// a line: its version and its path.
package main

import (
	"fmt"

	"github.com/parley-rpc/parley/internal/peertest"
)

func main() {
	for _, v := range peertest.FindPythons() {
		fmt.Println(v, v.Path)
	}
}
