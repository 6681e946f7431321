package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
)

// childArg is the hidden subcommand that makes a program a child.
const childArg = "harness-child"

// Role is what a child does until its standard input ends.
type Role func(args []string) error

// RunChild does the work of a child if args say that this process is one, and
// does not return then. Each program that measures calls it first, with the peers
// that it knows and the roles that its children have besides those of a server
// and a client.
func RunChild(args []string, find func(name string) (*Peer, error), roles map[string]Role) {
	if len(args) < 2 || args[0] != childArg {
		return
	}
	signal.Ignore(os.Interrupt) // the parent ends its children
	if err := runRole(args[1], args[2:], find, roles); err != nil {
		fmt.Fprintln(os.Stderr, err) // should nobody read reports any more
		_ = Say(Report{Error: err.Error()})
		os.Exit(1)
	}
	os.Exit(0)
}

func runRole(name string, args []string, find func(string) (*Peer, error), roles map[string]Role) error {
	if role, ok := roles[name]; ok {
		return role(args)
	}
	run, ok := map[string]func(p *Peer, dir string) error{"server": serverChild, "client": clientChild}[name]
	if !ok || len(args) != 2 {
		return fmt.Errorf("%q is no role of a child", name)
	}
	p, err := find(args[0])
	if err != nil {
		return err
	}
	return run(p, args[1])
}

// Say writes a report.
func Say(r Report) error {
	return json.NewEncoder(os.Stdout).Encode(r)
}

// Obey takes orders until the input ends. An order that fails is reported; the
// child goes on.
func Obey(do func(Order) (Report, error)) error {
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
		if err := Say(r); err != nil {
			return err
		}
	}
}
