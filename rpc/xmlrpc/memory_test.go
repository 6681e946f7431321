package xmlrpc_test

import "runtime"

// allocated returns how many bytes of memory the process takes for f, all added up
// whether they are given back or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
