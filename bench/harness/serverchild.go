package harness

import (
	"fmt"
	"runtime"

	"github.com/parley-rpc/parley/bench/peers"
)

// serverChild is the server's side of a peer.
func serverChild(p *peers.Peer, dir string) error {
	addr, err := p.Serve(dir)
	if err != nil {
		return fmt.Errorf("serve %s: %w", p.Name, err)
	}
	if err := say(Report{Addr: addr}); err != nil {
		return err
	}
	return obey(func(o Order) (Report, error) {
		if o.Do == "begin" {
			runtime.GC() // nobody pays for what another has left
		}
		cpu, err := cpuTime()
		return Report{CPU: int64(cpu)}, err
	})
}
