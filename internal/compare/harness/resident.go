package harness

import (
	"fmt"
	"os"
)

// residentBytes is the memory of this process that is in RAM; 0 where /proc does
// not tell.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/statm") // proc(5): size resident ..., in pages
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
