package measure

import (
	"encoding/binary"
	"syscall"
)

func kernel() string    { return sysctl("kern.osrelease") }
func processor() string { return sysctl("machdep.cpu.brand_string") }

func sysctl(name string) string {
	text, _ := syscall.Sysctl(name)
	return text
}

// memory is in bytes. Sysctl takes the number for a text, and so its last byte,
// which is zero, for the end of one.
func memory() int64 {
	var number [8]byte
	copy(number[:], sysctl("hw.memsize"))
	return int64(binary.LittleEndian.Uint64(number[:]))
}

func loadAverage() float64 { return -1 }
