package harness

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/parley-rpc/parley/internal/compare/measure"
)

// serverChild is the server's side of a peer.
func serverChild(p *Peer, dir string) error {
	addr, err := p.Serve(dir)
	if err != nil {
		return fmt.Errorf("serve %s: %w", p.Name, err)
	}
	if err := Say(Report{Addr: addr}); err != nil {
		return err
	}
	return Obey(func(o Order) (Report, error) {
		switch o.Do {
		case "memory":
			return Memory(), nil
		case "begin":
			runtime.GC() // nobody pays for what another has left
		case "end":
			defer shrink()
		}
		return usage()
	})
}

// usage is what this process has used since it began.
func usage() (Report, error) {
	cpu, known := measure.CPU()
	if !known {
		cpu = -1
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	allocs, bytes := int64(m.Mallocs), int64(m.TotalAlloc)
	return Report{CPU: int64(cpu), Allocs: &allocs, AllocBytes: &bytes}, nil
}

// shrink gives back to the system what large calls have left behind. There are many
// processes, each with its turn, and they should not all keep what one needs.
func shrink() {
	const much = 128 << 20 // bytes, garbage among them
	var m runtime.MemStats
	if runtime.ReadMemStats(&m); m.HeapSys-m.HeapReleased > much {
		debug.FreeOSMemory()
	}
}

// Memory is what this process takes when all that is not needed is given back.
func Memory() Report {
	runtime.GC() // pools keep what they have over one collection
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Report{RSS: residentBytes(), InUse: int64(m.HeapInuse + m.StackInuse), Goroutines: int64(runtime.NumGoroutine())}
}
