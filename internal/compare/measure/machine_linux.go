package measure

import (
	"os"
	"strconv"
	"strings"
)

// kernel is its release, as proc_sys_kernel(5) has it.
func kernel() string { return fileText("/proc/sys/kernel/osrelease") }

// processor is the name in the first of the lines that have one.
func processor() string {
	for line := range strings.Lines(fileText("/proc/cpuinfo")) {
		key, name, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "model name", "Model", "cpu model", "uarch": // x86, ARM boards, MIPS, RISC-V
			return strings.TrimSpace(name)
		}
	}
	return ""
}

// memory is that of the machine in bytes, or what the control group of this
// process may have if that is less.
func memory() int64 {
	var bytes int64
	for line := range strings.Lines(fileText("/proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			bytes = kib << 10
			break
		}
	}
	if most, err := strconv.ParseInt(fileText("/sys/fs/cgroup/memory.max"), 10, 64); err == nil && most < bytes {
		return most
	}
	return bytes
}

// loadAverage is that of the last minute.
func loadAverage() float64 {
	first, _, _ := strings.Cut(fileText("/proc/loadavg"), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return -1
	}
	return load
}

// fileText is the content of a small file without white space around it; "" if
// it cannot be read.
func fileText(name string) string {
	text, _ := os.ReadFile(name)
	return strings.TrimSpace(string(text))
}
