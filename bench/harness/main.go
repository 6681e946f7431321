package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/parley-rpc/parley/bench/peers"
)

// childArg is the hidden subcommand that makes a program a child.
const childArg = "harness-child"

// RunChild does the work of a child if args say that this process is one, and
// does not return then. Each program that measures calls it first.
func RunChild(args []string) {
	if len(args) < 2 || args[0] != childArg {
		return
	}
	signal.Ignore(os.Interrupt) // bench ends its children
	role, ok := roles()[args[1]]
	err := fmt.Errorf("%q is no role of a child", args[1])
	if ok {
		err = role(args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // should nobody read reports any more
		_ = say(Report{Error: err.Error()})
		os.Exit(1)
	}
	os.Exit(0)
}

func roles() map[string]func(args []string) error {
	return map[string]func(args []string) error{
		"server": func(args []string) error {
			p, err := peers.Find(args[0])
			if err != nil {
				return err
			}
			return serverChild(p, args[1])
		},
		"client": func(args []string) error {
			p, err := peers.Find(args[0])
			if err != nil {
				return err
			}
			return clientChild(p)
		},
		"idle-server":     func([]string) error { return idleServer("tcp") },
		"idle-tls-server": func([]string) error { return idleServer("tls") },
		"idle-client":     func([]string) error { return idleClient() },
		"soak-server":     func([]string) error { return soakServer() },
		"soak-client":     func([]string) error { return soakClient() },
	}
}

// say writes a report.
func say(r any) error {
	return json.NewEncoder(os.Stdout).Encode(r)
}

// obey takes orders until the input ends. An order that fails is reported; the
// child goes on.
func obey(do func(Order) (Report, error)) error {
	in := json.NewDecoder(os.Stdin)
	for {
		var o Order
		if err := in.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		r, err := do(o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := say(r); err != nil {
			return err
		}
	}
}
